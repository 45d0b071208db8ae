"""The plant of the database that revision 080f245 wrote, and what its machines send: the same before and after.

Nothing here depends on the simulator, so that a change of it leaves the old database and its continuation as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform

START = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(minutes=30)
RECORDED = 60
"""Acquisitions of a machine in the old database; `acquisition(key, 60)` is the first that is not."""
LEARNING_RECORDED = 6
"""Of the machine that is still learning."""
VIBRATION_RATE, CURRENT_RATE, SAMPLES = 25600.0, 10000.0, 4096
SUPPLY, SPEED = 60.0, 29.2

_BEARING = BearingGeometry(9, 0.00794, 0.03904, 0.0, "6205")

RULES = """
rules:
  - key: oil-hot
    kind: threshold
    severity: critical
    signal: {quantity: temperature, point: oil}
    above: 80 degC
    deadband: 2 degC
    on_delay: {required: 2, of: 3}
    needs_acknowledgement: true
  - key: pressure-rate
    kind: rate
    severity: warning
    signal: {quantity: pressure, point: outlet}
    rising: 2 bar/h
    over: 6 h
  - key: flow-ahead
    kind: forecast
    severity: warning
    signal: {quantity: flow, point: flow}
    below: 5 m3/h
    within: 24 h
    over: 12 h
  - key: winding-warm
    kind: threshold
    severity: warning
    signal: {quantity: temperature, point: winding}
    above: 90 degC
    deadband: 2 degC
    on_delay: {required: 2, of: 3}
  - key: winding-hot
    kind: threshold
    severity: critical
    signal: {quantity: temperature, point: winding}
    above: 120 degC
    deadband: 2 degC
    on_delay: {required: 3, of: 5, for: 30 min}
    needs_acknowledgement: true
    note: the third violation comes after the upgrade
"""


def machines() -> tuple[Machine, ...]:
    """A press with vibration, a motor with currents, a pump that reports values alone, and a fan that still learns."""
    bearing = (Component("brg", ComponentKind.BEARING, _BEARING),)
    vibration = (
        MeasurementPoint("de-h", "acceleration", "g", VIBRATION_RATE, "h", "brg"),
        MeasurementPoint("de-v", "acceleration", "g", VIBRATION_RATE, "v", "brg"),
    )
    common = {"site": "busan", "line": "line-1", "rated_speed": SPEED, "baseline_acquisitions": 12}
    return (
        Machine(
            key="press-07",
            components=bearing,
            points=(*vibration, MeasurementPoint("brg-temp", "temperature", "degC", component="brg")),
            **common,  # type: ignore[arg-type]
        ),
        Machine(
            key="motor-01",
            components=(Component("motor", ComponentKind.MOTOR),),
            points=(
                *(MeasurementPoint(f"phase-{p}", "current", "A", CURRENT_RATE, None, "motor") for p in "uvw"),
                MeasurementPoint("winding", "temperature", "degC", component="motor"),
            ),
            supply_frequency=SUPPLY,
            pole_pairs=2,
            **common,  # type: ignore[arg-type]
        ),
        Machine(
            key="pump-02",
            components=bearing,
            points=(
                MeasurementPoint("outlet", "pressure", "bar", component="brg"),
                MeasurementPoint("flow", "flow", "m3/h", component="brg"),
                MeasurementPoint("oil", "temperature", "degC", component="brg"),
            ),
            **common,  # type: ignore[arg-type]
        ),
        Machine(key="fan-03", components=bearing, points=vibration[:1], **common),  # type: ignore[arg-type]
    )


def acquisition(key: str, number: int) -> Acquisition:
    """Acquisition `number` (0, 1, ...) of a machine: the same bits whenever it is made."""
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence((*key.encode(), number))))
    context = OperatingContext(speed=SPEED, load=0.8, state="running")
    waveforms: tuple[Waveform, ...] = ()
    scalars: tuple[Scalar, ...] = ()
    if key in ("press-07", "fan-03"):
        growth = 1.0 if number < 40 or key == "fan-03" else 1.0 + 0.25 * (number - 39)
        waveforms = tuple(
            Waveform(point, _noise(rng, growth), VIBRATION_RATE, "g")
            for point in (("de-h", "de-v") if key == "press-07" else ("de-h",))
        )
    if key == "press-07":
        scalars = (Scalar("brg-temp", round(55.0 + rng.normal(), 2), "degC"),)
    if key == "motor-01":
        waveforms = tuple(
            Waveform(f"phase-{phase}", _current(rng, turn), CURRENT_RATE, "A") for turn, phase in enumerate("uvw")
        )
        base = 70.0 if number < 45 else 95.0 if number < RECORDED - 2 else 125.0
        scalars = (Scalar("winding", round(base + 0.5 * rng.normal(), 2), "degC"),)
    if key == "pump-02":
        common = rng.normal()
        scalars = (
            Scalar("outlet", round(6.0 + 0.1 * common + 0.02 * rng.normal(), 4), "bar"),
            Scalar("flow", round(40.0 + 1.0 * common + 0.2 * rng.normal(), 3), "m3/h"),
            Scalar("oil", round((60.0 if number < 50 else 85.0) + 0.5 * rng.normal(), 2), "degC"),
        )
    return Acquisition(key, START + number * STEP, waveforms, scalars, context)


def _noise(rng: np.random.Generator, growth: float) -> NDArray[np.float32]:
    turns = SPEED * np.arange(SAMPLES) / VIBRATION_RATE
    once = 0.2 * np.sin(2 * np.pi * turns)
    return (growth * (once + 0.1 * rng.normal(size=SAMPLES))).astype(np.float32)


def _current(rng: np.random.Generator, phase: int) -> NDArray[np.float32]:
    angle = 2 * np.pi * (SUPPLY * np.arange(SAMPLES) / CURRENT_RATE - phase / 3)
    wave = 10.0 * np.sin(angle) + 0.2 * np.sin(5 * angle) + 0.05 * rng.normal(size=SAMPLES)
    return wave.astype(np.float32)
