"""Forecast: a value or health will cross a limit within a horizon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from pdm.alerts.kinds.behaviour import LONGEST, Observation
from pdm.alerts.kinds.course import OnCourse, check_times
from pdm.alerts.kinds.fields import Fields, number, one_of
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Memory
from pdm.alerts.kinds.quantities import parse_duration, write
from pdm.alerts.kinds.rule_input import Measured, Reading, finite, rounded
from pdm.alerts.kinds.signal import Side, Signal, check, describe, parse_side
from pdm.machines.model import Machine
from pdm.trends.rank import RobustTrend


@dataclass(frozen=True)
class ForecastCrossing(OnCourse):
    """A value, or health if `signal` is None, crosses `limit` within `horizon` [s] if its trend over `span` continues.

    A value beyond the limit is a violation. The condition has returned if the crossing is more than `clear_ratio`
    horizons ahead or the trend does not approach the limit.
    """

    signal: Signal | None  # type: ignore[assignment]
    side: Side
    limit: float
    horizon: float
    span: float
    clear_ratio: float = 1.5
    keys: tuple[Measured, ...] = ()
    kind: ClassVar[str] = "forecast"
    message: ClassVar[str] = "limit-ahead"

    def __post_init__(self) -> None:
        check(math.isfinite(self.limit), "limit must be finite", "limit")
        check(0 < self.horizon < 10 * LONGEST, "horizon must be positive, below 310 years", "horizon")
        check_times(self.span)
        check(1 < self.clear_ratio <= 100, "clear_ratio must be in (1, 100]: it is the deadband", "clear_ratio")
        if self.signal is None:
            check(
                0 < self.limit < 1 and self.side == "below",
                "the limit of health must be in (0, 1) and 'side' below",
                "limit",
            )

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the signal or `of: health`, the limit on one side, the horizon, the span and the ratio."""
        before = len(fields.problems)
        is_health = fields.read("of", one_of("health", "signal"), "signal") == "health"
        signal = None if is_health else Signal.parse(fields)
        side, limit = parse_side(fields, signal.unit if signal else "1")
        horizon = fields.read("within", parse_duration)
        span = fields.read("over", parse_duration)
        ratio = fields.read("clear_ratio", number, 1.5)
        return cls.made(fields, before, lambda: cls(signal, side, limit, horizon, span, ratio))

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {
            "signal": None if self.signal is None else self.signal.identity(),
            "side": self.side,
            "limit": self.limit,
            "horizon": self.horizon,
            "span": self.span,
            "clear_ratio": self.clear_ratio,
            "keys": self.keys,
        }

    def write(self) -> Document:
        """Return the fields in the form that `parse` reads."""
        about: Document = {"of": "health"} if self.signal is None else {"signal": self.signal.write()}
        return {
            **about,
            self.side: write(self.limit, self.signal.unit if self.signal else "1"),
            "within": write(self.horizon, "s"),
            "over": write(self.span, "s"),
            "clear_ratio": self.clear_ratio,
        }

    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions with a value, or a health, to remember."""
        return np.isfinite(history.conclusions.health) if self.signal is None else super().screen(history)

    def fit(self, machine: Machine) -> tuple[Self, ...]:
        """Return the condition fitted to a machine; empty if the machine has no such value."""
        return (self,) if self.signal is None else super().fit(machine)

    def recall(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return the observation of the values up to this acquisition, and these values."""
        if self.signal is not None:
            return super().recall(reading, memory)
        health = finite(reading.assessment.health)
        if health is None:
            return Observation.ABSENT, memory
        return self._follow(memory, reading, health)

    def time_to_limit(self, line: RobustTrend) -> float:
        """Return the time from the end of a line to the limit [s]; 0 beyond the limit, infinite without a crossing."""
        left = self.limit - line.level if self.side == "above" else line.level - self.limit
        towards = line.slope if self.side == "above" else -line.slope
        if left <= 0:
            return 0.0
        return left / towards if towards > 0 else math.inf

    @property
    def _largest(self) -> bool:
        return self.side == "above"

    def _judge(self, line: RobustTrend) -> Observation:
        ahead = self.time_to_limit(line)
        if ahead < self.horizon and (line.is_significant or ahead == 0.0):
            return Observation.VIOLATED
        return Observation.RETURNED if ahead > self.horizon * self.clear_ratio else Observation.IN_DEADBAND

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message; values in SI, and in the declared unit of the point; times in s."""
        if self.signal is None:
            return {
                "signal": "health",
                "side": self.side,
                "value": rounded(reading.assessment.health),
                "limit": self.limit,
                "unit": "1",
                "point": None,
                "horizon_s": self.horizon,
            }
        found = reading.extreme(self.keys, largest=self._largest)
        return describe(
            self.signal, self.side, found, self.keys, reading.machine, limit=self.limit, horizon_s=self.horizon
        )
