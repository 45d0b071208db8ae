"""Operator actions on an alert: acknowledge, confirm, comment, assign, reset, and suppress for a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.lifecycle.alert import AlertRecord
from pdm.alerts.lifecycle.holds import Ground, Hold, HoldKind
from pdm.alerts.states import Verb
from pdm.errors import ConflictError, InvalidInputError, PreconditionError
from pdm.service.platform.access import Caller
from pdm.store.alerts import alert_views, alerts, holds
from pdm.store.alerts.alert_views import Alert
from pdm.store.machines import access

Pool = ConnectionPool[Any]


@dataclass(frozen=True)
class RequestContext:
    """User, time and expected version of an action on an alert; version None accepts any version."""

    actor: str
    now: datetime
    version: int | None = None
    site_ids: Sequence[int] | None = None


def act(
    conn: Connection[Any],
    alert_id: UUID,
    verb: Verb,
    context: RequestContext,
    comment: str = "",
    assignee: str | None = None,
) -> tuple[AlertRecord, bool]:
    """Apply an action to an alert under its lock; of two actions on the same version only the first succeeds.

    Returns the alert, and False if the action changed nothing.

    Raises
    ------
    NotFoundError
        The alert does not exist at the sites of the caller.
    PreconditionError
        The version of the alert is not the one that the caller read.
    ConflictError
        The state of the alert does not allow the operation.
    """
    machine_id = alerts.find_machine(conn, alert_id, context.site_ids)
    ledger = alerts.open_ledger(conn, [machine_id], context.now, alert_id)
    _require_version(ledger.find(alert_id), context)
    is_new = ledger.act(alert_id, verb, context.actor, comment, assignee)
    if is_new:
        ledger.settle()
        alerts.close_ledger(conn, ledger)
        alerts.notify(conn)
    return ledger.find(alert_id), is_new


def act_on_alert(
    pool: Pool,
    caller: Caller,
    alert_id: UUID,
    verb: Verb,
    *,
    comment: str,
    seen_version: int | None,
    now: datetime,
    assignee: str | None = None,
) -> Alert:
    """Acknowledge, confirm, comment, assign or reset an alert, record user and reason, and return it.

    Raises
    ------
    NotFoundError
        The alert does not exist or is not visible to the caller.
    PreconditionError
        The version of the alert is not the one that the caller read.
    ConflictError
        The state of the alert does not allow the operation.
    """
    with pool.connection() as conn:
        _, is_new = act(
            conn, alert_id, verb, RequestContext(caller.name, now, seen_version, caller.site_ids), comment, assignee
        )
        if is_new:
            more = {"assignee": assignee} if verb is Verb.ASSIGN else {}
            access.insert_audit(conn, caller.name, f"alert.{verb.value}", str(alert_id), comment=comment, **more)
        return _alert_document(conn, alert_id)


@dataclass(frozen=True)
class HoldRequest:
    """Request to suppress an alert: end (None: until ended by a user, or until it has returned once) and reason."""

    kind: HoldKind
    reason: str
    until: datetime | None = None
    one_shot: bool = False
    ground: Ground | None = None

    def check(self, now: datetime) -> None:
        """Raise InvalidInputError unless the request is consistent.

        Raises
        ------
        InvalidInputError
            The end is before the start, or a shelving has no end.
        """
        if self.until is not None and self.until <= now:
            raise InvalidInputError("the end must be after the start", field="until")
        if self.kind is HoldKind.SHELVED and (self.until is None) == (not self.one_shot):
            raise InvalidInputError("give either 'until' or 'once', not both", field="until")


def hold_alert(
    pool: Pool, caller: Caller, alert_id: UUID, request: HoldRequest, *, seen_version: int | None, now: datetime
) -> Alert:
    """Shelve an alert, suppress it or take it out of service; it remains in every list.

    Raises
    ------
    NotFoundError
        The alert does not exist or is not visible to the caller.
    PreconditionError
        The version of the alert is not the one that the caller read.
    ConflictError
        The alert has ended, has the same hold already, or has returned although the hold lasts until it returns.
    InvalidInputError
        The required end of the hold is missing or in the past.
    """
    request.check(now)
    with pool.connection() as conn:
        context = RequestContext(caller.name, now, seen_version, caller.site_ids)
        ledger = alerts.open_ledger(conn, [alerts.find_machine(conn, alert_id, context.site_ids)], now, alert_id)
        alert = ledger.find(alert_id)
        _require_version(alert, context)
        if not alert.state.is_open:
            raise ConflictError(
                "the alert has ended; it cannot be shelved, suppressed or taken out of service", field="state"
            )
        if request.one_shot and not alert.state.is_active:
            raise ConflictError("the condition has already returned to normal; shelve with 'until'", field="once")
        place = ledger.place_of(alert_id)
        hold = Hold(
            id=uuid4(),
            kind=request.kind,
            site_id=place.site_id,
            line_id=place.line_id,
            machine_id=place.machine_id,
            cause=alert.cause,
            ground=request.ground,
            reason=request.reason,
            one_shot=request.one_shot,
            starts_at=now,
            ends_at=request.until,
            actor=caller.name,
            severity=alert.severity if request.kind is HoldKind.SHELVED else None,
        )
        holds.end_expired(conn, now)
        if not holds.insert(conn, hold):
            raise ConflictError(f"the alert is {request.kind.value} already", field="withheld")
        ledger.hold(hold)
        ledger.settle()
        alerts.close_ledger(conn, ledger)
        alerts.notify(conn)
        access.insert_audit(conn, caller.name, f"alert.{request.kind.value}", str(alert_id), reason=request.reason)
        return _alert_document(conn, alert_id)


def release_alert(
    pool: Pool, caller: Caller, alert_id: UUID, kind: HoldKind, *, seen_version: int | None, now: datetime
) -> Alert:
    """End the holds of a kind on this alert only; holds on its machine, line or site continue.

    Raises
    ------
    NotFoundError
        The alert does not exist or is not visible to the caller.
    PreconditionError
        The version of the alert is not the one that the caller read.
    ConflictError
        The alert has no such hold.
    """
    with pool.connection() as conn:
        context = RequestContext(caller.name, now, seen_version, caller.site_ids)
        ledger = alerts.open_ledger(conn, [alerts.find_machine(conn, alert_id, context.site_ids)], now, alert_id)
        _require_version(ledger.find(alert_id), context)
        open_holds = ledger.holds_of(alert_id, kind)
        if not open_holds:
            raise ConflictError(f"the alert itself is not {kind.value}", field="withheld")
        ledger.release((hold.id for hold in open_holds), caller.name)
        ledger.settle()
        alerts.close_ledger(conn, ledger)
        alerts.notify(conn)
        access.insert_audit(conn, caller.name, f"alert.no-longer-{kind.value}", str(alert_id))
        return _alert_document(conn, alert_id)


def _require_version(alert: AlertRecord, context: RequestContext) -> None:
    if context.version is not None and alert.version != context.version:
        raise PreconditionError(
            f"the alert is at version {alert.version}, not {context.version}; read the alert and retry"
        )


def _alert_document(conn: Connection[Any], alert_id: UUID) -> Alert:
    found = alert_views.find_alert(conn, alert_id)
    assert found is not None
    return found
