"""When a machine is diagnosed without a request: by state detection, operating states and the clock.

Pure functions of assessments. Of all diagnoses that a batch of acquisitions makes due only the last is computed,
because it uses the most data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pdm.health.assessment import Assessment
from pdm.health.detection.symptoms import LEAST_SEVERITY
from pdm.health.detection.transients import UNJUDGED

RELIEF = 0.8
"""Fraction of the severity limit below which a machine is healthy again, so that it can become due again."""


@dataclass(frozen=True)
class Watch:
    """Observations of a machine since its last regular diagnosis.

    `measured_at` is the time at which that one was due, `is_severe` whether the severity limit was exceeded since the
    machine was last healthy, `reported` the operating states and symptoms with a diagnosis since then: each makes one
    diagnosis due between two regular ones, so that alternating states or symptoms cause no further diagnoses.
    """

    measured_at: datetime
    is_severe: bool = False
    reported: frozenset[str] = frozenset()


def find_due(
    watch: Watch | None, assessments: Iterable[Assessment], interval: timedelta
) -> tuple[Watch | None, tuple[str, datetime] | None]:
    """Return the updated observations of a machine, and the reason and time of the diagnosis that is due, or None.

    Parameters
    ----------
    watch : Watch or None
        None before the first assessment of a machine.
    assessments : iterable of Assessment
        In measured_at order, later than all before. A machine that is off or in run-up makes nothing due.
    interval : timedelta
        Of measured time between two regular diagnoses.
    """
    due = None
    for assessment in assessments:
        if assessment.operating_state in UNJUDGED:
            continue
        watch, cause = _consider(watch, assessment, interval)
        if cause is not None:
            due = cause, assessment.measured_at
    return watch, due


def _consider(watch: Watch | None, assessment: Assessment, interval: timedelta) -> tuple[Watch, str | None]:
    severity = assessment.severity
    before = watch.is_severe if watch is not None else False
    is_severe = before
    if severity is not None:
        is_severe = severity >= LEAST_SEVERITY * (RELIEF if before else 1.0)
    elif assessment.learning_progress < 1.0:
        is_severe = False  # a new life without observations
    symptom = f"symptom:{assessment.symptom}@{assessment.component or ''}" if assessment.symptom else None
    state = f"state:{assessment.operating_state}" if assessment.learning_progress >= 1.0 else None
    seen = frozenset(name for name in (symptom, state) if name is not None)
    if watch is None or assessment.measured_at - watch.measured_at >= interval:
        cause = "severity" if is_severe and not before else "interval"
        return Watch(assessment.measured_at, is_severe, seen), cause
    cause_now = None
    if is_severe and not before:
        cause_now = "severity"
    elif symptom is not None and symptom not in watch.reported:
        cause_now = "symptom"
    elif state is not None and state not in watch.reported:
        cause_now = "operating-state"
    return Watch(watch.measured_at, is_severe, watch.reported | seen), cause_now
