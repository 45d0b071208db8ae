"""Follow one machine through its acquisitions, in order: state, health, remaining life, alerts.

Pure: no database and no clock, so that live analysis and the replay of late data are the same code.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pdm.alerts.evaluation.evaluate import AlertChange, Cases, close_all, evaluate
from pdm.alerts.kinds.rule_input import NOTHING, DiagnosisNote, Measured
from pdm.alerts.rules.rule import DEFAULT_RULES, RuleSet
from pdm.health.assess import assess
from pdm.health.assessment import Assessment
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Machine
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.life_state import advance
from pdm.prognosis.predict import LifeStep, prognose_batch
from pdm.prognosis.prognosis import Prognosis
from pdm.service.analysis.analysis_state import AnalysisState, begin
from pdm.service.analysis.rule_inputs import read_values


@dataclass(frozen=True)
class Champion:
    """The model that serves a fleet now, None where it cannot be read, and its id in the registry."""

    model_id: int
    model: FleetModel | None


@dataclass(frozen=True)
class AnalysisResult:
    """What following a machine led to: its new memory and one conclusion an acquisition."""

    memory: AnalysisState
    assessments: tuple[Assessment, ...]
    prognoses: tuple[Prognosis, ...]
    changes: tuple[AlertChange, ...]


def follow(
    machine: Machine,
    memory: AnalysisState,
    snapshots: Sequence[Snapshot],
    life_ends: Sequence[datetime],
    champion: Champion | None,
    rules: RuleSet = DEFAULT_RULES,
    diagnoses: Sequence[DiagnosisNote] = (),
) -> AnalysisResult:
    """Assess, prognose and advise a machine over its next acquisitions.

    Parameters
    ----------
    machine : Machine
    memory : AnalysisState
        What is remembered from before the first of `snapshots`.
    snapshots : sequence of Snapshot
        In measured_at order.
    life_ends : sequence of datetime
        When work events closed a life since the memory was last updated, in order: what was learned of
        the life before is forgotten, and its open alerts are closed. Those after the last of
        `snapshots` close alerts only; what was learned is forgotten when the next acquisition comes.
    champion : Champion or None
        The fleet's model; None leaves the degradation trend.
    rules : RuleSet
        Those in force, fitted to the machine.
    diagnoses : sequence of DiagnosisNote
        Of the machine, in measured_at order, beginning with the one that was newest before `snapshots`.
    """
    health, life, cases = memory.health, memory.life, memory.cases
    ends = list(life_ends)
    assessments: list[Assessment] = []
    steps: list[LifeStep] = []
    closings: dict[int, list[datetime]] = {}
    for index, snapshot in enumerate(snapshots):
        while ends and ends[0] <= snapshot.measured_at:
            closings.setdefault(index, []).append(ends.pop(0))
            fresh = begin(machine)
            health, life = fresh.health, fresh.life
        health, assessment = assess(machine, health, snapshot)
        life, columns = advance(life, snapshot.measured_at.timestamp(), assessment.indicators, assessment.health)
        assessments.append(assessment)
        steps.append(LifeStep.of(life, columns, assessment))
    closings[len(snapshots)] = ends
    prognoses = prognose_batch(
        champion.model if champion else None, champion.model_id if champion else None, machine, steps
    )
    values = [read_values(snapshot, rules.wanted) for snapshot in snapshots] if rules.wanted else []
    cases, changes = _advise(machine, cases, assessments, prognoses, values, diagnoses, rules, closings)
    return AnalysisResult(AnalysisState(health, life, cases), tuple(assessments), tuple(prognoses), changes)


def _advise(
    machine: Machine,
    cases: Cases,
    assessments: Sequence[Assessment],
    prognoses: Sequence[Prognosis],
    values: Sequence[Mapping[Measured, float]],
    diagnoses: Sequence[DiagnosisNote],
    rules: RuleSet,
    closings: dict[int, list[datetime]],
) -> tuple[Cases, tuple[AlertChange, ...]]:
    changes: list[AlertChange] = []
    for index in range(len(assessments) + 1):
        for ended_at in closings.get(index, ()):
            cases, closed = close_all(cases, ended_at, rules=rules)
            changes += closed
        if index < len(assessments):
            assessment = assessments[index]
            diagnosis = _newest_diagnosis(diagnoses, assessment.measured_at)
            measured = values[index] if values else NOTHING
            cases, found = evaluate(machine, cases, assessment, prognoses[index], rules, measured, diagnosis)
            changes += found
    return cases, tuple(changes)


def _newest_diagnosis(diagnoses: Sequence[DiagnosisNote], at: datetime) -> DiagnosisNote | None:
    place = bisect_right(diagnoses, at, key=lambda note: note.measured_at)
    return diagnoses[place - 1] if place else None
