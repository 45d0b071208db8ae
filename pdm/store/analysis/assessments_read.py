"""Views of assessments and prognoses: the newest, as of a time, and the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.store.database.rows import fetch_all, fetch_first
from pdm.store.machines.machine_views import REACH


@dataclass(frozen=True)
class AssessmentEntry:
    """The assessment of a machine's health from one acquisition."""

    measured_at: datetime
    computed_at: datetime
    revision: int
    health: float | None
    learning_progress: float
    operating_state: str | None
    zone: str | None
    symptom: str | None
    component: str | None
    confidence: float | None
    rule_version: str


@dataclass(frozen=True)
class StoredAssessment(AssessmentEntry):
    """An assessment with its evidence."""

    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class PrognosisEntry:
    """A remaining useful life with its interval [s], or the reason of its absence."""

    measured_at: datetime
    computed_at: datetime
    revision: int
    source: str
    rul_s: float | None
    rul_lower_s: float | None
    rul_upper_s: float | None
    level: float | None
    model_id: int | None
    reason: str | None


@dataclass(frozen=True)
class StoredPrognosis(PrognosisEntry):
    """A prognosis with its evidence."""

    evidence: Mapping[str, Any]


def fetch_assessment(conn: Connection[Any], machine_id: int, as_of: datetime | None) -> StoredAssessment | None:
    """Return the newest assessment, or the newest that had been computed by `as_of`."""
    return fetch_first(conn, StoredAssessment, "fetch_assessment", machine_id=machine_id, as_of=as_of)


def fetch_judged(
    conn: Connection[Any], machine_id: int, as_of: datetime | None
) -> tuple[StoredAssessment | None, StoredAssessment | None]:
    """Return the newest assessment, and the last with a verdict on health in the present life: often the same."""
    newest = fetch_assessment(conn, machine_id, as_of)
    if newest is None or newest.health is not None:
        return newest, newest
    wanted = {"machine_id": machine_id, "as_of": as_of, "reach": REACH}
    return newest, fetch_first(conn, StoredAssessment, "fetch_last_judged", **wanted)


def fetch_prognosis(
    conn: Connection[Any], machine_id: int, as_of: datetime | None, measured_at: datetime | None = None
) -> StoredPrognosis | None:
    """Return the newest prognosis, or the newest computed by `as_of`; that of one acquisition where it is given."""
    wanted = {"machine_id": machine_id, "as_of": as_of, "measured_at": measured_at}
    return fetch_first(conn, StoredPrognosis, "fetch_prognosis", **wanted)


def page_assessments(
    conn: Connection[Any], machine_id: int, *, since: datetime, before: datetime, limit: int
) -> list[AssessmentEntry]:
    """Return one assessment per acquisition measured in [since, before), newest first."""
    wanted = {"machine_id": machine_id, "since": since, "before": before, "limit": limit}
    return fetch_all(conn, AssessmentEntry, "page_assessments", **wanted)


def page_prognoses(
    conn: Connection[Any], machine_id: int, *, since: datetime, before: datetime, limit: int
) -> list[PrognosisEntry]:
    """Return one prognosis per acquisition measured in [since, before), newest first."""
    wanted = {"machine_id": machine_id, "since": since, "before": before, "limit": limit}
    return fetch_all(conn, PrognosisEntry, "page_prognoses", **wanted)
