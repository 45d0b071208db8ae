"""Late data and late work events: roll a machine back to a checkpoint and replay it from there.

Features are stored already, so a replay costs what health, prognosis and alerts cost. Assessments and
prognoses from the late moment on are appended under the next revision; earlier revisions remain.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.alerts.evaluation.changes import AlertChange, ChangeKind
from pdm.alerts.kinds.rule_input import DiagnosisNote
from pdm.alerts.lifecycle.reconcile import reconcile
from pdm.alerts.lifecycle.wrong_ends import Replayed, find_wrongly_ended, find_wrongly_raised
from pdm.alerts.rules.rule import DEFAULT_RULES, RuleSet
from pdm.errors import UnreadableStateError
from pdm.health.baseline.component_columns import resolved
from pdm.machines.work_events import LifeEnd, TurningPoint
from pdm.service.analysis.analysis_state import AnalysisState, begin
from pdm.service.analysis.machine_pipeline import AnalysisResult, Champion, follow
from pdm.service.analysis.present_state import read_state
from pdm.service.analysis.reanalysis_progress import ReanalysisProgress
from pdm.service.analysis.snapshots import recall
from pdm.service.platform.failures import Blame, blame, describe
from pdm.store.alerts import alerts
from pdm.store.analysis import analysis_inputs, assessments_write, queue, reanalyses
from pdm.store.analysis.diagnosis_notes import fetch_notes
from pdm.store.analysis.queue import MachineState
from pdm.store.machines.registration import StoredMachine
from pdm.store.machines.work_events import take_corrected

CHUNK = 512
MOST_KNOWN_SET_ASIDE = 3  # most analysed acquisitions that may fail in a replay: more have another cause

_log = logging.getLogger(__name__)


def reprocess(
    conn: Connection[Any],
    stored: StoredMachine,
    saved: MachineState,
    champion: Champion | None,
    reorder_horizon: timedelta,
    rules: RuleSet = DEFAULT_RULES,
    progress: ReanalysisProgress | None = None,
) -> MachineState:
    """Replay a claimed machine from its last checkpoint before `saved.dirty_from`; returns its new state.

    An acquisition that cannot be analysed is found by bisection and stored as failed. Raises an error whose cause is
    not a single acquisition.
    """
    assert saved.dirty_from is not None
    assert saved.last_measured_at is not None
    since = saved.dirty_from
    machine_id, until = saved.machine_id, saved.last_measured_at
    assessments_write.drop_checkpoints_from(conn, machine_id, since)
    after, memory = _starting_point(conn, stored, machine_id, since)
    times = analysis_inputs.fetch_times_between(conn, machine_id, after, until)
    known = analysis_inputs.fetch_life_ends(conn, {machine_id: after})[machine_id]
    turns = [resolved(stored.machine, end) for end in known if end.occurred_at <= until + reorder_horizon]
    life_ends = [end for end in turns if isinstance(end, LifeEnd)]
    notes = fetch_notes(conn, {machine_id: (after, until)}).get(machine_id, ()) if rules.asks_for_diagnoses else ()
    replay = _Replay(conn, stored, machine_id, saved.revision + 1, since, champion, rules, notes, memory, turns)
    if progress is not None and len(times) > CHUNK:
        progress.report(machine_id, 0, len(times), None)
    for start in range(0, len(times), CHUNK):
        chunk = times[start : start + CHUNK]
        replay.follow(chunk)
        if chunk[-1] != times[-1]:
            assessments_write.save_checkpoints(conn, [(machine_id, chunk[-1], replay.memory.to_bytes())])
            if progress is not None:
                progress.report(machine_id, start + len(chunk), len(times), chunk[-1])
    if replay.ends:
        replay.follow([])
    memory = replay.memory
    alerts.apply_all(conn, {}, reevaluated=True, life_ends={machine_id: life_ends})
    is_corrected = take_corrected(conn, machine_id)
    if is_corrected:
        replayed = Replayed(since, frozenset(replay.openings), memory.cases)
        _correct_alerts(
            conn,
            machine_id,
            [resolved(stored.machine, end) for end in known if isinstance(end, LifeEnd)],
            replayed,
            until,
        )
    active = [alert for alert in alerts.fetch_open(conn, machine_id) if alert.state.is_active]
    changes = reconcile(active, memory.cases, until, rules, replay.latest)
    alerts.apply_changes(conn, machine_id, changes, reevaluated=True)
    if is_corrected:
        alerts.restate(conn, machine_id, replay.latest.values())
    if changes or life_ends or is_corrected:
        alerts.notify(conn)
    state = replace(saved, state=memory.to_bytes(), dirty_from=None, revision=replay.revision)
    queue.save_states(conn, [state])
    reanalyses.end(conn, machine_id)
    assessments_write.save_checkpoints(conn, [(machine_id, until, memory.to_bytes())])
    assessments_write.prune_checkpoints(conn, {machine_id: until - reorder_horizon})
    return state


def _correct_alerts(
    conn: Connection[Any], machine_id: int, ends: Sequence[LifeEnd], replayed: Replayed, until: datetime
) -> None:
    """End the alerts that only the wrong event or data had raised, and open those again that the event had ended."""
    alerts.withdraw(conn, machine_id, find_wrongly_raised(alerts.fetch_open(conn, machine_id), replayed), until)
    ended = alerts.fetch_ended_by_life(conn, machine_id, replayed.since)
    for alert_id, state in find_wrongly_ended(ended, ends, replayed):
        alerts.reopen(conn, machine_id, alert_id, state, until)


def _starting_point(
    conn: Connection[Any], stored: StoredMachine, machine_id: int, since: datetime
) -> tuple[datetime, AnalysisState]:
    """Return the newest checkpoint before a time that can be read, else the beginning; drop those that cannot."""
    while (checkpoint := assessments_write.fetch_checkpoint_before(conn, machine_id, since)) is not None:
        measured_at, content = checkpoint
        try:
            return measured_at, read_state(stored.machine, content)
        except UnreadableStateError as error:
            _log.error("the checkpoint of machine %s at %s is dropped: %s", stored.machine.key, measured_at, error)
            assessments_write.drop_checkpoints_from(conn, machine_id, measured_at)
    return analysis_inputs.BEGINNING, begin(stored.machine)


@dataclass
class _Replay:
    """A machine that is followed again: its memory, the ends of lives still ahead, the last change of each case."""

    conn: Connection[Any]
    stored: StoredMachine
    machine_id: int
    revision: int
    since: datetime
    champion: Champion | None
    rules: RuleSet
    notes: Sequence[DiagnosisNote]
    memory: AnalysisState
    ends: list[TurningPoint]
    known_set_aside: int = 0
    latest: dict[str, AlertChange] = field(default_factory=dict)
    openings: set[tuple[str, datetime]] = field(default_factory=set)

    def follow(self, times: Sequence[datetime]) -> None:
        """Follow the machine through its next acquisitions; without any, through what is left of the ends."""
        before = self.memory.to_bytes()  # `assess` modifies the health state in place
        try:
            with self.conn.transaction():
                self._follow(times)
        except Exception as error:
            if blame(error) is not Blame.RECORD or not times:
                raise
            self.memory = AnalysisState.from_bytes(before)
            if len(times) == 1:
                self._set_aside(times[0], error)
                return
            middle = len(times) // 2
            self.follow(times[:middle])
            self.follow(times[middle:])

    def _follow(self, times: Sequence[datetime]) -> None:
        ended = [end for end in self.ends if not times or end.occurred_at <= times[-1]]
        snapshots = recall(self.conn, self.machine_id, self.stored, times)
        course = follow(self.stored.machine, self.memory, snapshots, ended, self.champion, self.rules, self.notes)
        _append(self.conn, self.machine_id, self.revision, course, self.since)
        for change in course.changes:
            if change.kind in (ChangeKind.OPENED, ChangeKind.ESCALATED, ChangeKind.EASED):
                self.latest[change.cause] = change
            if change.kind is ChangeKind.OPENED:
                self.openings.add((change.cause, change.occurred_at))
        self.memory = course.memory
        self.ends = self.ends[len(ended) :]

    def _set_aside(self, measured_at: datetime, error: Exception) -> None:
        if assessments_write.is_assessed(self.conn, self.machine_id, measured_at):
            self.known_set_aside += 1
            if self.known_set_aside > MOST_KNOWN_SET_ASIDE:
                raise error
        key = self.stored.machine.key
        _log.error("analysis of machine %s at %s failed in a replay", key, measured_at, exc_info=error)
        queue.set_aside(self.conn, self.machine_id, measured_at, describe(error))


def _append(conn: Connection[Any], machine_id: int, revision: int, course: AnalysisResult, since: datetime) -> None:
    assessments_write.insert_assessments(
        conn, [(machine_id, revision, a) for a in course.assessments if a.measured_at >= since]
    )
    assessments_write.insert_prognoses(
        conn, [(machine_id, revision, p) for p in course.prognoses if p.measured_at >= since]
    )
