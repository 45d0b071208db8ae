"""One round of a worker: claim machines, analyse, isolate what cannot be analysed, replay late data."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.service.analysis.champion_cache import Champions
from pdm.service.analysis.isolation import Isolation, Methods
from pdm.service.analysis.reanalysis_progress import ReanalysisProgress
from pdm.service.analysis.recalculation import refresh_summaries
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.diagnosis.runner import Diagnoser
from pdm.service.platform.failures import may_be_of_batch
from pdm.settings import Settings
from pdm.store.analysis import analysis_inputs, queue
from pdm.store.analysis.queue import Claim, MachineState
from pdm.store.machines.registration import StoredMachine, fetch_machines

MACHINES_A_ROUND = 16
ATTEMPTS_BEFORE_CAUTION = 3  # then the machine works alone
ATTEMPTS_BEFORE_SET_ASIDE = 9  # each halves the batch: the last three had one acquisition alone
WORKERS_DIED = "workers or their database connections ended repeatedly while analysing it"

_log = logging.getLogger(__name__)


class Worker:
    """Analyses what waits, one round at a time; any number of them may run over one database."""

    def __init__(self, pool: ConnectionPool[Any], settings: Settings) -> None:
        self._pool = pool
        self._batch = settings.batch_acquisitions
        self._methods = Methods(
            Champions(),
            RuleBook(),
            timedelta(seconds=settings.reorder_horizon_s),
            timedelta(seconds=settings.diagnosis_interval_s),
            ReanalysisProgress(pool),
        )
        self._diagnoser = Diagnoser(pool, settings)
        self._interrupted: list[int] = []

    def round(self) -> int:
        """Analyse some of what waits in one transaction, then diagnose some of what is due in others.

        Returns how many acquisitions or replays were handled.
        """
        handled = self._analyse_some()
        self._diagnoser.turn()
        return handled

    def _analyse_some(self) -> int:
        chosen, tried = self._choose()
        if not chosen:
            return 0
        self._interrupted = chosen  # an exception ends the round and not the process: no attempt in which it died
        is_suspect = tried >= ATTEMPTS_BEFORE_CAUTION
        per_machine = max(1, self._batch >> tried if is_suspect else self._batch // len(chosen))
        claims: list[Claim] = []
        try:
            with self._pool.connection() as conn, conn.transaction():
                claims = queue.claim(conn, chosen, per_machine)
                handled = self._settle(conn, claims, tried if is_suspect else 0)
        except Exception as error:
            if claims and may_be_of_batch(error):
                self._interrupted = []  # the attempt counts, as if the process had died
            raise
        self._interrupted = [each for each in chosen if each not in {claim.machine_id for claim in claims}]
        self._methods.champions.note_unreadable(self._pool)
        refresh_summaries(self._pool, self._methods.recalculated)
        return handled

    def _choose(self) -> tuple[list[int], int]:
        """Choose machines for a round, and count the attempt; returns them and how often they were tried before.

        A machine over which processes died is put on hold before it is tried: should this process die as well, the
        others have their turn first.
        """
        with self._pool.connection() as conn, conn.transaction():
            queue.uncount_attempts(conn, self._interrupted)
            failed = queue.pick(conn, MACHINES_A_ROUND)
            chosen, is_suspect = _choose(failed)
            queue.count_attempts(conn, chosen)
            if is_suspect:
                queue.hold(conn, chosen[0], WORKERS_DIED)
        self._interrupted = []
        return chosen, failed[chosen[0]] if chosen else 0

    def _settle(self, conn: Connection[Any], claims: Sequence[Claim], deaths: int) -> int:
        """Analyse and replay; of a machine over which processes died so often, one of the two a round."""
        handled = sum(len(claim.waiting) for claim in claims)
        is_replay_later = deaths > 0 and any(claim.waiting and _must_replay(claim.before) for claim in claims)
        machines = _fetch_machines(conn, claims)
        most = 2 * ATTEMPTS_BEFORE_SET_ASIDE if is_replay_later else ATTEMPTS_BEFORE_SET_ASIDE
        gives_up = deaths >= most  # of a machine with a replay ahead, the replay may be the cause: twice as many
        if gives_up:
            claims = _give_up_first(conn, claims)
        batch = Isolation(conn, self._methods, machines, {claim.machine_id: claim.before for claim in claims})
        batch.analyse(claims)
        for claim in claims:
            machine_id = claim.machine_id
            may_replay = claim.is_drained and not is_replay_later and machine_id not in batch.on_hold
            if not may_replay:
                continue
            if batch.states[machine_id].is_recalculated:  # the replay follows in a later round
                batch.recalculate(machine_id)
                handled += 1
            elif _must_replay(batch.states[machine_id]):
                batch.replay(machine_id)
                handled += 1
        if not gives_up:  # else the host may be the cause: until an analysis succeeds, the wait doubles
            self._release(conn, claims, batch.on_hold)
        if is_replay_later:
            queue.set_attempts(conn, list(batch.states), min(deaths, ATTEMPTS_BEFORE_SET_ASIDE))
        elif deaths and not all(claim.is_drained for claim in claims):
            queue.set_attempts(conn, list(batch.states), deaths - 1)
        else:
            queue.forget_attempts(conn, list(batch.states))
        return handled + len(batch.on_hold)

    def _release(self, conn: Connection[Any], claims: Sequence[Claim], on_hold: Mapping[int, str]) -> None:
        queue.release(conn, [claim.machine_id for claim in claims if claim.machine_id not in on_hold])
        for machine_id, reason in on_hold.items():
            queue.hold(conn, machine_id, reason)


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


def _must_replay(state: MachineState) -> bool:
    return (
        state.dirty_from is not None
        and state.last_measured_at is not None
        and state.dirty_from <= state.last_measured_at
    )


def _fetch_machines(conn: Connection[Any], claims: Sequence[Claim]) -> dict[int, StoredMachine]:
    keys = analysis_inputs.fetch_machine_keys(conn, [claim.machine_id for claim in claims])
    stored = fetch_machines(conn, list(keys.values()))
    return {machine_id: stored[key] for machine_id, key in keys.items()}


def _give_up_first(conn: Connection[Any], claims: Sequence[Claim]) -> list[Claim]:
    """Store the first acquisition of each claim as failed: processes died while they analysed it."""
    rest = []
    for claim in claims:
        if claim.waiting:
            queue.complete(conn, [(claim.machine_id, claim.waiting[0])])
            queue.set_aside(conn, claim.machine_id, claim.waiting[0].measured_at, WORKERS_DIED)
        rest.append(replace(claim, waiting=claim.waiting[1:]))
    return rest
