"""Links between alerts and the work orders of a maintenance system."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError
from pdm.service.platform.access import Caller
from pdm.store.alerts import alert_views, work_orders
from pdm.store.alerts.work_orders import WorkOrder
from pdm.store.machines import access
from pdm.store.machines.access import scoped


def link_work_order(
    pool: ConnectionPool[Any],
    caller: Caller,
    alert_id: UUID,
    *,
    reference: str,
    url: str | None,
    status: str,
    now: datetime,
) -> WorkOrder:
    """Store the work order of an alert, or its new status; the last call is used.

    Later events of the alert contain it, so that the maintenance system can close it without its own table.

    Raises
    ------
    NotFoundError
        The alert does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        _require_visible(conn, caller, alert_id)
        access.insert_audit(
            conn, caller.name, "alert.work-order", str(alert_id), reference=reference, url=url, status=status
        )
        return work_orders.put_work_order(
            conn, alert_id, reference=reference, url=url, status=status, actor=caller.name, now=now
        )


def list_work_orders(pool: ConnectionPool[Any], caller: Caller, alert_id: UUID) -> list[WorkOrder]:
    """Return the work orders of an alert, oldest first.

    Raises
    ------
    NotFoundError
        The alert does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        _require_visible(conn, caller, alert_id)
        return work_orders.list_work_orders(conn, alert_id)


def _require_visible(conn: Connection[Any], caller: Caller, alert_id: UUID) -> None:
    with scoped(conn, caller.site_ids):
        if alert_views.find_alert(conn, alert_id) is None:
            raise NotFoundError(f"unknown alert {alert_id}")
