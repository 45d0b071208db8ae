"""Alerts as people see them: lists, and one with its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pdm.store.queries import query

Row = dict[str, Any]


def page_alerts(
    conn: Connection[Any],
    *,
    before: datetime,
    before_id: UUID,
    limit: int,
    state: str | None,
    severity: str | None,
    machine: str | None,
) -> list[Row]:
    """Return visible alerts raised before a place, last raised first."""
    values = {
        "before": before,
        "before_id": before_id,
        "limit": limit,
        "state": state,
        "severity": severity,
        "machine": machine,
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("page_alerts"), values).fetchall()


def find_alert(conn: Connection[Any], alert_id: UUID) -> Row | None:
    """Return a visible alert with evidence and history, or None."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query("find_alert"), {"id": alert_id}).fetchone()
        if row is not None:
            row["history"] = cursor.execute(query("list_alert_events"), {"alert_id": alert_id}).fetchall()
        return row
