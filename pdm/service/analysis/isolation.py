"""Analyse claimed machines in one transaction such that what fails takes nothing else with it.

A record that cannot be analysed is found by halving and set aside. A state that cannot be read is made again from
the stored features. A machine that fails for any other reason is put on hold and tried again later. Only the
absence of the database ends the transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from psycopg import Connection

from pdm.errors import UnreadableStateError
from pdm.service.analysis.analysis_state import AnalysisState
from pdm.service.analysis.champion_cache import Champions
from pdm.service.analysis.late_data import reprocess
from pdm.service.analysis.pipeline import Task, analyse
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.platform.failures import Blame, blame, describe
from pdm.store.analysis import analysis_inputs, assessments_write, queue
from pdm.store.analysis.queue import SavedState

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Methods:
    """What the machines are judged by, the spans that the analysis needs, and whose state was doubted already."""

    champions: Champions
    rules: RuleBook
    reorder_horizon: timedelta
    diagnosis_interval: timedelta
    doubted: set[int] = field(default_factory=set)


@dataclass
class Isolation:
    """One transaction over claimed machines: their states as it goes on, and why some were put on hold."""

    conn: Connection[Any]
    methods: Methods
    states: dict[int, SavedState]
    on_hold: dict[int, str] = field(default_factory=dict)
    _rebuilt: set[int] = field(default_factory=set)

    def analyse(self, tasks: Sequence[Task]) -> None:
        """Analyse what waits; set aside what cannot be analysed."""
        tasks = [task for task in tasks if task.before.machine_id not in self.on_hold]
        if not tasks:
            return
        current = [replace(task, before=self.states[task.before.machine_id]) for task in tasks]
        try:
            with self.conn.transaction():
                self.states |= self._analysed(current)
        except Exception as error:
            if blame(error) is Blame.DATABASE:
                raise
            if isinstance(error, UnreadableStateError):
                self._rebuild(current, error)
                self.analyse(tasks)
            elif len(tasks) == 1 and len(tasks[0].waiting) <= 1:
                self._give_up(current[0], error)
            else:
                for half in _halves(tasks):
                    self.analyse(half)

    def replay(self, task: Task) -> None:
        """Follow a machine again from where late data came; hold it where that does not work from any checkpoint."""
        machine_id = task.before.machine_id
        state = self.states[machine_id]
        try:
            self._replay(task, state)
        except Exception as error:
            if blame(error) is Blame.DATABASE:
                raise
            if blame(error) is Blame.PLATFORM:
                self._hold(task, error)
                return
            _log.exception("machine %s is followed again from its first acquisition", task.stored.machine.key)
            try:
                self._replay(task, state, from_beginning=True)
            except Exception as again:
                if blame(again) is Blame.DATABASE:
                    raise
                self._hold(task, again)

    def _analysed(self, tasks: Sequence[Task]) -> dict[int, SavedState]:
        by = self.methods
        return analyse(self.conn, tasks, by.champions, by.rules, by.reorder_horizon, by.diagnosis_interval)

    def _replay(self, task: Task, state: SavedState, *, from_beginning: bool = False) -> None:
        machine = task.stored.machine
        with self.conn.transaction():
            if from_beginning:
                assessments_write.drop_checkpoints_from(self.conn, state.machine_id, analysis_inputs.BEGINNING)
            champion = self.methods.champions.serving(self.conn, [machine.fleet]).get(machine.fleet)
            rules = self.methods.rules.in_force(self.conn, [machine])[machine.key]
            after = reprocess(self.conn, task.stored, state, champion, self.methods.reorder_horizon, rules)
        self.states[state.machine_id] = after

    def _rebuild(self, tasks: Sequence[Task], error: Exception) -> None:
        """Make the states that cannot be read again from the stored features, each once."""
        for task in tasks:
            state = task.before
            if _is_readable(state):
                continue
            if state.machine_id in self._rebuilt:
                self._hold(task, error)
                continue
            self._rebuilt.add(state.machine_id)
            _log.error("the state of machine %s cannot be read and is made again: %s", task.stored.machine.key, error)
            self._forget(state)
            if state.last_measured_at is not None:
                self.replay(task)

    def _forget(self, state: SavedState) -> None:
        known = [at for at in (state.dirty_from, state.last_measured_at) if at is not None]
        self.states[state.machine_id] = replace(state, state=None, dirty_from=min(known, default=None))

    def _is_state_to_blame(self, task: Task) -> bool:
        """Whether an acquisition that fails could be analysed with a blank state: then the state may be damaged.

        Answered so once a machine and process, for it costs a replay of all that is stored.
        """
        state = task.before
        if state.state is None or state.last_measured_at is None or state.machine_id in self.methods.doubted:
            return False
        try:
            with self.conn.transaction(force_rollback=True):
                self._analysed([replace(task, before=replace(state, state=None))])
        except Exception as error:
            if blame(error) is Blame.DATABASE:
                raise
            return False
        self.methods.doubted.add(state.machine_id)
        return True

    def _give_up(self, task: Task, error: Exception) -> None:
        if not task.waiting or blame(error) is Blame.PLATFORM:
            self._hold(task, error)
            return
        if self._is_state_to_blame(task):
            _log.error("the state of machine %s is made again", task.stored.machine.key, exc_info=error)
            assessments_write.drop_checkpoints_from(self.conn, task.before.machine_id, analysis_inputs.BEGINNING)
            self._forget(task.before)
            self.replay(task)
            self.analyse([task])
            return
        machine_id, item = task.before.machine_id, task.waiting[0]
        _log.error("analysis of machine %s at %s failed", task.stored.machine.key, item.measured_at, exc_info=error)
        queue.complete(self.conn, [(machine_id, item)])
        queue.set_aside(self.conn, machine_id, item.measured_at, describe(error))

    def _hold(self, task: Task, error: Exception) -> None:
        _log.error("machine %s is put on hold", task.stored.machine.key, exc_info=error)
        self.on_hold[task.before.machine_id] = describe(error)


def _is_readable(state: SavedState) -> bool:
    try:
        return state.state is None or bool(AnalysisState.from_bytes(state.state))
    except UnreadableStateError:
        return False


def _halves(tasks: Sequence[Task]) -> tuple[Sequence[Task], Sequence[Task]]:
    """Split by machines, and a single machine's acquisitions by time."""
    if len(tasks) > 1:
        middle = len(tasks) // 2
        return tasks[:middle], tasks[middle:]
    (task,) = tasks
    middle = len(task.waiting) // 2
    return [replace(task, waiting=task.waiting[:middle], is_drained=False)], [
        replace(task, waiting=task.waiting[middle:])
    ]
