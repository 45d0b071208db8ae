"""Alerts as people see them: lists, and one with its history."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pdm.store.queries import query

Row = dict[str, Any]

HISTORY_SHOWN = 500  # events of an alert in its answer; older ones are paged through


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts are listed; None is every one."""

    state: str | None = None
    severity: str | None = None
    machine: str | None = None
    is_open: bool | None = None
    is_withheld: bool | None = None
    assignee: str | None = None


@dataclass(frozen=True)
class HistoryFilter:
    """Which events of alerts are listed; None is every one."""

    machine: str | None = None
    alert_id: UUID | None = None
    kind: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def page_history(conn: Connection[Any], *, before: int, limit: int, wanted: HistoryFilter) -> list[Row]:
    """Return visible events of alerts before an id, the last first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            query("page_alert_history"), {"before": before, "limit": limit, **asdict(wanted)}
        ).fetchall()


def page_alerts(
    conn: Connection[Any],
    *,
    before: datetime,
    before_id: UUID,
    limit: int,
    wanted: AlertFilter,
) -> list[Row]:
    """Return visible alerts raised before a place, last raised first."""
    values = {"before": before, "before_id": before_id, "limit": limit, **asdict(wanted)}
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("page_alerts"), values).fetchall()


def find_alert(conn: Connection[Any], alert_id: UUID) -> Row | None:
    """Return a visible alert with evidence and its last `HISTORY_SHOWN` events, or None."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query("find_alert"), {"id": alert_id}).fetchone()
        if row is not None:
            row["history"] = cursor.execute(
                query("list_alert_events"), {"alert_id": alert_id, "limit": HISTORY_SHOWN}
            ).fetchall()
        return row
