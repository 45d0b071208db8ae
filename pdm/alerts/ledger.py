"""What changes, people and holds make of the open alerts of some machines: no database, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pdm.alerts.alarm_states import LIFE_CLOSED, AlertState, Demands, Kind, Step, Verb, step
from pdm.alerts.changes import AlertChange, ChangeKind
from pdm.alerts.conduct import Severity
from pdm.alerts.holds import INHIBITED, Hold, HoldKind, Place, moved, strongest
from pdm.alerts.inhibition import inhibit
from pdm.alerts.overdue import CLOCK, advance, first_overdue
from pdm.alerts.standing import Happening, Standing

ANALYSIS = "analysis"  # the actor of what the rules decide
ENDED = "ended"  # why a hold is over that somebody ended


class Ledger:
    """The open alerts of some machines, changed step by step; `happenings` tells every step in order.

    Parameters
    ----------
    open_alerts : iterable of Standing
        All open alerts of the machines concerned, for one may explain another.
    places : mapping of machine id to Place
    holds : iterable of Hold
        Live holds that reach those machines.
    now : datetime
        On the wall clock.
    new_id : callable
        Gives the id of a new alert.

    Notes
    -----
    What is stored wins over what a caller of `change` believed: opening a cause that is open changes its
    severity at most, and escalating one that is not open opens it, so that neither a second open alert nor
    a silent critical one can come of a lost state.
    """

    def __init__(
        self,
        open_alerts: Iterable[Standing],
        places: Mapping[int, Place],
        holds: Iterable[Hold],
        now: datetime,
        new_id: Callable[[], UUID],
    ) -> None:
        self.now = now
        self.spent: dict[UUID, str] = {}
        self.happenings: list[Happening] = []
        self._before = {alert.id: alert for alert in open_alerts}
        self._alerts = dict(self._before)
        self._open = {alert.key: alert.id for alert in self._before.values() if alert.state.is_open}
        self._places = places
        self._holds = list(holds)
        self._new_id = new_id

    @property
    def opened(self) -> list[Standing]:
        """The alerts that are new."""
        return [alert for alert in self._alerts.values() if alert.id not in self._before]

    @property
    def changed(self) -> list[Standing]:
        """The alerts that were open before and have changed."""
        return [alert for alert in self._alerts.values() if self._before.get(alert.id, alert) != alert]

    def find(self, alert_id: UUID) -> Standing:
        """Return an alert as it stands now."""
        return self._alerts[alert_id]

    def change(self, machine_id: int, change: AlertChange, reevaluated: bool = False) -> None:
        """Take in what the rules decided about a cause of a machine."""
        alert_id = self._open.get((machine_id, change.cause))
        known = self._alerts[alert_id] if alert_id is not None else None
        state, verb = (known.state, _verb(change, known)) if known else (AlertState.NORMAL, _FRESH[change.kind])
        done = step(state, verb, _demands(known, change))
        if not done.kinds:
            return
        alert = self._renewed(known, change, done) if known else self._fresh(machine_id, change, done)
        self._put(alert)
        is_critical_anew = done.kinds[0] is Kind.OPENED and alert.severity is Severity.CRITICAL
        if is_critical_anew or done.kinds[0] is Kind.ESCALATED:
            self._spend_shelving(alert, "escalated")
        for kind in done.kinds:
            self._tell(alert, kind, change.occurred_at, ANALYSIS, change.reason, reevaluated=reevaluated)

    def act(self, alert_id: UUID, verb: Verb, actor: str, comment: str = "", assignee: str | None = None) -> bool:
        """Do what a person does to an alert; returns whether that changed anything.

        Raises
        ------
        ConflictError
            The alert's state does not allow it.
        """
        known = self._alerts[alert_id]
        done = step(known.state, verb, known.demands)
        if not done.kinds:
            return False
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

    def hold(self, hold: Hold) -> None:
        """Take in a hold that is new; `settle` tells which alerts it withholds."""
        self._holds.append(hold)

    def release(self, hold_ids: Iterable[UUID]) -> None:
        """End holds; `settle` tells which alerts they withheld."""
        self.spent.update(dict.fromkeys(hold_ids, ENDED))

    def holds_of(self, alert_id: UUID, kind: HoldKind) -> list[Hold]:
        """Return the holds of a kind on just this alert's cause."""
        key = self._alerts[alert_id].key
        return [hold for hold in self._holds if hold.kind is kind and (hold.machine_id, hold.cause) == key]

    def place_of(self, alert_id: UUID) -> Place:
        """Return where the machine of an alert stands."""
        return self._places[self._alerts[alert_id].machine_id]

    def remind(self, alert_id: UUID) -> bool:
        """Tell that an alert is overdue, if it still is; returns whether that was told."""
        known = self._alerts.get(alert_id)
        if known is None:
            return False
        alert, told = advance(known, self.now)
        self._put(alert)
        if told is not None:
            self.happenings.append(told)
        return told is not None

    def settle(self, actor: str | None = None) -> None:
        """Decide at the end of all steps which alerts are withheld, and tell where that has changed.

        `actor` is who has just ended a hold; None is the clock.
        """
        by_machine: dict[int, list[Standing]] = {}
        for alert_id in self._open.values():
            alert = self._alerts[alert_id]
            by_machine.setdefault(alert.machine_id, []).append(alert)
        for machine_id, alerts in by_machine.items():
            explained = inhibit(alerts)
            for alert in alerts:
                if not alert.state.is_active:
                    self._spend_one_shots(alert)
                self._withhold(alert, self._places[machine_id], explained.get(alert.cause), actor)
        final = {alert.id: alert.withheld for alert in self._alerts.values()}
        self.happenings = [replace(told, withheld=final[told.alert_id]) for told in self.happenings]

    def _withhold(self, alert: Standing, place: Place, explained: tuple[str, str] | None, actor: str | None) -> None:
        holds = [
            hold for hold in self._holds if hold.id not in self.spent and hold.covers(place, alert.cause, self.now)
        ]
        name, hold = strongest(holds, explained is not None)
        after = replace(alert, withheld=name, inhibited_by=explained[0] if explained else None)
        if after == alert:
            return
        kind = moved(alert.withheld, name)
        if alert.id not in self._before:
            self._put(after)
            return
        self._put(replace(after, version=alert.version + 1))
        if kind is not None:
            reason, by, detail = _why(name, hold, explained)
            self._tell(after, kind, self.now, by or actor or CLOCK, reason, detail=detail)

    def _spend_shelving(self, alert: Standing, why: str) -> None:
        """End the shelving of an alert that has become more than it was shelved for."""
        for hold in self._holds:
            if hold.kind is HoldKind.SHELVED and (hold.machine_id, hold.cause) == alert.key:
                self.spent.setdefault(hold.id, why)

    def _spend_one_shots(self, alert: Standing) -> None:
        for hold in self._holds:
            if hold.one_shot and (hold.machine_id, hold.cause) == alert.key:
                self.spent.setdefault(hold.id, "one-shot")

    def _put(self, alert: Standing) -> None:
        if not alert.state.is_open:
            self._spend_one_shots(alert)
            self._open.pop(alert.key, None)
        else:
            self._open[alert.key] = alert.id
        self._alerts[alert.id] = alert

    def _tell(self, alert: Standing, kind: Kind, at: datetime, actor: str, reason: str, **more: Any) -> None:
        told = Happening(alert.id, alert.machine_id, kind, alert.severity, at, actor, reason, alert.state, **more)
        self.happenings.append(told)

    def _fresh(self, machine_id: int, change: AlertChange, done: Step) -> Standing:
        alert = Standing(
            id=self._new_id(),
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
            demands=_demands(None, change),
            evidence=change.evidence,
            points=_points(change.evidence),
            act_by=change.act_by,
            version=1,
        )
        return replace(alert, overdue_at=first_overdue(alert, self.now, change.escalate_after))

    def _renewed(self, known: Standing, change: AlertChange, done: Step) -> Standing:
        alert = replace(known, state=done.state, rule_version=change.rule_version, version=known.version + 1)
        alert = replace(alert, demands=_demands(known, change), component=known.component or change.component)
        if not done.state.is_active:
            overdue_at = known.overdue_at if done.state is AlertState.RETURNED else None
            return replace(alert, cleared_at=change.occurred_at, overdue_at=overdue_at)
        alert = replace(
            alert,
            severity=change.severity,
            message=change.message,
            parameters=change.parameters,
            evidence=change.evidence,
            points=_points(change.evidence),
            rule_key=change.rule_key,
            act_by=change.act_by,
            cleared_at=None,
        )
        if done.kinds[0] is Kind.EASED:
            return alert
        alert = replace(alert, acknowledged_at=None, acknowledged_by=None, confirmed_at=None, confirmed_by=None)
        return replace(alert, overdue_at=first_overdue(alert, self.now, change.escalate_after), overdue_step=0)


_FRESH = {
    ChangeKind.OPENED: Verb.OPEN,
    ChangeKind.ESCALATED: Verb.ESCALATE,
    ChangeKind.EASED: Verb.EASE,
    ChangeKind.CLEARED: Verb.RETURN,
}


def _verb(change: AlertChange, known: Standing) -> Verb:
    """Return what a change is to an alert that is open, whatever the caller believed."""
    if change.kind is ChangeKind.CLEARED:
        return Verb.END if change.reason == LIFE_CLOSED else Verb.RETURN
    if not known.state.is_active:
        return _FRESH[change.kind]
    rise = change.severity.rank - known.severity.rank
    return Verb.OPEN if rise == 0 else Verb.ESCALATE if rise > 0 else Verb.EASE


def _demands(known: Standing | None, change: AlertChange) -> Demands:
    """Return what an alert asks of people: what it asked once, it asks until it ends."""
    was = known.demands if known else Demands()
    if change.kind is ChangeKind.CLEARED:
        return was
    return Demands(was.needs_acknowledgement or change.needs_acknowledgement, was.is_latching or change.is_latching)


def _points(evidence: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the measurement points that the evidence of a change rests on."""
    assessment = evidence.get("assessment")
    contributors = assessment.get("contributors") if isinstance(assessment, Mapping) else None
    if not isinstance(contributors, list):
        return ()
    return tuple(
        sorted({str(each["point"]) for each in contributors if isinstance(each, Mapping) and each.get("point")})
    )


def _why(
    name: str | None, hold: Hold | None, explained: tuple[str, str] | None
) -> tuple[str, str | None, dict[str, Any]]:
    """Return why an alert is withheld from now on, by whom, and with which figures."""
    if name == INHIBITED and explained is not None:
        return explained[1], ANALYSIS, {"inhibited_by": explained[0]}
    if hold is None:
        return "hold-ended", None, {}
    ends_at = hold.ends_at.isoformat() if hold.ends_at else None
    detail = {"hold": str(hold.id), "ends_at": ends_at, "one_shot": hold.one_shot, "ground": hold.ground}
    return hold.reason, hold.actor, detail
