"""Views of alerts: lists, and a single alert with its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from pdm.store.database.rows import fetch_all, fetch_first

HISTORY_SHOWN = 500  # events in the view of an alert; older ones are read by pages


@dataclass(frozen=True)
class AlertFilter:
    """Filter of alerts; None does not filter."""

    state: str | None = None
    severity: str | None = None
    machine: str | None = None
    is_open: bool | None = None
    is_withheld: bool | None = None
    assignee: str | None = None


@dataclass(frozen=True)
class HistoryFilter:
    """Filter of alert events; None does not filter."""

    machine: str | None = None
    alert_id: UUID | None = None
    kind: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class AlertSummary:
    """An alert in a list; `message` is a key, `parameters` are the values of its text."""

    id: UUID
    machine: str
    machine_name: str
    cause: str
    component: str | None
    component_name: str | None
    category: str
    severity: str
    state: str
    withheld: str | None
    at_rest: bool
    inhibited_by: str | None
    opened_at: datetime
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    confirmed_at: datetime | None
    confirmed_by: str | None
    assignee: str | None
    cleared_at: datetime | None
    act_by: datetime | None
    needs_acknowledgement: bool
    is_latching: bool
    message: str
    parameters: Mapping[str, Any]
    rule_version: str
    version: int


@dataclass(frozen=True)
class ListedAlertEvent:
    """One step of an alert's history; state and withheld are those after it."""

    id: int
    kind: str
    severity: str
    state: str | None
    withheld: str | None
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    reevaluated: bool
    reason: str
    comment: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class HistoryEvent(ListedAlertEvent):
    """One step of some alert's history."""

    alert_id: UUID
    machine: str
    machine_name: str
    cause: str


@dataclass(frozen=True)
class Alert(AlertSummary):
    """An alert with its evidence and its last `HISTORY_SHOWN` events."""

    evidence: Mapping[str, Any]
    history: Sequence[ListedAlertEvent] = ()


def page_history(conn: Connection[Any], *, before: int, limit: int, wanted: HistoryFilter) -> list[HistoryEvent]:
    """Return visible events of alerts before an id, newest first."""
    return fetch_all(conn, HistoryEvent, "page_alert_history", before=before, limit=limit, **asdict(wanted))


def page_alerts(
    conn: Connection[Any], *, before: datetime, before_id: UUID, limit: int, wanted: AlertFilter
) -> list[AlertSummary]:
    """Return visible alerts raised before a place, newest first."""
    place = {"before": before, "before_id": before_id, "limit": limit}
    return fetch_all(conn, AlertSummary, "page_alerts", **place, **asdict(wanted))


def find_alert(conn: Connection[Any], alert_id: UUID) -> Alert | None:
    """Return a visible alert with evidence and its last `HISTORY_SHOWN` events, or None."""
    found = fetch_first(conn, Alert, "find_alert", id=alert_id)
    if found is None:
        return None
    history = fetch_all(conn, ListedAlertEvent, "list_alert_events", alert_id=alert_id, limit=HISTORY_SHOWN)
    return replace(found, history=history)
