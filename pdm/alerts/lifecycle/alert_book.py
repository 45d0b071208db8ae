"""Effect of changes, operator actions and holds on the open alerts of some machines: no database, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pdm.alerts.evaluation.causes import cause_of_component
from pdm.alerts.evaluation.changes import AlertChange, ChangeKind
from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.lifecycle.alert import AlertEvent, AlertRecord
from pdm.alerts.lifecycle.escalation import advance, first_overdue, resume
from pdm.alerts.lifecycle.hold_reasons import ANALYSIS, ESCALATED, ONE_SHOT, why_moved, why_unsuppressed, why_withheld
from pdm.alerts.lifecycle.holds import Hold, HoldKind, Place, moved, strongest
from pdm.alerts.lifecycle.inhibition import inhibit
from pdm.alerts.lifecycle.transitions import demands_of, raised, renewed, restated
from pdm.alerts.states import CORRECTION, LIFE_CLOSED, RETIRED, WITHDRAWN, AlertState, Kind, Verb, step
from pdm.machines.work_events import LifeEnd


class Ledger:
    """The open alerts of some machines, changed step by step; `events` records every step in order.

    Parameters
    ----------
    open_alerts : iterable of AlertRecord
        All open alerts of the machines concerned, because one may inhibit another.
    places : mapping of machine id to Place
    holds : iterable of Hold
        Holds with these machines in their scope: current ones, and recently ended ones with the actor who ended them.
    now : datetime
        Time on the wall clock.
    new_id : callable
        Returns the id of a new alert.

    Notes
    -----
    The stored alert takes precedence over the state that the caller of `change` assumed: opening a cause that is open
    changes at most its severity, and escalating a cause that is not open opens it. A lost state thus causes neither a
    second open alert nor a missing critical alert.
    """

    def __init__(
        self,
        open_alerts: Iterable[AlertRecord],
        places: Mapping[int, Place],
        holds: Iterable[Hold],
        now: datetime,
        new_id: Callable[[], UUID],
    ) -> None:
        known_holds = list(holds)
        self.now = now
        self.spent: dict[UUID, str] = {}
        self.events: list[AlertEvent] = []
        self._before = {alert.id: alert for alert in open_alerts}
        self._alerts = dict(self._before)
        self._open = {alert.key: alert.id for alert in self._before.values() if alert.state.is_open}
        self._places = places
        self._ended_holds = [hold for hold in known_holds if hold.ended_at is not None]
        self._holds = [hold for hold in known_holds if hold.ended_at is None]
        self._rested: dict[UUID, tuple[AlertChange, bool]] = {}
        self._new_id = new_id

    @property
    def opened(self) -> list[AlertRecord]:
        """The new alerts."""
        return [alert for alert in self._alerts.values() if alert.id not in self._before]

    @property
    def changed(self) -> list[AlertRecord]:
        """The alerts that were open before and have changed."""
        return [alert for alert in self._alerts.values() if self._before.get(alert.id, alert) != alert]

    def find(self, alert_id: UUID) -> AlertRecord:
        """Return the present state of an alert."""
        return self._alerts[alert_id]

    def change(self, machine_id: int, change: AlertChange, reevaluated: bool = False) -> None:
        """Apply a change by the rules to a cause of a machine."""
        alert_id = self._open.get((machine_id, change.cause))
        known = self._alerts[alert_id] if alert_id is not None else None
        if change.kind in (ChangeKind.SUPPRESSED, ChangeKind.UNSUPPRESSED):
            self._rest(known, change, reevaluated)
            return
        state, verb = (known.state, self._verb(change, known)) if known else (AlertState.NORMAL, _FRESH[change.kind])
        done = step(state, verb, demands_of(known, change))
        if not done.kinds:
            return
        alert = (
            renewed(known, change, done, self.now)
            if known
            else raised(self._new_id(), machine_id, change, done, self.now)
        )
        if known is not None and known.at_rest and not alert.at_rest:
            self._rested[alert.id] = change, reevaluated
        self._put(alert)
        is_new_critical = done.kinds[0] is Kind.OPENED and alert.severity is Severity.CRITICAL
        if is_new_critical or done.kinds[0] is Kind.ESCALATED:
            self._spend_shelving(alert)
        for kind in done.kinds:
            self._tell(alert, kind, change.occurred_at, ANALYSIS, change.reason, reevaluated=reevaluated)

    def act(self, alert_id: UUID, verb: Verb, actor: str, comment: str = "", assignee: str | None = None) -> bool:
        """Apply an operator action to an alert; returns whether anything changed.

        Raises
        ------
        ConflictError
            The state of the alert does not allow the action.
        """
        known = self._alerts[alert_id]
        done = step(known.state, verb, known.demands)
        if not done.kinds:
            # the alert is already in this state; the comment is stored
            return bool(comment) and self.act(alert_id, Verb.COMMENT, actor, comment)
        alert = replace(known, state=done.state, version=known.version + 1)
        detail: dict[str, Any] = {}
        if verb is Verb.ACKNOWLEDGE:
            alert = replace(alert, acknowledged_at=self.now, acknowledged_by=actor, overdue_at=None, overdue_step=0)
        elif verb is Verb.CONFIRM:
            alert = replace(alert, confirmed_at=self.now, confirmed_by=actor)
        elif verb is Verb.ASSIGN:
            alert = replace(alert, assignee=assignee)
            detail = {"assignee": assignee, "was": known.assignee}
        self._put(alert)
        for kind in done.kinds:
            self._tell(alert, kind, self.now, actor, verb.value, comment=comment, detail=detail)
        return True

    def end_life(self, machine_id: int, end: LifeEnd, reevaluated: bool = False) -> None:
        """End the alerts of category `machine` that the end of a life concerns; others remain."""
        ended_at = end.occurred_at
        open_ids = [alert_id for key, alert_id in sorted(self._open.items()) if key[0] == machine_id]
        for known in (self._alerts[alert_id] for alert_id in open_ids):
            is_of_it = end.concerns(known.component) or known.cause == cause_of_component(str(end.component))
            if known.category is Category.MACHINE and is_of_it and known.opened_at < ended_at:
                done = step(known.state, Verb.END, known.demands)
                cleared_at = ended_at if known.state.is_active else known.cleared_at
                alert = replace(known, state=done.state, cleared_at=cleared_at, overdue_at=None)
                self._put(replace(alert, version=known.version + 1))
                for kind in done.kinds:
                    self._tell(alert, kind, ended_at, ANALYSIS, LIFE_CLOSED, reevaluated=reevaluated)

    def withdraw(self, alert_id: UUID, at: datetime) -> None:
        """End an alert that only a work event had raised which was corrected or voided."""
        known = self._alerts[alert_id]
        cleared_at = at if known.state.is_active else known.cleared_at
        alert = replace(known, state=AlertState.NORMAL, cleared_at=cleared_at, overdue_at=None)
        self._put(replace(alert, version=known.version + 1))
        self._tell(alert, Kind.CLEARED, at, ANALYSIS, WITHDRAWN, reevaluated=True)

    def restate(self, machine_id: int, change: AlertChange) -> None:
        """Give an alert the figures and evidence of its condition, concluded again; nothing is notified."""
        alert_id = self._open.get((machine_id, change.cause))
        known = None if alert_id is None else self._alerts[alert_id]
        if known is not None and known.state.is_active and known.severity is change.severity:
            self._put(restated(known, change))

    def reopen(self, alert_id: UUID, state: AlertState, at: datetime) -> None:
        """Give an ended alert the state back that it had before an end that a correction removed."""
        known = self._alerts[alert_id]
        other = self._open.get(known.key)
        if other is not None:  # opened since, for what this alert was about
            self.withdraw(other, at)
        alert = replace(known, state=state, version=known.version + 1)
        alert = replace(alert, cleared_at=None if state.is_active else known.cleared_at)
        alert = replace(alert, overdue_at=first_overdue(alert, self.now, None))
        self._put(alert)
        self._tell(alert, Kind.OPENED, at, ANALYSIS, CORRECTION, reevaluated=True)

    def retire(self, machine_id: int, cause: str | None, actor: str, comment: str, reason: str = RETIRED) -> None:
        """End the open alerts of a machine that is out of use, or of one of its causes, regardless of demands."""
        for key, alert_id in sorted(self._open.items()):
            if key[0] == machine_id and cause in (None, key[1]):
                known = self._alerts[alert_id]
                cleared_at = self.now if known.state.is_active else known.cleared_at
                alert = replace(known, state=AlertState.NORMAL, cleared_at=cleared_at, overdue_at=None)
                self._put(replace(alert, version=known.version + 1))
                self._tell(alert, Kind.CLEARED, self.now, actor, reason, comment=comment)

    def hold(self, hold: Hold) -> None:
        """Add a new hold; `settle` determines the alerts that it suppresses."""
        self._holds.append(hold)

    def release(self, hold_ids: Iterable[UUID], actor: str) -> None:
        """End holds; `settle` determines the alerts that are no longer suppressed."""
        self.spent.update(dict.fromkeys(hold_ids, actor))

    def holds_of(self, alert_id: UUID, kind: HoldKind) -> list[Hold]:
        """Return the holds of a kind on exactly this machine and cause."""
        key = self._alerts[alert_id].key
        return [hold for hold in self._holds if hold.kind is kind and (hold.machine_id, hold.cause) == key]

    def place_of(self, alert_id: UUID) -> Place:
        """Return the place of an alert's machine."""
        return self._places[self._alerts[alert_id].machine_id]

    def remind(self, alert_id: UUID) -> bool:
        """Record that an alert is overdue, if it still is; returns whether there is an event."""
        known = self._alerts.get(alert_id)
        if known is None:
            return False
        alert, event = advance(known, self.now)
        self._put(alert)
        if event is not None:
            self.events.append(event)
        return event is not None

    def settle(self) -> None:
        """Determine after all steps which alerts are suppressed, and record each difference as an event."""
        by_machine: dict[int, list[AlertRecord]] = {}
        for alert_id in self._open.values():
            alert = self._alerts[alert_id]
            by_machine.setdefault(alert.machine_id, []).append(alert)
        for machine_id, alerts in by_machine.items():
            explained = inhibit(alerts)
            for alert in alerts:
                if not alert.state.is_active:
                    self._spend_one_shots(alert)
                self._withhold(alert, self._places[machine_id], explained.get(alert.cause))
        for alert in self.opened:
            if not alert.state.is_open:  # it opened and ended in this call
                self._alerts[alert.id] = replace(alert, withheld=self._strongest(alert, None)[0])
        for event in self.events:
            if event.kind in (Kind.OPENED, Kind.ESCALATED):
                alert = self._alerts[event.alert_id]
                self._alerts[alert.id] = replace(alert, is_untold=alert.withheld is not None)
        final = {alert.id: alert.withheld for alert in self._alerts.values()}
        self.events = [replace(event, withheld=final[event.alert_id]) for event in self.events]

    def _strongest(self, alert: AlertRecord, explained: tuple[str, str] | None) -> tuple[str | None, Hold | None]:
        place = self._places[alert.machine_id]
        live = [hold for hold in self._holds if hold.id not in self.spent and hold.covers(place, alert.cause, self.now)]
        return strongest(live, explained is not None, alert.at_rest)

    def _withhold(self, alert: AlertRecord, place: Place, explained: tuple[str, str] | None) -> None:
        name, hold = self._strongest(alert, explained)
        after = replace(alert, withheld=name, inhibited_by=explained[0] if explained else None)
        if after == alert:
            return
        if alert.id in self._before:
            after = replace(after, version=alert.version + 1)
        kind = moved(alert.withheld, name)
        if kind is None:
            self._put(after)
            return
        self._put(replace(resume(after, self.now), is_untold=False) if name is None else after)
        rested = self._rested.get(alert.id)
        if name is None:
            holds = [*self._holds, *self._ended_holds]
            why = why_moved(rested[0]) if rested else why_unsuppressed(alert, place, holds, self.spent, self.now)
        else:
            why = why_withheld(name, hold, explained)
        # no notification at each start of the machine, unless the alert is unacknowledged or a notification is owed
        is_news = name is None and (alert.state is AlertState.UNACKNOWLEDGED or alert.is_untold)
        at, reevaluated = (rested[0].occurred_at, rested[1]) if rested else (self.now, False)
        self._tell(
            after, kind, at, why.actor, why.reason,
            detail=why.detail, reevaluated=reevaluated, is_quiet=rested is not None and not is_news,
        )  # fmt: skip

    def _rest(self, known: AlertRecord | None, change: AlertChange, reevaluated: bool) -> None:
        """Set or reset the suppression at standstill of an alert."""
        at_rest = change.kind is ChangeKind.SUPPRESSED
        if known is not None and known.state.is_active and known.at_rest is not at_rest:
            self._put(replace(known, at_rest=at_rest, version=known.version + (known.id in self._before)))
            self._rested[known.id] = change, reevaluated

    def _verb(self, change: AlertChange, known: AlertRecord) -> Verb:
        """Return the verb of a change for an open alert, by its stored state."""
        if change.kind is ChangeKind.CLEARED:
            is_untold = known.is_untold or known.id not in self._before
            # an alert suppressed at standstill and never notified requires no response
            return Verb.END if change.reason == LIFE_CLOSED or (known.at_rest and is_untold) else Verb.RETURN
        if not known.state.is_active:
            return _FRESH[change.kind]
        rise = change.severity.rank - known.severity.rank
        return Verb.OPEN if rise == 0 else Verb.ESCALATE if rise > 0 else Verb.EASE

    def _spend_shelving(self, alert: AlertRecord) -> None:
        """End the shelving of an alert whose severity exceeds the severity at shelving."""
        for hold in self._holds:
            is_of_it = hold.kind is HoldKind.SHELVED and (hold.machine_id, hold.cause) == alert.key
            if is_of_it and (hold.severity is None or alert.severity.rank > hold.severity.rank):
                self.spent.setdefault(hold.id, ESCALATED)

    def _spend_one_shots(self, alert: AlertRecord) -> None:
        for hold in self._holds:
            if hold.one_shot and (hold.machine_id, hold.cause) == alert.key:
                self.spent.setdefault(hold.id, ONE_SHOT)

    def _put(self, alert: AlertRecord) -> None:
        if not alert.state.is_open:
            self._spend_one_shots(alert)
            self._open.pop(alert.key, None)
        else:
            self._open[alert.key] = alert.id
        self._alerts[alert.id] = alert

    def _tell(self, alert: AlertRecord, kind: Kind, at: datetime, actor: str, reason: str, **more: Any) -> None:
        event = AlertEvent(alert.id, alert.machine_id, kind, alert.severity, at, actor, reason, alert.state, **more)
        self.events.append(event)


_FRESH = {
    ChangeKind.OPENED: Verb.OPEN,
    ChangeKind.ESCALATED: Verb.ESCALATE,
    ChangeKind.EASED: Verb.EASE,
    ChangeKind.CLEARED: Verb.RETURN,
}
