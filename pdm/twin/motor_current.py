"""Three-phase current of an induction motor: fundamental, harmonics and the sidebands of faults."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pdm.twin.faults import FaultKind
from pdm.twin.physics import CURRENT_RATE, CURRENT_SAMPLES, Physics, SimulatedRunning

_MAGNETISING = 0.35  # of rated current, at no load
_HARMONICS = {5: 0.02, 7: 0.012}  # ratio to the fundamental, of a typical industrial supply
_NOISE = 4e-4  # of the rated amplitude
_FULL_SCALE = 4.0  # of rated current, of a 16-bit converter
_BAR_SIDEBAND = 0.035  # ratio to the fundamental at severity 1: -29 dB
_BEARING_SIDEBAND = 0.002  # -54 dB
_SHAFT_SIDEBAND = {FaultKind.UNBALANCE: (1, 0.006), FaultKind.MISALIGNMENT: (2, 0.006), FaultKind.LOOSENESS: (1, 0.004)}
_DYNAMIC_SIDEBAND = 0.02  # -34 dB
_STATIC_GAIN = 4.0  # growth of the sidebands of a rotor's run-out with static eccentricity
_SLOT_GAIN = 5.0  # growth of the principal slot harmonics
_TURNS_SEQUENCE = 0.06  # of rated current, at severity 1
_TURNS_LINES = {(3, 1): 0.004, (5, 1): 0.003, (1, 1): 0.0015}
_SUPPLY_SEQUENCE = 0.24  # of rated current: 4 % of voltage times 6
_BEARING_FAULTS = (FaultKind.OUTER_RACE, FaultKind.INNER_RACE, FaultKind.BALL, FaultKind.CAGE)


def current_scale(physics: Physics) -> float:
    """Return the converter's scale [A per count]."""
    return _FULL_SCALE * physics.rated_current / 32768


def simulate_current(
    physics: Physics,
    running: SimulatedRunning,
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
    frequency, eccentricity at shaft speed, bearings at their impact rate. Sidebands are at
    f(1 +- 2s), f +- fr, |f +- f_bearing|: Benbouzid, A review of induction motors signature analysis,
    IEEE Trans. Industrial Electronics 47 (2000) 984-993. A bar fault shows in proportion to load.

    A static eccentricity raises the slot harmonics (R fr +- f) and, with the run-out that every rotor has, f +- fr; a
    dynamic one f +- fr and (R +- 1) fr +- f: Nandi, Toliyat and Li, Condition monitoring and fault diagnosis of
    electrical motors, IEEE Trans. Energy Conversion 20 (2005) 719-729. Shorted turns add a negative sequence that
    does not depend on load, and f (n (1 - s) / p +- k): Thomson, On-line MCSA to diagnose shorted turns in low
    voltage stator windings, IEEE IEMDC (2001) 891-898. An unbalanced supply adds 6 to 10 times its negative sequence
    of voltage: NEMA MG 1-2016, 14.36.
    """
    time = np.arange(samples) / CURRENT_RATE
    frequency = running.supply_frequency
    drift = 0.004 * rng.standard_normal()  # Hz/s: frequency drift of the grid
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
    backwards = np.complex64(_backwards(physics, severities, rng) / amplitude) * fundamental
    lines = _lines(physics, running, severities, rng, time)
    for phase, gain in enumerate(physics.phase_gains):
        wave = np.complex64(shift**phase) * modulated
        wave += np.complex64(_HARMONICS[5] * shift ** (5 * phase)) * fifth
        wave += np.complex64(_HARMONICS[7] * shift ** (7 * phase)) * seventh
        wave += np.complex64(shift**-phase) * backwards
        phases[phase] = np.float32(amplitude * gain) * wave.real
        for line in lines:
            phases[phase] += np.float32(amplitude * gain) * (np.complex64(shift**phase) * line).real
    quantised = np.rint((phases + noise) / current_scale(physics))
    counts: NDArray[np.int16] = np.clip(quantised, -32768, 32767).astype(np.int16)
    return counts


def _backwards(physics: Physics, severities: Mapping[FaultKind, float], rng: np.random.Generator) -> complex:
    """Return the negative sequence of current [A]: of a normal supply, of shorted turns, of a faulty supply."""
    rated = math.sqrt(2) * physics.rated_current
    parts = (
        physics.negative_sequence,
        _TURNS_SEQUENCE * physics.fault_gain * severities.get(FaultKind.SHORTED_TURNS, 0.0),
        _SUPPLY_SEQUENCE * severities.get(FaultKind.SUPPLY_UNBALANCE, 0.0),
    )
    return sum((rated * part * complex(np.exp(1j * rng.uniform(0, 2 * np.pi))) for part in parts if part), 0j)


def _lines(
    physics: Physics,
    running: SimulatedRunning,
    severities: Mapping[FaultKind, float],
    rng: np.random.Generator,
    time: NDArray[np.float64],
) -> list[NDArray[np.complex64]]:
    """Return lines that are not modulations of the fundamental: slots and shorted turns, as ratios of it."""
    supply, shaft = running.supply_frequency, running.speed
    wanted: list[tuple[float, float]] = []
    if physics.rotor_slots is not None and physics.slot_line:
        static = severities.get(FaultKind.STATIC_ECCENTRICITY, 0.0)
        dynamic = severities.get(FaultKind.DYNAMIC_ECCENTRICITY, 0.0)
        for side in (-1, 1):
            level = physics.slot_line * (1 + _SLOT_GAIN * static) * rng.lognormal(0.0, 0.15)
            wanted.append((physics.rotor_slots * shaft + side * supply, level))
            if dynamic:
                level = physics.slot_line * _SLOT_GAIN * dynamic * rng.lognormal(0.0, 0.15)
                wanted.append(((physics.rotor_slots + side) * shaft + side * supply, level))
    if turns := severities.get(FaultKind.SHORTED_TURNS, 0.0):
        for (order, multiple), level in _TURNS_LINES.items():
            wanted += [(abs(order * shaft + side * multiple * supply), level * turns) for side in (-1, 1)]
    lines = []
    for frequency, ratio in wanted:
        if frequency < CURRENT_RATE / 2:  # the converter's anti-aliasing filter removes higher lines
            angle = np.remainder(frequency * time + rng.uniform(), 1.0)
            lines.append(np.complex64(ratio) * np.exp(2j * np.pi * angle).astype(np.complex64))
    return lines


def _modulation(
    physics: Physics,
    running: SimulatedRunning,
    severities: Mapping[FaultKind, float],
    rng: np.random.Generator,
    time: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return the amplitude modulation around 1; a depth of 2r causes two sidebands of ratio r."""
    bars = physics.bar_sideband * rng.lognormal(0.0, 0.15)
    bars += _BAR_SIDEBAND * physics.fault_gain * severities.get(FaultKind.BROKEN_BARS, 0.0) * running.load**0.5
    tones = [
        (2 * running.slip * running.supply_frequency, bars),
        (running.speed, _run_out(physics, severities) * rng.lognormal(0.0, 0.1)),
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


def _run_out(physics: Physics, severities: Mapping[FaultKind, float]) -> float:
    """Return the sidebands at shaft speed: the rotor's run-out, amplified by static eccentricity."""
    static = severities.get(FaultKind.STATIC_ECCENTRICITY, 0.0)
    dynamic = _DYNAMIC_SIDEBAND * physics.fault_gain * severities.get(FaultKind.DYNAMIC_ECCENTRICITY, 0.0)
    return physics.eccentricity * (1 + _STATIC_GAIN * static) + dynamic
