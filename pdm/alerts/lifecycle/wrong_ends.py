"""Alerts that a failure or replacement ended or raised which was later corrected or voided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pdm.alerts.evaluation.causes import GAP_CAUSE, cause_of_component
from pdm.alerts.evaluation.rule_state import Cases
from pdm.alerts.lifecycle.alert import AlertRecord
from pdm.alerts.states import AlertState
from pdm.machines.work_events import LifeEnd


@dataclass(frozen=True)
class Replayed:
    """What a replay from `since` on has concluded: the cases that opened in it, and those that are open after it."""

    since: datetime
    openings: frozenset[tuple[str, datetime]]
    cases: Cases

    def has_opened(self, cause: str, opened_at: datetime) -> bool:
        """Whether a case was opened at this time: before the replay, or in it."""
        return opened_at < self.since or (cause, opened_at) in self.openings


@dataclass(frozen=True)
class EndedAlert:
    """An alert that the end of a life ended, and its `state` before."""

    id: UUID
    cause: str
    component: str | None
    opened_at: datetime
    ended_at: datetime
    state: AlertState
    is_demanding: bool


def find_wrongly_ended(
    ended: Iterable[EndedAlert], ends: Sequence[LifeEnd], replayed: Replayed
) -> list[tuple[UUID, AlertState]]:
    """Return the alerts to open again with their state before, one a cause.

    Parameters
    ----------
    ended : iterable of EndedAlert
        In the order of their opening.
    ends : sequence of LifeEnd
        The ends of lives that count.
    replayed : Replayed
        With these ends.

    Notes
    -----
    An alert whose condition has cleared since, and which required no response, stays ended.
    """
    found: dict[str, tuple[UUID, AlertState]] = {}
    for alert in ended:
        is_right = any(end.occurred_at > alert.opened_at and _concerns(end, alert) for end in ends)
        if is_right or not replayed.has_opened(alert.cause, alert.opened_at):
            continue
        case = replayed.cases.open.get(alert.cause)
        is_same = case is not None and case.opened_at == alert.opened_at
        if is_same or not alert.state.is_active or alert.is_demanding:
            found.setdefault(alert.cause, (alert.id, alert.state))
    return list(found.values())


def find_wrongly_raised(open_alerts: Iterable[AlertRecord], replayed: Replayed) -> list[UUID]:
    """Return the open alerts that would not have been raised without the event as it was."""
    return [
        alert.id
        for alert in open_alerts
        if alert.cause != GAP_CAUSE and not replayed.has_opened(alert.cause, alert.opened_at)
    ]


def _concerns(end: LifeEnd, alert: EndedAlert) -> bool:
    return end.concerns(alert.component) or alert.cause == cause_of_component(str(end.component))
