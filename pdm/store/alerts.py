"""Alerts as stored: their state, every event with who and why, and what goes out to subscribers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection

from pdm.alerts.alarm_states import LIFE_CLOSED, AlertState, Demands, Verb, step
from pdm.alerts.changes import AlertChange, ChangeKind, OpenAlert
from pdm.alerts.rules import Severity
from pdm.errors import ConflictError, NotFoundError
from pdm.store.queries import query


def apply_changes(conn: Connection[Any], machine_id: int, changes: Sequence[AlertChange], reevaluated: bool) -> None:
    """Write what happened to a machine's alerts, its events and what subscribers must be told.

    The stored alerts win over what the caller believed: opening a cause that is open changes its
    severity at most, and escalating one that is not open opens it, so that neither a second open alert
    nor a silent critical one can come of a lost state.
    """
    events = [_apply(conn, machine_id, change, reevaluated) for change in changes]
    enqueue(conn, [event for event in events if event is not None])


def enqueue(conn: Connection[Any], event_ids: Sequence[int]) -> None:
    """Write the outbox rows of alert events, one statement an event: the next may depend on it."""
    for event_id in event_ids:
        conn.execute(query("enqueue_alert_event"), {"event_ids": [event_id]})


def _apply(conn: Connection[Any], machine_id: int, change: AlertChange, reevaluated: bool) -> int | None:
    values = {
        "machine_id": machine_id,
        "cause": change.cause,
        "component": change.component,
        "severity": change.severity.value,
        "occurred_at": change.occurred_at,
        "message": change.message,
        "parameters": _json(change.parameters),
        "evidence": _json(change.evidence),
        "rule_version": change.rule_version,
        "reevaluated": reevaluated,
        "reason": change.reason,
        "rule_key": change.rule_key,
        "category": change.category,
        "needs_acknowledgement": change.needs_acknowledgement,
        "is_latching": change.is_latching,
        "act_by": change.act_by,
    }
    stored = conn.execute(query("lock_open_alert"), values).fetchone()
    if stored is None:
        done = step(AlertState.NORMAL, _VERBS[change.kind], Demands())
        return _event(conn, "open_alert", values) if done.kinds else None
    done = step(AlertState(stored[1]), _verb(change, Severity(stored[0])), Demands(stored[2], stored[3]))
    if not done.kinds:
        return None
    (kind,) = done.kinds
    return _event(
        conn, "change_alert", {**values, "kind": kind, "state": done.state, "is_gone": not done.state.is_active}
    )


_VERBS = {
    ChangeKind.OPENED: Verb.OPEN,
    ChangeKind.ESCALATED: Verb.ESCALATE,
    ChangeKind.EASED: Verb.EASE,
    ChangeKind.CLEARED: Verb.RETURN,
}


def _verb(change: AlertChange, severity: Severity) -> Verb:
    """Return what a change is to an alert that is open with a severity, whatever the caller believed."""
    if change.kind is ChangeKind.CLEARED:
        return Verb.END if change.reason == LIFE_CLOSED else Verb.RETURN
    rise = change.severity.rank - severity.rank
    return Verb.OPEN if rise == 0 else Verb.ESCALATE if rise > 0 else Verb.EASE


def _event(conn: Connection[Any], name: str, values: dict[str, Any]) -> int | None:
    row = conn.execute(query(name), values).fetchone()
    return None if row is None else int(row[0])


def _json(value: dict[str, Any]) -> str:
    # NaN has no place in JSON: orjson writes null
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()


def fetch_open(conn: Connection[Any], machine_id: int) -> list[OpenAlert]:
    """Return a machine's alerts that are open, by cause."""
    rows = conn.execute(query("fetch_open_alerts"), {"machine_id": machine_id})
    return [
        OpenAlert(cause, component, Severity(severity), AlertState(state), opened_at, str(alert_id), version)
        for cause, component, severity, state, opened_at, alert_id, version in rows
    ]


@dataclass(frozen=True)
class Acknowledgement:
    """An alert after somebody acknowledged it; `is_new` is False where somebody had before."""

    state: AlertState
    version: int
    acknowledged_by: str
    is_new: bool


def acknowledge(
    conn: Connection[Any],
    alert_id: UUID | str,
    actor: str,
    now: datetime,
    expected_version: int | None = None,
    *,
    site_ids: Sequence[int] | None = None,
) -> Acknowledgement:
    """Note that `actor` has seen an alert; a second time changes nothing.

    `site_ids` limits the alerts to those of some sites; None is every site.

    Raises
    ------
    NotFoundError
        No such alert at the caller's sites.
    ConflictError
        The alert has ended, or is no longer the version that the caller saw.
    """
    wanted = {"alert_id": str(alert_id), "site_ids": None if site_ids is None else list(site_ids)}
    row = conn.execute(query("lock_alert"), wanted).fetchone()
    if row is None:
        raise NotFoundError(f"there is no alert {alert_id}", field="alert_id")
    done = step(AlertState(row[0]), Verb.ACKNOWLEDGE, Demands(row[3], row[4]))
    version, acknowledged_by = int(row[1]), row[2]
    if not done.kinds:
        return Acknowledgement(done.state, version, acknowledged_by, is_new=False)
    if expected_version is not None and expected_version != version:
        raise ConflictError(
            f"the alert is at version {version}, not {expected_version}: it has changed since you saw it",
            field="version",
        )
    values = {
        "alert_id": str(alert_id),
        "now": now,
        "actor": actor,
        "state": done.state,
        "kinds": [kind.value for kind in done.kinds],
    }
    enqueue(conn, [row[0] for row in conn.execute(query("acknowledge_alert"), values).fetchall()])
    return Acknowledgement(done.state, version + 1, actor, is_new=True)


def notify(conn: Connection[Any]) -> None:
    """Wake the listeners when this transaction commits; the message is empty, they look for themselves."""
    conn.execute("NOTIFY pdm_alert")
