"""Stored cases: alerts with the data for advice, past cases with their outcome, feedback and linked work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from pdm.alerts.case.outcome_labels import CaseLabel, LinkedWorkEvent
from pdm.alerts.case.trend_chart import TrendPoint
from pdm.store.acquisitions.receipt_views import RecordedWork
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first

_START, _END = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class StoredCase:
    """An alert with its machine's id and fleet and its component's kind."""

    id: UUID
    machine_id: int
    machine: str
    fleet: str
    cause: str
    component: str | None
    component_kind: str | None
    category: str
    severity: str
    state: str
    opened_at: datetime
    raised_at: datetime
    cleared_at: datetime | None
    message: str
    parameters: Mapping[str, Any]
    evidence: Mapping[str, Any]
    rule_key: str | None


@dataclass(frozen=True)
class PastCase:
    """A past case with the data for its similarity, and its outcome."""

    id: UUID
    machine: str
    fleet: str
    cause: str
    component: str | None
    component_kind: str | None
    severity: str
    opened_at: datetime
    cleared_at: datetime | None
    contributors: Sequence[Mapping[str, Any]] | None
    symptom: str | None
    verdict: str | None
    finding: str | None
    fault: str | None
    work_events: Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True)
class Feedback:
    """Feedback of a user on a case."""

    id: int
    verdict: str
    finding: str
    fault: str | None
    component: str | None
    actor: str
    recorded_at: datetime


def find_case(conn: Connection[Any], alert_id: UUID) -> StoredCase | None:
    """Return a visible alert as a case, or None."""
    return fetch_first(conn, StoredCase, "find_case", alert_id=alert_id)


def fetch_past_cases(
    conn: Connection[Any], case: StoredCase, symptom: str | None, before: datetime, limit: int
) -> list[PastCase]:
    """Return visible past cases of the same category, candidates for similarity, newest first, with their outcome."""
    return fetch_all(
        conn,
        PastCase,
        "fetch_past_cases",
        alert_id=case.id,
        category=case.category,
        fleet=case.fleet,
        symptom=symptom,
        before=before,
        limit=limit,
    )


def fetch_trend(
    conn: Connection[Any], machine_id: int, since: datetime, until: datetime, step: timedelta
) -> list[TrendPoint]:
    """Return the worst health and zone of each step from `since` to `until`."""
    return fetch_all(conn, TrendPoint, "fetch_trend", machine_id=machine_id, since=since, until=until, step=step)


def insert_feedback(
    conn: Connection[Any],
    case: StoredCase,
    *,
    verdict: str,
    finding: str,
    fault: str | None,
    component: str | None,
    actor: str,
    now: datetime,
) -> Feedback:
    """Store feedback on a case, and return it."""
    values = {"verdict": verdict, "finding": finding, "fault": fault, "component": component, "actor": actor}
    place = {"alert_id": case.id, "machine_id": case.machine_id, "now": now}
    made = conn.execute(query("insert_feedback"), values | place).fetchone()
    assert made is not None
    return Feedback(int(made[0]), verdict, finding, fault, component, actor, now)


def list_feedback(conn: Connection[Any], alert_id: UUID) -> list[Feedback]:
    """Return the feedback on a case, newest first."""
    return fetch_all(conn, Feedback, "list_feedback", alert_id=alert_id)


def link_work_event(
    conn: Connection[Any], alert_id: UUID, work_event_id: int, machine_id: int, actor: str
) -> bool | None:
    """Link a work event to a case; returns whether the link is new, None if the machine has no such event."""
    values = {"alert_id": alert_id, "work_event_id": work_event_id, "machine_id": machine_id, "actor": actor}
    row = conn.execute(query("link_work_event"), values).fetchone()
    return None if row is None else bool(row[1])


def list_linked_work(conn: Connection[Any], alert_id: UUID) -> list[RecordedWork]:
    """Return the work events linked to a case, in order of time."""
    return fetch_all(conn, RecordedWork, "list_linked_work", alert_id=alert_id)


def fetch_labels(
    conn: Connection[Any],
    *,
    since: datetime = _START,
    before: datetime = _END,
    fleet: str | None = None,
    machine_ids: Sequence[int] | None = None,
) -> list[CaseLabel]:
    """Return the cases with feedback or linked work, by opening time.

    Parameters
    ----------
    since, before : datetime
        Opened in [since, before) on the machine's timeline.
    fleet : str, optional
        Only of this fleet.
    machine_ids : sequence of int, optional
        Only of these machines.
    """
    values = {
        "since": since,
        "before": before,
        "fleet": fleet,
        "machine_ids": None if machine_ids is None else list(machine_ids),
    }
    return fetch_all(conn, _label, "fetch_labels", **values)


def _label(*, work: Sequence[Sequence[Any]] | None, **row: Any) -> CaseLabel:
    return CaseLabel(**row, work=_work(work))


def _work(events: Sequence[Sequence[Any]] | None) -> tuple[LinkedWorkEvent, ...]:
    return tuple(
        LinkedWorkEvent(number, kind, datetime.fromisoformat(at), found) for number, kind, at, found in events or ()
    )
