"""The use case of correcting, voiding and confirming recorded work events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, NotFoundError, TimestampError
from pdm.machines.work_events import Correction, RecordedEvent, correct
from pdm.service.ingestion.validation import DEFAULT_FUTURE_TOLERANCE, doubt_time
from pdm.store.database.connection import database_required
from pdm.store.machines import access, work_events
from pdm.store.machines.registration import StoredMachine, fetch_machine
from pdm.words.similar import suggest


def correct_work_event(
    pool: ConnectionPool[Any],
    machine: str,
    event_id: int,
    correction: Correction,
    *,
    actor: str,
    site_ids: Sequence[int] | None,
    now: datetime,
    future_tolerance: timedelta = DEFAULT_FUTURE_TOLERANCE,
) -> bool:
    """Append a correction to a work event; returns whether it changed anything.

    Everything that was concluded from the event is concluded again from the last acquisition before it on, in the
    background and however old it is: health, remaining life, alerts and lives for training are then as if it had been
    recorded like this at once.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or has no such event or component.
    InvalidInputError
        Nothing would be corrected, or fields are given that the status does not allow.
    TimestampError
        The corrected time is implausible.
    ConflictError
        Another event of the machine has the same component, kind and time.
    UnavailableError
        The database is unavailable.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored = fetch_machine(conn, machine, site_ids)
        before = work_events.lock_event(conn, stored, event_id)
        if before is None:
            raise NotFoundError(f"machine {machine!r} has no work event {event_id}", field="id")
        after = correct(before, _with_present_key(correction, stored))
        if after == before:
            return False
        if after.is_in_force:
            _check(conn, stored, event_id, after, now, future_tolerance)
        work_events.insert_correction(conn, stored, event_id, after, correction.reason, actor)
        since = _changed_from(before, after)
        if since is not None:
            work_events.conclude_again(conn, stored.id, since)
        access.insert_audit(
            conn, actor, "work-event.correct", machine, id=event_id, status=after.status, reason=correction.reason
        )
    return True


def _with_present_key(correction: Correction, stored: StoredMachine) -> Correction:
    component = correction.changes.get("component")
    if component is None:
        return correction
    return replace(correction, changes={**correction.changes, "component": stored.former_keys.component(component)})


def _check(
    conn: Connection[Any],
    stored: StoredMachine,
    event_id: int,
    after: RecordedEvent,
    now: datetime,
    future_tolerance: timedelta,
) -> None:
    if after.component is not None and after.component not in stored.component_ids:
        hint = suggest(after.component, stored.component_ids)
        raise NotFoundError(
            f"machine {stored.machine.key!r} has no component {after.component!r}; {hint}", field="component"
        )
    doubt = doubt_time(after.occurred_at, stored.machine.timeline, now, future_tolerance)
    if doubt is not None:
        raise TimestampError(f"occurred_at {doubt}", field="occurred_at")
    other = work_events.find_equal(conn, stored, after, event_id)
    if other is not None:
        raise ConflictError(
            f"the work event {other} of machine {stored.machine.key!r} has the same component, kind and time; "
            f"void one of the two",
            field="occurred_at",
        )


def _changed_from(before: RecordedEvent, after: RecordedEvent) -> datetime | None:
    """Return from when on conclusions change; None where the event closes no life before and after."""
    if (before.is_in_force, before.kind, before.component, before.occurred_at) == (
        after.is_in_force, after.kind, after.component, after.occurred_at,
    ):  # fmt: skip
        return None
    times = [event.occurred_at for event in (before, after) if event.is_in_force and event.closes_life]
    return min(times, default=None)
