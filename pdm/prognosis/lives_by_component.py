"""The lives of a machine and of its components that were replaced separately.

A machine has one life until a failure or replacement names one of its components with measurement points. From then on
this component has a separate life, of the indicators at its points, and the life of the machine continues with those at
the other points. The machine's remaining life is the shortest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pdm.health.assessment import Assessment
from pdm.health.baseline.component_columns import columns_of, restarts_machine, unmeasured
from pdm.health.baseline.feature_layout import layout_of
from pdm.machines.model import Machine
from pdm.prognosis.model.life_state import LifeState, advance, begin_life, forget_channels
from pdm.prognosis.predict import LifeStep
from pdm.prognosis.prognosis import Prognosis

MACHINE_LIFE = ""
"""Name of the machine's life among those of its components."""

NamedStep = tuple[str, LifeStep]


@dataclass(frozen=True)
class Lives:
    """The life of a machine, and of its components with a separate life."""

    machine: LifeState = field(default_factory=begin_life)
    components: Mapping[str, LifeState] = field(default_factory=dict)


def end_life(machine: Machine, lives: Lives, component: str | None) -> Lives:
    """Return the lives after a failure or replacement of a component, None: of the whole machine.

    The machine's life forgets the indicators that nothing but this component had; its age is kept.
    """
    if component is None or restarts_machine(machine, component):
        return Lives()
    if not columns_of(machine, component).any():
        return lives
    components = {**lives.components, component: begin_life()}
    left = unmeasured(layout_of(machine), _of_machine(machine, components))
    return Lives(forget_channels(lives.machine, left), components)


def advance_lives(machine: Machine, lives: Lives, assessment: Assessment) -> tuple[Lives, list[NamedStep], Assessment]:
    """Update every life with an assessment.

    Returns
    -------
    lives : Lives
    steps : list of (name, LifeStep)
        The input of the prognosis of each life.
    assessment : Assessment
        With the indicators of each life, where there are several.
    """
    if not lives.components:
        after, step = _advance(lives.machine, assessment, assessment.indicators)
        return Lives(after), [(MACHINE_LIFE, step)], assessment
    own = _indicators(machine, lives.components, assessment)
    assessment = replace(assessment, life_indicators=own)
    steps: list[NamedStep] = []
    components = {}
    for component, life in lives.components.items():
        components[component], step = _advance(life, _at(machine, component, assessment), own[component])
        steps.append((component, step))
    of_machine = lives.machine
    if MACHINE_LIFE in own:
        of_machine, step = _advance(of_machine, assessment, own[MACHINE_LIFE])
        steps.insert(0, (MACHINE_LIFE, step))
    return Lives(of_machine, components), steps, assessment


def find_shortest(prognoses: Sequence[tuple[str, Prognosis]]) -> Prognosis:
    """Return the prognosis of the life that ends first, with its component as evidence; any other if none has a figure.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 1, 1, tzinfo=UTC)
    >>> find_shortest([("", Prognosis(at, "trend", rul=9.0)), ("motor", Prognosis(at, "trend", rul=5.0))]).evidence
    {'life_of': 'motor'}
    """
    if len(prognoses) == 1:
        return prognoses[0][1]
    name, shortest = min(prognoses, key=lambda each: float("inf") if each[1].rul is None else each[1].rul)
    return replace(shortest, evidence={**shortest.evidence, "life_of": name or None})


def _of_machine(machine: Machine, components: Mapping[str, LifeState]) -> NDArray[np.bool_]:
    """Flag the columns (M,) that belong to no component with a separate life."""
    left = np.ones(len(layout_of(machine).columns), bool)
    for component in components:
        left &= ~columns_of(machine, component)
    return left


def _indicators(
    machine: Machine, components: Mapping[str, LifeState], assessment: Assessment
) -> dict[str, NDArray[np.float32]]:
    layout = layout_of(machine)
    change = np.full(len(layout.columns), np.nan) if assessment.change is None else assessment.change
    left = _of_machine(machine, components)
    found = {MACHINE_LIFE: layout.indicators(np.where(left, change, np.nan))} if left.any() else {}
    for component in components:
        found[component] = layout.indicators(np.where(columns_of(machine, component), change, np.nan))
    return found


def _at(machine: Machine, component: str, assessment: Assessment) -> Assessment:
    """Return an assessment with health, which is not known while it is learned, and doubts at a component."""
    points = [point.key for point in machine.points if point.component == component]
    health = assessment.health_at(points)
    is_known = health is not None or assessment.health is None
    doubtful = tuple(point for point in assessment.doubtful if point in points)
    progress = assessment.learning_progress if is_known else 0.0
    return replace(assessment, health=health, learning_progress=progress, doubtful=doubtful)


def _advance(life: LifeState, assessment: Assessment, indicators: NDArray[np.float32]) -> tuple[LifeState, LifeStep]:
    after, columns = advance(life, assessment.measured_at.timestamp(), indicators, assessment.health)
    return after, LifeStep.of(after, columns, assessment)
