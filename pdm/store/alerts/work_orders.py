"""Work orders of a maintenance system for alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from pdm.store.database.rows import fetch_all, fetch_first


@dataclass(frozen=True)
class WorkOrder:
    """A work order of a maintenance system for an alert."""

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
    """Store the work order of an alert, and return it."""
    values = {"alert_id": alert_id, "reference": reference, "url": url, "status": status, "actor": actor, "now": now}
    found = fetch_first(conn, WorkOrder, "put_work_order", **values)
    assert found is not None
    return found


def list_work_orders(conn: Connection[Any], alert_id: UUID) -> list[WorkOrder]:
    """Return the work orders of an alert, oldest first."""
    return fetch_all(conn, WorkOrder, "list_work_orders", alert_id=alert_id)
