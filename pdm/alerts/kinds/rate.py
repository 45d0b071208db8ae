"""Rate of change: a value rises or falls fast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pdm.alerts.kinds.behaviour import Observation
from pdm.alerts.kinds.course import OnCourse, check_times
from pdm.alerts.kinds.fields import Fields
from pdm.alerts.kinds.kind import Document
from pdm.alerts.kinds.quantities import parse_duration, parse_rate, write
from pdm.alerts.kinds.rule_input import Measured, Reading
from pdm.alerts.kinds.signal import Signal, check, describe, known
from pdm.trends.rank import RobustTrend


@dataclass(frozen=True)
class RateOfChange(OnCourse):
    """A value rises or falls faster than `rate` [SI/s], estimated by a robust line over `span` [s]."""

    signal: Signal
    direction: Literal["rising", "falling"]
    rate: float
    deadband: float
    span: float
    keys: tuple[Measured, ...] = ()
    kind: ClassVar[str] = "rate"
    message: ClassVar[str] = "changing-fast"

    def __post_init__(self) -> None:
        check(0 < self.rate < math.inf, "rate must be positive; 'direction' gives the sign", "rate")
        check(0 < self.deadband < self.rate, "0 < deadband < rate is required", "deadband")
        check_times(self.span)

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the signal, a rate on one side, the deadband and the span."""
        before = len(fields.problems)
        signal = Signal.parse(fields)
        unit = signal.unit if signal else "1"
        direction: Literal["rising", "falling"] = "falling" if fields.has("falling") else "rising"
        rate = fields.read(direction, lambda raw: parse_rate(raw, unit))
        deadband = fields.read("deadband", lambda raw: parse_rate(raw, unit), None)
        span = fields.read("over", parse_duration)
        return cls.made(
            fields,
            before,
            lambda: cls(known(signal), direction, rate, rate / 2 if deadband is None else deadband, span),
        )

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {
            "signal": self.signal.identity(),
            "direction": self.direction,
            "rate": self.rate,
            "deadband": self.deadband,
            "span": self.span,
            "keys": self.keys,
        }

    def write(self) -> Document:
        """Return the fields in the form that `parse` reads."""
        unit = f"{self.signal.unit}/s"
        return {
            "signal": self.signal.write(),
            self.direction: write(self.rate, unit),
            "deadband": write(self.deadband, unit),
            "over": write(self.span, "s"),
        }

    @property
    def _largest(self) -> bool:
        return self.direction == "rising"

    def _judge(self, line: RobustTrend) -> Observation:
        slope = line.slope if self.direction == "rising" else -line.slope
        if slope > self.rate and line.is_significant:
            return Observation.VIOLATED
        return Observation.RETURNED if slope < self.rate - self.deadband else Observation.IN_DEADBAND

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message; values in SI, and in the declared unit of the point."""
        found = reading.extreme(self.keys, largest=self._largest)
        return describe(
            self.signal, self.direction, found, self.keys, reading.machine, rate_per_s=self.rate, span_s=self.span
        )
