"""Conditions on the change of a value over a time span."""

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
    """A condition on the change of a value over `span` [s]."""

    span: float

    def recall(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return the observation of the values up to this acquisition, and these values."""
        found = reading.extreme(self.keys, largest=self._largest)
        if found is None or reading.assessment.operating_state in (OFF, TRANSIENT):
            return Observation.ABSENT, memory
        return self._follow(memory, reading, found[0])

    @property
    def basis(self) -> dict[str, Any]:
        """Definition that the memory depends on: the signal and the span."""
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
        """Flag acquisitions with a value to remember."""
        return self.where_any(history, np.isfinite)

    @property
    def holds_at_standstill(self) -> bool:
        """No: the condition applies to a running machine."""
        return False


def check_times(span: float) -> None:
    """Reject a span [s] that is outside the allowed range of a time series."""
    check(
        STEPS <= span < LONGEST, f"span must be {STEPS} s at least (one second per step) and less than 31 years", "over"
    )
