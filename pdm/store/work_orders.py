"""Work orders that a maintenance system made of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pdm.store.queries import query

Row = dict[str, Any]


def put_work_order(
    conn: Connection[Any],
    alert_id: UUID,
    *,
    reference: str,
    url: str | None,
    status: str,
    actor: str,
    now: datetime,
) -> Row:
    """Keep what is told of an alert's work order, and return it."""
    values = {"alert_id": alert_id, "reference": reference, "url": url, "status": status, "actor": actor, "now": now}
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query("put_work_order"), values).fetchone()
    assert found is not None
    return found


def list_work_orders(conn: Connection[Any], alert_id: UUID) -> list[Row]:
    """Return the work orders of an alert, first made first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("list_work_orders"), {"alert_id": alert_id}).fetchall()
