"""The use case of recording maintenance and failures of a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.errors import TimestampError
from pdm.machines.work_events import WorkEvent
from pdm.service.ingestion.validation import DEFAULT_FUTURE_TOLERANCE, doubt_time
from pdm.store.database.connection import database_required
from pdm.store.machines import access
from pdm.store.machines.registration import fetch_machine
from pdm.store.machines.work_events import insert_work_event


def record_work_event(
    pool: ConnectionPool[Any],
    event: WorkEvent,
    *,
    actor: str,
    site_ids: Sequence[int] | None,
    now: datetime,
    future_tolerance: timedelta = DEFAULT_FUTURE_TOLERANCE,
) -> tuple[int, bool]:
    """Store a work event; returns its id and whether it is new.

    A failure or a replacement closes a life: baseline and prognosis start again after it, and later
    acquisitions are analysed again. A repeated event changes nothing.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or the component does not exist.
    TimestampError
        The time of the event is implausible.
    ConflictError
        The event is stored with another finding.
    UnavailableError
        The database is unavailable.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored = fetch_machine(conn, event.machine, site_ids)
        doubt = doubt_time(event.occurred_at, stored.machine.timeline, now, future_tolerance)
        if doubt is not None:
            raise TimestampError(f"occurred_at {doubt}", field="occurred_at")
        if event.component is not None:
            event = replace(event, component=stored.former_keys.component(event.component))
        event_id, is_new = insert_work_event(conn, stored, event, actor)
        if is_new:
            access.insert_audit(conn, actor, "work-event.record", event.machine, kind=event.kind.value, id=event_id)
    return event_id, is_new
