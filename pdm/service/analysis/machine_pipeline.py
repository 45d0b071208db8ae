"""Follow one machine through its acquisitions, in order: state, health, remaining life, alerts.

Pure: no database and no clock, so that live analysis and the replay of late data are the same code.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pdm.alerts.evaluation.evaluate import AlertChange, Cases, evaluate
from pdm.alerts.evaluation.life_end import close_ended, close_replaced
from pdm.alerts.kinds.rule_input import NOTHING, DiagnosisNote, Measured
from pdm.alerts.rules.rule import DEFAULT_RULES, RuleSet
from pdm.health.assess import assess
from pdm.health.assessment import Assessment
from pdm.health.component_end import end_component, replace_sensor
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Machine
from pdm.machines.work_events import SensorReplaced, TurningPoint
from pdm.prognosis.lives_by_component import Lives, NamedStep, advance_lives, end_life, find_shortest
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.predict import prognose_batch
from pdm.prognosis.prognosis import Prognosis
from pdm.service.analysis.analysis_state import AnalysisState
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
    life_ends: Sequence[TurningPoint],
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
    life_ends : sequence of LifeEnd or SensorReplaced
        Lives that work events closed and sensors that were replaced since the memory was last updated, in order: what
        was learned of the component, the machine or the point before is forgotten, and its open alerts are closed.
        Those after the last of `snapshots` close alerts only; what was learned is forgotten when the next acquisition
        comes.
    champion : Champion or None
        The fleet's model; None leaves the degradation trend.
    rules : RuleSet
        Those in force, fitted to the machine.
    diagnoses : sequence of DiagnosisNote
        Of the machine, in measured_at order, beginning with the one that was newest before `snapshots`.
    """
    health, cases, lives = memory.health, memory.cases, Lives(memory.life, memory.component_lives)
    ends = list(life_ends)
    assessments: list[Assessment] = []
    steps: list[list[NamedStep]] = []
    closings: dict[int, list[TurningPoint]] = {}
    for index, snapshot in enumerate(snapshots):
        while ends and ends[0].occurred_at <= snapshot.measured_at:
            end = ends.pop(0)
            closings.setdefault(index, []).append(end)
            if isinstance(end, SensorReplaced):
                health = replace_sensor(machine, health, end.point)
                continue
            health = end_component(machine, health, end.component)
            lives = end_life(machine, lives, end.component)
        health, assessment = assess(machine, health, snapshot)
        lives, named, assessment = advance_lives(machine, lives, assessment)
        assessments.append(assessment)
        steps.append(named)
    closings[len(snapshots)] = ends
    prognoses = _prognose(machine, champion, steps)
    values = [read_values(snapshot, rules.wanted) for snapshot in snapshots] if rules.wanted else []
    cases, changes = _advise(machine, cases, assessments, prognoses, values, diagnoses, rules, closings)
    state = AnalysisState(health, lives.machine, cases, lives.components)
    return AnalysisResult(state, tuple(assessments), tuple(prognoses), changes)


def _prognose(machine: Machine, champion: Champion | None, steps: Sequence[Sequence[NamedStep]]) -> list[Prognosis]:
    """Return the prognosis of each acquisition: that of the life which ends first."""
    model, model_id = (champion.model, champion.model_id) if champion else (None, None)
    found = iter(prognose_batch(model, model_id, machine, [step for named in steps for _, step in named]))
    return [find_shortest([(name, next(found)) for name, _ in named]) for named in steps]


def _advise(
    machine: Machine,
    cases: Cases,
    assessments: Sequence[Assessment],
    prognoses: Sequence[Prognosis],
    values: Sequence[Mapping[Measured, float]],
    diagnoses: Sequence[DiagnosisNote],
    rules: RuleSet,
    closings: dict[int, list[TurningPoint]],
) -> tuple[Cases, tuple[AlertChange, ...]]:
    changes: list[AlertChange] = []
    for index in range(len(assessments) + 1):
        for end in closings.get(index, ()):
            if isinstance(end, SensorReplaced):
                cases, closed = close_replaced(cases, end, rules)
            else:
                cases, closed = close_ended(machine, cases, end, rules)
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
