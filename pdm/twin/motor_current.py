"""Three-phase current of an induction motor: fundamental, harmonics and the sidebands of faults."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pdm.twin.faults import FaultKind
from pdm.twin.physics import CURRENT_RATE, CURRENT_SAMPLES, Physics, Running

_MAGNETISING = 0.35  # of rated current, at no load
_HARMONICS = {5: 0.02, 7: 0.012}  # ratio to the fundamental, of a usual industrial supply
_NOISE = 4e-4  # of the rated amplitude
_FULL_SCALE = 4.0  # of rated current, of a 16-bit converter
_BAR_SIDEBAND = 0.035  # ratio to the fundamental at severity 1: -29 dB
_BEARING_SIDEBAND = 0.002  # -54 dB
_SHAFT_SIDEBAND = {FaultKind.UNBALANCE: (1, 0.006), FaultKind.MISALIGNMENT: (2, 0.006), FaultKind.LOOSENESS: (1, 0.004)}
_BEARING_FAULTS = (FaultKind.OUTER_RACE, FaultKind.INNER_RACE, FaultKind.BALL, FaultKind.CAGE)


def current_scale(physics: Physics) -> float:
    """Return the converter's scale [A per count]."""
    return _FULL_SCALE * physics.rated_current / 32768


def simulate_current(
    physics: Physics,
    running: Running,
    severities: Mapping[FaultKind, float],
    rng: np.random.Generator,
    samples: int = CURRENT_SAMPLES,
) -> NDArray[np.int16]:
    """Simulate the current of the three phases during one acquisition of `samples` at `CURRENT_RATE`.

    Returns
    -------
    counts : ndarray (3, samples) int16
        Current in counts of `current_scale` [A].

    Notes
    -----
    Faults modulate the air gap, hence the amplitude of the fundamental: broken bars at twice the slip
    frequency, eccentricity at shaft speed, bearings at their strike rate. Sidebands stand at
    f(1 +- 2s), f +- fr, |f +- f_bearing|: Benbouzid, A review of induction motors signature analysis,
    IEEE Trans. Industrial Electronics 47 (2000) 984-993. A bar fault shows in proportion to load.
    """
    time = np.arange(samples) / CURRENT_RATE
    frequency = running.supply_frequency
    drift = 0.004 * rng.standard_normal()  # Hz/s: the grid's own wander
    angle = 2 * np.pi * (frequency * time + drift / 2 * time**2) + rng.uniform(0, 2 * np.pi)
    fundamental = np.exp(1j * np.remainder(angle, 2 * np.pi)).astype(np.complex64)
    square = fundamental * fundamental
    fifth = square * square * fundamental
    seventh = fifth * square
    modulated = fundamental * _modulation(physics, running, severities, rng, time)
    amplitude = (
        math.sqrt(2) * physics.rated_current * math.hypot(_MAGNETISING, math.sqrt(1 - _MAGNETISING**2) * running.load)
    )
    noise = rng.standard_normal((3, samples), np.float32)
    noise *= np.float32(_NOISE * math.sqrt(2) * physics.rated_current)
    shift = np.exp(-2j * np.pi / 3)
    phases = np.empty((3, samples), np.float32)
    for phase, gain in enumerate(physics.phase_gains):
        wave = np.complex64(shift**phase) * modulated
        wave += np.complex64(_HARMONICS[5] * shift ** (5 * phase)) * fifth
        wave += np.complex64(_HARMONICS[7] * shift ** (7 * phase)) * seventh
        phases[phase] = np.float32(amplitude * gain) * wave.real
    quantised = np.rint((phases + noise) / current_scale(physics))
    counts: NDArray[np.int16] = np.clip(quantised, -32768, 32767).astype(np.int16)
    return counts


def _modulation(
    physics: Physics,
    running: Running,
    severities: Mapping[FaultKind, float],
    rng: np.random.Generator,
    time: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return the amplitude's modulation around 1; a depth of 2r makes two sidebands of ratio r."""
    bars = physics.bar_sideband * rng.lognormal(0.0, 0.15)
    bars += _BAR_SIDEBAND * physics.fault_gain * severities.get(FaultKind.BROKEN_BARS, 0.0) * running.load**0.5
    tones = [
        (2 * running.slip * running.supply_frequency, bars),
        (running.speed, physics.eccentricity * rng.lognormal(0.0, 0.1)),
    ]
    for fault, (order, ratio) in _SHAFT_SIDEBAND.items():
        if severity := severities.get(fault, 0.0):
            tones.append((order * running.speed, ratio * severity))
    for fault in _BEARING_FAULTS:
        if severity := severities.get(fault, 0.0):
            tones.append((physics.bearing_orders[fault.value] * running.speed, _BEARING_SIDEBAND * severity))
    total = np.ones(len(time), np.float32)
    for frequency, ratio in tones:
        angle = np.remainder(frequency * time + rng.uniform(), 1.0).astype(np.float32)
        total += np.float32(2 * ratio) * np.cos(np.float32(2 * np.pi) * angle)
    return total
