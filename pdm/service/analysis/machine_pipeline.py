"""Follow one machine through its acquisitions, in order: state, health, remaining life, alerts.

Pure: no database and no clock, so that live analysis and the replay of late data are the same code.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pdm.alerts.evaluation.evaluate import AlertChange, Cases, evaluate
from pdm.alerts.evaluation.life_end import close_ended, close_replaced
from pdm.alerts.kinds.rule_input import NOTHING, DiagnosisNote, Measured
from pdm.alerts.rules.rule import DEFAULT_RULES, RuleSet
from pdm.health.assess import assess
from pdm.health.assessment import Assessment
from pdm.health.component_end import end_component, replace_sensor
from pdm.health.snapshot import Snapshot
from pdm.machines.former_keys import FormerKeys
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


@dataclass(frozen=True)
class Observation:
    """A machine after its next acquisitions were assessed: what its prognoses and its alerts follow from."""

    machine: Machine
    memory: AnalysisState
    snapshots: Sequence[Snapshot]
    assessments: Sequence[Assessment]
    steps: Sequence[Sequence[NamedStep]]
    closings: Mapping[int, Sequence[TurningPoint]]


def follow(
    machine: Machine,
    memory: AnalysisState,
    snapshots: Sequence[Snapshot],
    life_ends: Sequence[TurningPoint],
    champion: Champion | None,
    rules: RuleSet = DEFAULT_RULES,
    diagnoses: Sequence[DiagnosisNote] = (),
) -> AnalysisResult:
    """Assess, prognose and advise a machine over its next acquisitions; see `observe` and `conclude`.

    Parameters
    ----------
    champion : Champion or None
        The fleet's model; None leaves the degradation trend.
    """
    observation = observe(machine, memory, snapshots, life_ends)
    (prognoses,) = prognose(machine.fleet, champion, [observation])
    return conclude(observation, prognoses, rules, diagnoses)


def observe(
    machine: Machine, memory: AnalysisState, snapshots: Sequence[Snapshot], life_ends: Sequence[TurningPoint]
) -> Observation:
    """Assess a machine over its next acquisitions.

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
    """
    health, lives = memory.health, Lives(memory.life, memory.component_lives)
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
    after = AnalysisState(health, lives.machine, memory.cases, lives.components)
    return Observation(machine, after, snapshots, assessments, steps, closings)


def prognose(fleet: str, champion: Champion | None, observations: Sequence[Observation]) -> list[list[Prognosis]]:
    """Return the prognosis of each acquisition of machines of one fleet: that of the life which ends first."""
    model, model_id = (champion.model, champion.model_id) if champion else (None, None)
    steps = [step for each in observations for named in each.steps for _, step in named]
    found = iter(prognose_batch(model, model_id, fleet, steps))
    return [
        [find_shortest([(name, next(found)) for name, _ in named]) for named in each.steps] for each in observations
    ]


def conclude(
    observation: Observation, prognoses: Sequence[Prognosis], rules: RuleSet, diagnoses: Sequence[DiagnosisNote]
) -> AnalysisResult:
    """Return what follows from a machine's assessments and prognoses.

    Parameters
    ----------
    rules : RuleSet
        Those in force, fitted to the machine.
    diagnoses : sequence of DiagnosisNote
        Of the machine, in measured_at order, beginning with the one that was newest before the acquisitions.
    """
    keys = FormerKeys.of(observation.machine.components, observation.machine.points)
    diagnoses = [note.renamed(keys) for note in diagnoses] if keys else diagnoses
    values = [read_values(snapshot, rules.wanted) for snapshot in observation.snapshots] if rules.wanted else []
    cases, changes = _advise(observation, prognoses, values, diagnoses, rules)
    memory = replace(observation.memory, cases=cases)
    return AnalysisResult(memory, tuple(observation.assessments), tuple(prognoses), changes)


def _advise(
    observation: Observation,
    prognoses: Sequence[Prognosis],
    values: Sequence[Mapping[Measured, float]],
    diagnoses: Sequence[DiagnosisNote],
    rules: RuleSet,
) -> tuple[Cases, tuple[AlertChange, ...]]:
    machine, cases, assessments = observation.machine, observation.memory.cases, observation.assessments
    changes: list[AlertChange] = []
    for index in range(len(assessments) + 1):
        for end in observation.closings.get(index, ()):
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
