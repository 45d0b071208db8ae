"""The feature catalogue: names, definitions, units, sources and reasons for absence."""

from __future__ import annotations

from features.catalogue.catalogue import CATALOGUE, FEATURE_VERSION, definitions, describe, explain, names
from features.catalogue.definition import FeatureDefinition, Quantity, Scope
from features.catalogue.reasons import TEXTS, Reason

__all__ = [
    "CATALOGUE",
    "FEATURE_VERSION",
    "TEXTS",
    "FeatureDefinition",
    "Quantity",
    "Reason",
    "Scope",
    "definitions",
    "describe",
    "explain",
    "names",
]
