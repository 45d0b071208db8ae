"""State of an alert after its condition has started, changed or cleared: its message, its demands and its deadlines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from pdm.alerts.evaluation.changes import AlertChange, ChangeKind
from pdm.alerts.lifecycle.alert import AlertRecord
from pdm.alerts.lifecycle.escalation import first_overdue
from pdm.alerts.states import AlertState, Demands, Kind, Transition


def raised(alert_id: UUID, machine_id: int, change: AlertChange, done: Transition, now: datetime) -> AlertRecord:
    """Return a new alert; `now` is the wall clock."""
    alert = AlertRecord(
        id=alert_id,
        machine_id=machine_id,
        cause=change.cause,
        component=change.component,
        severity=change.severity,
        state=done.state,
        opened_at=change.occurred_at,
        message=change.message,
        parameters=change.parameters,
        rule_version=change.rule_version,
        rule_key=change.rule_key,
        category=change.category,
        demands=demands_of(None, change),
        evidence=change.evidence,
        points=change.points,
        act_by=change.act_by,
        version=1,
    )
    return replace(alert, overdue_at=first_overdue(alert, now, change.escalate_after))


def renewed(known: AlertRecord, change: AlertChange, done: Transition, now: datetime) -> AlertRecord:
    """Return an open alert after a change of its condition; `now` is the wall clock."""
    alert = replace(known, state=done.state, rule_version=change.rule_version, version=known.version + 1)
    alert = replace(alert, demands=demands_of(known, change), component=known.component or change.component)
    if not done.state.is_active:
        overdue_at = known.overdue_at if done.state is AlertState.RETURNED else None
        at_rest = known.at_rest and not done.state.is_open
        return replace(alert, cleared_at=change.occurred_at, overdue_at=overdue_at, at_rest=at_rest)
    alert = replace(
        alert,
        severity=change.severity,
        message=change.message,
        parameters=change.parameters,
        evidence=change.evidence,
        points=change.points,
        rule_key=change.rule_key,
        act_by=change.act_by,
        cleared_at=None,
    )
    if done.kinds[0] is Kind.EASED:
        return alert
    alert = replace(alert, acknowledged_at=None, acknowledged_by=None, confirmed_at=None, confirmed_by=None)
    return replace(alert, overdue_at=first_overdue(alert, now, change.escalate_after), overdue_step=0)


def restated(known: AlertRecord, change: AlertChange) -> AlertRecord:
    """Return an alert with the figures and the evidence of its condition, concluded again from corrected data."""
    return replace(
        known,
        component=change.component,
        message=change.message,
        parameters=change.parameters,
        evidence=change.evidence,
        points=change.points,
        act_by=change.act_by,
        version=known.version + 1,
    )


def demands_of(known: AlertRecord | None, change: AlertChange) -> Demands:
    """Return what an alert demands of people: a demand remains until the alert ends."""
    was = known.demands if known else Demands()
    if change.kind is ChangeKind.CLEARED:
        return was
    return Demands(was.needs_acknowledgement or change.needs_acknowledgement, was.is_latching or change.is_latching)
