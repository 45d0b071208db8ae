"""Why an alert is withheld from now on, or told again: reason, by whom, and with which figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pdm.alerts.evaluation.changes import AlertChange
from pdm.alerts.lifecycle.alert import AlertRecord
from pdm.alerts.lifecycle.escalation import CLOCK
from pdm.alerts.lifecycle.holds import INHIBITED, Ground, Hold, Place

ANALYSIS = "analysis"  # the actor of what the rules decide
ESCALATED = "escalated"  # why a shelf is over: the alert has become worse than it was shelved for
ONE_SHOT = "one-shot"  # why a shelf is over: the alert has returned once
HOLD_ENDED = "hold-ended"

_BY_THEMSELVES = {ESCALATED: "escalated", ONE_SHOT: "returned"}  # how a shelf ends by itself -> the reason told


@dataclass(frozen=True)
class SuppressionReason:
    """Why, by whom, and what there is to know of it."""

    reason: str
    actor: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def why_withheld(name: str, hold: Hold | None, explained: tuple[str, str] | None) -> SuppressionReason:
    """Return why an alert is withheld from now on: by a hold, by an alert that explains it, or by a stop."""
    if hold is not None:
        ends_at = hold.ends_at.isoformat() if hold.ends_at else None
        detail = {"hold": str(hold.id), "ends_at": ends_at, "one_shot": hold.one_shot, "ground": hold.ground}
        return SuppressionReason(hold.reason, hold.actor, detail)
    if name == INHIBITED and explained is not None:
        return SuppressionReason(explained[1], ANALYSIS, {"inhibited_by": explained[0]})
    return SuppressionReason(Ground.MACHINE_OFF.value, ANALYSIS, {"ground": Ground.MACHINE_OFF})


def why_unsuppressed(
    alert: AlertRecord, place: Place, holds: Iterable[Hold], spent: Mapping[UUID, str], now: datetime
) -> SuppressionReason:
    """Return why an alert is told again that was withheld: which hold has ended, and who has ended it.

    Parameters
    ----------
    alert : AlertRecord
        As it was withheld.
    place : Place
    holds : iterable of Hold
        Those that reach the machine, among them what has ended lately.
    spent : mapping of hold id to str
        Holds that end now: by whom, or why by themselves.
    now : datetime
        On the wall clock.
    """
    if alert.withheld == INHIBITED:
        return SuppressionReason(HOLD_ENDED, ANALYSIS, {"inhibited_by": alert.inhibited_by})
    over = [
        (spent_by is not None, hold.ended_at or hold.ends_at or now, str(hold.id), hold)
        for hold in holds
        if hold.kind.value == alert.withheld
        and hold.reaches(place, alert.cause)
        and ((spent_by := spent.get(hold.id)) is not None or not hold.covers(place, alert.cause, now))
        and hold.starts_at <= now
    ]
    if not over:
        return SuppressionReason(HOLD_ENDED, CLOCK)
    hold = max(over, key=lambda each: each[:3])[3]
    by = spent.get(hold.id) or hold.ended_by or CLOCK
    if by in _BY_THEMSELVES:
        return SuppressionReason(_BY_THEMSELVES[by], ANALYSIS, {"hold": str(hold.id)})
    return SuppressionReason(HOLD_ENDED, by, {"hold": str(hold.id)})


def why_moved(change: AlertChange) -> SuppressionReason:
    """Return why an alert is withheld or told by a change: its machine stands still, or runs again."""
    return SuppressionReason(change.reason, ANALYSIS, {"ground": Ground.MACHINE_OFF})
