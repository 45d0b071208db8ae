from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from pdm.twin.faults import FaultKind
from pdm.twin.motor_current import current_scale, simulate_current
from pdm.twin.physics import (
    ACCELERATION_SCALE,
    CURRENT_RATE,
    VIBRATION_RATE,
    OperatingState,
    Physics,
    draw_physics,
)
from pdm.twin.plant import BEARINGS
from pdm.twin.vibration import simulate_vibration

STATES = (OperatingState("full", 0.95),)


def physics(seed: int = 0) -> Physics:
    return draw_physics(np.random.default_rng(seed), BEARINGS[0], 22e3, STATES)


def amplitudes(x: NDArray[np.float64], rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    window = np.hanning(x.size)
    spectrum = np.abs(np.fft.rfft((x - x.mean()) * window)) * 2 / window.sum()
    return np.fft.rfftfreq(x.size, 1 / rate), spectrum


def level(x: NDArray[np.float64], rate: float, frequency: float, width: float) -> float:
    frequencies, spectrum = amplitudes(x, rate)
    return float(spectrum[np.abs(frequencies - frequency) <= width].max())


def vibration(machine: Physics, severities: Mapping[FaultKind, float], load: float = 0.95, seed: int = 1):
    running = machine.run(load, 60.0)
    counts = simulate_vibration(machine, running, severities, np.random.default_rng(seed))
    return running, counts * ACCELERATION_SCALE


def envelope(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared envelope above 1 kHz by the analytic signal."""
    spectrum = np.fft.fft(x)
    frequencies = np.fft.fftfreq(x.size, 1 / VIBRATION_RATE)
    spectrum[frequencies < 1000] = 0
    return np.abs(2 * np.fft.ifft(spectrum)) ** 2


def prominence(x: NDArray[np.float64], frequency: float) -> float:
    """Height of a line in the envelope's spectrum over the median around it."""
    frequencies, spectrum = amplitudes(envelope(x), VIBRATION_RATE)
    near = np.abs(frequencies - frequency) < 20
    line = np.abs(frequencies - frequency) <= max(1.5, 0.012 * frequency)
    return float(spectrum[line].max() / np.median(spectrum[near & ~line]))


def velocity_rms(acceleration_g: NDArray[np.float64]) -> float:
    """Velocity RMS in 10-1000 Hz [mm/s]."""
    window = np.hanning(acceleration_g.size)
    spectrum = np.fft.rfft(acceleration_g * 9.80665 * window)
    frequencies = np.fft.rfftfreq(acceleration_g.size, 1 / VIBRATION_RATE)
    band = (frequencies >= 10) & (frequencies <= 1000)
    power = 2 * np.abs(spectrum[band] / (2 * np.pi * frequencies[band])) ** 2
    return float(1e3 * np.sqrt(power.sum() / (acceleration_g.size * np.sum(window**2))))


@pytest.mark.parametrize("fault", [FaultKind.OUTER_RACE, FaultKind.INNER_RACE, FaultKind.BALL])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_bearing_fault_strikes_at_its_own_rate_and_a_healthy_bearing_at_none(fault: FaultKind, seed: int) -> None:
    machine = physics(seed)
    running, faulty = vibration(machine, {fault: 0.5}, seed=seed)
    _, healthy = vibration(machine, {}, seed=seed)
    rate = machine.bearing_orders[fault.value] * running.speed
    assert prominence(faulty[0], rate) > 8
    assert prominence(healthy[0], rate) < 5


def test_the_strike_rates_of_a_6205_are_those_widely_quoted() -> None:
    nominal = draw_physics(np.random.default_rng(0), BEARINGS[0], 22e3, STATES)
    orders = nominal.bearing_orders
    quoted = {"outer-race": 3.5848, "inner-race": 5.4152, "ball": 4.7135, "cage": 0.3983}
    for name, value in quoted.items():
        assert orders[name] == pytest.approx(value, rel=0.012)  # the real geometry differs by up to 1 %


def test_an_inner_race_fault_is_modulated_at_shaft_speed() -> None:
    machine = physics()
    running, faulty = vibration(machine, {FaultKind.INNER_RACE: 0.6})
    _, outer = vibration(machine, {FaultKind.OUTER_RACE: 0.6})
    assert prominence(faulty[0], running.speed) > 6
    assert prominence(outer[0], running.speed) < 4


@pytest.mark.parametrize(
    ("fault", "order", "added"),
    [(FaultKind.UNBALANCE, 1, 7.0), (FaultKind.MISALIGNMENT, 2, 5.5), (FaultKind.LOOSENESS, 2, 2.0)],
)
def test_a_shaft_fault_adds_its_velocity_at_its_order(fault: FaultKind, order: int, added: float) -> None:
    machine = physics()
    running, faulty = vibration(machine, {fault: 0.5})
    frequency = order * running.speed
    peak = level(faulty[0], VIBRATION_RATE, frequency, 1.0) * 9.80665 / (2 * np.pi * frequency) * 1e3 / np.sqrt(2)
    healthy = machine.harmonic_velocities[order - 1]
    assert peak == pytest.approx(healthy + 0.5 * added * machine.fault_gain, rel=0.25)


def test_unbalance_raises_velocity_from_zone_a_to_zone_d() -> None:
    machine = physics()
    grown = [velocity_rms(vibration(machine, {FaultKind.UNBALANCE: s})[1][0]) for s in (0.0, 0.25, 0.5, 1.0)]
    assert grown[0] < 1.4
    assert grown[-1] > 4.5
    assert np.all(np.diff(grown) > 0.5)


def test_bearing_faults_leave_velocity_in_its_zone() -> None:
    machine = physics()
    assert velocity_rms(vibration(machine, {FaultKind.OUTER_RACE: 0.8})[1][0]) < 1.4


def current(machine: Physics, severities: Mapping[FaultKind, float], load: float = 0.95, seed: int = 1):
    running = machine.run(load, 60.0)
    counts = simulate_current(machine, running, severities, np.random.default_rng(seed))
    return running, counts * current_scale(machine)


@pytest.mark.parametrize("load", [0.45, 0.95])
def test_broken_bars_raise_both_slip_sidebands_to_their_level(load: float) -> None:
    machine = physics()
    for severity in (0.0, 0.5, 1.0):
        running, phases = current(machine, {FaultKind.BROKEN_BARS: severity} if severity else {}, load)
        offset = 2 * running.slip * running.supply_frequency
        fundamental = level(phases[0], CURRENT_RATE, 60.0, 0.3)
        expected = machine.bar_sideband + 0.035 * machine.fault_gain * severity * load**0.5
        for sideband in (60.0 - offset, 60.0 + offset):
            ratio = level(phases[0], CURRENT_RATE, sideband, 0.2) / fundamental
            assert ratio == pytest.approx(expected, rel=0.45 if severity == 0 else 0.2)


def test_unbalance_raises_the_current_at_supply_plus_and_minus_shaft_speed() -> None:
    machine = physics()
    ratios = []
    for severities in ({}, {FaultKind.UNBALANCE: 1.0}):
        running, phases = current(machine, severities)
        ratios.append(level(phases[0], CURRENT_RATE, 60 + running.speed, 0.3) / level(phases[0], CURRENT_RATE, 60, 0.3))
    assert ratios[1] > 2 * ratios[0]


def test_the_three_phases_are_a_third_of_a_turn_apart_and_follow_the_load() -> None:
    machine = physics()
    _, full = current(machine, {}, 1.0)
    _, idle = current(machine, {}, 0.0)
    rms = np.sqrt(np.mean(full**2, axis=1))
    np.testing.assert_allclose(rms, machine.rated_current, rtol=0.02)
    assert np.sqrt(np.mean(idle[0] ** 2)) == pytest.approx(0.35 * machine.rated_current, rel=0.03)
    spectra = np.fft.rfft(full, axis=1)
    line = int(np.argmax(np.abs(spectra[0])))
    angles = np.angle(spectra[:, line] / spectra[0, line], deg=True)
    np.testing.assert_allclose(angles[1:] % 360, [240, 120], atol=1.0)


def test_samples_use_no_more_than_the_converter_has() -> None:
    machine = physics()
    worst = dict.fromkeys(FaultKind, 3.0)
    _, acceleration = vibration(machine, worst)
    assert np.abs(acceleration).max() <= 32768 * ACCELERATION_SCALE
    rounded = acceleration / ACCELERATION_SCALE
    np.testing.assert_allclose(rounded, np.rint(rounded), atol=1e-6)
