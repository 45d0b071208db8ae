"""What people do about alerts and about acquisitions that could not be analysed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError, PreconditionError
from pdm.service.access import Caller
from pdm.store import access, alert_views, alerts, journal
from pdm.store.access import scoped

Row = dict[str, Any]


def acknowledge_alert(
    pool: ConnectionPool[Any],
    caller: Caller,
    alert_id: UUID,
    *,
    comment: str,
    seen_version: int | None,
    now: datetime,
) -> Row:
    """Write down that the caller took notice of an alert, and return it; twice is as good as once.

    `seen_version` is the version that the caller read, if it wants to be sure that nothing changed since.

    Raises
    ------
    NotFoundError
        There is no such alert that the caller may see.
    PreconditionError
        The alert is not of the version that the caller saw.
    ConflictError
        The alert has cleared.
    """
    with pool.connection() as conn:
        _visible(conn, caller, alert_id, seen_version)
        done = alerts.acknowledge(conn, alert_id, caller.name, now, seen_version, site_ids=caller.site_ids)
        if done.is_new:
            access.insert_audit(conn, caller.name, "alert.acknowledge", str(alert_id), comment=comment)
            alerts.notify(conn)
        found = alert_views.find_alert(conn, alert_id)
    assert found is not None
    return found


def _visible(conn: Connection[Any], caller: Caller, alert_id: UUID, seen_version: int | None) -> None:
    with scoped(conn, caller.site_ids):
        found = alert_views.find_alert(conn, alert_id)
    if found is None:
        raise NotFoundError(f"there is no alert {alert_id}")
    if seen_version is not None and found["version"] != seen_version:
        raise PreconditionError(f"the alert is at version {found['version']}, not {seen_version}; read it again")


def replay_set_aside(pool: ConnectionPool[Any], caller: Caller, machine: str | None) -> int:
    """Let acquisitions that were set aside be analysed once more; returns how many."""
    with pool.connection() as conn:
        count = journal.replay_set_aside(conn, machine, caller.site_ids)
        access.insert_audit(conn, caller.name, "set-aside.replay", machine or "all", acquisitions=count)
    return count
