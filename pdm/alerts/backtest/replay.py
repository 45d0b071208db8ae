"""Replay of rules over a machine's stored history with the same `evaluate` as in live operation.

Most acquisitions violate no rule. `evaluate` changes nothing where no rule has state and no rule can be violated, so
the replay skips these acquisitions. A vectorised screen flags every acquisition that may violate a rule; it may flag
too many, but never too few.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from pdm.alerts.evaluation.changes import AlertChange, ChangeKind
from pdm.alerts.evaluation.evaluate import evaluate
from pdm.alerts.evaluation.life_end import close_ended
from pdm.alerts.evaluation.rule_state import Cases
from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.rules.rule import RuleSet

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class CaseRun:
    """One case from its opening to its end (None: open at the end of the history), with its worst severity.

    `notified_at` is when receivers were notified: at the opening, or later if a standstill, a maintenance window or
    another hold suppressed the case at its opening; None if it was suppressed until its end.
    """

    machine: str
    cause: str
    component: str | None
    category: Category
    rule_key: str
    severity: Severity
    opened_at: datetime
    ended_at: datetime | None = None
    end_reason: str = ""
    notified_at: datetime | None = None


def replay(history: MachineHistory, rules: RuleSet, *, skip: bool = True) -> tuple[CaseRun, ...]:
    """Return the cases that rules, fitted to the machine, open over its history.

    Parameters
    ----------
    history : MachineHistory
    rules : RuleSet
    skip : bool
        Skip acquisitions that cannot change anything; False evaluates every acquisition, with the same result.
    """
    count = len(history)
    wake = _next_wakes(_may_violate(history, rules) if skip else np.ones(count, bool))
    ends = list(history.life_ends)
    cases = Cases()
    runs = _Runs(history)
    index = 0
    while index < count:
        if not cases.timers and not cases.open:
            index = int(wake[index])
            if index >= count:
                break
        at = history.at(index)
        while ends and ends[0].occurred_at <= at:
            cases, closed = close_ended(history.machine, cases, ends.pop(0), rules)
            runs.take(closed)
        reading = history.reading(index, rules.wanted)
        cases, changes = evaluate(
            history.machine,
            cases,
            reading.assessment,
            reading.prognosis,
            rules,
            reading.values,
            reading.diagnosis,
        )
        runs.take(changes)
        index += 1
    for end in ends:
        cases, closed = close_ended(history.machine, cases, end, rules)
        runs.take(closed)
    return runs.all()


class _Runs:
    """Cases, built from their changes."""

    def __init__(self, history: MachineHistory) -> None:
        self._machine = history.machine.key
        self._holds = history.holds
        self._open: dict[str, CaseRun] = {}
        self._ended: list[CaseRun] = []

    def take(self, changes: tuple[AlertChange, ...]) -> None:
        for change in changes:
            if change.kind is ChangeKind.OPENED:
                self._open[change.cause] = CaseRun(
                    self._machine,
                    change.cause,
                    change.component,
                    change.category,
                    change.rule_key,
                    change.severity,
                    change.occurred_at,
                    notified_at=change.occurred_at,
                )
            elif change.kind is ChangeKind.SUPPRESSED:
                run = self._open[change.cause]
                if run.notified_at == change.occurred_at:
                    self._open[change.cause] = replace(run, notified_at=None)
            elif change.kind is ChangeKind.UNSUPPRESSED:
                run = self._open[change.cause]
                self._open[change.cause] = replace(run, notified_at=run.notified_at or change.occurred_at)
            elif change.kind is ChangeKind.CLEARED:
                run = self._open.pop(change.cause)
                self._ended.append(replace(run, ended_at=change.occurred_at, end_reason=change.reason))
            elif change.kind is ChangeKind.ESCALATED:
                run = self._open[change.cause]
                worst = max(run.severity, change.severity, key=lambda severity: severity.rank)
                self._open[change.cause] = replace(run, severity=worst)

    def all(self) -> tuple[CaseRun, ...]:
        runs = [self._after_holds(run) for run in (*self._ended, *self._open.values())]
        return tuple(sorted(runs, key=lambda run: (run.opened_at, run.cause)))

    def _after_holds(self, run: CaseRun) -> CaseRun:
        """Return a case with `notified_at` moved to the end of the holds that covered its opening."""
        at = run.notified_at
        for hold in self._holds:  # sorted by begin
            if at is not None and hold.covers(run.cause, at):
                at = hold.ends_at
                if run.ended_at is not None and run.ended_at <= at:
                    at = None
        return run if at == run.notified_at else replace(run, notified_at=at)


def _next_wakes(flags: Flags) -> NDArray[np.int64]:
    """Return for each index the next flagged index, the length if there is none."""
    count = len(flags)
    places = np.where(flags, np.arange(count), count)
    return np.minimum.accumulate(places[::-1])[::-1]


def _may_violate(history: MachineHistory, rules: RuleSet) -> Flags:
    flags: Flags = np.zeros(len(history), bool)
    for rule in rules.evaluated:
        flags |= rule.condition.screen(history)
    return flags
