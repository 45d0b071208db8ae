"""Cases: an alert with what advice needs, past ones with their outcome, and what people say became of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pdm.alerts.labels import CaseLabel, LinkedWork
from pdm.store.queries import query

Row = dict[str, Any]
_START, _END = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def find_case(conn: Connection[Any], alert_id: UUID) -> Row | None:
    """Return a visible alert with its machine's id and fleet and its component's kind, or None."""
    rows = _rows(conn, "find_case", alert_id=alert_id)
    return rows[0] if rows else None


def fetch_past_cases(conn: Connection[Any], case: Row, symptom: str | None, before: datetime, limit: int) -> list[Row]:
    """Return visible past cases of the same category that may be like a case, newest first, with their outcome."""
    return _rows(
        conn,
        "fetch_past_cases",
        alert_id=case["id"],
        category=case["category"],
        fleet=case["fleet"],
        symptom=symptom,
        before=before,
        limit=limit,
    )


def fetch_trend(conn: Connection[Any], machine_id: int, since: datetime, until: datetime, step: timedelta) -> list[Row]:
    """Return the worst health and zone of each step from `since` to `until`."""
    return _rows(conn, "fetch_trend", machine_id=machine_id, since=since, until=until, step=step)


def insert_feedback(conn: Connection[Any], row: Row) -> int:
    """Write down what somebody holds of a case; returns the row's id."""
    made = conn.execute(query("insert_feedback"), row).fetchone()
    assert made is not None
    return int(made[0])


def list_feedback(conn: Connection[Any], alert_id: UUID) -> list[Row]:
    """Return what people held of a case, newest first."""
    return _rows(conn, "list_feedback", alert_id=alert_id)


def link_work_event(
    conn: Connection[Any], alert_id: UUID, work_event_id: int, machine_id: int, actor: str
) -> bool | None:
    """Say that work was done for a case; returns whether that is new, None for no such work on this machine."""
    values = {"alert_id": alert_id, "work_event_id": work_event_id, "machine_id": machine_id, "actor": actor}
    row = conn.execute(query("link_work_event"), values).fetchone()
    return None if row is None else bool(row[1])


def list_linked_work(conn: Connection[Any], alert_id: UUID) -> list[Row]:
    """Return the work that was done for a case, in order of time."""
    return _rows(conn, "list_linked_work", alert_id=alert_id)


def fetch_labels(
    conn: Connection[Any],
    *,
    since: datetime = _START,
    before: datetime = _END,
    fleet: str | None = None,
    machine_ids: Sequence[int] | None = None,
) -> list[CaseLabel]:
    """Return the cases that people judged or that work was done for, by when they opened.

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
    return [CaseLabel(**{**row, "work": _work(row["work"])}) for row in _rows(conn, "fetch_labels", **values)]


def _work(events: Sequence[Sequence[Any]] | None) -> tuple[LinkedWork, ...]:
    return tuple(
        LinkedWork(number, kind, datetime.fromisoformat(at), found) for number, kind, at, found in events or ()
    )


def _rows(conn: Connection[Any], name: str, **values: Any) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query(name), values).fetchall()
