"""Threshold: a value is beyond a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from pdm.alerts.kinds.behaviour import Observation
from pdm.alerts.kinds.fields import Fields
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Plain
from pdm.alerts.kinds.quantities import parse_value, write
from pdm.alerts.kinds.rule_input import SCALAR, Measured, Reading
from pdm.alerts.kinds.signal import OnValues, Side, Signal, check, compare, describe, known, parse_side

STANDING_QUANTITIES = ("temperature",)
"""Quantities whose upper limits remain valid at standstill; a low value is the normal effect of a stop."""


@dataclass(frozen=True)
class Threshold(OnValues, Plain):
    """A value is beyond `limit` [SI]; it has returned when it is back by more than `deadband` [SI]."""

    signal: Signal
    side: Side
    limit: float
    deadband: float
    keys: tuple[Measured, ...] = ()
    kind: ClassVar[str] = "threshold"
    message: ClassVar[str] = "threshold-crossed"

    def __post_init__(self) -> None:
        check(math.isfinite(self.limit), "limit must be finite", "limit")
        check(0 < self.deadband < math.inf, "deadband must be positive; without it the alert chatters", "deadband")
        if self.signal.quantity == "temperature":
            check(self.limit > 0, "limit must be above absolute zero", "limit")
        if self.side == "above" and self._cannot_be_negative and self.limit > 0:
            check(
                self.deadband < self.limit,
                "limit minus deadband must not be negative, or the alert never clears",
                "deadband",
            )

    @property
    def _cannot_be_negative(self) -> bool:
        """Whether the value is a level of a waveform or a temperature in K."""
        return self.signal.quantity == "temperature" or (self.signal.feature != SCALAR and self.signal.unit != "1")

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the signal, the limit on one side and the deadband."""
        before = len(fields.problems)
        signal = Signal.parse(fields)
        unit = signal.unit if signal else "1"
        side, limit = parse_side(fields, unit)
        deadband = fields.read("deadband", lambda raw: parse_value(raw, unit, is_difference=True))
        return cls.made(fields, before, lambda: cls(known(signal), side, limit, deadband))

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {
            "signal": self.signal.identity(),
            "side": self.side,
            "limit": self.limit,
            "deadband": self.deadband,
            "keys": self.keys,
        }

    def write(self) -> Document:
        """Return the fields in the form that `parse` reads."""
        unit = self.signal.unit
        return {
            "signal": self.signal.write(),
            self.side: write(self.limit, unit),
            "deadband": write(self.deadband, unit),
        }

    def observe(self, reading: Reading) -> Observation:
        """Compare the worst of the points with the limit; ABSENT if none was measured."""
        found = reading.extreme(self.keys, largest=self.side == "above")
        return Observation.ABSENT if found is None else compare(found[0], self.limit, self.deadband, self.side)

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message; values in SI, and in the declared unit of the point."""
        found = reading.extreme(self.keys, largest=self.side == "above")
        return describe(self.signal, self.side, found, self.keys, reading.machine, limit=self.limit)

    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions with a value beyond the limit."""
        return self.where_any(history, lambda v: v > self.limit if self.side == "above" else v < self.limit)

    def widened(self, factor: float) -> tuple[Self, float] | None:
        """Return the condition with a wider deadband, and the present deadband."""
        return replace(self, deadband=factor * self.deadband), self.deadband

    @property
    def holds_at_standstill(self) -> bool:
        """Whether the limit is an upper limit of a quantity in `STANDING_QUANTITIES`."""
        return self.side == "above" and self.signal.quantity in STANDING_QUANTITIES
