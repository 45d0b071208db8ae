"""Conditions on how a value moves within a time."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from pdm.alerts.kinds.behaviour import LONGEST, Observation
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Flags, Memory, Remembering
from pdm.alerts.kinds.robust_trend import STEPS, extend, fit, is_of_span
from pdm.alerts.kinds.rule_input import Reading
from pdm.alerts.kinds.signal import OFF, TRANSIENT, OnValues, check
from pdm.trends.rank import RobustTrend


class OnCourse(OnValues, Remembering):
    """A condition on how a value moves within `span` [s]."""

    span: float

    def recall(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return what the course up to this acquisition says, and the course."""
        found = reading.extreme(self.keys, largest=self._largest)
        if found is None or reading.assessment.operating_state in (OFF, TRANSIENT):
            return Observation.ABSENT, memory
        return self._follow(memory, reading, found[0])

    @property
    def basis(self) -> dict[str, Any]:
        """What the course rests on: which value is followed, and over which span."""
        signal = None if self.signal is None else asdict(self.signal)
        return {"signal": signal, "largest": self._largest, "over": self.span}

    def _follow(self, memory: Memory, reading: Reading, value: float) -> tuple[Observation, Memory]:
        kept = memory if is_of_span(memory, self.span) else ()
        course = extend(kept, reading.assessment.measured_at.timestamp(), value, self.span)
        line = fit(course)
        return (Observation.ABSENT if line is None else self._judge(line)), course

    @property
    def _largest(self) -> bool:
        raise NotImplementedError

    def _judge(self, line: RobustTrend) -> Observation:
        raise NotImplementedError

    def screen(self, history: MachineHistory) -> Flags:
        """Return where there is a value to remember."""
        return self.where_any(history, np.isfinite)

    @property
    def holds_at_standstill(self) -> bool:
        """No: it is what a running machine is like."""
        return False


def check_times(span: float) -> None:
    """Refuse a span [s] that a course cannot have."""
    check(STEPS <= span < LONGEST, f"span must be {STEPS} s at least, a second a step, and below 31 years", "over")
