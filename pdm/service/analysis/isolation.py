"""Analyse claimed machines in one transaction such that a failure does not affect other records and machines.

A record that cannot be analysed is found by bisection and stored as failed. A state that cannot be read is rebuilt from
the stored features. A machine that fails for any other reason is put on hold and retried later. Only an outage of the
database ends the transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from psycopg import Connection

from pdm.errors import UnreadableStateError
from pdm.service.analysis.analysis_state import AnalysisState
from pdm.service.analysis.champion_cache import Champions
from pdm.service.analysis.late_data import reprocess
from pdm.service.analysis.pipeline import analyse
from pdm.service.analysis.reanalysis_progress import ReanalysisProgress
from pdm.service.analysis.recalculation import Span, recalculate
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.platform.failures import Blame, blame, describe
from pdm.store.analysis import analysis_inputs, assessments_write, queue
from pdm.store.analysis.queue import Claim, MachineState
from pdm.store.machines.registration import StoredMachine

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Methods:
    """What the machines are judged by, the spans and reports of the analysis, and whose state was doubted already.

    `recalculated` are spans of features that corrections changed, until their summaries are refreshed.
    """

    champions: Champions
    rules: RuleBook
    reorder_horizon: timedelta
    diagnosis_interval: timedelta
    progress: ReanalysisProgress
    doubted: set[int] = field(default_factory=set)
    recalculated: list[Span] = field(default_factory=list)


@dataclass
class Isolation:
    """One transaction over claimed machines: their current states, and why some were put on hold."""

    conn: Connection[Any]
    methods: Methods
    machines: Mapping[int, StoredMachine]
    states: dict[int, MachineState]
    on_hold: dict[int, str] = field(default_factory=dict)
    _rebuilt: set[int] = field(default_factory=set)

    def analyse(self, claims: Sequence[Claim]) -> None:
        """Analyse the waiting acquisitions; store those that cannot be analysed as failed."""
        claims = [claim for claim in claims if claim.machine_id not in self.on_hold]
        if not claims:
            return
        current = [replace(claim, before=self.states[claim.machine_id]) for claim in claims]
        try:
            with self.conn.transaction():
                self.states |= self._analysed(current)
        except Exception as error:
            if blame(error) is Blame.DATABASE:
                raise
            if isinstance(error, UnreadableStateError):
                self._rebuild(current, error)
                self.analyse(claims)
            elif len(claims) == 1 and len(claims[0].waiting) <= 1:
                self._give_up(current[0], error)
            else:
                for half in _halves(claims):
                    self.analyse(half)

    def recalculate(self, machine_id: int) -> None:
        """Compute the next features that a correction requires; put the machine on hold where that fails."""
        try:
            with self.conn.transaction():
                last = self.states[machine_id].last_measured_at
                done = recalculate(self.conn, self.machines[machine_id], last)
            if done is not None:
                self.methods.recalculated.append(done)
        except Exception as error:
            if blame(error) is Blame.DATABASE:
                raise
            self._hold(machine_id, error)

    def replay(self, machine_id: int) -> None:
        """Replay a machine from its late data; put it on hold where that fails from every checkpoint."""
        state = self.states[machine_id]
        try:
            self._replay(state)
        except Exception as error:
            if blame(error) is Blame.DATABASE:
                raise
            if blame(error) is Blame.PLATFORM:
                self._hold(machine_id, error)
                return
            _log.exception("machine %s is followed again from its first acquisition", self._key(machine_id))
            try:
                self._replay(state, from_beginning=True)
            except Exception as again:
                if blame(again) is Blame.DATABASE:
                    raise
                self._hold(machine_id, again)

    def _analysed(self, claims: Sequence[Claim]) -> dict[int, MachineState]:
        by = self.methods
        return analyse(
            self.conn, claims, self.machines, by.champions, by.rules, by.reorder_horizon, by.diagnosis_interval
        )

    def _replay(self, state: MachineState, *, from_beginning: bool = False) -> None:
        stored = self.machines[state.machine_id]
        machine = stored.machine
        with self.conn.transaction():
            if from_beginning:
                assessments_write.drop_checkpoints_from(self.conn, state.machine_id, analysis_inputs.BEGINNING)
            champion = self.methods.champions.serving(self.conn, [machine.fleet]).get(machine.fleet)
            rules = self.methods.rules.in_force(self.conn, [machine])[machine.key]
            horizon, progress = self.methods.reorder_horizon, self.methods.progress
            after = reprocess(self.conn, stored, state, champion, horizon, rules, progress)
        self.states[state.machine_id] = after

    def _rebuild(self, claims: Sequence[Claim], error: Exception) -> None:
        """Rebuild the states that cannot be read from the stored features, each once."""
        for claim in claims:
            state = claim.before
            if _is_readable(state):
                continue
            if state.machine_id in self._rebuilt:
                self._hold(state.machine_id, error)
                continue
            self._rebuilt.add(state.machine_id)
            key = self._key(state.machine_id)
            _log.error("the state of machine %s cannot be read and is made again: %s", key, error)
            self._forget(state)
            if state.last_measured_at is not None:
                self.replay(state.machine_id)

    def _forget(self, state: MachineState) -> None:
        known = [at for at in (state.dirty_from, state.last_measured_at) if at is not None]
        self.states[state.machine_id] = replace(state, state=None, dirty_from=min(known, default=None))

    def _is_state_to_blame(self, claim: Claim) -> bool:
        """Whether an acquisition that fails could be analysed with a blank state: then the state may be damaged.

        Answered so once a machine and process, for it costs a replay of all that is stored.
        """
        state = claim.before
        if state.state is None or state.last_measured_at is None or state.machine_id in self.methods.doubted:
            return False
        try:
            with self.conn.transaction(force_rollback=True):
                self._analysed([replace(claim, before=replace(state, state=None))])
        except Exception as error:
            if blame(error) is Blame.DATABASE:
                raise
            return False
        self.methods.doubted.add(state.machine_id)
        return True

    def _give_up(self, claim: Claim, error: Exception) -> None:
        machine_id, key = claim.machine_id, self._key(claim.machine_id)
        if not claim.waiting or blame(error) is Blame.PLATFORM:
            self._hold(machine_id, error)
            return
        if self._is_state_to_blame(claim):
            _log.error("the state of machine %s is made again", key, exc_info=error)
            assessments_write.drop_checkpoints_from(self.conn, machine_id, analysis_inputs.BEGINNING)
            self._forget(claim.before)
            self.replay(machine_id)
            self.analyse([claim])
            return
        item = claim.waiting[0]
        _log.error("analysis of machine %s at %s failed", key, item.measured_at, exc_info=error)
        queue.complete(self.conn, [(machine_id, item)])
        queue.set_aside(self.conn, machine_id, item.measured_at, describe(error))

    def _hold(self, machine_id: int, error: Exception) -> None:
        _log.error("machine %s is put on hold", self._key(machine_id), exc_info=error)
        self.on_hold[machine_id] = describe(error)

    def _key(self, machine_id: int) -> str:
        return self.machines[machine_id].machine.key


def _is_readable(state: MachineState) -> bool:
    try:
        return state.state is None or bool(AnalysisState.from_bytes(state.state))
    except UnreadableStateError:
        return False


def _halves(claims: Sequence[Claim]) -> tuple[Sequence[Claim], Sequence[Claim]]:
    """Split by machines, and a single machine's acquisitions by time."""
    if len(claims) > 1:
        middle = len(claims) // 2
        return claims[:middle], claims[middle:]
    (claim,) = claims
    middle = len(claim.waiting) // 2
    return [replace(claim, waiting=claim.waiting[:middle], is_drained=False)], [
        replace(claim, waiting=claim.waiting[middle:])
    ]
