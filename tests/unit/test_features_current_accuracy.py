"""Injected levels are read within 1 dB wherever the record resolves them; where it does not, the table says so.

Twice: on the simulator's currents and on an independent closed form. What "resolves" means is stated by the
features themselves: a level is a value, its prominence is at least 25 dB.
"""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

import features
from features import Reason
from pdm.machines.model import BearingGeometry
from pdm.twin.faults import FaultKind
from pdm.twin.motor_current import current_scale, simulate_current
from pdm.twin.physics import CURRENT_RATE, OperatingState, SimulatedRunning, draw_physics
from tests.unit.motor_records import in_counts, motor

RATE = 2_000.0
LEVELS = (-60.0, -52.0, -43.0, -35.0)
SLIPS = (0.005, 0.01, 0.02, 0.035, 0.05)
LENGTHS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
SUPPLIES = (49.7, 49.93, 50.0, 50.11, 50.3)
NOISES = (1e-5, 1e-4, 1e-3, 1e-2)
RESOLVED, SEEN = 25.0, 10.0
"""dB of prominence from which a level is read within 1 dB, and under which there is nothing but noise."""
LEAST_LINES = 8.0
CASES = [
    (level, slip, seconds, SUPPLIES[i % 5], NOISES[i % 4])
    for i, (level, slip, seconds) in enumerate(itertools.product(LEVELS, SLIPS, LENGTHS))
]


def read(currents, slip, supply, rate=RATE, pole_pairs=2, nominal=50.0, **known):
    speed = supply / pole_pairs * (1 - slip)
    plate = {"supply_frequency": nominal, "pole_pairs": pole_pairs, "speed": speed}
    return features.extract(currents, rate, quantity="current", **plate, **known)


def check(table, kind, injected, parted):
    """Assert the larger of two sidebands: within 1 dB if resolved, absent if not resolved; return if resolved."""
    got = np.maximum(table.column(f"{kind}_lower")[0], table.column(f"{kind}_upper")[0])
    prominence = table.column(f"{kind}_prominence")[0]
    if parted is not None:
        assert np.isnan(got).all() == (not parted)
    resolved = prominence >= RESOLVED
    np.testing.assert_allclose(got[resolved], injected, atol=1.0)
    return resolved.all()


def line_level(noise, seconds, rate=RATE):
    """The median line of white noise [dB over the supply]."""
    return 10 * math.log10(2 * 2 * noise**2 * math.log(2) / (seconds * rate))


@pytest.mark.parametrize(("level", "slip", "seconds", "supply", "noise"), CASES)
def test_sidebands_in_closed_form_are_read_within_1_db(level, slip, seconds, supply, noise):
    currents = motor(
        seconds, rate=RATE, supply=supply, slip=slip, bars=level, eccentricity=level, noise=noise, seed=int(seconds)
    )
    counts, scale = in_counts(currents)
    table = read(counts, slip, supply, scale=scale)
    lines = 2 * slip * supply * seconds
    parted = None if abs(lines - LEAST_LINES) < 0.05 else lines > LEAST_LINES
    bars = check(table, "broken_bar", level, parted)
    assert parted is not False or (table.reasons & Reason.SLIP_UNRESOLVED != 0).all()
    shaft_parted = supply / 2 * (1 + slip) * seconds > LEAST_LINES + 1
    eccentricity = check(table, "eccentricity", level, shaft_parted)
    # Not by refusing: a level well over the noise must be resolved.
    clear = level - 6 - line_level(max(noise, 40 / 32768 / 10 / math.sqrt(12)), seconds) > RESOLVED + 3
    assert bars or not (clear and parted and lines > LEAST_LINES + 2)
    assert eccentricity or not (clear and seconds >= 1)


@pytest.mark.parametrize(("slip", "seconds"), list(itertools.product(SLIPS, LENGTHS)))
def test_a_level_under_the_noise_is_marked_as_such(slip, seconds):
    """Both sidebands of every phase at -60 dB, under noise whose lines stand at least 10 dB higher."""
    noise = 10 ** ((-50 - 10 * math.log10(4 * math.log(2) / (seconds * RATE))) / 20)
    for seed in range(5):
        table = read(motor(seconds, rate=RATE, slip=slip, bars=-60, noise=noise, seed=seed), slip, 50.013)
        for phase in range(3):
            prominence = table.column("broken_bar_prominence")[0, phase]
            assert np.isnan(prominence) or prominence < SEEN + 5
            refused = bool(table.reasons[0, phase] & Reason.SLIP_UNRESOLVED)
            assert refused or not np.isnan(prominence)


def true_sequence(gains):
    third = np.exp(2j * np.pi / 3)
    positive, negative = abs(sum(gains)), abs(gains[0] + third * gains[1] + third**2 * gains[2])
    return negative / positive


@pytest.mark.parametrize(("level", "seconds", "supply"), list(itertools.product(LEVELS, LENGTHS, SUPPLIES)))
def test_a_negative_sequence_in_closed_form_is_read_within_1_db(level, seconds, supply):
    injected = 10 ** (level / 20)
    counts, scale = in_counts(motor(seconds, rate=RATE, supply=supply, negative=injected, noise=2e-4))
    ratio = float(read(counts, 0.03, supply, scale=scale).column("negative_sequence_ratio")[0])
    assert 20 * math.log10(ratio) == pytest.approx(level, abs=1.0)


@pytest.mark.parametrize(("level", "seconds", "supply"), list(itertools.product(LEVELS, LENGTHS, SUPPLIES)))
def test_unbalance_in_closed_form_is_read_within_1_db(level, seconds, supply):
    """One phase stronger by d: mean 1 + d / 3, the largest deviation 2 d / 3."""
    more = 10 ** (level / 20)
    gains = (1.0, 1.0 + more, 1.0)
    truth = 2 * more / (3 + more)
    counts, scale = in_counts(motor(seconds, rate=RATE, supply=supply, gains=gains, noise=2e-4))
    table = read(counts, 0.03, supply, scale=scale)
    unbalance = float(table.column("fundamental_unbalance")[0])
    assert 20 * math.log10(unbalance / truth) == pytest.approx(0, abs=1.0)
    ratio = float(table.column("negative_sequence_ratio")[0])
    assert 20 * math.log10(ratio / true_sequence(gains)) == pytest.approx(0, abs=1.0)
    # The rms of a record holds whole periods but for a part of one.
    if 1 / (4 * math.pi * supply * seconds) < 0.05 * truth:
        assert 20 * math.log10(table.column("current_unbalance")[0] / truth) == pytest.approx(0, abs=1.0)


def simulated(seed, level, slip, seconds, gains=(1.0, 1.0, 1.0)):
    """Return simulated counts, scale, running machine and the sideband levels [dB] that stand in them."""
    geometry = BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0, "6205")
    physics = draw_physics(np.random.default_rng(seed), geometry, 22e3, (OperatingState("rated", 1.0),))
    share = 10 ** (level / 20)
    physics = replace(physics, bar_sideband=share, eccentricity=share, phase_gains=gains)
    supply = 60.0 * (1 + 1e-3 * (seed % 5 - 2))
    running = SimulatedRunning(supply / 2 * (1 - slip), 1.0, slip, supply)
    counts = simulate_current(
        physics, running, {}, np.random.default_rng((seed, 1)), samples=round(seconds * CURRENT_RATE)
    )
    # The simulator scatters each level; the same draws in the same order say by how much.
    draws = np.random.default_rng((seed, 1))
    drift = 0.004 * draws.standard_normal()
    draws.uniform()
    bars = level + 20 * math.log10(draws.lognormal(0.0, 0.15))
    eccentricity = level + 20 * math.log10(draws.lognormal(0.0, 0.1))
    middle = replace(running, supply_frequency=supply + drift * seconds / 2)
    return counts[None], current_scale(physics), middle, bars, eccentricity


@pytest.mark.parametrize(("level", "slip", "seconds"), list(itertools.product(LEVELS, SLIPS, LENGTHS)))
def test_sidebands_of_the_simulator_are_read_within_1_db(level, slip, seconds):
    seed = round(-level * 100 + slip * 1e4 + seconds * 7)
    counts, scale, running, bars, eccentricity = simulated(seed, level, slip, seconds)
    slip = 1 - 2 * running.speed / running.supply_frequency
    table = read(counts, slip, running.supply_frequency, CURRENT_RATE, nominal=60.0, scale=scale)
    lines = 2 * slip * running.supply_frequency * seconds
    parted = None if abs(lines - LEAST_LINES) < 0.2 else lines > LEAST_LINES
    found = check(table, "broken_bar", bars, parted)
    assert found or lines < LEAST_LINES + 2
    assert parted is not False or (table.reasons & Reason.SLIP_UNRESOLVED != 0).all()
    found = check(table, "eccentricity", eccentricity, None)
    assert found or seconds < 1


def test_a_simulated_bar_that_breaks_is_read_at_its_level():
    geometry = BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0, "6205")
    physics = draw_physics(np.random.default_rng(3), geometry, 22e3, (OperatingState("rated", 1.0),))
    running = physics.run(1.0, 60.0)
    counts = simulate_current(physics, running, {FaultKind.BROKEN_BARS: 0.5}, np.random.default_rng(8))
    draws = np.random.default_rng(8)
    draws.standard_normal(), draws.uniform()
    share = physics.bar_sideband * draws.lognormal(0.0, 0.15) + 0.035 * physics.fault_gain * 0.5
    table = read(counts[None], running.slip, 60.0, CURRENT_RATE, nominal=60.0, scale=current_scale(physics))
    assert table.column("broken_bar_index")[0] == pytest.approx(20 * math.log10(share), abs=1.0)
    assert (table.column("broken_bar_prominence")[0] > RESOLVED).all()


@pytest.mark.parametrize(("level", "seconds"), list(itertools.product(LEVELS, LENGTHS)))
def test_unbalance_of_the_simulator_is_read_within_1_db(level, seconds):
    more = 10 ** (level / 20)
    gains = (1.0, 1.0 + more, 1.0)
    counts, scale, running, *_ = simulated(7, -80.0, 0.03, seconds, gains)
    table = read(counts, 0.03, running.supply_frequency, CURRENT_RATE, nominal=60.0, scale=scale)
    ratio = float(table.column("negative_sequence_ratio")[0])
    assert 20 * math.log10(ratio / true_sequence(gains)) == pytest.approx(0, abs=1.0)
    unbalance = float(table.column("fundamental_unbalance")[0])
    assert 20 * math.log10(unbalance / (2 * more / (3 + more))) == pytest.approx(0, abs=1.0)


def drawn_motor(rng, seed):
    """Return currents, slip, pole pairs, slots and length of a motor with some faults among other people's tones."""
    pairs, slots = int(rng.integers(1, 7)), int(rng.integers(20, 60))
    seconds, slip, supply = float(rng.choice([1, 2, 4, 8])), rng.uniform(0.003, 0.06), rng.uniform(49.7, 50.3)
    faults = {"bars": rng.uniform(-60, -40), "eccentricity": rng.uniform(-65, -45), "slot_level": rng.uniform(-65, -45)}
    present = {fault: level for fault, level in faults.items() if rng.uniform() < 0.65}
    currents = motor(
        seconds, rate=RATE * 2, supply=supply, slip=slip, pole_pairs=pairs, slots=slots,
        noise=float(rng.choice([1e-4, 1e-3])), seed=seed, **present,
    )  # fmt: skip
    t = np.arange(currents.shape[2]) / (2 * RATE)
    for _ in range(3 if rng.uniform() < 0.5 else 0):
        tone = 10 ** (rng.uniform(-65, -50) / 20) * np.cos(2 * np.pi * rng.uniform(5, 900) * t + rng.uniform(0, 6))
        currents += 10 * tone
    return currents, slip, pairs, slots, 0.2 * pairs / (supply * seconds)


def test_an_estimated_slip_is_right_or_refused_whatever_the_motor():
    """Among 300 motors, half of them with three foreign tones each, at most three are told a wrong slip."""
    rng = np.random.default_rng(5)
    right = wrong = 0
    for seed in range(300):
        currents, slip, pairs, slots, line = drawn_motor(rng, seed)
        plate = {"supply_frequency": 50.0, "pole_pairs": pairs, "rotor_slots": slots if seed % 2 else None}
        table = features.extract(currents, 2 * RATE, quantity="current", **plate)
        estimated = float(table.column("slip_estimated")[0, 0])
        right += abs(estimated - slip) <= max(1e-3, line)
        wrong += abs(estimated - slip) > max(1e-3, line)
    assert wrong <= 3
    assert right >= 150
