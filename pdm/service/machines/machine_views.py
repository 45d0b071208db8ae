"""Views of a machine: its registration and its present state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pdm.health.roll_up import UnitCondition
from pdm.machines.model import Machine
from pdm.store.analysis.assessments_read import PrognosisEntry, StoredAssessment, StoredPrognosis
from pdm.store.analysis.queue import AnalysisHold
from pdm.store.machines.machine_views import (
    CurrentVerdict,
    ListedComponent,
    ListedMachine,
    ListedPoint,
    RegisteredMachine,
)
from pdm.store.machines.retirement import RetiredPoint

NOT_YET_ANALYSED = "no analysis yet"
UNKNOWN = "unknown"  # the operating state of an acquisition that shows none


@dataclass(frozen=True)
class FleetMachine(CurrentVerdict, ListedMachine):
    """A machine with its present state."""

    @classmethod
    def of(cls, machine: ListedMachine, verdict: CurrentVerdict) -> FleetMachine:
        """Return a machine with its newest assessment."""
        return cls(**vars(machine), **vars(verdict))


@dataclass(frozen=True)
class MachineDetails(CurrentVerdict, RegisteredMachine):
    """A registered machine with its components, points and present state."""

    diagnosed_at: datetime | None
    components: Sequence[ListedComponent]
    points: Sequence[ListedPoint]
    retired_points: Sequence[RetiredPoint] = ()


@dataclass(frozen=True)
class MachineHealth:
    """The newest assessment of a machine with its evidence, also per component and point; None before the first."""

    machine: str
    measured_at: datetime | None = None
    judged_at: datetime | None = None
    computed_at: datetime | None = None
    revision: int | None = None
    health: float | None = None
    learning_progress: float = 0.0
    operating_state: str | None = None
    zone: str | None = None
    symptom: str | None = None
    component: str | None = None
    confidence: float | None = None
    rule_version: str | None = None
    severity: float | None = None
    urgency: str | None = None
    points: Sequence[Mapping[str, Any]] = ()
    components: Sequence[Mapping[str, Any]] = ()
    operating_states: Sequence[Mapping[str, Any]] = ()
    change: Mapping[str, Any] | None = None
    zone_trend: Mapping[str, Any] | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    on_hold: AnalysisHold | None = None
    machine_name: str = ""
    component_name: str | None = None

    def named(self, machine: Machine) -> MachineHealth:
        """Return the view with the names of the machine, its points and its components beside their keys."""
        points = {each.key: each.name for each in machine.points}
        components = {each.key: each.name for each in machine.components}

        def part(known: Mapping[str, Any], name: str) -> dict[str, Any]:
            contributors = [{**each, "point_name": points.get(each.get("point"))} for each in known["contributors"]]
            return {**known, "name": name, "contributors": contributors}

        return replace(
            self,
            machine_name=machine.name,
            component_name=None if self.component is None else components.get(self.component),
            points=[part(each, points.get(each["point"], "")) for each in self.points],
            components=[part(each, components.get(each["component"], "")) for each in self.components],
        )

    @classmethod
    def of(
        cls,
        machine: RegisteredMachine,
        newest: StoredAssessment | None,
        judged: StoredAssessment | None,
        prognosis: PrognosisEntry | None,
        on_hold: AnalysisHold | None,
    ) -> MachineHealth:
        """Return components, points and states of the evidence of an assessment; add urgency to severity.

        Where the newest has no verdict on health, the last one `judged` gives it; its reasons are those of the newest.
        """
        if newest is None:
            return cls(machine.machine, on_hold=on_hold)
        assessment = newest if judged is None else _kept(judged, newest)
        evidence = dict(assessment.evidence)
        parts = {name: evidence.pop(name) for name in _PARTS if name in evidence}
        known = vars(assessment) | parts | {"evidence": evidence}
        known["judged_at"] = None if judged is None else judged.measured_at
        rul_lower = None if prognosis is None else prognosis.rul_lower_s
        horizon = machine.planning_horizon_h * 3600.0
        standing = UnitCondition(machine.machine, assessment.health, assessment.zone, rul_lower, horizon)
        urgency = standing.urgency.value
        return cls(machine.machine, **known, severity=standing.severity, urgency=urgency, on_hold=on_hold)


def _kept(judged: StoredAssessment, newest: StoredAssessment) -> StoredAssessment:
    """Return the newest assessment with the verdict of the last one that has one."""
    if judged is newest:
        return newest
    is_learning = newest.learning_progress > 0
    reasons = {name: newest.evidence[name] for name in ("reasons", "operating_states") if name in newest.evidence}
    return replace(
        judged,
        measured_at=newest.measured_at,
        computed_at=newest.computed_at,
        revision=newest.revision,
        learning_progress=newest.learning_progress if is_learning else judged.learning_progress,
        operating_state=judged.operating_state if newest.operating_state == UNKNOWN else newest.operating_state,
        evidence={**judged.evidence, **reasons},
    )


_PARTS = ("points", "components", "operating_states", "change", "zone_trend")


@dataclass(frozen=True)
class MachinePrognosis:
    """The newest remaining useful life [s] of a machine with its evidence, or the reason of its absence."""

    machine: str
    interval_verdict: str | None
    source: str = "none"
    reason: str | None = NOT_YET_ANALYSED
    measured_at: datetime | None = None
    computed_at: datetime | None = None
    revision: int | None = None
    rul_s: float | None = None
    rul_lower_s: float | None = None
    rul_upper_s: float | None = None
    level: float | None = None
    model_id: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, machine: str, prognosis: StoredPrognosis | None, interval_verdict: str | None) -> MachinePrognosis:
        """Return a stored prognosis of a machine, or a view without prognosis."""
        known = {} if prognosis is None else vars(prognosis)
        return cls(machine, interval_verdict, **known)
