"""Sensor fault: a channel sends no data, or records that are no measurement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from pdm.alerts.kinds.behaviour import Category, Observation, OnDelay
from pdm.alerts.kinds.fields import Fields
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Named, Plain
from pdm.alerts.kinds.rule_input import SCALAR, Measured, Reading
from pdm.alerts.kinds.signal import FEATURED, OFF, where_any
from pdm.machines.model import Machine, check_key


@dataclass(frozen=True)
class SensorFault(Plain):
    """A vibration or current channel sends no data, or any channel sends what is no measurement (`pdm.quality`).

    A waveform is evaluated only if the channel or another channel of the machine has sent a record, and not while the
    machine is off; a scalar whenever it comes. The fault is one of the instrument, so its alert is a separate case.
    """

    point: str | None = None
    all_points: tuple[str, ...] = ()  # of waveforms, one of which has to be sent; none for a scalar
    category: ClassVar[Category] = Category.INSTRUMENT
    kind: ClassVar[str] = "sensor-fault"
    message: ClassVar[str] = "sensor-silent"
    on_delay: ClassVar[OnDelay] = OnDelay(5, 8)

    def fit(self, machine: Machine) -> tuple[Self, ...]:
        """Return one condition per channel of the machine."""
        every = tuple(p.key for p in machine.points if p.is_waveform and p.quantity in FEATURED)
        wanted = [p for p in machine.points if self.point in (None, p.key, *p.former_keys)]
        sampled = tuple(type(self)(p.key, every) for p in wanted if p.key in every)
        return sampled + tuple(type(self)(p.key) for p in wanted if not p.is_waveform)

    @property
    def wanted(self) -> tuple[Measured, ...]:
        """The measured values that the condition reads: the RMS of every waveform, or the scalar."""
        return tuple((point, "rms") for point in self.all_points) or (self._own,)

    @property
    def _own(self) -> Measured:
        return self.point or "", "rms" if self.all_points else SCALAR

    def names(self, reading: Reading) -> Named:
        """Return the component on which the sensor is mounted."""
        found = [point.component for point in reading.machine.points if point.key == self.point]
        return (found[0] if found else None), None

    def own_cause(self) -> str | None:
        """Return the cause of the sensor."""
        return f"sensor:{self.point}"

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the field `point`."""
        before = len(fields.problems)
        point = fields.read("point", lambda raw: check_key(raw, "point"), None)
        return cls.made(fields, before, lambda: cls(point))

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {"point": self.point, "all_points": self.all_points}

    def write(self) -> Document:
        """Return the field in the form that `parse` reads."""
        return {"point": self.point} if self.point else {}

    def key_of(self, rule: str) -> str:
        """Return the rule's key with the point: there is one rule per channel."""
        return f"{rule}:{self.point}"

    def observe(self, reading: Reading) -> Observation:
        """Return VIOLATED without a valid measurement, RETURNED with one."""
        if self.point is None or (self.all_points and reading.assessment.operating_state == OFF):
            return Observation.ABSENT
        value = reading.values.get(self._own)
        if value is not None:
            return Observation.RETURNED if math.isfinite(value) else Observation.VIOLATED
        others = any((point, "rms") in reading.values for point in self.all_points)
        return Observation.VIOLATED if others else Observation.ABSENT

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message."""
        came = self._own in reading.values
        why = reading.assessment.unmeasured.get(self.point or "")
        return {"point": self.point, "how": why or ("no-measurement" if came else "missing")}

    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions in which a channel sent a record and this one no valid measurement."""
        own = history.measured.get(self._own)
        sent = where_any(history, self.wanted, lambda values: np.ones(len(values), bool))
        return sent if own is None else sent & ~(own.is_present & np.isfinite(own.values))

    @property
    def holds_at_standstill(self) -> bool:
        """Yes: the condition concerns the instrument."""
        return True
