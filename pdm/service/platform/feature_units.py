"""Features that rules can use, and their units."""

from __future__ import annotations

from functools import cache

from pdm.alerts.documents.parser import FeatureUnit, FeatureUnits

_QUANTITIES = {"vibration": "acceleration", "current": "current"}


@cache
def feature_units() -> FeatureUnits:
    """Return every feature of the catalogue by the quantity of its points."""
    from features.catalogue import CATALOGUE  # imported here, so that the API starts without the analysis

    return {
        (_QUANTITIES[each.quantity], each.name): FeatureUnit(each.unit or "1", each.scope == "group")
        for each in CATALOGUE
    }
