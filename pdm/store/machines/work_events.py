"""Work events of machines, and the reanalysis that they require."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from pdm.errors import ConflictError, NotFoundError
from pdm.machines.work_events import WorkEvent
from pdm.store.database.queries import query
from pdm.store.machines.registration import StoredMachine


def insert_work_event(conn: Connection[Any], stored: StoredMachine, event: WorkEvent, actor: str) -> tuple[int, bool]:
    """Store an event; returns its id and whether it is new.

    An event that closes a life queues the later acquisitions of the machine for reanalysis.

    Raises
    ------
    NotFoundError
        The component does not exist on the machine.
    ConflictError
        The event is stored with another finding.
    """
    if event.component is not None and event.component not in stored.component_ids:
        known = ", ".join(stored.component_ids) or "none"
        raise NotFoundError(
            f"machine {stored.machine.key!r} has no component {event.component!r}; it has {known}", field="component"
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
    inserted = conn.execute(query("insert_work_event"), row).fetchone()
    if inserted is None:
        return _find_same(conn, row), False
    if event.closes_life:
        conn.execute(query("reconsider_from"), row)
    return inserted[0], True


def _find_same(conn: Connection[Any], row: dict[str, Any]) -> int:
    found = conn.execute(query("fetch_work_event_id"), row).fetchone()
    assert found is not None
    if (found[1], found[2]) != (row["finding"], row["note"]):
        raise ConflictError(
            f"this {row['kind']} at {row['occurred_at'].isoformat()} is stored with the finding {found[1]!r} "
            f"and the note {found[2]!r}",
            field="finding",
        )
    return int(found[0])
