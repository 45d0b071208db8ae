"""Conditions on the measuring itself: a sensor that is dead, data that do not come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from pdm.alerts.conditions import Named
from pdm.alerts.conduct import LONGEST, Category, Observation
from pdm.alerts.measured_conditions import FEATURED, OFF
from pdm.alerts.readings import Measured, Reading
from pdm.errors import InvalidInputError
from pdm.machines.model import Machine


@dataclass(frozen=True)
class SensorFault:
    """A vibration or current channel sends nothing, or records that are no measurement (constant, clipped, empty).

    It is asked only where another channel of the machine spoke or its own record came, and never of a machine that
    is off: what fails is the instrument, and its alert is a case of its own.
    """

    point: str | None = None
    all_points: tuple[str, ...] = ()
    category: ClassVar[Category] = Category.INSTRUMENT
    message: ClassVar[str] = "sensor-silent"
    needs_repetition: ClassVar[bool] = True

    def fit(self, machine: Machine) -> tuple[SensorFault, ...]:
        """Return one condition a sampled channel of the machine."""
        every = tuple(p.key for p in machine.points if p.is_waveform and p.quantity in FEATURED)
        return tuple(SensorFault(key, every) for key in every if self.point in (None, key))

    @property
    def wanted(self) -> tuple[Measured, ...]:
        """The measured values that it reads: the RMS of every channel."""
        return tuple((point, "rms") for point in self.all_points)

    def names(self, reading: Reading) -> Named:
        """Return the component that the sensor sits on."""
        found = [point.component for point in reading.machine.points if point.key == self.point]
        return (found[0] if found else None), None

    def own_cause(self) -> str | None:
        """Return the sensor's own case."""
        return f"sensor:{self.point}"

    def observe(self, reading: Reading) -> Observation:
        """Return whether the channel measured something."""
        if self.point is None or reading.assessment.operating_state == OFF:
            return Observation.ABSENT
        value = reading.values.get((self.point, "rms"))
        if value is not None:
            return Observation.RETURNED if math.isfinite(value) else Observation.VIOLATED
        others = any((point, "rms") in reading.values for point in self.all_points)
        return Observation.VIOLATED if others else Observation.ABSENT

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people."""
        came = (self.point, "rms") in reading.values
        return {"point": self.point, "how": "no-measurement" if came else "missing"}


@dataclass(frozen=True)
class DataGap:
    """Nothing was received of a live machine for `after` [s] of the wall clock; asked by the clockwork alone."""

    after: float
    category: ClassVar[Category] = Category.DATA
    message: ClassVar[str] = "data-missing"
    needs_repetition: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 60 <= self.after < LONGEST:
            raise InvalidInputError("must be at least 60 s and less than 31 years", field="after")

    def fit(self, machine: Machine) -> tuple[DataGap, ...]:  # noqa: ARG002
        """Return itself: every machine should send."""
        return (self,)
