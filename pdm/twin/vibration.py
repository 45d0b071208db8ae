"""Acceleration at a bearing housing: shaft harmonics, impacts of bearing defects, background noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from pdm.machines.units import STANDARD_GRAVITY
from pdm.twin.faults import FaultKind
from pdm.twin.gears import simulate_mesh
from pdm.twin.physics import (
    ACCELERATION_SCALE,
    AXES,
    VIBRATION_RATE,
    VIBRATION_SAMPLES,
    Physics,
    Resonance,
    SimulatedRunning,
)

_TIME = np.arange(VIBRATION_SAMPLES) / VIBRATION_RATE
_BEARING_FAULTS = {
    FaultKind.OUTER_RACE: 1.0,
    FaultKind.INNER_RACE: 0.9,
    FaultKind.BALL: 0.7,
    FaultKind.CAGE: 0.6,
}
# mm/s RMS that severity 1 adds at each multiple of shaft speed
_ADDED_VELOCITY: dict[FaultKind, dict[float, float]] = {
    FaultKind.UNBALANCE: {1: 7.0},
    FaultKind.MISALIGNMENT: {1: 1.5, 2: 5.5, 3: 2.0},
    FaultKind.DYNAMIC_ECCENTRICITY: {1: 1.2},
    FaultKind.LOOSENESS: {0.5: 1.5, 1: 2.5, 2: 2.0, 3: 1.6, 4: 1.2, 5: 0.8, 6: 0.6},
}
# mm/s RMS that severity 1 adds at twice the supply frequency: the pull on stator and rotor
_MAGNETIC_VELOCITY = {
    FaultKind.STATIC_ECCENTRICITY: 3.0,
    FaultKind.SHORTED_TURNS: 1.5,
    FaultKind.SUPPLY_UNBALANCE: 1.2,
}
_MOUNTING_VELOCITY = 2.5  # mm/s RMS of a resonant foundation at severity 1, excited by flow noise
_RUMBLE_TO = 300.0  # Hz
_POLE_PASS_MODULATION = 0.4  # depth at severity 1 by which broken bars modulate the 1x vibration
_SLIP_JITTER = 0.01  # of each impact period: rolling elements slip by 1-2 %


def simulate_vibration(
    physics: Physics, running: SimulatedRunning, severities: Mapping[FaultKind, float], rng: np.random.Generator
) -> NDArray[np.int16]:
    """Simulate the acceleration of both axes during one acquisition.

    Parameters
    ----------
    severities : mapping
        Severity of each fault present [1].

    Returns
    -------
    counts : ndarray (2, 16384) int16
        Acceleration in counts of `ACCELERATION_SCALE` [g].

    Notes
    -----
    An impact is a short force pulse; it excites the structure's resonances, whose decay the sensor measures: McFadden
    and Smith, Model for the vibration produced by a single point defect in a rolling element bearing, JSV 96 (1984)
    69-82. Impact times jitter because the elements slip.

    An uneven air gap or field causes a force at twice the supply frequency: Cameron, Thomson and Dow, Vibration and
    current monitoring for detecting airgap eccentricity in large induction motors, IEE Proc. B 133 (1986) 155-163. A
    resonant foundation amplifies lines near its natural frequency as a system of one degree of freedom, and broadband
    excitation excites it there: Ewins, Modal Testing (2000), ch. 2.
    """
    force = rng.standard_normal(VIBRATION_SAMPLES, dtype=np.float32)
    wear = max((severities.get(fault, 0.0) for fault in _BEARING_FAULTS), default=0.0)
    level = physics.background * (0.7 + 0.4 * running.load) * (1 + 1.5 * wear**2)
    force *= np.float32(level * physics.noise_gain * rng.lognormal(0.0, 0.07))
    for fault, strength in _BEARING_FAULTS.items():
        if severity := severities.get(fault, 0.0):
            peak = physics.pulse_peak * physics.fault_gain * strength * severity * (0.6 + 0.4 * running.load)
            force += peak * _strikes(physics.bearing_orders, fault, running.speed, rng)
    mesh, blows = simulate_mesh(physics.gear, running, severities, rng)
    force += np.float32(physics.pulse_peak * physics.fault_gain) * blows
    ringing = fft.irfft(fft.rfft(force) * physics.transfer, VIBRATION_SAMPLES, axis=1)
    acceleration = ringing + _harmonics(physics, running, severities, rng)
    if physics.gear is not None:
        acceleration += np.outer(physics.axis_gains, mesh).astype(np.float32)
    acceleration += _electrical(physics, running, severities, rng)
    if physics.mounting is not None:
        acceleration += _rumble(physics, physics.mounting, severities.get(FaultKind.RESONANCE, 0.0), rng)
    acceleration += np.float32(physics.sensor_noise) * rng.standard_normal((AXES, VIBRATION_SAMPLES), np.float32)
    counts: NDArray[np.int16] = np.clip(np.rint(acceleration / ACCELERATION_SCALE), -32768, 32767).astype(np.int16)
    return counts


def _strikes(
    orders: Mapping[str, float], fault: FaultKind, speed: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the train of impacts as a force of unit peak, each distributed over its two neighbouring samples."""
    period = 1 / (orders[fault.value] * speed)
    number = int(_TIME[-1] / period) + 3
    periods = period * (1 + _SLIP_JITTER * rng.standard_normal(number))
    times = np.cumsum(periods) - period * rng.uniform(0, 1.5)
    times = times[(times >= 0) & (times < _TIME[-1])]
    strength = _loading(orders, fault, speed, times, rng) * (1 + 0.1 * rng.standard_normal(times.size))
    places = times * VIBRATION_RATE
    left = places.astype(np.int64)
    right_share = places - left
    train = np.bincount(left, strength * (1 - right_share), VIBRATION_SAMPLES)
    train += np.bincount(left + 1, strength * right_share, VIBRATION_SAMPLES)[:VIBRATION_SAMPLES]
    return train.astype(np.float32)


def _loading(
    orders: Mapping[str, float],
    fault: FaultKind,
    speed: float,
    times: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the load of each impact: parts that rotate with shaft or cage pass the load zone."""
    rate = {FaultKind.INNER_RACE: speed, FaultKind.BALL: orders["cage"] * speed}.get(fault)
    if rate is None:
        return np.ones(times.size)
    zone = np.maximum(0.0, np.cos(2 * np.pi * (rate * times + rng.uniform()))) ** 1.5
    loading: NDArray[np.float64] = 0.3 + 0.7 * zone
    return loading


def _harmonics(
    physics: Physics, running: SimulatedRunning, severities: Mapping[FaultKind, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the acceleration at multiples of shaft speed [g], (axes, n)."""
    velocities = {
        float(order): healthy * (0.75 + 0.25 * running.load)
        for order, healthy in enumerate(physics.harmonic_velocities, 1)
    }
    for fault, added in _ADDED_VELOCITY.items():
        severity = severities.get(fault, 0.0) * physics.fault_gain
        for order, velocity in added.items() if severity else ():
            velocities[order] = velocities.get(order, 0.0) + severity * velocity
    start = rng.uniform(0, 2 * np.pi)
    turn = (2 * np.pi * running.speed * _TIME + start).astype(np.float32)
    pole_pass = 2 * running.slip * running.supply_frequency
    depth = _POLE_PASS_MODULATION * severities.get(FaultKind.BROKEN_BARS, 0.0)
    total = np.zeros((AXES, VIBRATION_SAMPLES), np.float32)
    for order, velocity in velocities.items():
        amplitude = velocity * rng.lognormal(0.0, 0.06) * 1e-3 * np.sqrt(2) * 2 * np.pi * order * running.speed
        amplitude *= _amplification(physics, order * running.speed, severities.get(FaultKind.RESONANCE, 0.0))
        amplitude /= STANDARD_GRAVITY
        for axis in range(AXES):
            phase = physics.harmonic_phases[int(order) % 3 * AXES + axis]
            wave = np.float32(amplitude * physics.axis_gains[axis]) * np.cos(
                np.float32(order) * turn + np.float32(phase)
            )
            if depth and order == 1:
                wave *= (1 + depth * np.cos(2 * np.pi * pole_pass * _TIME)).astype(np.float32)
            total[axis] += wave
    return total


def _amplification(physics: Physics, frequency: float, severity: float) -> float:
    """Return the amplification of a line by a resonant foundation, 1 without resonance."""
    if physics.mounting is None or not severity:
        return 1.0
    ratio = frequency / physics.mounting.frequency
    magnified = 1 / np.hypot(1 - ratio**2, 2 * physics.mounting.damping * ratio)
    return float(1 + severity * max(0.0, magnified - 1))


def _electrical(
    physics: Physics, running: SimulatedRunning, severities: Mapping[FaultKind, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the acceleration at twice the supply frequency [g], (axes, n)."""
    velocity = physics.magnetic_pull + sum(
        added * physics.fault_gain * severities.get(fault, 0.0) for fault, added in _MAGNETIC_VELOCITY.items()
    )
    if not velocity:
        return np.zeros((AXES, VIBRATION_SAMPLES), np.float32)
    angular = 2 * np.pi * 2 * running.supply_frequency
    amplitude = velocity * rng.lognormal(0.0, 0.06) * 1e-3 * np.sqrt(2) * angular / STANDARD_GRAVITY
    wave = amplitude * np.cos(angular * _TIME + rng.uniform(0, 2 * np.pi))
    return np.outer(physics.axis_gains, wave).astype(np.float32)


def _rumble(physics: Physics, mounting: Resonance, severity: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the acceleration [g] of a foundation under broadband excitation, (axes, n)."""
    if not severity:
        return np.zeros((AXES, VIBRATION_SAMPLES), np.float32)
    frequencies = fft.rfftfreq(VIBRATION_SAMPLES, 1 / VIBRATION_RATE)
    ratio = frequencies / mounting.frequency
    response = 1 / (1 - ratio**2 + 2j * mounting.damping * ratio)
    response *= 1j * frequencies  # from displacement to velocity
    response /= 1 + (frequencies / _RUMBLE_TO) ** 2  # turbulence has little force above it
    velocity = fft.irfft(fft.rfft(rng.standard_normal(VIBRATION_SAMPLES)) * response, VIBRATION_SAMPLES)
    velocity *= _MOUNTING_VELOCITY * physics.fault_gain * severity * 1e-3 / velocity.std()
    acceleration = np.gradient(velocity, 1 / VIBRATION_RATE) / STANDARD_GRAVITY
    return np.outer(mounting.gains, acceleration).astype(np.float32)
