"""Escalation of unacknowledged alerts: repeated notification by severity and time on the wall clock.

An alert becomes overdue if it requires acknowledgement or has an act-by time; one table gives the times. Escalation
does not raise the severity, which describes the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pdm.alerts.kinds.behaviour import Severity
from pdm.alerts.lifecycle.alert import AlertEvent, AlertRecord
from pdm.alerts.states import AlertState, Kind

CLOCK = "clock"  # the actor of events triggered by time


@dataclass(frozen=True)
class EscalationPolicy:
    """Time until an unacknowledged alert is overdue, interval of repeated notifications, and their maximum number."""

    first: timedelta
    again: timedelta
    times: int


# Chosen by hand: no standard gives these times. `escalate_after` of a rule replaces the first.
ESCALATION_POLICIES: Mapping[Severity, EscalationPolicy] = {
    Severity.CRITICAL: EscalationPolicy(timedelta(minutes=15), timedelta(hours=1), 24),
    Severity.WARNING: EscalationPolicy(timedelta(hours=8), timedelta(days=1), 7),
    Severity.ADVISORY: EscalationPolicy(timedelta(days=3), timedelta(days=7), 1),
}
_UNSEEN = (AlertState.UNACKNOWLEDGED, AlertState.RETURNED)


def first_overdue(alert: AlertRecord, now: datetime, escalate_after: float | None) -> datetime | None:
    """Return when an alert, unacknowledged from `now` on, becomes overdue; `escalate_after` [s] is that of its rule."""
    if alert.state not in _UNSEEN:
        return None
    due = None
    if escalate_after is not None:
        due = now + timedelta(seconds=escalate_after)
    elif alert.demands.needs_acknowledgement:
        due = now + ESCALATION_POLICIES[alert.severity].first
    if alert.act_by is not None:
        act_by = max(alert.act_by, now + ESCALATION_POLICIES[alert.severity].first)
        due = act_by if due is None else min(due, act_by)
    return due


def advance(alert: AlertRecord, now: datetime) -> tuple[AlertRecord, AlertEvent | None]:
    """Return an overdue alert with the time of its next reminder, and the event; no event once it is acknowledged.

    A suppressed alert gives no event and uses no reminder: see `resume`.
    """
    if alert.overdue_at is None or alert.overdue_at > now or alert.withheld is not None:
        return alert, None
    if alert.state not in _UNSEEN:
        return replace(alert, overdue_at=None), None
    patience = ESCALATION_POLICIES[alert.severity]
    step = alert.overdue_step + 1
    following = now + patience.again if step < patience.times else None
    event = AlertEvent(
        alert_id=alert.id,
        machine_id=alert.machine_id,
        kind=Kind.OVERDUE if step == 1 else Kind.REMINDED,
        severity=alert.severity,
        occurred_at=now,
        actor=CLOCK,
        reason="act-by-reached" if alert.act_by is not None and alert.act_by <= now else "not-acknowledged",
        state=alert.state,
        withheld=alert.withheld,
        detail={"step": step, "of": patience.times},
    )
    return replace(alert, overdue_at=following, overdue_step=step, version=alert.version + 1), event


def resume(alert: AlertRecord, now: datetime) -> AlertRecord:
    """Restart the time until overdue if it expired while notifications of the alert were suppressed."""
    if alert.overdue_at is None or alert.overdue_at > now:
        return alert
    return replace(alert, overdue_at=now + ESCALATION_POLICIES[alert.severity].first)
