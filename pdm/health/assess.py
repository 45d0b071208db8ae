"""Assess a machine, one acquisition after another: operating state, baseline, evidence, health, symptom."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.health.assessment import Assessment
from pdm.health.baseline import Baseline
from pdm.health.layout import Layout, layout_of
from pdm.health.operating_states import OFF, UNKNOWN, find_state, is_off, meet_state, settle
from pdm.health.snapshot import Snapshot
from pdm.health.state import HealthState
from pdm.health.state_detection import WARNING_SEVERITY, health_of, severity_of, smooth, weigh
from pdm.health.symptoms import LEAST_SEVERITY, Symptom, name_symptom
from pdm.health.zones import zone_of
from pdm.machines.model import Machine

__all__ = ["HealthState", "assess", "initial_state"]

Floats = NDArray[np.float64]
_CONTRIBUTORS = 3
_CARRY_FROM = 2.0  # evidence from which a known degradation is carried into a state met late


def initial_state(machine: Machine) -> HealthState:
    """Return the state of a machine of whose present life nothing is known yet."""
    layout = layout_of(machine)
    return HealthState(signature=layout.signature, smoothed=np.zeros(len(layout.columns), np.float32), layout=layout)


def assess(machine: Machine, state: HealthState, snapshot: Snapshot) -> tuple[HealthState, Assessment]:
    """Assess a machine as of one acquisition.

    Parameters
    ----------
    machine : Machine
    state : HealthState
        As of the acquisition before; it is used up, and must not be used again.
    snapshot : Snapshot

    Returns
    -------
    state : HealthState
        To assess the next acquisition with.
    assessment : Assessment
    """
    layout = _layout(machine, state)
    reasons: list[str] = []
    if state.signature != layout.signature:
        state = initial_state(machine)
        reasons.append("points-changed")
    state.layout = layout
    state.acquisitions += 1
    raw = layout.raw_values(snapshot)
    compared = layout.compared(raw)
    reasons += _absences(layout, snapshot)
    if is_off(machine, snapshot.context, state.states, compared, layout.activity):
        return state, _silent(layout, snapshot, OFF, [*reasons, "state-off"], _progress(machine, None))
    if np.isnan(raw).all():
        return state, _silent(layout, snapshot, UNKNOWN, [*reasons, "no-data"], _progress(machine, None))
    lone_scalars = not (snapshot.vibration or snapshot.current) and layout.has_waveforms
    baseline = _enter(state, snapshot, layout, reasons)
    zone = zone_of(machine.severity_limits, raw[layout.velocity])
    if not baseline.learned and lone_scalars:
        silent = _silent(layout, snapshot, baseline.name, [*reasons, "learning"], _progress(machine, baseline))
        return state, silent
    if not baseline.learned:
        return state, _learn(machine, layout, baseline, snapshot, compared, zone, reasons)
    change = compared - baseline.location
    state.smoothed = smooth(state.smoothed, change / baseline.scale, layout, fading=not lone_scalars)
    return state, _judge(layout, state, baseline, snapshot, raw, change, zone, reasons)


def _layout(machine: Machine, state: HealthState) -> Layout:
    if state.layout is not None and state.layout.machine is machine:
        return state.layout
    return layout_of(machine)


def _absences(layout: Layout, snapshot: Snapshot) -> list[str]:
    reasons = [f"absent:{p}" for p in layout.vibration_points if p not in snapshot.vibration]
    reasons += [f"absent:{p}" for p in layout.current_points if p not in snapshot.current]
    reasons += [f"absent:{p}" for p in layout.temperature_points if p not in snapshot.scalars]
    if snapshot.context.speed is None:
        reasons.append("no-speed")
    return reasons


def _progress(machine: Machine, baseline: Baseline | None) -> float:
    if baseline is None:
        return 0.0
    return 1.0 if baseline.learned else min(1.0, baseline.seen / machine.baseline_acquisitions)


def _enter(state: HealthState, snapshot: Snapshot, layout: Layout, reasons: list[str]) -> Baseline:
    """Return the baseline of the operating state, which begins here if it was never met."""
    index = find_state(snapshot.context, state.states)
    if index is None:
        carry = _known_degradation(state, len(layout.columns))
        index, forgotten = meet_state(snapshot.context, state.states, carry)
        reasons.append("new-state")
        if forgotten is not None:
            reasons.append(f"state-forgotten:{forgotten}")
    baseline = state.states[index]
    settle(snapshot.context, baseline)
    baseline.last_seen = state.acquisitions
    return baseline


def _known_degradation(state: HealthState, size: int) -> NDArray[np.float32]:
    """Return how far (M,) the machine has moved from its baseline in the state it was last seen in."""
    learned = [known for known in state.states if known.learned]
    if not learned:
        return np.zeros(size, np.float32)
    last = max(learned, key=lambda known: known.last_seen)
    moved = np.where(state.smoothed > _CARRY_FROM, state.smoothed * last.scale, 0.0)
    return np.nan_to_num(moved).astype(np.float32)


def _learn(
    machine: Machine,
    layout: Layout,
    baseline: Baseline,
    snapshot: Snapshot,
    compared: Floats,
    zone: str | None,
    reasons: list[str],
) -> Assessment:
    """Take one more acquisition into a baseline; nothing is judged by it yet."""
    baseline.learn(compared)
    indicators = layout.indicators(compared - baseline.median_so_far())
    progress = _progress(machine, baseline)
    if baseline.seen >= machine.baseline_acquisitions:
        baseline.finish(layout.floor)
    return Assessment(
        measured_at=snapshot.measured_at,
        health=None,
        learning_progress=progress,
        operating_state=baseline.name,
        zone=zone,
        symptom=None,
        component=None,
        confidence=None,
        indicators=indicators,
        evidence=_evidence(snapshot, None, [], [*reasons, "learning"]),
    )


def _silent(
    layout: Layout, snapshot: Snapshot, operating_state: str, reasons: list[str], progress: float
) -> Assessment:
    """Return the assessment of an acquisition that says nothing about health."""
    return Assessment(
        measured_at=snapshot.measured_at,
        health=None,
        learning_progress=progress,
        operating_state=operating_state,
        zone=None,
        symptom=None,
        component=None,
        confidence=None,
        indicators=layout.indicators(np.full(len(layout.columns), np.nan)),
        evidence=_evidence(snapshot, None, [], reasons),
    )


def _judge(
    layout: Layout,
    state: HealthState,
    baseline: Baseline,
    snapshot: Snapshot,
    raw: Floats,
    change: Floats,
    zone: str | None,
    reasons: list[str],
) -> Assessment:
    evidence = weigh(state.smoothed, layout)
    severity = severity_of(evidence)
    symptom: Symptom | None = None
    if severity >= LEAST_SEVERITY:
        symptom = name_symptom(layout, state.smoothed.tolist())
    return Assessment(
        measured_at=snapshot.measured_at,
        health=health_of(severity),
        learning_progress=1.0,
        operating_state=baseline.name,
        zone=zone,
        symptom=symptom.name if symptom else None,
        component=symptom.component if symptom else None,
        confidence=symptom.confidence if symptom else None,
        indicators=layout.indicators(change),
        evidence=_evidence(snapshot, severity, _contributors(layout, evidence, baseline, raw), reasons),
    )


def _evidence(
    snapshot: Snapshot, severity: float | None, contributors: list[dict[str, Any]], reasons: list[str]
) -> dict[str, Any]:
    return {
        "acquired_at": snapshot.measured_at.isoformat(),
        "severity": None if severity is None else round(severity, 3),
        "limit": WARNING_SEVERITY,
        "contributors": contributors,
        "reasons": reasons,
    }


def _contributors(layout: Layout, evidence: Floats, baseline: Baseline, raw: Floats) -> list[dict[str, Any]]:
    """Return the features that moved most: value, baseline and limit in the feature's own unit."""
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
