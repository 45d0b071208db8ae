"""Work orders that a maintenance system made of alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from pdm.store.database.rows import fetch_all, fetch_first


@dataclass(frozen=True)
class WorkOrder:
    """The work order that a maintenance system made of an alert."""

    alert_id: UUID
    reference: str
    url: str | None
    status: str
    created_at: datetime
    updated_at: datetime
    actor: str


def put_work_order(
    conn: Connection[Any],
    alert_id: UUID,
    *,
    reference: str,
    url: str | None,
    status: str,
    actor: str,
    now: datetime,
) -> WorkOrder:
    """Keep what is told of an alert's work order, and return it."""
    values = {"alert_id": alert_id, "reference": reference, "url": url, "status": status, "actor": actor, "now": now}
    found = fetch_first(conn, WorkOrder, "put_work_order", **values)
    assert found is not None
    return found


def list_work_orders(conn: Connection[Any], alert_id: UUID) -> list[WorkOrder]:
    """Return the work orders of an alert, first made first."""
    return fetch_all(conn, WorkOrder, "list_work_orders", alert_id=alert_id)
