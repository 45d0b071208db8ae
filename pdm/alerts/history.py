"""What is stored of a machine's past, as columns: the very readings that rules saw, or would have seen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pdm.alerts.readings import DiagnosisNote, Measured, Reading, finite
from pdm.health.assessment import Assessment
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import NO_SKILL, Prognosis

Floats = NDArray[np.float64]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_INDICATORS: NDArray[np.float32] = np.empty(0, np.float32)
_SOURCES: dict[str, Literal["model", "trend", "none"]] = {"model": "model", "trend": "trend", "none": "none"}
ZONE_CODES = " ABCD"


@dataclass(frozen=True)
class Conclusions:
    """One row an acquisition, in order of time; '' and NaN are nothing.

    Attributes
    ----------
    times : (n,) int64
        Measured at [microseconds since 1970].
    zones : (n,) int8
        0 none, 1 to 4 for A to D.
    states, symptoms, components, sources : sequences of n str
    health, confidence, rul, rul_lower, rul_upper, level : (n,) float64
        Times in s.
    is_thin : (n,) bool
        The prognosis is no better than a plain guess.
    """

    times: NDArray[np.int64]
    health: Floats
    zones: NDArray[np.int8]
    states: Sequence[str]
    symptoms: Sequence[str]
    components: Sequence[str]
    confidence: Floats
    sources: Sequence[str]
    rul: Floats
    rul_lower: Floats
    rul_upper: Floats
    level: Floats
    is_thin: NDArray[np.bool_]


@dataclass(frozen=True)
class MeasuredColumn:
    """One value of each acquisition [SI], NaN where it says nothing, and whether it was measured."""

    values: Floats
    is_present: NDArray[np.bool_]


@dataclass(frozen=True)
class History:
    """A machine's past: conclusions, what rules want of what was measured, diagnoses, and when lives ended."""

    machine: Machine
    conclusions: Conclusions
    measured: Mapping[Measured, MeasuredColumn] = field(default_factory=dict)
    diagnoses: tuple[DiagnosisNote, ...] = ()
    life_ends: tuple[datetime, ...] = ()
    failures: tuple[datetime, ...] = ()

    def __len__(self) -> int:
        return len(self.conclusions.times)

    def at(self, index: int) -> datetime:
        """Return when an acquisition was measured."""
        return EPOCH + timedelta(microseconds=int(self.conclusions.times[index]))

    def reading(self, index: int, wanted: Sequence[Measured]) -> Reading:
        """Return an acquisition as rules see it."""
        rows = self.conclusions
        at = self.at(index)
        zone = int(rows.zones[index])
        assessment = Assessment(
            measured_at=at,
            health=finite(float(rows.health[index])),
            learning_progress=1.0,
            operating_state=rows.states[index],
            zone=ZONE_CODES[zone] if zone else None,
            symptom=rows.symptoms[index] or None,
            component=rows.components[index] or None,
            confidence=finite(float(rows.confidence[index])),
            indicators=_NO_INDICATORS,
            evidence={},
        )
        values = {
            key: float(column.values[index])
            for key in wanted
            if (column := self.measured.get(key)) is not None and column.is_present[index]
        }
        return Reading(self.machine, assessment, self._prognosis(index, at), values, self._diagnosis(at))

    def _prognosis(self, index: int, at: datetime) -> Prognosis | None:
        rows = self.conclusions
        source = rows.sources[index]
        if not source:
            return None
        evidence: dict[str, Any] = {"reasons": [NO_SKILL]} if rows.is_thin[index] else {}
        return Prognosis(
            at,
            _SOURCES[source],
            finite(float(rows.rul[index])),
            finite(float(rows.rul_lower[index])),
            finite(float(rows.rul_upper[index])),
            finite(float(rows.level[index])),
            evidence=evidence,
        )

    def _diagnosis(self, at: datetime) -> DiagnosisNote | None:
        place = bisect_right(self.diagnoses, at, key=lambda note: note.measured_at)
        return self.diagnoses[place - 1] if place else None
