"""Stored history of a machine as columns: the input of rules for each acquisition."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from pdm.alerts.kinds.rule_input import DiagnosisNote, Measured, Reading, finite
from pdm.health.assessment import Assessment
from pdm.machines.model import Machine
from pdm.machines.work_events import LifeEnd
from pdm.prognosis.prognosis import Prognosis

Floats = NDArray[np.float64]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # POSIX
_NO_INDICATORS: NDArray[np.float32] = np.empty(0, np.float32)  # an array of no figures
ZONE_CODES = " ABCD"


@dataclass(frozen=True)
class Conclusions:
    """One row per acquisition, sorted by time; '' and NaN are missing values.

    Attributes
    ----------
    times : (n,) int64
        Measured at [microseconds since 1970].
    zones : (n,) int8
        0 none, 1 to 4 for A to D.
    states, symptoms, components, sources : sequences of n str
    health, confidence, rul, rul_lower, rul_upper, level : (n,) float64
        Times in s.
    doubts : sequence of n tuples of str
        Reasons why each prognosis is doubtful.
    shows_operation : (n,) bool
        Whether the acquisition shows how the machine ran.
    unmeasured : mapping of int to (mapping of str to str)
        By row, the points whose channel is no measurement, with the reason; rows without such a point are omitted.
    doubtful : mapping of int to tuple of str
        By row, the points whose channel is used with a doubt; rows without such a point are omitted.
    hindrances : mapping of int to str
        By row, why the machine is not judged although it runs; other rows are omitted.
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
    doubts: Sequence[tuple[str, ...]]
    shows_operation: NDArray[np.bool_]
    unmeasured: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    doubtful: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    hindrances: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MeasuredColumn:
    """One value per acquisition [SI], NaN where it is not usable, and whether it was measured."""

    values: Floats
    is_present: NDArray[np.bool_]


@dataclass(frozen=True)
class PastHold:
    """A hold that suppressed a machine's alerts of a cause (None: of every cause) from `begins_at` up to `ends_at`."""

    begins_at: datetime
    ends_at: datetime
    cause: str | None = None

    def covers(self, cause: str, at: datetime) -> bool:
        """Whether the hold suppressed alerts of a cause at a time."""
        return self.cause in (None, cause) and self.begins_at <= at < self.ends_at


@dataclass(frozen=True)
class MachineHistory:
    """History of a machine: conclusions, measured values that rules read, diagnoses, ends of lives and holds."""

    machine: Machine
    conclusions: Conclusions
    measured: Mapping[Measured, MeasuredColumn] = field(default_factory=dict)
    diagnoses: tuple[DiagnosisNote, ...] = ()
    life_ends: tuple[LifeEnd, ...] = ()
    failures: tuple[datetime, ...] = ()
    holds: tuple[PastHold, ...] = ()

    def __len__(self) -> int:
        return len(self.conclusions.times)

    def at(self, index: int) -> datetime:
        """Return when an acquisition was measured."""
        return EPOCH + timedelta(microseconds=int(self.conclusions.times[index]))

    def reading(self, index: int, wanted: Sequence[Measured]) -> Reading:
        """Return the rule input of an acquisition."""
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
            shows_operation=bool(rows.shows_operation[index]),
            unmeasured=rows.unmeasured.get(index, {}),
            doubtful=rows.doubtful.get(index, ()),
            hindrance=rows.hindrances.get(index),
        )
        values = {
            key: float(column.values[index])
            for key in wanted
            if (column := self.measured.get(key)) is not None and column.is_present[index]
        }
        return Reading(self.machine, assessment, self._prognosis(index, at), values, self._diagnosis(at))

    def _prognosis(self, index: int, at: datetime) -> Prognosis | None:
        rows = self.conclusions
        figures = {
            "rul_s": finite(float(rows.rul[index])),
            "rul_lower_s": finite(float(rows.rul_lower[index])),
            "rul_upper_s": finite(float(rows.rul_upper[index])),
            "level": finite(float(rows.level[index])),
        }
        evidence = {"reasons": rows.doubts[index]}
        return Prognosis.from_row({"source": rows.sources[index], **figures, "evidence": evidence}, at)

    def _diagnosis(self, at: datetime) -> DiagnosisNote | None:
        place = bisect_right(self.diagnoses, at, key=lambda note: note.measured_at)
        return self.diagnoses[place - 1] if place else None
