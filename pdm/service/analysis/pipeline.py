"""The pipeline from stored acquisitions to alerts: manipulation, state, health, prognosis, advice.

One call is one transaction over some claimed machines: features, assessments, prognoses, memory, alert
changes and outbox rows commit together with the claim, or none of them does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.alerts.evaluation.evaluate import AlertChange
from pdm.alerts.kinds.rule_input import DiagnosisNote
from pdm.alerts.rules.rule import RuleSet
from pdm.health.assessment import Assessment
from pdm.health.snapshot import Snapshot
from pdm.service.analysis.analysis_state import AnalysisState, begin
from pdm.service.analysis.champion_cache import Champions
from pdm.service.analysis.machine_pipeline import AnalysisResult, Champion, follow
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.analysis.snapshots import featurise_new
from pdm.service.diagnosis.runner import ask_where_due
from pdm.service.platform.failures import Blame, blame
from pdm.store.alerts import alerts
from pdm.store.analysis import analysis_inputs, assessments_write, queue
from pdm.store.analysis.diagnosis_notes import fetch_notes
from pdm.store.analysis.queue import Claim, QueuedAcquisition, SavedState
from pdm.store.machines.registration import StoredMachine

CHECKPOINT_INTERVAL = timedelta(hours=6)
BEYOND_HORIZON = "older than the reorder horizon: stored with features, not assessed"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """Some waiting acquisitions of one claimed machine, in order of time, and its memory before them."""

    stored: StoredMachine
    before: SavedState
    waiting: tuple[QueuedAcquisition, ...]
    is_drained: bool

    @classmethod
    def of(cls, claim: Claim, stored: StoredMachine) -> Task:
        """Make the task of a whole claim."""
        before = SavedState(claim.machine_id, claim.state, claim.last_measured_at, claim.dirty_from, claim.revision)
        return cls(stored, before, claim.waiting, claim.is_drained)


@dataclass(frozen=True)
class Deciders:
    """What judges a machine's acquisitions beside its own baseline: the fleet's model, rules, diagnoses so far."""

    champion: Champion | None
    rules: RuleSet
    diagnoses: tuple[DiagnosisNote, ...] = ()


@dataclass(frozen=True)
class AnalysisStep:
    """What one task led to."""

    after: SavedState
    course: AnalysisResult
    beyond_horizon: tuple[datetime, ...]
    life_ends: tuple[datetime, ...]


def analyse(
    conn: Connection[Any],
    tasks: Sequence[Task],
    champions: Champions,
    book: RuleBook,
    reorder_horizon: timedelta,
    diagnosis_interval: timedelta,
) -> dict[int, SavedState]:
    """Take claimed acquisitions through every stage and write what follows; returns the machines' new states."""
    machines = {task.before.machine_id: task.stored for task in tasks}
    keys = [(task.before.machine_id, item.measured_at) for task in tasks for item in task.waiting]
    snapshots = _by_machine(keys, featurise_new(conn, machines, keys))
    ends = analysis_inputs.fetch_life_ends(
        conn, {task.before.machine_id: task.before.last_measured_at for task in tasks}
    )
    serving = champions.serving(conn, {stored.machine.fleet for stored in machines.values()})
    in_force = book.in_force(conn, [stored.machine for stored in machines.values()])
    notes = _diagnoses(conn, tasks, in_force)
    steps = [
        _advance(
            task,
            snapshots.get(task.before.machine_id, []),
            ends[task.before.machine_id],
            Deciders(
                serving.get(task.stored.machine.fleet),
                in_force[task.stored.machine.key],
                notes.get(task.before.machine_id, ()),
            ),
            reorder_horizon,
        )
        for task in tasks
    ]
    _write(conn, tasks, steps, reorder_horizon)
    followed = [(task.stored, step.course.assessments) for task, step in zip(tasks, steps, strict=True)]
    _ask_for_diagnoses(conn, followed, diagnosis_interval)
    return {step.after.machine_id: step.after for step in steps}


def _diagnoses(
    conn: Connection[Any], tasks: Sequence[Task], in_force: Mapping[str, RuleSet]
) -> dict[int, tuple[DiagnosisNote, ...]]:
    """Return the diagnoses of the machines whose rules ask for them."""
    spans = {
        task.before.machine_id: (task.waiting[0].measured_at, task.waiting[-1].measured_at)
        for task in tasks
        if task.waiting and in_force[task.stored.machine.key].asks_for_diagnoses
    }
    return fetch_notes(conn, spans)


def _by_machine(keys: Sequence[tuple[int, datetime]], snapshots: Sequence[Snapshot]) -> dict[int, list[Snapshot]]:
    grouped: dict[int, list[Snapshot]] = {}
    for (machine_id, _), snapshot in zip(keys, snapshots, strict=True):
        grouped.setdefault(machine_id, []).append(snapshot)
    return grouped


def _advance(
    task: Task,
    snapshots: Sequence[Snapshot],
    life_ends: Sequence[datetime],
    by: Deciders,
    reorder_horizon: timedelta,
) -> AnalysisStep:
    before = task.before
    last = before.last_measured_at
    fresh = [s for s in snapshots if last is None or s.measured_at > last]
    late = [s.measured_at for s in snapshots if last is not None and s.measured_at <= last]
    beyond = tuple(at for at in late if last is not None and at < last - reorder_horizon)
    behind = [at for at in (before.dirty_from, *late) if at is not None and last is not None and at <= last]
    reached = fresh[-1].measured_at if fresh else last
    life_ends = _due(life_ends, reached, reorder_horizon if task.is_drained else timedelta())
    machine = task.stored.machine
    memory = AnalysisState.from_bytes(before.state) if before.state is not None else begin(machine)
    course = follow(machine, memory, fresh, life_ends, by.champion, by.rules, by.diagnoses)
    after = SavedState(
        machine_id=before.machine_id,
        state=course.memory.to_bytes() if fresh or life_ends else before.state,
        last_measured_at=reached,
        dirty_from=min((at for at in behind if at not in beyond), default=None),
        revision=before.revision,
    )
    return AnalysisStep(after, course, beyond, tuple(life_ends))


def _due(life_ends: Sequence[datetime], reached: datetime | None, ahead: timedelta) -> list[datetime]:
    """Return the ends that count by now: those behind us, and those `ahead` when nothing else is known to come.

    An end far ahead of the data belongs to a history that is still being sent.
    """
    return [end for end in life_ends if reached is not None and end <= reached + ahead]


def _write(
    conn: Connection[Any], tasks: Sequence[Task], steps: Sequence[AnalysisStep], reorder_horizon: timedelta
) -> None:
    assessments_write.insert_assessments(
        conn, [(s.after.machine_id, s.after.revision, a) for s in steps for a in s.course.assessments]
    )
    assessments_write.insert_prognoses(
        conn, [(s.after.machine_id, s.after.revision, p) for s in steps for p in s.course.prognoses]
    )
    ends = {step.after.machine_id: step.life_ends for step in steps if step.life_ends}
    apply_changes(conn, {step.after.machine_id: step.course.changes for step in steps}, ends)
    queue.save_states(conn, [step.after for step in steps])
    queue.complete(conn, [(t.before.machine_id, item) for t in tasks for item in t.waiting])
    for task, step in zip(tasks, steps, strict=True):
        for item in task.waiting:
            if item.measured_at in step.beyond_horizon:
                queue.set_aside(conn, step.after.machine_id, item.measured_at, BEYOND_HORIZON)
    keep_checkpoints(conn, [step.after for step in steps], reorder_horizon)


def _ask_for_diagnoses(
    conn: Connection[Any], followed: Sequence[tuple[StoredMachine, Sequence[Assessment]]], interval: timedelta
) -> None:
    """Write down which machines are to be diagnosed; that cannot make the analysis fail."""
    try:
        with conn.transaction():
            ask_where_due(conn, followed, interval)
    except Exception as error:
        if blame(error) is Blame.DATABASE or isinstance(error, MemoryError):
            raise
        _log.exception("a diagnosis cannot be requested")


def apply_changes(
    conn: Connection[Any],
    changes: Mapping[int, Sequence[AlertChange]],
    life_ends: Mapping[int, Sequence[datetime]],
) -> None:
    """Write the alert changes of the machines that have any or whose life has ended, and wake who listens."""
    if any(changes.values()) or life_ends:
        alerts.apply_all(conn, changes, reevaluated=False, life_ends=life_ends)
        alerts.notify(conn)


def keep_checkpoints(conn: Connection[Any], states: Sequence[SavedState], reorder_horizon: timedelta) -> None:
    """Save a checkpoint where the last one is old enough, and drop those behind the reorder horizon."""
    known = assessments_write.fetch_checkpoint_times(conn, [state.machine_id for state in states])
    due = [
        (state.machine_id, state.last_measured_at, state.state)
        for state in states
        if state.state is not None
        and state.last_measured_at is not None
        and _is_due(known.get(state.machine_id), state.last_measured_at)
    ]
    assessments_write.save_checkpoints(conn, due)
    if due:
        horizons: Mapping[int, datetime] = {machine_id: at - reorder_horizon for machine_id, at, _ in due}
        assessments_write.prune_checkpoints(conn, dict(horizons))


def _is_due(newest: datetime | None, reached: datetime) -> bool:
    return newest is None or reached - newest >= CHECKPOINT_INTERVAL
