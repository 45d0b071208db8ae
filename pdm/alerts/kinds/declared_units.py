"""Values for people in the unit that the sender declared for a point; everything stored and compared stays in SI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pdm.machines.model import Machine
from pdm.machines.units import si_conversion, si_unit

_CUSTOMARY = {"m/s": ("velocity", "mm/s")}
"""SI units of features that are no unit of their point, and what ISO 20816 uses instead."""
_DIGITS = 9  # enough to hide the rounding of a conversion there and back


@dataclass(frozen=True)
class DeclaredUnit:
    """A unit with its conversion: SI value = factor * value + offset."""

    name: str
    factor: float
    offset: float

    def show(self, value: float | None, *, is_difference: bool = False) -> float | None:
        """Return an SI value in this unit; a difference, such as a deadband or a rate, has no offset."""
        if value is None:
            return None
        return float(f"{(value - (0.0 if is_difference else self.offset)) / self.factor:.{_DIGITS}g}")


def find_unit(machine: Machine, points: Iterable[str], quantity: str, unit: str) -> DeclaredUnit | None:
    """Return the unit to show a value in, or None to leave it in SI.

    Parameters
    ----------
    machine : Machine
    points : iterable of str
        Keys of the points that have the value; an empty key means all points of the quantity.
    quantity : str
        Quantity of the points.
    unit : str
        SI unit of the value: that of the quantity, or of a feature.
    """
    if unit in _CUSTOMARY and unit != si_unit(quantity):
        quantity, shown = _CUSTOMARY[unit]
        return DeclaredUnit(shown, *si_conversion(quantity, shown))
    wanted = set(points)
    declared = {
        point.unit for point in machine.points if point.quantity == quantity and (point.key in wanted or "" in wanted)
    }
    if unit != si_unit(quantity) or len(declared) != 1 or declared == {unit}:
        return None
    (shown,) = declared
    return DeclaredUnit(shown, *si_conversion(quantity, shown))


def declare_contributors(evidence: Mapping[str, Any], machine: Machine) -> dict[str, Any]:
    """Return the evidence of an assessment whose contributors also have `declared`: the values in declared units."""
    listed = evidence.get("contributors")
    return {**evidence, "contributors": [_declare(each, machine) for each in listed]} if listed else dict(evidence)


def _declare(contributor: Mapping[str, Any], machine: Machine) -> Mapping[str, Any]:
    point = next((each for each in machine.points if each.key == contributor.get("point")), None)
    if point is None or point.is_waveform:
        return contributor
    unit = find_unit(machine, [point.key], point.quantity, str(contributor.get("unit")))
    if unit is None:
        return contributor
    shown = {name: unit.show(contributor.get(name)) for name in ("value", "baseline", "limit")}
    return {**contributor, "declared": {"unit": unit.name, **shown}}
