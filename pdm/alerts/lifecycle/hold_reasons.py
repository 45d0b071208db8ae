"""Reasons of the begin and the end of a suppression: reason, actor and detail."""

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

ANALYSIS = "analysis"  # the actor of decisions by rules
ESCALATED = "escalated"  # end of shelving: the severity exceeds that at shelving
ONE_SHOT = "one-shot"  # end of shelving: the alert has returned once
HOLD_ENDED = "hold-ended"

_BY_THEMSELVES = {ESCALATED: "escalated", ONE_SHOT: "returned"}  # automatic end of shelving -> the reason in the event


@dataclass(frozen=True)
class SuppressionReason:
    """Reason, actor and detail."""

    reason: str
    actor: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def why_withheld(name: str, hold: Hold | None, explained: tuple[str, str] | None) -> SuppressionReason:
    """Return why the suppression of an alert begins: by a hold, by an inhibiting alert, or at standstill."""
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
    """Return why the suppression of an alert has ended: which hold has ended, and who has ended it.

    Parameters
    ----------
    alert : AlertRecord
        The alert before the end of the suppression.
    place : Place
    holds : iterable of Hold
        Holds with the machine in their scope, including recently ended ones.
    spent : mapping of hold id to str
        Holds that end now: the actor, or the reason of an automatic end.
    now : datetime
        Time on the wall clock.
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
    """Return why suppression at standstill begins or ends by a change of the rules."""
    return SuppressionReason(change.reason, ANALYSIS, {"ground": Ground.MACHINE_OFF})
