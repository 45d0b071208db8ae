"""Holds on a machine, a line or a site: maintenance windows and other reasons for suppressing alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.evaluation.renamed_causes import rename_cause
from pdm.alerts.lifecycle.holds import Ground, Hold, HoldKind
from pdm.errors import ConflictError, InvalidInputError, NotFoundError
from pdm.service.alerting import escalation
from pdm.service.platform.access import Caller
from pdm.store.alerts import alerts, holds
from pdm.store.alerts.holds import ListedHold
from pdm.store.machines import access
from pdm.store.machines.access import scoped
from pdm.store.machines.registration import fetch_machine

Pool = ConnectionPool[Any]


@dataclass(frozen=True)
class WindowRequest:
    """Request of a hold: scope (a machine, a line of a site, or a site), start, end and reason."""

    kind: HoldKind
    reason: str
    site: str | None = None
    line: str | None = None
    machine: str | None = None
    cause: str | None = None
    ground: Ground | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def check(self, now: datetime) -> None:
        """Raise InvalidInputError unless the request is consistent.

        Raises
        ------
        InvalidInputError
            The scope is ambiguous, the end is before the start, or a shelving has no end or cause.
        """
        if self.machine is None and self.site is None:
            raise InvalidInputError("give a machine, a line with its site, or a site", field="site")
        if self.machine is not None and (self.line is not None or self.site is not None):
            raise InvalidInputError("give the machine without line and site", field="machine")
        if self.cause is not None and self.machine is None:
            raise InvalidInputError("a cause requires a machine", field="cause")
        if self.kind is HoldKind.SHELVED and (self.cause is None or self.ends_at is None):
            raise InvalidInputError("shelving requires a machine, a cause and an end", field="cause")
        if (self.kind is HoldKind.SUPPRESSED) != (self.ground is not None):
            raise InvalidInputError(
                "a ground is required for suppression and not allowed for other kinds", field="ground"
            )
        if self.ends_at is not None and self.ends_at <= max(self.starts_at or now, now):
            raise InvalidInputError("the end must be after the start and not in the past", field="ends_at")


def open_window(pool: Pool, caller: Caller, request: WindowRequest, now: datetime) -> ListedHold:
    """Suppress present and future alerts of a machine, a line or a site; they remain in every list.

    Raises
    ------
    InvalidInputError
        The request is not consistent.
    NotFoundError
        The machine, line or site does not exist or is not visible to the caller.
    ConflictError
        The same hold on the cause exists.
    """
    request.check(now)
    with pool.connection() as conn:
        with scoped(conn, caller.site_ids):
            scope = holds.find_scope(conn, request.site, request.line, request.machine)
        is_found = (
            scope is not None and (request.line is None or scope.line_id) and (not request.machine or scope.machine_id)
        )
        if scope is None or not is_found:
            raise NotFoundError("unknown machine, line or site")
        hold = Hold(
            id=uuid4(),
            kind=request.kind,
            **vars(scope),
            cause=_present_cause(conn, request),
            ground=request.ground,
            reason=request.reason,
            one_shot=False,
            starts_at=request.starts_at or now,
            ends_at=request.ends_at,
            actor=caller.name,
        )
        holds.end_expired(conn, now)
        if not holds.insert(conn, hold):
            raise ConflictError(f"the cause is {request.kind.value} already", field="cause")
        access.insert_audit(
            conn, caller.name, "hold.open", str(hold.id), kind=request.kind.value, reason=request.reason,
            site=request.site, line=request.line, machine=request.machine, cause=request.cause,
        )  # fmt: skip
        if escalation.settle(conn, now):
            alerts.notify(conn)
        found = holds.find(conn, hold.id)
    assert found is not None
    return found


def _present_cause(conn: Connection[Any], request: WindowRequest) -> str | None:
    """Return the cause with the present key of its component or point."""
    if request.cause is None or request.machine is None:
        return request.cause
    return rename_cause(request.cause, fetch_machine(conn, request.machine).former_keys)


def list_windows(
    pool: Pool, caller: Caller, *, before: datetime, before_id: UUID, limit: int, is_live: bool
) -> list[ListedHold]:
    """Return the holds that the caller may see, newest first."""
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        return holds.page(conn, before=before, before_id=before_id, limit=limit, is_live=is_live)


def close_window(pool: Pool, caller: Caller, hold_id: UUID, now: datetime) -> None:
    """End a hold and notify at once of alerts that are still open.

    Raises
    ------
    NotFoundError
        The hold does not exist or is not visible to the caller.
    ConflictError
        The hold has already ended.
    """
    with pool.connection() as conn:
        if not holds.exists(conn, hold_id, caller.site_ids):
            raise NotFoundError(f"unknown entry {hold_id}")
        if not holds.end(conn, [hold_id], caller.name, now):
            raise ConflictError("it has already ended", field="ended_at")
        access.insert_audit(conn, caller.name, "hold.end", str(hold_id))
        if escalation.settle(conn, now):
            alerts.notify(conn)
