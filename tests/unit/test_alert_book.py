"""Whatever changes, people, holds and the clock do to alerts: what is stored and what history tells agree."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from pdm.alerts.evaluation.changes import AlertChange, ChangeKind
from pdm.alerts.kinds.behaviour import Severity
from pdm.alerts.lifecycle.alert import AlertEvent, AlertRecord
from pdm.alerts.lifecycle.alert_book import Ledger
from pdm.alerts.lifecycle.holds import ENTERED, LEFT, Ground, Hold, HoldKind, Place, strongest
from pdm.alerts.states import Kind, Verb
from pdm.errors import ConflictError
from pdm.machines.work_events import LifeEnd

START = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Place(1, 1, 1)
LAST_WORDS = (Kind.COMMENTED, Kind.CONFIRMED)
VERBS = (Verb.ACKNOWLEDGE, Verb.RESET, Verb.CONFIRM, Verb.COMMENT, Verb.ASSIGN)


class Plant:
    """One machine over some hours: its alerts, holds and history, and chance that moves them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = START
        self.alerts: dict[UUID, AlertRecord] = {}
        self.holds: list[Hold] = []
        self.history: dict[UUID, list[AlertEvent]] = {}

    def turn(self) -> None:
        """Let some things happen in one transaction."""
        self.now += timedelta(minutes=self.chance.choice([0, 5, 60]))
        known = [alert for alert in self.alerts.values() if alert.state.is_open]
        ledger = Ledger(known, {1: PLACE}, self.holds, self.now, uuid4)
        for _ in range(self.chance.randint(1, 3)):
            self.chance.choice([self._change, self._change, self._hold, self._release, self._end, self._act])(ledger)
        ledger.settle()
        self._end_holds(ledger)
        for alert in (*ledger.opened, *ledger.changed):
            was = self.alerts.get(alert.id)
            if was is not None and replace(was, is_untold=alert.is_untold) != alert:
                assert alert.version > was.version, "what has changed is another version"
            self.alerts[alert.id] = alert
        for event in ledger.events:
            assert event.actor
            assert event.reason
            self.history.setdefault(event.alert_id, []).append(event)

    def _change(self, ledger: Ledger) -> None:
        change = AlertChange(
            self.chance.choice(list(ChangeKind)), self.chance.choice("ab"), None, self.chance.choice(list(Severity)),
            self.now, "x", {}, {}, "rule", "1", needs_acknowledgement=self.chance.random() < 0.3,
            is_latching=self.chance.random() < 0.2,
        )  # fmt: skip
        ledger.change(1, change)

    def _hold(self, ledger: Ledger) -> None:
        kind = self.chance.choice(list(HoldKind))
        cause = self.chance.choice("ab") if kind is HoldKind.SHELVED else None
        if any(hold.kind is kind and hold.cause == cause and hold.ended_at is None for hold in self.holds):
            return
        ground = Ground.MAINTENANCE if kind is HoldKind.SUPPRESSED else None
        ends_at = self.now + timedelta(minutes=30) if self.chance.random() < 0.5 else None
        one_shot = cause is not None and self.chance.random() < 0.4
        hold = Hold(uuid4(), kind, 1, 1, 1, cause, ground, "known", one_shot, self.now, ends_at, "kim")
        self.holds.append(hold)
        ledger.hold(hold)

    def _release(self, ledger: Ledger) -> None:
        live = [hold.id for hold in self.holds if hold.ended_at is None]
        ledger.release([hold for hold in live if self.chance.random() < 0.5], "lee")

    def _end(self, ledger: Ledger) -> None:
        ledger.end_life(1, LifeEnd(self.now))

    def _act(self, ledger: Ledger) -> None:
        for alert_id, alert in self.alerts.items():
            if alert.state.is_open and self.chance.random() < 0.5:
                ledger.remind(alert_id)
                try:
                    ledger.act(alert_id, self.chance.choice(VERBS), "kim")
                except ConflictError:
                    continue

    def _end_holds(self, ledger: Ledger) -> None:
        ended = [
            replace(hold, ended_at=self.now, ended_by=ledger.spent[hold.id]) if hold.id in ledger.spent else hold
            for hold in self.holds
        ]
        self.holds = [
            replace(hold, ended_at=self.now, ended_by="clock")
            if hold.ended_at is None and hold.ends_at is not None and hold.ends_at <= self.now
            else hold
            for hold in ended
        ]

    def check(self) -> None:
        """What is stored, what holds say and what history tells are one."""
        causes = [alert.cause for alert in self.alerts.values() if alert.state.is_open]
        assert len(set(causes)) == len(causes)
        for alert in self.alerts.values():
            kinds = [event.kind for event in self.history[alert.id]]
            assert kinds[0] is Kind.OPENED
            if not alert.state.is_open:
                assert next(kind for kind in reversed(kinds) if kind not in LAST_WORDS) is Kind.CLEARED
                continue
            live = [hold for hold in self.holds if hold.covers(PLACE, alert.cause, self.now)]
            assert alert.withheld == strongest(live, is_inhibited=False, at_rest=alert.at_rest)[0]
            moves = [kind for kind in kinds if kind in ENTERED.values() or kind in LEFT.values()]
            assert (bool(moves) and moves[-1] in ENTERED.values()) is (alert.withheld is not None)


@pytest.mark.parametrize("seed", range(0, 1000, 100))
def test_alerts_holds_and_history_agree_whatever_happens_in_whatever_order(seed: int) -> None:
    for number in range(seed, seed + 100):
        plant = Plant(number)
        for _ in range(12):
            plant.turn()
            plant.check()
