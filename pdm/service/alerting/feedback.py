"""Feedback on a case (true, false or useful) and links to the work done for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import InvalidInputError, NotFoundError
from pdm.service.platform.access import Caller
from pdm.store.acquisitions.receipt_views import RecordedWork
from pdm.store.alerts import cases
from pdm.store.alerts.cases import Feedback, StoredCase
from pdm.store.machines import access, machine_views
from pdm.store.machines.access import scoped
from pdm.store.machines.registration import fetch_machine
from pdm.words.similar import suggest

Pool = ConnectionPool[Any]


def give_feedback(
    pool: Pool,
    caller: Caller,
    alert_id: UUID,
    *,
    verdict: str,
    finding: str,
    fault: str | None,
    component: str | None,
    now: datetime,
) -> Feedback:
    """Store the feedback of the caller on a case; earlier feedback is kept, the newest is used.

    Raises
    ------
    NotFoundError
        The alert does not exist or is not visible to the caller.
    InvalidInputError
        The component does not exist on the machine.
    """
    with pool.connection() as conn:
        case = _visible(conn, caller, alert_id)
        known = [each.component for each in machine_views.list_components(conn, case.machine_id)]
        if component is not None and component not in known:
            component = fetch_machine(conn, case.machine).former_keys.component(component)
        if component is not None and component not in known:
            raise InvalidInputError(
                f"machine {case.machine!r} has no component {component!r}; {suggest(component, known)}",
                field="component",
            )
        given = cases.insert_feedback(
            conn,
            case,
            verdict=verdict,
            finding=finding,
            fault=fault,
            component=component,
            actor=caller.name,
            now=now,
        )
        access.insert_audit(conn, caller.name, "alert.feedback", str(alert_id), verdict=verdict, id=given.id)
    return given


def list_feedback(pool: Pool, caller: Caller, alert_id: UUID) -> list[Feedback]:
    """Return the feedback on a case, newest first.

    Raises
    ------
    NotFoundError
        The alert does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        _visible(conn, caller, alert_id)
        return cases.list_feedback(conn, alert_id)


def link_work_event(pool: Pool, caller: Caller, alert_id: UUID, work_event_id: int) -> list[RecordedWork]:
    """Link a work event to a case and return all linked work; a repeated call changes nothing.

    Raises
    ------
    NotFoundError
        The alert or a work event of its machine does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        case = _visible(conn, caller, alert_id)
        is_new = cases.link_work_event(conn, alert_id, work_event_id, case.machine_id, caller.name)
        if is_new is None:
            raise NotFoundError(f"machine {case.machine!r} has no work event {work_event_id}", field="work_event")
        if is_new:
            access.insert_audit(conn, caller.name, "alert.link-work", str(alert_id), work_event=work_event_id)
        return cases.list_linked_work(conn, alert_id)


def _visible(conn: Connection[Any], caller: Caller, alert_id: UUID) -> StoredCase:
    with scoped(conn, caller.site_ids):
        found = cases.find_case(conn, alert_id)
    if found is None:
        raise NotFoundError(f"unknown alert {alert_id}")
    return found
