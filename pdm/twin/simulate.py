"""One acquisition, and one life of acquisitions, of a simulated machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from pdm.machines.model import Machine
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform
from pdm.twin.faults import Degradation, FaultKind
from pdm.twin.motor_current import current_scale, simulate_current
from pdm.twin.physics import ACCELERATION_SCALE, CURRENT_RATE, VIBRATION_RATE, Physics
from pdm.twin.vibration import simulate_vibration

VIBRATION_POINTS = ("de-h", "de-v")
CURRENT_POINTS = ("phase-u", "phase-v", "phase-w")
TEMPERATURE_POINT = "bearing-temp"
_YEAR_S = 365.25 * 86400
_BURST_PROBABILITY = 0.015  # external vibration from the surroundings
_HEATING = {FaultKind.OUTER_RACE: 14.0, FaultKind.INNER_RACE: 14.0, FaultKind.BALL: 12.0, FaultKind.CAGE: 10.0}


@dataclass(frozen=True)
class Life:
    """One life of one machine: times and operating states of its acquisitions, and its fault."""

    number: int
    measured_at: tuple[datetime, ...]
    states: tuple[int, ...]
    degradation: Degradation | None


def simulate_life(machine: Machine, physics: Physics, life: Life, seed: tuple[int, ...]) -> Iterator[Acquisition]:
    """Simulate the acquisitions of a life in time order; each depends on seed and index only."""
    for place in range(len(life.measured_at)):
        yield simulate_acquisition(machine, physics, life, place, seed)


def simulate_acquisition(
    machine: Machine, physics: Physics, life: Life, place: int, seed: tuple[int, ...]
) -> Acquisition:
    """Simulate one acquisition: two axes of vibration, three phases of current and a temperature.

    Parameters
    ----------
    life : Life
        The life of the acquisition.
    place : int
        Index of the acquisition in the life.
    seed : tuple of int
        Determines the random numbers together with life and place: the same seed gives identical data.
    """
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence((*seed, life.number, place))))
    at = life.measured_at[place]
    state = physics.states[life.states[place]]
    load = state.load * (1 + 0.03 * rng.standard_normal())
    running = physics.run(load, physics.supply_frequency * (1 + 3e-4 * rng.standard_normal()))
    severities = _severities(life.degradation, at, rng)
    quiet = physics if rng.uniform() > _BURST_PROBABILITY else _disturbed(physics, rng)
    vibration = simulate_vibration(quiet, running, severities, rng)
    current = simulate_current(physics, running, severities, rng)
    scale = current_scale(physics)
    waveforms = (
        *(
            Waveform(point, counts, VIBRATION_RATE, "g", ACCELERATION_SCALE)
            for point, counts in zip(VIBRATION_POINTS, vibration, strict=True)
        ),
        *(
            Waveform(point, counts, CURRENT_RATE, "A", scale)
            for point, counts in zip(CURRENT_POINTS, current, strict=True)
        ),
    )
    temperature = _temperature(physics, load, severities, at, rng)
    context = OperatingContext(
        speed=round(running.speed * (1 + 2e-4 * rng.standard_normal()), 4),
        load=round(max(0.0, load * (1 + 0.01 * rng.standard_normal())), 4),
        state=state.name,
    )
    return Acquisition(machine.key, at, waveforms, (Scalar(TEMPERATURE_POINT, temperature, "degC"),), context)


def _severities(degradation: Degradation | None, at: datetime, rng: np.random.Generator) -> dict[FaultKind, float]:
    if degradation is None or (severity := degradation.severity(at)) == 0.0:
        return {}
    return {degradation.fault: severity * rng.lognormal(0.0, 0.06)}


def _disturbed(physics: Physics, rng: np.random.Generator) -> Physics:
    """Return the machine with more background noise for one acquisition."""
    return replace(physics, background=physics.background * float(rng.uniform(1.3, 1.8)))


def _temperature(
    physics: Physics, load: float, severities: dict[FaultKind, float], at: datetime, rng: np.random.Generator
) -> float:
    """Return the bearing's temperature [degC]: season, time of day, load and friction."""
    season = 8 * math.sin(2 * math.pi * (at.timestamp() / _YEAR_S - 0.3))
    day = 2.5 * math.sin(2 * math.pi * (at.timestamp() / 86400 - 0.3))
    friction = sum(_HEATING.get(fault, 3.0) * severity for fault, severity in severities.items())
    return round(physics.ambient + season + day + 12 + 18 * load**2 + friction + 0.6 * rng.standard_normal(), 2)


def schedule_states(count: int, states: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Draw the operating state of each acquisition: dwells of 1-4, less frequent states preferred."""
    visits = np.zeros(states)
    schedule: list[int] = []
    while len(schedule) < count:
        weights = 1 / (1 + visits - visits.min()) ** 2
        if schedule and states > 1:
            weights[schedule[-1]] = 0.0
        state = int(rng.choice(states, p=weights / weights.sum()))
        dwell = int(rng.integers(1, 5))
        visits[state] += dwell
        schedule += [state] * dwell
    return tuple(schedule[:count])


def schedule_times(end: datetime, count: int, spacing: timedelta, rng: np.random.Generator) -> tuple[datetime, ...]:
    """Draw the times of the acquisitions of a life, none after `end`."""
    steps = np.arange(count - 1, -1, -1) + rng.uniform(0, 0.05, count)
    return tuple(end - timedelta(seconds=round(float(step) * spacing.total_seconds())) for step in steps)
