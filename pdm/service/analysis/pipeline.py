"""The pipeline from stored acquisitions to alerts: manipulation, state, health, prognosis, advice.

One call is one transaction over some claimed machines: features, assessments, prognoses, memory, alert
changes and outbox rows commit together with the claim, or none of them does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from psycopg import Connection

from pdm.alerts.evaluation.evaluate import AlertChange
from pdm.alerts.kinds.rule_input import DiagnosisNote
from pdm.alerts.rules.rule import RuleSet
from pdm.health.assessment import Assessment
from pdm.health.baseline.component_columns import resolved
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Machine
from pdm.machines.work_events import LifeEnd, TurningPoint
from pdm.prognosis.prognosis import Prognosis
from pdm.service.analysis.analysis_state import begin
from pdm.service.analysis.champion_cache import Champions
from pdm.service.analysis.machine_pipeline import (
    AnalysisResult,
    Champion,
    Observation,
    conclude,
    observe,
    prognose,
)
from pdm.service.analysis.present_state import read_state
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.analysis.snapshots import featurise_new
from pdm.service.diagnosis.runner import ask_where_due
from pdm.service.platform.failures import Blame, blame
from pdm.store.alerts import alerts
from pdm.store.analysis import analysis_inputs, assessments_write, queue
from pdm.store.analysis.diagnosis_notes import fetch_notes
from pdm.store.analysis.queue import Claim, MachineState
from pdm.store.machines.registration import StoredMachine

CHECKPOINT_INTERVAL = timedelta(hours=6)
BEYOND_HORIZON = "older than the reorder horizon: stored with features, not assessed"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnalysisStep:
    """What one claim led to."""

    after: MachineState
    result: AnalysisResult
    life_ends: tuple[TurningPoint, ...]


def analyse(
    conn: Connection[Any],
    claims: Sequence[Claim],
    machines: Mapping[int, StoredMachine],
    champions: Champions,
    book: RuleBook,
    reorder_horizon: timedelta,
    diagnosis_interval: timedelta,
) -> dict[int, MachineState]:
    """Take claimed acquisitions through every stage and write what follows; returns the machines' new states."""
    machines = {claim.machine_id: machines[claim.machine_id] for claim in claims}
    keys = [(claim.machine_id, item.measured_at) for claim in claims for item in claim.waiting]
    snapshots = _by_machine(keys, featurise_new(conn, machines, keys))
    ends = analysis_inputs.fetch_life_ends(conn, {c.machine_id: c.before.last_measured_at for c in claims})
    claims = _still_drained(conn, claims, ends)
    serving = champions.serving(conn, {stored.machine.fleet for stored in machines.values()})
    by_key = book.in_force(conn, [stored.machine for stored in machines.values()])
    rules = {machine_id: by_key[stored.machine.key] for machine_id, stored in machines.items()}
    notes = _diagnoses(conn, claims, rules)
    observed = [
        _observe(
            claim,
            machines[claim.machine_id].machine,
            snapshots.get(claim.machine_id, []),
            [resolved(machines[claim.machine_id].machine, end) for end in ends[claim.machine_id]],
            reorder_horizon,
        )
        for claim in claims
    ]
    prognoses = _prognose(serving, [observation for observation, _ in observed])
    steps = [
        _conclude(observation, after, own, rules[after.machine_id], notes.get(after.machine_id, ()))
        for (observation, after), own in zip(observed, prognoses, strict=True)
    ]
    _write(conn, claims, steps, reorder_horizon)
    followed = [(machines[step.after.machine_id], step.result.assessments) for step in steps]
    _ask_for_diagnoses(conn, followed, diagnosis_interval)
    return {step.after.machine_id: step.after for step in steps}


def _diagnoses(
    conn: Connection[Any], claims: Sequence[Claim], rules: Mapping[int, RuleSet]
) -> dict[int, tuple[DiagnosisNote, ...]]:
    """Return the diagnoses of the machines whose rules use them."""
    spans = {
        claim.machine_id: (claim.waiting[0].measured_at, claim.waiting[-1].measured_at)
        for claim in claims
        if claim.waiting and rules[claim.machine_id].asks_for_diagnoses
    }
    return fetch_notes(conn, spans)


def _by_machine(keys: Sequence[tuple[int, datetime]], snapshots: Sequence[Snapshot]) -> dict[int, list[Snapshot]]:
    grouped: dict[int, list[Snapshot]] = {}
    for (machine_id, _), snapshot in zip(keys, snapshots, strict=True):
        grouped.setdefault(machine_id, []).append(snapshot)
    return grouped


def _observe(
    claim: Claim,
    machine: Machine,
    snapshots: Sequence[Snapshot],
    life_ends: Sequence[TurningPoint],
    reorder_horizon: timedelta,
) -> tuple[Observation, MachineState]:
    """Return a machine as it is observed over a claim, and its stored state but for what is remembered."""
    before = claim.before
    last = before.last_measured_at
    fresh = [s for s in snapshots if last is None or s.measured_at > last]
    late = [s.measured_at for s in snapshots if last is not None and s.measured_at <= last]
    behind = [at for at in (before.dirty_from, *late) if at is not None and last is not None and at <= last]
    within = [at for at in behind if at not in late or not _is_beyond(before, at, reorder_horizon)]
    reached = fresh[-1].measured_at if fresh else last
    life_ends = _due(life_ends, reached, reorder_horizon if claim.is_drained else timedelta())
    memory = read_state(machine, before.state) if before.state is not None else begin(machine)
    after = replace(before, last_measured_at=reached, dirty_from=min(within, default=None))
    return observe(machine, memory, fresh, life_ends), after


def _is_beyond(before: MachineState, at: datetime, reorder_horizon: timedelta) -> bool:
    """Whether an acquisition is so late that it is not assessed."""
    return before.last_measured_at is not None and at < before.last_measured_at - reorder_horizon


def _prognose(serving: Mapping[str, Champion], observations: Sequence[Observation]) -> list[list[Prognosis]]:
    """Return the prognoses of each observation; those of a fleet are made at once."""
    places: dict[str, list[int]] = {}
    for place, observation in enumerate(observations):
        places.setdefault(observation.machine.fleet, []).append(place)
    found: dict[int, list[Prognosis]] = {}
    for fleet, own in places.items():
        made = prognose(fleet, serving.get(fleet), [observations[place] for place in own])
        found.update(zip(own, made, strict=True))
    return [found[place] for place in range(len(observations))]


def _conclude(
    observation: Observation,
    after: MachineState,
    prognoses: Sequence[Prognosis],
    rules: RuleSet,
    diagnoses: Sequence[DiagnosisNote],
) -> AnalysisStep:
    result = conclude(observation, prognoses, rules, diagnoses)
    life_ends = tuple(chain.from_iterable(observation.closings.values()))
    if observation.snapshots or life_ends:
        after = replace(after, state=result.memory.to_bytes())
    return AnalysisStep(after, result, life_ends)


def _still_drained(
    conn: Connection[Any], claims: Sequence[Claim], ends: Mapping[int, Sequence[TurningPoint]]
) -> list[Claim]:
    """Return the claims, not drained where acquisitions arrived since: a work event is visible before or with them."""
    asked = [claim for claim in claims if claim.is_drained and claim.waiting and ends[claim.machine_id]]
    unclaimed = queue.find_unclaimed(conn, asked) if asked else set()
    return [replace(claim, is_drained=False) if claim.machine_id in unclaimed else claim for claim in claims]


def _due(life_ends: Sequence[TurningPoint], reached: datetime | None, ahead: timedelta) -> list[TurningPoint]:
    """Return the ends that count by now: those behind us, and those `ahead` when nothing else is known to come.

    An end far ahead of the data belongs to a history that is still being sent.
    """
    return [end for end in life_ends if reached is not None and end.occurred_at <= reached + ahead]


def _write(
    conn: Connection[Any], claims: Sequence[Claim], steps: Sequence[AnalysisStep], reorder_horizon: timedelta
) -> None:
    assessments_write.insert_assessments(
        conn, [(s.after.machine_id, s.after.revision, a) for s in steps for a in s.result.assessments]
    )
    assessments_write.insert_prognoses(
        conn, [(s.after.machine_id, s.after.revision, p) for s in steps for p in s.result.prognoses]
    )
    closed = {s.after.machine_id: [end for end in s.life_ends if isinstance(end, LifeEnd)] for s in steps}
    ends = {machine_id: own for machine_id, own in closed.items() if own}
    apply_changes(conn, {step.after.machine_id: step.result.changes for step in steps}, ends)
    queue.save_states(conn, [step.after for step in steps])
    queue.complete(conn, [(claim.machine_id, item) for claim in claims for item in claim.waiting])
    for claim in claims:
        for item in claim.waiting:
            if _is_beyond(claim.before, item.measured_at, reorder_horizon):
                queue.set_aside(conn, claim.machine_id, item.measured_at, BEYOND_HORIZON)
    keep_checkpoints(conn, [step.after for step in steps], reorder_horizon)


def _ask_for_diagnoses(
    conn: Connection[Any], followed: Sequence[tuple[StoredMachine, Sequence[Assessment]]], interval: timedelta
) -> None:
    """Request a diagnosis of the machines that are due; a failure here does not fail the analysis."""
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
    life_ends: Mapping[int, Sequence[LifeEnd]],
) -> None:
    """Write the alert changes of the machines that have any or whose life has ended, and wake who listens."""
    if any(changes.values()) or life_ends:
        alerts.apply_all(conn, changes, reevaluated=False, life_ends=life_ends)
        alerts.notify(conn)


def keep_checkpoints(conn: Connection[Any], states: Sequence[MachineState], reorder_horizon: timedelta) -> None:
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
