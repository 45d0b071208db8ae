"""Snapshots of an invented motor with a bearing: feature vectors with known location and scatter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from features.catalogue import definitions, names
from pdm.health.assess import HealthState, assess, initial_state
from pdm.health.assessment import Assessment
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint, SeverityLimits
from pdm.measurements import OperatingContext

VIBRATION = names("vibration", "channel")
CURRENT = names("current", "channel")
GROUP = names("current", "group")
START = datetime(2026, 3, 1, tzinfo=UTC)
STATES = {"idle": 0.7, "normal": 1.0, "full": 1.6}  # gain of every amplitude, by operating state

MOTOR = Machine(
    key="motor-1",
    line="line-1",
    site="site-1",
    rated_speed=25.0,
    severity_limits=SeverityLimits(1.4e-3, 2.8e-3, 4.5e-3, "invented"),
    baseline_acquisitions=20,
    components=(
        Component("bearing", ComponentKind.BEARING),
        Component("motor", ComponentKind.MOTOR),
        Component("shaft", ComponentKind.SHAFT),
    ),
    points=(
        MeasurementPoint("h", "acceleration", "g", 25600.0, "horizontal", "bearing"),
        MeasurementPoint("v", "acceleration", "g", 25600.0, "vertical", "bearing"),
        *(MeasurementPoint(phase, "current", "A", 5000.0, None, "motor") for phase in ("u", "v2", "w")),
        MeasurementPoint("temp", "temperature", "degC", None, None, "bearing"),
    ),
)
BARE = replace(MOTOR, severity_limits=None)


def snapshot(
    place: int,
    rng: np.random.Generator,
    *,
    state: str = "normal",
    growth: Mapping[str, float] | None = None,
    context: OperatingContext | None = None,
    gain_scatter: float = 0.08,
) -> Snapshot:
    """Return the acquisition at `place`: amplitudes scatter in common and each, decibels each.

    `growth` multiplies amplitudes and ratios, and adds decibels, by feature name at every point.
    """
    gain = STATES[state] * np.exp(gain_scatter * rng.standard_normal())
    return Snapshot(
        measured_at=START + timedelta(hours=place),
        context=context or OperatingContext(speed=24.5, load=0.7, state=state),
        vibration={p: _vector("vibration", "channel", gain * 1e-3, growth, rng) for p in ("h", "v")},
        current={p: _vector("current", "channel", 10.0, growth, rng) for p in ("u", "v2", "w")},
        current_group=_vector("current", "group", 0.02, growth, rng),
        scalars={"temp": 320.0 + rng.standard_normal() + (growth or {}).get("temperature", 0.0)},
    )


def _vector(quantity, scope, level, growth, rng):
    """Draw a vector; features of later versions draw from a stream of their own, so that adding one moves no other."""
    growth = growth or {}
    values = []
    later = np.random.default_rng(int(rng.bit_generator.state["state"]["state"] % 2**63))
    for definition in definitions(quantity, scope):
        scatter = (rng if definition.version == 1 else later).standard_normal()
        if definition.name.startswith("inrush"):
            values.append(np.nan)  # of records that hold a start
        elif definition.name == "fundamental_variation":
            values.append(0.002 * np.exp(0.06 * scatter) * growth.get(definition.name, 1.0))
        elif definition.name == "phase_wander":
            values.append(0.0005 * np.exp(0.06 * scatter) * growth.get(definition.name, 1.0))
        elif definition.unit == "dB":
            values.append(5.0 + 1.5 * scatter + growth.get(definition.name, 0.0))
        else:
            own = 3.0 if definition.unit == "1" and quantity == "vibration" else level
            values.append(own * np.exp(0.06 * scatter) * growth.get(definition.name, 1.0))
    return np.array(values, np.float32)


def follow(
    snapshots: Iterable[Snapshot], machine: Machine = MOTOR, state: HealthState | None = None
) -> tuple[HealthState, list[Assessment]]:
    """Assess snapshots in order; returns the last state and every assessment."""
    state = state or initial_state(machine)
    assessments = []
    for one in snapshots:
        state, assessment = assess(machine, state, one)
        assessments.append(assessment)
    return state, assessments


def learned(rng: np.random.Generator, machine: Machine = MOTOR) -> HealthState:
    """Return the state of a machine that has just learned its baseline in state 'normal'."""
    count = machine.baseline_acquisitions
    state, assessments = follow((snapshot(place, rng) for place in range(count)), machine)
    assert assessments[-1].learning_progress == 1.0
    return state
