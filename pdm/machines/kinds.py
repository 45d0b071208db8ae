"""Kinds of component, and what each takes."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType

from pdm.errors import InvalidInputError


class ComponentKind(StrEnum):
    """Kinds of component: the first four have specific faults, the others are monitored for changes."""

    BEARING = "bearing"
    MOTOR = "motor"
    GEAR = "gear"
    SHAFT = "shaft"
    GEARBOX = "gearbox"
    PUMP = "pump"
    FAN = "fan"
    BLOWER = "blower"
    COMPRESSOR = "compressor"
    TURBINE = "turbine"
    GENERATOR = "generator"
    IMPELLER = "impeller"
    COUPLING = "coupling"
    BELT = "belt"
    PULLEY = "pulley"
    ROLLER = "roller"
    SPINDLE = "spindle"
    SEAL = "seal"


PASSING = (
    ComponentKind.PUMP,
    ComponentKind.FAN,
    ComponentKind.BLOWER,
    ComponentKind.COMPRESSOR,
    ComponentKind.TURBINE,
    ComponentKind.IMPELLER,
)
"""Kinds with vanes or blades, whose passing is a known line of the spectrum."""
DIAGNOSED = (ComponentKind.BEARING, ComponentKind.MOTOR, ComponentKind.GEAR, ComponentKind.SHAFT)
"""Kinds with faults that the diagnosis knows."""
TAKEN_BY: Mapping[str, tuple[ComponentKind, ...]] = MappingProxyType(
    {
        "bearing": (ComponentKind.BEARING,),
        "teeth": (ComponentKind.GEAR,),
        "vanes": PASSING,
        "blades": PASSING,
        "belt": (ComponentKind.BELT,),
        "ratio": (ComponentKind.GEAR, *PASSING, ComponentKind.BELT, ComponentKind.PULLEY, ComponentKind.ROLLER),
    }
)
"""By field of a component: the kinds that take it."""


def kind_of(name: str) -> ComponentKind:
    """Return the kind of component of this name.

    Raises
    ------
    InvalidInputError
        No kind has this name; the message lists all, and the closest.

    Examples
    --------
    >>> kind_of("pump").value
    'pump'
    """
    kinds = [kind.value for kind in ComponentKind]
    if name not in kinds:
        close = get_close_matches(name.strip().lower(), kinds, n=1)
        hint = f", did you mean {close[0]!r}?" if close else ";"
        raise InvalidInputError(f"{name!r} is not a kind of component{hint} allowed: {', '.join(kinds)}", field="kind")
    return ComponentKind(name)
