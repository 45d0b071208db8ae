"""What will not be diagnosed on a machine as it is registered, and what is missing for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pdm.machines.kinds import DIAGNOSED, PASSING
from pdm.machines.model import Component, ComponentKind, Machine

_BEARING = "outer race, inner race, rolling elements and cage"
_MOTOR = "rotor bars, air gap, windings and supply"
_INSTEAD = {
    ComponentKind.GEARBOX: "register its gears as kind gear with teeth and its bearings as kind bearing",
    ComponentKind.COUPLING: "misalignment is diagnosed for the shaft",
}
"""By kind without faults of the diagnosis: what to do, or what is diagnosed."""


@dataclass(frozen=True)
class Undiagnosed:
    """Faults of a component that will not be diagnosed: a code, and a message with what to give."""

    component: str
    code: str
    message: str


def list_undiagnosed(machine: Machine) -> list[Undiagnosed]:
    """Return what will not be diagnosed, by component in the order of registration."""
    measured = {point.quantity for point in machine.points if point.is_waveform}
    return [
        Undiagnosed(component.key, code, message)
        for component in machine.components
        for code, message in _gaps(component, measured)
    ]


def _gaps(component: Component, measured: set[str]) -> Iterator[tuple[str, str]]:
    kind = component.kind
    if kind not in DIAGNOSED:
        instead = _INSTEAD.get(kind, "changes of its points are detected")
        yield "kind-not-diagnosed", f"faults of kind {kind} are not diagnosed; {instead}"
    if kind in PASSING and component.vanes is None and component.blades is None:
        yield "passes-missing", "vane or blade pass is not a known line; give vanes or blades"
    if kind is ComponentKind.BELT and component.belt is None:
        yield (
            "belt-missing",
            "the belt is not a known line; give belt: length_mm, driver_diameter_mm, driven_diameter_mm",
        )
    if kind is ComponentKind.BEARING and component.bearing is None:
        yield (
            "geometry-missing",
            f"faults of {_BEARING} are not diagnosed; give the geometry of the bearing, the multipliers of the maker's "
            "sheet (bpfo, bpfi, bsf, ftf) or its designation",
        )
    elif kind is ComponentKind.BEARING and "acceleration" not in measured:
        yield "vibration-not-measured", f"faults of {_BEARING} are not diagnosed; {_point('acceleration')}"
    if kind is ComponentKind.GEAR and component.teeth is None:
        yield "teeth-missing", "wear and tooth damage are not diagnosed; give teeth"
    elif kind is ComponentKind.GEAR and "acceleration" not in measured:
        yield "vibration-not-measured", f"wear and tooth damage are not diagnosed; {_point('acceleration')}"
    if kind is ComponentKind.MOTOR and "current" not in measured:
        yield "current-not-measured", f"faults of {_MOTOR} are not diagnosed; {_point('current')}"
    if kind is ComponentKind.SHAFT and not {"acceleration", "velocity"} & measured:
        missing = _point("acceleration or velocity")
        yield "vibration-not-measured", f"unbalance, misalignment and looseness are not diagnosed; {missing}"


def _point(quantity: str) -> str:
    return f"the machine has no point of {quantity} with sampling_rate_hz"
