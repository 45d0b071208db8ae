"""Work events of machines, and the reanalysis that they require."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.errors import ConflictError, NotFoundError
from pdm.machines.work_events import EventStatus, RecordedEvent, WorkEvent, WorkEventKind
from pdm.store.database.queries import query
from pdm.store.machines.registration import StoredMachine
from pdm.words.similar import suggest


def insert_work_event(conn: Connection[Any], stored: StoredMachine, event: WorkEvent, actor: str) -> tuple[int, bool]:
    """Store an event; returns its id and whether it is new.

    An event that closes a life queues the later acquisitions of the machine for reanalysis.

    Raises
    ------
    NotFoundError
        The component does not exist on the machine.
    ConflictError
        The event is stored with another finding, or it was voided.
    """
    if event.component is not None and event.component not in stored.component_ids:
        hint = suggest(event.component, stored.component_ids)
        raise NotFoundError(
            f"machine {stored.machine.key!r} has no component {event.component!r}; {hint}", field="component"
        )
    row = {
        "machine_id": stored.id,
        "component_id": stored.component_ids[event.component] if event.component is not None else None,
        "kind": event.kind.value,
        "occurred_at": event.occurred_at,
        "finding": event.finding,
        "note": event.note,
        "actor": actor,
    }
    equal = conn.execute(query("find_equal_work_event"), {**row, "event_id": 0}).fetchone()
    if equal is not None:
        return _check_same(conn, int(equal[0]), row), False
    inserted = conn.execute(query("insert_work_event"), row).fetchone()
    if inserted is None:
        return _find_same(conn, row), False
    if event.closes_life:
        conn.execute(query("reconsider_from"), row)
    return inserted[0], True


def lock_event(conn: Connection[Any], stored: StoredMachine, event_id: int) -> RecordedEvent | None:
    """Lock a work event of a machine until the transaction ends and return it as it counts; None if unknown."""
    row = conn.execute(query("lock_work_event"), {"event_id": event_id, "machine_id": stored.id}).fetchone()
    return None if row is None else RecordedEvent(EventStatus(row[0]), WorkEventKind(row[1]), row[2], row[3])


def find_equal(conn: Connection[Any], stored: StoredMachine, event: RecordedEvent, event_id: int) -> int | None:
    """Return another event in force of the same component, kind and time."""
    row = conn.execute(query("find_equal_work_event"), _row(stored, event) | {"event_id": event_id}).fetchone()
    return None if row is None else int(row[0])


def insert_correction(
    conn: Connection[Any], stored: StoredMachine, event_id: int, event: RecordedEvent, reason: str, actor: str
) -> None:
    """Append what an event is from now on."""
    row = _row(stored, event) | {"event_id": event_id, "status": event.status.value, "reason": reason, "actor": actor}
    conn.execute(query("insert_work_event_correction"), row)


def conclude_again(conn: Connection[Any], machine_id: int, occurred_at: datetime) -> None:
    """Queue the acquisitions of a machine from the last one before a time on for reanalysis."""
    conn.execute(query("conclude_again"), {"machine_id": machine_id, "occurred_at": occurred_at})


def take_corrected(conn: Connection[Any], machine_id: int) -> bool:
    """Return whether the reanalysis of a machine follows a correction, and take note that it is done."""
    return conn.execute(query("take_corrected"), {"machine_id": machine_id}).fetchone() is not None


def _row(stored: StoredMachine, event: RecordedEvent) -> dict[str, Any]:
    return {
        "machine_id": stored.id,
        "component_id": stored.component_ids[event.component] if event.component is not None else None,
        "kind": event.kind.value,
        "occurred_at": event.occurred_at,
    }


def _find_same(conn: Connection[Any], row: dict[str, Any]) -> int:
    """Return the event that was recorded like this; a voided one is not recorded again by a repetition.

    Raises
    ------
    ConflictError
        The event was voided, or it has another finding.
    """
    found = conn.execute(query("fetch_work_event_id"), row).fetchone()
    assert found is not None
    voided = conn.execute(query("find_voided"), {"event_id": found[0]}).fetchone()
    if voided is not None:
        raise ConflictError(
            f"this {row['kind']} at {row['occurred_at'].isoformat()} is the work event {found[0]}, which was voided by "
            f"{voided[0]}: {voided[1]}; if it did happen, PATCH it with status 'confirmed' and a reason",
            field="occurred_at",
        )
    return _check_same(conn, int(found[0]), row)


def _check_same(conn: Connection[Any], event_id: int, row: dict[str, Any]) -> int:
    found = conn.execute(query("fetch_finding"), {"event_id": event_id}).fetchone()
    assert found is not None
    if (found[0], found[1]) != (row["finding"], row["note"]):
        raise ConflictError(
            f"this {row['kind']} at {row['occurred_at'].isoformat()} is stored with the finding {found[0]!r} "
            f"and the note {found[1]!r}",
            field="finding",
        )
    return event_id
