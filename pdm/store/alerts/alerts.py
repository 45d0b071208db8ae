"""Stored alerts: state, events with user and reason, and messages to subscribers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import Connection
from psycopg.rows import dict_row

from pdm.alerts.evaluation.changes import AlertChange
from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.lifecycle.alert import AlertEvent, AlertRecord
from pdm.alerts.lifecycle.alert_book import Ledger
from pdm.alerts.lifecycle.holds import Place
from pdm.alerts.lifecycle.wrong_ends import EndedAlert
from pdm.alerts.states import RETIRED, AlertState, Demands, Kind
from pdm.errors import NotFoundError
from pdm.machines.work_events import LifeEnd
from pdm.store.alerts import holds
from pdm.store.database.queries import query

# events that receivers of an alert get although it is suppressed: the suppression itself, and the end
ALWAYS_PUBLISHED = frozenset(
    {Kind.RETURNED, Kind.LATCHED, Kind.CLEARED, Kind.SHELVED, Kind.SUPPRESSED, Kind.REMOVED_FROM_SERVICE}
)
ENDED_LATELY = timedelta(days=1)  # how long the user who ended a hold is used for the event


def apply_changes(conn: Connection[Any], machine_id: int, changes: Sequence[AlertChange], reevaluated: bool) -> None:
    """Store changes of one machine's alerts, their events and the messages to subscribers."""
    apply_all(conn, {machine_id: changes}, reevaluated)


def apply_all(
    conn: Connection[Any],
    changes: Mapping[int, Sequence[AlertChange]],
    reevaluated: bool,
    now: datetime | None = None,
    life_ends: Mapping[int, Sequence[LifeEnd]] | None = None,
) -> None:
    """Store changes of the alerts of many machines, by machine id, in a constant number of statements.

    `now` is the wall clock; None is the present time. `life_ends` are the lives that a failure or replacement
    ended, in order: open alerts that wait for an operator end with it.
    """
    ends = life_ends or {}
    concerned = sorted({*changes, *ends})
    left = {each: changes.get(each, ()) for each in concerned if changes.get(each) or ends.get(each)}
    while left:
        ledger = open_ledger(conn, list(left), now or datetime.now(UTC))
        for machine_id, own_changes in sorted(left.items()):
            _take(ledger, machine_id, own_changes, list(ends.get(machine_id, ())), reevaluated)
        ledger.settle()
        # another transaction may have opened an alert of the same cause: repeat these machines with that alert
        left = {machine_id: left[machine_id] for machine_id in close_ledger(conn, ledger)}


def _take(
    ledger: Ledger, machine_id: int, changes: Sequence[AlertChange], ends: list[LifeEnd], reevaluated: bool
) -> None:
    for change in changes:
        while ends and ends[0].occurred_at <= change.occurred_at:
            ledger.end_life(machine_id, ends.pop(0), reevaluated)
        ledger.change(machine_id, change, reevaluated)
    for end in ends:
        ledger.end_life(machine_id, end, reevaluated)


def open_ledger(conn: Connection[Any], machine_ids: Sequence[int], now: datetime, extra: UUID | None = None) -> Ledger:
    """Lock the open alerts of some machines, and optionally an ended one, and return them as an alert book."""
    machine_ids = sorted(machine_ids)
    wanted = {"machine_ids": machine_ids, "alert_id": extra}
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("lock_open_alerts"), wanted).fetchall()
        if extra is not None and all(row["id"] != extra for row in rows):
            rows += cursor.execute(query("lock_alert"), wanted).fetchall()
        places = {
            row["id"]: Place(row["id"], row["line_id"], row["site_id"])
            for row in cursor.execute(query("fetch_places"), wanted).fetchall()
        }
    sites = sorted({place.site_id for place in places.values()})
    known = holds.fetch_live(conn, sites, machine_ids, now - ENDED_LATELY)
    return Ledger([_standing(row) for row in rows], places, known, now, uuid4)


def close_ledger(conn: Connection[Any], ledger: Ledger) -> list[int]:
    """Store an alert book and enqueue messages to subscribers; returns the machines to repeat."""
    if ledger.changed:
        conn.execute(query("update_alerts"), _columns(ledger.changed))
    lost: set[UUID] = set()
    if ledger.opened:
        stored = {row[0] for row in conn.execute(query("insert_alerts"), _columns(ledger.opened))}
        lost = {alert.id for alert in ledger.opened} - stored
    kept_events = [event for event in ledger.events if event.alert_id not in lost]
    ids = (
        [row[0] for row in conn.execute(query("insert_alert_events"), _event_columns(kept_events))]
        if kept_events
        else []
    )
    for wave in _waves(kept_events, ids):
        enqueue(conn, wave)
    for by in sorted(set(ledger.spent.values())):
        holds.end(conn, [hold for hold, who in ledger.spent.items() if who == by], by, ledger.now)
    return sorted({alert.machine_id for alert in ledger.opened if alert.id in lost})


def _waves(events: Sequence[AlertEvent], ids: Sequence[int]) -> Iterable[list[int]]:
    """Return the events to notify, events of one alert in separate rounds: each may depend on the previous one."""
    waves: list[list[int]] = []
    turns: dict[UUID, int] = {}
    for event, event_id in zip(events, ids, strict=True):
        if event.is_quiet or (event.withheld is not None and event.kind not in ALWAYS_PUBLISHED):
            continue
        turn = turns.get(event.alert_id, 0)
        turns[event.alert_id] = turn + 1
        if turn == len(waves):
            waves.append([])
        waves[turn].append(event_id)
    return waves


def enqueue(conn: Connection[Any], event_ids: Sequence[int]) -> None:
    """Write the outbox rows of events of different alerts."""
    conn.execute(query("enqueue_alert_event"), {"event_ids": list(event_ids)})


def fetch_open(conn: Connection[Any], machine_id: int) -> list[AlertRecord]:
    """Return a machine's alerts that are open, by cause."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("fetch_open_alerts"), {"machine_id": machine_id}).fetchall()
    return [_standing(row) for row in rows]


def fetch_ended_by_life(conn: Connection[Any], machine_id: int, since: datetime) -> list[EndedAlert]:
    """Return a machine's alerts that the end of a life ended from a time on, in the order of their opening."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("fetch_ended_by_life"), {"machine_id": machine_id, "since": since}).fetchall()
    return [EndedAlert(**{**row, "state": AlertState(row["state"])}) for row in rows]


def withdraw(conn: Connection[Any], machine_id: int, alert_ids: Sequence[UUID], at: datetime) -> None:
    """End alerts that only a work event or measurements had raised which were corrected."""
    ledger = open_ledger(conn, [machine_id], datetime.now(UTC))
    for alert_id in alert_ids:
        ledger.withdraw(alert_id, at)
    ledger.settle()
    close_ledger(conn, ledger)


def restate(conn: Connection[Any], machine_id: int, changes: Iterable[AlertChange]) -> None:
    """Give open alerts the figures and evidence of their conditions, concluded again from corrected data."""
    ledger = open_ledger(conn, [machine_id], datetime.now(UTC))
    for change in changes:
        ledger.restate(machine_id, change)
    close_ledger(conn, ledger)


def reopen(conn: Connection[Any], machine_id: int, alert_id: UUID, state: AlertState, at: datetime) -> None:
    """Open an ended alert again in the state that it had before the end that a correction removed."""
    ledger = open_ledger(conn, [machine_id], datetime.now(UTC), alert_id)
    ledger.reopen(alert_id, state, at)
    ledger.settle()
    close_ledger(conn, ledger)


def retire(
    conn: Connection[Any],
    machine_id: int,
    cause: str | None,
    now: datetime,
    *,
    actor: str,
    comment: str,
    reason: str = RETIRED,
) -> bool:
    """End the open alerts of a machine out of use, or of one of its causes; returns whether any was open."""
    ledger = open_ledger(conn, [machine_id], now)
    ledger.retire(machine_id, cause, actor, comment, reason)
    ledger.settle()
    close_ledger(conn, ledger)
    return bool(ledger.events)


def find_machine(conn: Connection[Any], alert_id: UUID, site_ids: Sequence[int] | None) -> int:
    """Return the machine of an alert at some sites, or at any site.

    Raises
    ------
    NotFoundError
        The alert does not exist at these sites.
    """
    wanted = {"alert_id": alert_id, "site_ids": None if site_ids is None else list(site_ids)}
    row = conn.execute(query("find_alert_machine"), wanted).fetchone()
    if row is None:
        raise NotFoundError(f"unknown alert {alert_id}", field="alert_id")
    return int(row[0])


def fetch_overdue(conn: Connection[Any], now: datetime, limit: int) -> dict[UUID, int]:
    """Return alerts that were not acknowledged in time, and their machines."""
    return dict(conn.execute(query("fetch_overdue"), {"now": now, "limit": limit}).fetchall())


def notify(conn: Connection[Any]) -> None:
    """Notify the listeners when this transaction commits; the payload is empty, they query the events."""
    conn.execute("NOTIFY pdm_alert")


def _standing(row: dict[str, Any]) -> AlertRecord:
    demands = Demands(row.pop("needs_acknowledgement"), row.pop("is_latching"))
    return AlertRecord(
        **{
            **row,
            "severity": Severity(row["severity"]),
            "state": AlertState(row["state"]),
            "category": Category(row["category"]),
            "points": tuple(row["points"]),
        },
        demands=demands,
    )


_PLAIN = (
    "id", "machine_id", "cause", "component", "opened_at", "message", "rule_version", "rule_key", "act_by",
    "cleared_at", "acknowledged_at", "acknowledged_by", "confirmed_at", "confirmed_by", "assignee", "overdue_at",
    "overdue_step", "inhibited_by", "withheld", "at_rest", "is_untold", "version",
)  # fmt: skip


def _columns(alerts: Sequence[AlertRecord]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [getattr(alert, name) for alert in alerts] for name in _PLAIN}
    columns |= {name: [getattr(alert, name).value for alert in alerts] for name in ("severity", "state", "category")}
    columns["parameters"] = [_json(alert.parameters) for alert in alerts]
    columns["evidence"] = [None if alert.evidence is None else _json(alert.evidence) for alert in alerts]
    columns["points"] = [orjson.dumps(alert.points).decode() for alert in alerts]
    columns["needs_acknowledgement"] = [alert.demands.needs_acknowledgement for alert in alerts]
    columns["is_latching"] = [alert.demands.is_latching for alert in alerts]
    return columns


def _event_columns(events: Sequence[AlertEvent]) -> dict[str, list[Any]]:
    names = ("alert_id", "machine_id", "occurred_at", "actor", "reevaluated", "reason", "withheld", "comment")
    columns: dict[str, list[Any]] = {name: [getattr(event, name) for event in events] for name in names}
    columns |= {name: [getattr(event, name).value for event in events] for name in ("kind", "severity", "state")}
    columns["detail"] = [_json(event.detail) for event in events]
    return columns


def _json(value: Mapping[str, Any]) -> str:
    # JSON has no NaN: orjson writes null
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
