"""Recordings with a known fault: gears, motors and shafts in closed form. Independent of the simulator."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from pdm.health.diagnosis.diagnose import diagnose
from pdm.health.diagnosis.model import RecordedChannel, Recording
from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.measurements import OperatingContext
from tests.unit.motor_records import motor

AT = datetime(2026, 3, 1, tzinfo=UTC)
RATE = 12_800.0
GEOMETRY = BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0, "SKF 6205-2RS")
OTHER_GEOMETRY = BearingGeometry(8, 6.75e-3, 28.5e-3, 0.0, "SKF 6203-2RS")
BEARINGS = (
    Component("de-bearing", ComponentKind.BEARING, GEOMETRY),
    Component("nde-bearing", ComponentKind.BEARING, OTHER_GEOMETRY),
)
MOTOR = Component("motor", ComponentKind.MOTOR)
SHAFT = Component("shaft", ComponentKind.SHAFT)
SPEED = 24.25  # Hz
BPFO = 3.585 * SPEED  # Hz, of the first bearing


def point(key="de-h", direction="horizontal", component=None, quantity="acceleration"):
    unit = {"acceleration": "m/s2", "velocity": "m/s", "current": "A"}[quantity]
    return MeasurementPoint(key, quantity, unit, None, direction, component)


def machine(*components, **known):
    return Machine(key="m", line="l", site="s", components=components, **known)


def driven(*bearings):
    """Return a machine with a four-pole motor at 50 Hz."""
    return machine(MOTOR, SHAFT, *bearings, supply_frequency=50.0, pole_pairs=2, rated_speed=24.3)


DRIVEN = driven(*BEARINGS)
TWO_POLE = machine(MOTOR, SHAFT, supply_frequency=50.0, pole_pairs=1, rated_speed=48.8)


def recording(*channels, **context):
    """Return a recording of (point, samples, rate) channels."""
    made = tuple(RecordedChannel(where, np.asarray(x, np.float32), rate) for where, x, rate in channels)
    return Recording(AT, made, OperatingContext(**context))


def time(seconds=2.0, rate=RATE):
    return np.arange(round(seconds * rate)) / rate


def orders(speed, velocities, seconds=2.0, noise=0.05, seed=0, rate=RATE):
    """Return acceleration [m/s2] with velocities [mm/s RMS] at multiples of shaft speed, {order: velocity}."""
    rng, t = np.random.default_rng(seed), time(seconds, rate)
    wave = noise * rng.standard_normal(len(t))
    for order, velocity in velocities.items():
        turn = 2 * np.pi * order * speed
        wave += np.sqrt(2) * velocity * 1e-3 * turn * np.cos(turn * t + rng.uniform(0, 6))
    return wave


def strikes(rate_hz, seconds=2.0, peak=3.0, noise=0.3, seed=0, resonance=3400.0):
    """Return acceleration [m/s2] of a structure struck `rate_hz` times a second, in noise."""
    rng, t = np.random.default_rng(seed), time(seconds)
    wave = noise * rng.standard_normal(len(t))
    at = np.cumsum((1 + 0.005 * rng.standard_normal(int(seconds * rate_hz))) / rate_hz)
    ring = np.exp(-t[:200] * 900) * np.sin(2 * np.pi * resonance * t[:200])
    for place in (at[at < seconds - 0.05] * RATE).astype(int):
        wave[place : place + 200] += peak * ring
    return wave


def meshing(speed, teeth, seconds=2.0, depth=0.05, second=0.2, broken=0.0, noise=0.3, seed=0):
    """Return acceleration [m/s2] of a gear: modulation `depth`, harmonic share `second`, one `broken` tooth."""
    rng, t = np.random.default_rng(seed), time(seconds)
    angle = 2 * np.pi * speed * t
    wave = 3 * (1 + depth * np.cos(angle)) * np.cos(teeth * angle) + 3 * second * np.cos(2 * teeth * angle + 1)
    nearness = np.abs((angle / (2 * np.pi)) % 1 - 0.5)
    wave += broken * np.exp(-((nearness * teeth * 1.2) ** 2)) * np.cos(round(2.5 * teeth) * angle)
    return wave + noise * rng.standard_normal(len(t))


def currents(seconds=8.0, rate=2_500.0, **known):
    """Return the three channels of a motor's current."""
    phases = motor(seconds, rate=rate, **{"noise": 1e-4, **known})[0]
    return tuple(
        (point(f"phase-{name}", None, "motor", "current"), phase, rate)
        for name, phase in zip("uvw", phases, strict=True)
    )


def find(answer, fault, component=None):
    """Return the finding of a fault."""
    return next(each for each in answer.findings if each.fault is fault and component in (None, each.component))


def codes(finding):
    return {reason.code for reason in finding.reasons}


def ask(what, *recordings):
    return diagnose(what, recordings)


def scaled(one, gain):
    """Return the recording with every channel times `gain`."""
    return replace(
        one, channels=tuple(replace(channel, samples=channel.samples * np.float32(gain)) for channel in one.channels)
    )
