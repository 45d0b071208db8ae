"""Assess a machine, acquisition by acquisition: operating state, baseline, evidence, health, symptom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.health.assessment import Assessment, ZoneTrend, hindrance_of, shows_operation
from pdm.health.baseline.baseline import Baseline
from pdm.health.baseline.component_columns import describe_fresh, is_relearning
from pdm.health.baseline.feature_layout import Layout, layout_of
from pdm.health.component_health import assess_parts, parts_of
from pdm.health.detection.context_checks import check_load, find_contradiction
from pdm.health.detection.control_charts import DECISION, Charts
from pdm.health.detection.current_line_filter import heed_lines
from pdm.health.detection.operating_states import (
    OFF,
    UNKNOWN,
    WIDEST,
    describe_states,
    find_state,
    is_crowded,
    is_off,
    meet_state,
    settle,
    widen,
)
from pdm.health.detection.state_detection import (
    RELATION_SEVERITY,
    WARNING_SEVERITY,
    health_of,
    severity_of,
    smooth,
    weigh,
)
from pdm.health.detection.symptoms import LEAST_SEVERITY, Symptom, name_symptom
from pdm.health.detection.transients import TRANSIENT, context_of, is_transient
from pdm.health.detection.zone_trend import zone_trends
from pdm.health.detection.zones import zone_of
from pdm.health.refit import CARRY_FROM, POINTS_CHANGED, refit
from pdm.health.snapshot import Snapshot
from pdm.health.state import HealthState
from pdm.machines.model import Machine
from pdm.measurements import OperatingContext
from pdm.trends.thinned_series import ThinnedSeries

__all__ = ["HealthState", "assess", "initial_state"]

Floats = NDArray[np.float64]
_CONTRIBUTORS = 3  # features named as main evidence: the number that the severity weighs (WEIGHTS)
_DOUBTED = 0.7  # times the confidence of a symptom that a doubtful channel shows
_PATIENCE = 4  # times the acquisitions of a baseline, without any learned: what is sent does not let it end


def initial_state(machine: Machine) -> HealthState:
    """Return the initial state of a machine without any acquisition in its present life."""
    layout = layout_of(machine)
    size = len(layout.columns)
    return HealthState(
        identity=layout.identity,
        smoothed=np.zeros(size, np.float32),
        charts=Charts.of(size),
        related=np.zeros(len(layout.related)),
        course=ThinnedSeries(np.empty((0, 2 + len(layout.vibration_points)))),
        layout=layout,
        parts=parts_of(machine),
    )


def assess(machine: Machine, state: HealthState, snapshot: Snapshot) -> tuple[HealthState, Assessment]:
    """Assess a machine from one acquisition.

    Parameters
    ----------
    machine : Machine
    state : HealthState
        After the previous acquisition. It is modified in place and must not be used again.
    snapshot : Snapshot

    Returns
    -------
    state : HealthState
        The input of the next assessment.
    assessment : Assessment
    """
    layout = _layout(machine, state)
    reasons: list[str] = []
    if state.identity != layout.identity:
        notes = refit(state, layout)
        if notes is None:
            state, notes = initial_state(machine), [POINTS_CHANGED]
        reasons += notes
    if state.parts is None or state.layout is not layout:
        state.layout, state.parts = layout, parts_of(machine)
    state.acquisitions += 1
    context, doubt = check_load(context_of(machine, snapshot))
    before, state.last = state.last, _last_known(snapshot, context)
    raw = layout.raw_values(snapshot)
    compared = layout.compared(raw)
    reasons += _absences(layout, snapshot, context)
    reasons += _doubts(snapshot)
    silence = _silence(machine, state, snapshot, context, before, compared)
    is_off = silence is not None and silence[0] == OFF
    contradiction = find_contradiction(context, state.states, compared, layout.activity, is_off=is_off)
    if contradiction is not None or (doubt is not None and _knows_loads(state)):
        reasons.append(f"hindered:{contradiction or doubt}")
        return state, _silent(state, layout, snapshot, UNKNOWN, reasons, 0.0)
    if doubt is not None:
        reasons.append(f"hindered:{doubt}")
    if silence is not None:
        name, reason = silence
        return state, _silent(state, layout, snapshot, name, [*reasons, reason], 0.0)
    if np.isnan(raw).all():
        return state, _silent(state, layout, snapshot, UNKNOWN, [*reasons, "no-data"], 0.0)
    lone_scalars = not snapshot.has_waveforms and layout.has_waveforms
    if lone_scalars and find_state(context, state.states, state.width) is None:
        return state, _silent(state, layout, snapshot, UNKNOWN, [*reasons, "no-verdict"], 0.0)
    covariates = layout.covariate_values(snapshot, context)
    baseline = _enter(state, context, layout, covariates, reasons)
    if not baseline.learned and _is_learning_without_end(machine, state):
        reasons.append("hindered:learning-without-end")
    zones = [zone_of(machine.severity_limits, velocity) for velocity in raw[layout.velocity].tolist()]
    seen = _AssessmentInput(machine, layout, snapshot, raw, zones, reasons)
    if not baseline.learned and lone_scalars:
        progress = baseline.progress(machine.baseline_acquisitions)
        silent = _silent(state, layout, snapshot, baseline.name, [*reasons, "learning"], progress)
        return state, replace(silent, shows_operation=_shows_operation(layout, reasons, baseline.declared))
    if not baseline.learned:
        return state, _learn(state, baseline, seen, compared, covariates)
    at = snapshot.measured_at.timestamp()
    if not lone_scalars:
        fresh = baseline.fresh.tolist()
        features = baseline.learn_beside(layout, compared, covariates, at, machine.baseline_acquisitions)
        reasons += describe_fresh(machine, fresh, features)
    change, scale = baseline.change(compared, covariates, at)
    change = heed_lines(layout, snapshot, change)
    deviation = change / scale
    before_fresh = state.smoothed[baseline.fresh]
    fading = False if lone_scalars else layout.measured(snapshot.unmeasured)
    state.smoothed = smooth(state.smoothed, deviation, layout, fading=fading)
    state.smoothed[baseline.fresh] = before_fresh  # what is learned again keeps its evidence
    state.charts = state.charts.advance(deviation, at)
    if machine.severity_limits is not None and not np.isnan(change[layout.velocity]).all():
        state.course = state.course.add(at, change[layout.velocity])
    relation = None
    if baseline.relation is not None:
        state.related, relation = baseline.relation.advance(state.related, change[layout.related])
    reasons += [f"baseline-doubt:{name}" for name in baseline.doubt_names]
    reasons += [f"beyond-learned:{layout.covariates[i]}" for i in baseline.compensation.beyond(covariates)]
    return state, _judge(state, baseline, seen, change, relation)


@dataclass(frozen=True)
class _AssessmentInput:
    """Intermediate results of one acquisition's assessment."""

    machine: Machine
    layout: Layout
    snapshot: Snapshot
    raw: Floats
    zones: list[str | None]
    reasons: list[str]

    @property
    def zone(self) -> str | None:
        """The zone of the worst point."""
        return max((zone for zone in self.zones if zone is not None), default=None)


def _layout(machine: Machine, state: HealthState) -> Layout:
    if state.layout is not None and state.layout.machine is machine:
        return state.layout
    return layout_of(machine)


def _last_known(snapshot: Snapshot, context: OperatingContext) -> tuple[float, float]:
    return snapshot.measured_at.timestamp(), np.nan if context.speed is None else context.speed


def _absences(layout: Layout, snapshot: Snapshot, context: OperatingContext) -> list[str]:
    reasons = [f"absent:{p}" for p in layout.vibration_points if p not in snapshot.vibration]
    reasons += [f"absent:{p}" for p in layout.current_points if p not in snapshot.current]
    reasons += [f"absent:{p}" for p in layout.temperature_points + layout.scalar_points if p not in snapshot.scalars]
    if context.speed is None:
        reasons.append("no-speed")
    return reasons


def _doubts(snapshot: Snapshot) -> list[str]:
    """Return the reasons of the channels that are no measurement or a doubtful one."""
    return [
        f"{quality.quality}:{point}:{reason}"
        for point, quality in snapshot.quality.items()
        for reason in quality.reasons
    ]


def _knows_loads(state: HealthState) -> bool:
    """Whether any operating state has a load: one without it would be learned beside it."""
    return any(not np.isnan(known.load) for known in state.states if not known.declared)


def _is_learning_without_end(machine: Machine, state: HealthState) -> bool:
    if any(known.learned for known in state.states):
        return False
    return state.acquisitions > _PATIENCE * machine.baseline_acquisitions


def _silence(
    machine: Machine,
    state: HealthState,
    snapshot: Snapshot,
    context: OperatingContext,
    before: tuple[float, float],
    compared: Floats,
) -> tuple[str, str] | None:
    """Return the operating state and the reason why health is not assessed, None if the machine runs steadily."""
    layout = state.layout
    if layout is not None and is_off(machine, context, state.states, compared, layout.activity):
        return OFF, "state-off"
    if is_transient(machine, snapshot, context, before):
        return TRANSIENT, "state-transient"
    return None


def _enter(
    state: HealthState, context: OperatingContext, layout: Layout, covariates: Floats, reasons: list[str]
) -> Baseline:
    """Return the baseline of the operating state; create it for a new state."""
    index = find_state(context, state.states, state.width)
    while index is None and context.state is None and is_crowded(state.states) and state.width < WIDEST:
        state.width = widen(state.states, state.width)
        reasons.append("states-widened")
        index = find_state(context, state.states, state.width)
    if index is None:
        carry = _known_degradation(state, len(layout.columns))
        index, forgotten = meet_state(context, state.states, carry, len(layout.covariates))
        reasons.append("new-state")
        if forgotten is not None:
            reasons.append(f"state-forgotten:{forgotten}")
    baseline = state.states[index]
    settle(context, baseline)
    baseline.meet(covariates)
    baseline.last_seen = state.acquisitions
    return baseline


def _known_degradation(state: HealthState, size: int) -> NDArray[np.float32]:
    """Return the deviation (M,) from the baseline in the operating state of the previous acquisition."""
    learned = [known for known in state.states if known.learned]
    if not learned:
        return np.zeros(size, np.float32)
    last = max(learned, key=lambda known: known.last_seen)
    moved = np.where(state.smoothed > CARRY_FROM, state.smoothed * last.scale, 0.0)
    return np.nan_to_num(moved).astype(np.float32)


def _learn(
    state: HealthState, baseline: Baseline, seen: _AssessmentInput, compared: Floats, covariates: Floats
) -> Assessment:
    """Add one acquisition to a baseline that is still being learned; it gives no health yet."""
    needed = seen.machine.baseline_acquisitions
    baseline.learn(compared, covariates, seen.snapshot.measured_at.timestamp())
    change = compared - baseline.median_so_far()
    indicators = seen.layout.indicators(change)
    progress = baseline.progress(needed)
    goes_on: list[str] = []
    if progress >= 1.0:
        goes_on = baseline.conclude(seen.layout, needed)
    if goes_on:
        progress = baseline.progress(needed)
    reasons = [*seen.reasons, "learning", *(f"learning-prolonged:{reason}" for reason in goes_on)]
    if seen.zone in ("C", "D"):
        reasons.append(f"learning-in-zone:{seen.zone}")
    return Assessment(
        measured_at=seen.snapshot.measured_at,
        health=None,
        learning_progress=progress,
        operating_state=baseline.name,
        zone=seen.zone,
        symptom=None,
        component=None,
        confidence=None,
        indicators=indicators,
        evidence=_evidence(state, seen.snapshot, None, [], reasons),
        shows_operation=_shows_operation(seen.layout, reasons, baseline.declared),
        unmeasured=seen.snapshot.unmeasured,
        doubtful=seen.snapshot.doubtful,
        hindrance=hindrance_of(reasons),
        change=change,
    )


def _silent(
    state: HealthState, layout: Layout, snapshot: Snapshot, name: str, reasons: list[str], progress: float
) -> Assessment:
    """Return the assessment of an acquisition that gives no health."""
    return Assessment(
        measured_at=snapshot.measured_at,
        health=None,
        learning_progress=progress,
        operating_state=name,
        zone=None,
        symptom=None,
        component=None,
        confidence=None,
        indicators=layout.indicators(np.full(len(layout.columns), np.nan)),
        evidence=_evidence(state, snapshot, None, [], reasons),
        shows_operation=_shows_operation(layout, reasons, False),
        unmeasured=snapshot.unmeasured,
        doubtful=snapshot.doubtful,
        hindrance=hindrance_of(reasons),
    )


def _shows_operation(layout: Layout, reasons: list[str], is_declared: bool) -> bool:
    return shows_operation(reasons, layout.vibration_points + layout.current_points, is_declared)


def _judge(
    state: HealthState, baseline: Baseline, seen: _AssessmentInput, change: Floats, relation: float | None
) -> Assessment:
    layout = seen.layout
    evidence = weigh(state.smoothed, layout)
    severity = severity_of(evidence)
    contributors = _contributors(layout, evidence, baseline, seen.raw)
    if relation is not None and relation * RELATION_SEVERITY > severity:
        severity = relation * RELATION_SEVERITY
        contributors.insert(0, _relation(relation))
    symptom: Symptom | None = None
    if severity >= LEAST_SEVERITY:
        signed = np.where(layout.two_sided, evidence, state.smoothed) if layout.has_two_sided else state.smoothed
        symptom = name_symptom(layout, signed.tolist())
    trends = zone_trends(seen.machine.severity_limits, layout, state.course, seen.raw, change, state.last[0])
    document = _evidence(state, seen.snapshot, severity, contributors, seen.reasons)
    document["change"] = _change(state, layout)
    document["zone_trend"] = trends.evidence
    if state.parts is not None:
        known = seen.raw.copy()
        known[baseline.fresh] = np.nan  # learned again: not yet known
        document.update(assess_parts(layout, state.parts, evidence, known, seen.zones, trends.due))
    points = tuple(sorted({str(each["point"]) for each in contributors if each["point"]}))
    trust = _DOUBTED if set(points) & set(seen.snapshot.doubtful) else 1.0
    assessment = Assessment(
        measured_at=seen.snapshot.measured_at,
        health=health_of(severity),
        learning_progress=1.0,
        operating_state=baseline.name,
        zone=seen.zone,
        symptom=symptom.name if symptom else None,
        component=symptom.component if symptom else None,
        confidence=trust * symptom.confidence if symptom else None,
        indicators=layout.indicators(change),
        evidence=document,
        severity=document["severity"],
        points=points,
        zone_trend=ZoneTrend.from_document(trends.evidence),
        shows_operation=_shows_operation(layout, seen.reasons, baseline.declared),
        unmeasured=seen.snapshot.unmeasured,
        doubtful=seen.snapshot.doubtful,
        hindrance=hindrance_of(seen.reasons),
        change=change,
        point_health={each["point"]: each["health"] for each in document.get("points", ())},
    )
    if not is_relearning(layout, baseline.fresh):
        return assessment
    progress = baseline.beside.progress(seen.machine.baseline_acquisitions) if baseline.beside else 0.0
    return replace(
        assessment,
        health=None,
        learning_progress=progress,
        severity=None,
        symptom=None,
        component=None,
        confidence=None,
    )


def _evidence(
    state: HealthState,
    snapshot: Snapshot,
    severity: float | None,
    contributors: list[dict[str, Any]],
    reasons: list[str],
) -> dict[str, Any]:
    return {
        "acquired_at": snapshot.measured_at.isoformat(),
        "severity": None if severity is None else round(severity, 3),
        "limit": WARNING_SEVERITY,
        "contributors": contributors,
        "reasons": reasons,
        "operating_states": describe_states(state.states),
    }


def _relation(score: float) -> dict[str, Any]:
    """Return the multivariate contributor: a change of the relation between channels."""
    return {
        "indicator": "relation",
        "point": None,
        "unit": "1",
        "value": round(score, 4),
        "baseline": 0.0,
        "limit": WARNING_SEVERITY / RELATION_SEVERITY,
        "deviation": round(score * RELATION_SEVERITY, 3),
    }


def _change(state: HealthState, layout: Layout) -> dict[str, Any] | None:
    """Return the onset of the change and the strength of its evidence; None if no chart signals."""
    sums = state.charts.sums * layout.charted
    if sums.max(initial=0.0) <= DECISION:
        return None
    signals = sums > DECISION
    side, place = np.unravel_index(int(np.argmax(sums)), sums.shape)
    column = layout.columns[int(place)]
    return {
        "since": datetime.fromtimestamp(float(state.charts.since[side, place]), UTC).isoformat(),
        "first_since": datetime.fromtimestamp(float(state.charts.since[signals].min()), UTC).isoformat(),
        "indicator": column.tracked.feature,
        "point": column.point or None,
        "sum": round(float(sums[side, place]), 2),
        "decision": DECISION,
        "indicators": int(signals.any(axis=0).sum()),
    }


def _contributors(layout: Layout, evidence: Floats, baseline: Baseline, raw: Floats) -> list[dict[str, Any]]:
    """Return the features of largest deviation: value, baseline and limit in the feature's own unit."""
    order = np.argsort(evidence, kind="stable")[::-1]
    listed = []
    for index in order[:_CONTRIBUTORS].tolist():
        location, scale = float(baseline.location[index]), float(baseline.scale[index])
        if np.isnan(location) or evidence[index] <= 0:
            continue
        column = layout.columns[index]
        value = float(raw[index])
        listed.append(
            {
                "indicator": column.tracked.feature,
                "point": column.point or None,
                "unit": column.unit,
                "value": None if np.isnan(value) else value,
                "baseline": layout.uncompared(index, location),
                "limit": layout.uncompared(index, location + WARNING_SEVERITY * scale),
                "deviation": round(float(evidence[index]), 3),
            }
        )
    return listed
