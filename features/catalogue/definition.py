"""The definition of one feature of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from features.catalogue.reasons import Reason

Quantity = Literal["vibration", "current"]
Scope = Literal["channel", "group"]
Row = tuple[str, str, str, Reason, str]
"""A row of a table: name, definition, unit, reasons for absence, source."""


@dataclass(frozen=True)
class FeatureDefinition:
    """One feature: its column, definition, unit, reasons for absence and source.

    `version` is the feature version that introduced it; a definition never changes: a change is a new name.
    """

    name: str
    definition: str
    unit: str
    quantity: Quantity
    scope: Scope
    core: bool
    absent: Reason
    source: str
    version: int


def define(
    rows: Iterable[Row], quantity: Quantity, scope: Scope = "channel", *, version: int, core: bool = False
) -> tuple[FeatureDefinition, ...]:
    """Return the definitions of a table's rows."""
    return tuple(
        FeatureDefinition(name, definition, unit, quantity, scope, core, absent, source, version)
        for name, definition, unit, absent, source in rows
    )
