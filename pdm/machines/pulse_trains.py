"""Known lines of a sound machine: vanes and blades that pass, belts and rollers that turn."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pdm.errors import InvalidInputError


@dataclass(frozen=True)
class BeltDrive:
    """A belt on two pulleys: its length and their pitch diameters [m]; the driver turns with the machine shaft."""

    length: float
    driver_diameter: float
    driven_diameter: float

    def __post_init__(self) -> None:
        for name in ("length", "driver_diameter", "driven_diameter"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidInputError(
                    f"{name} must be positive, not {getattr(self, name)} m", field=f"belt.{name}_mm"
                )
        # An open belt around two pulleys that touch: both halves, and twice the distance of their axes.
        least = (math.pi / 2 + 1) * (self.driver_diameter + self.driven_diameter)
        if self.length < least:
            raise InvalidInputError(
                f"a belt of {self.length * 1e3:g} mm does not fit around pulleys of {self.driver_diameter * 1e3:g} mm "
                f"and {self.driven_diameter * 1e3:g} mm; it must be at least {least * 1e3:.0f} mm long",
                field="belt.length_mm",
            )


@dataclass(frozen=True)
class PulseTrain:
    """A line that a sound machine has: `order` is its frequency as a multiple of the speed of the machine.

    `name` is vane-pass, blade-pass, belt, driven-pulley or turn.
    """

    component: str
    name: str
    order: float


def trains_of(
    component: str, *, ratio: float, passes: tuple[str, int] | None, belt: BeltDrive | None, turns: bool
) -> list[PulseTrain]:
    """Return the pulse trains of a component that turns `ratio` times the speed of the machine.

    Parameters
    ----------
    passes : (str, int) or None
        What passes, vane or blade, and how many of them there are.
    turns : bool
        Whether its own turn is a line beside that of the machine shaft: a roller.
    """
    found = []
    if passes is not None:
        found.append((f"{passes[0]}-pass", passes[1] * ratio))
    if belt is not None:
        rim = math.pi * belt.driver_diameter * ratio
        found.append(("belt", rim / belt.length))
        found.append(("driven-pulley", rim / (math.pi * belt.driven_diameter)))
    if turns:
        found.append(("turn", ratio))
    return [PulseTrain(component, name, order) for name, order in found]
