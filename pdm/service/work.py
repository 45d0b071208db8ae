"""One round of a worker: claim machines, analyse, isolate what cannot be analysed, replay late data."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.service.analyse import Task, analyse
from pdm.service.champions import Champions
from pdm.service.diagnose import Diagnoser
from pdm.service.reprocess import reprocess
from pdm.service.rule_book import RuleBook
from pdm.settings import Settings
from pdm.store import analysis, queue
from pdm.store.machines import StoredMachine, fetch_machines
from pdm.store.queue import SavedState

MACHINES_A_ROUND = 16
ATTEMPTS_BEFORE_CAUTION = 3  # then the machine works alone
ATTEMPTS_BEFORE_SET_ASIDE = 9  # each halves the batch: the last three had one acquisition alone

_log = logging.getLogger(__name__)


class Worker:
    """Analyses what waits, one round at a time; any number of them may run over one database."""

    def __init__(self, pool: ConnectionPool[Any], settings: Settings) -> None:
        self._pool = pool
        self._batch = settings.batch_acquisitions
        self._horizon = timedelta(seconds=settings.reorder_horizon_s)
        self._champions = Champions()
        self._rules = RuleBook()
        self._diagnoser = Diagnoser(pool, settings)
        self._diagnosis_interval = timedelta(seconds=settings.diagnosis_interval_s)

    def round(self) -> int:
        """Analyse some of what waits in one transaction, then diagnose some of what is due in others.

        Returns how many acquisitions or replays were handled.
        """
        handled = self._analyse_some()
        self._diagnoser.turn()
        return handled

    def _analyse_some(self) -> int:
        with self._pool.connection() as conn, conn.transaction():
            failed = queue.pick(conn, MACHINES_A_ROUND)
            chosen, is_suspect = _choose(failed)
            if not chosen:
                return 0
            queue.count_attempts(conn, chosen)
        tried = failed[chosen[0]]
        per_machine = max(1, self._batch >> tried if is_suspect else self._batch // len(chosen))
        with self._pool.connection() as conn, conn.transaction():
            tasks = self._claim(conn, chosen, per_machine)
            waiting = sum(len(task.waiting) for task in tasks)
            if is_suspect and tried >= ATTEMPTS_BEFORE_SET_ASIDE:
                tasks = _give_up_first(conn, tasks)
            replays = self._settle(conn, tasks)
            if is_suspect and not all(task.is_drained for task in tasks):
                queue.set_attempts(conn, chosen, tried - 1)
            else:
                queue.forget_attempts(conn, chosen)
        return waiting + replays

    def _claim(self, conn: Connection[Any], machine_ids: Sequence[int], per_machine: int) -> list[Task]:
        claims = queue.claim(conn, machine_ids, per_machine)
        keys = analysis.fetch_machine_keys(conn, [claim.machine_id for claim in claims])
        stored = fetch_machines(conn, list(keys.values()))
        return [Task.of(claim, stored[keys[claim.machine_id]]) for claim in claims]

    def _settle(self, conn: Connection[Any], tasks: Sequence[Task]) -> int:
        states = {task.before.machine_id: task.before for task in tasks}
        self._in_halves(conn, tasks, states)
        replays = 0
        for task in tasks:
            state = states[task.before.machine_id]
            if task.is_drained and _must_replay(state):
                self._replay(conn, task.stored, state)
                replays += 1
        return replays

    def _in_halves(self, conn: Connection[Any], tasks: Sequence[Task], states: dict[int, SavedState]) -> None:
        if not tasks:
            return
        current = [replace(task, before=states[task.before.machine_id]) for task in tasks]
        try:
            with conn.transaction():
                states |= analyse(conn, current, self._champions, self._rules, self._horizon, self._diagnosis_interval)
        except (psycopg.OperationalError, psycopg.InterfaceError, MemoryError):
            raise
        except Exception as error:
            if sum(len(task.waiting) for task in tasks) <= 1:
                self._set_aside(conn, tasks, error)
                return
            first, second = _halves(tasks)
            self._in_halves(conn, first, states)
            self._in_halves(conn, second, states)

    def _set_aside(self, conn: Connection[Any], tasks: Sequence[Task], error: Exception) -> None:
        task = next((task for task in tasks if task.waiting), None)
        if task is None:
            raise error
        _log.exception("analysis of machine %s at %s failed", task.stored.machine.key, task.waiting[0].measured_at)
        queue.set_aside(conn, task.before.machine_id, task.waiting[0], f"{type(error).__name__}: {error}")

    def _replay(self, conn: Connection[Any], stored: StoredMachine, state: SavedState) -> None:
        champion = self._champions.serving(conn, [stored.machine.fleet]).get(stored.machine.fleet)
        rules = self._rules.in_force(conn, [stored.machine])[stored.machine.key]
        reprocess(conn, stored, state, champion, self._horizon, rules)


def _choose(failed: Mapping[int, int]) -> tuple[list[int], bool]:
    """Choose, of machines that wait with their failed attempts, those for one round.

    A machine over which processes died works alone when its turn comes, in batches that halve with each death
    and double again with each success: the acquisition that kills is found, and the machines beside it do not
    suffer.
    """
    suspects = [machine for machine, attempts in failed.items() if attempts >= ATTEMPTS_BEFORE_CAUTION]
    first = next(iter(failed), None)
    if first is not None and first in suspects:
        return [first], True
    return [machine for machine in failed if machine not in suspects], False


def _must_replay(state: SavedState) -> bool:
    return (
        state.dirty_from is not None
        and state.last_measured_at is not None
        and state.dirty_from <= state.last_measured_at
    )


def _give_up_first(conn: Connection[Any], tasks: Sequence[Task]) -> list[Task]:
    """Set the first acquisition of each task aside: processes died over it."""
    rest = []
    for task in tasks:
        if task.waiting:
            queue.set_aside(
                conn, task.before.machine_id, task.waiting[0], "workers ended repeatedly while analysing it"
            )
        rest.append(replace(task, waiting=task.waiting[1:]))
    return rest


def _halves(tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """Split by machines, and a single machine's acquisitions by time."""
    filled = [task for task in tasks if task.waiting]
    if len(filled) > 1:
        middle = len(filled) // 2
        return filled[:middle], filled[middle:]
    task = filled[0]
    middle = len(task.waiting) // 2
    return [replace(task, waiting=task.waiting[:middle], is_drained=False)], [
        replace(task, waiting=task.waiting[middle:])
    ]
