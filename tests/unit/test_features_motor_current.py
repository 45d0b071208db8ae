"""Motor current features against closed forms."""

import math

import numpy as np
import pytest

import features
from features import Reason

FS = 10_000.0
SUPPLY = 50.013
SLIP = 0.03
SPEED = SUPPLY / 2 * (1 - SLIP)


def tone(amplitude, frequency):
    """The same in every phase."""
    return lambda t: amplitude * np.cos(2 * np.pi * frequency * t)


def phases(seconds=10, amplitudes=(10.0, 10.0, 10.0), extra=np.zeros_like):
    t = np.arange(round(FS * seconds)) / FS
    return np.array([
        a * np.cos(2 * np.pi * SUPPLY * t - k * 2 * np.pi / 3) + extra(t) for k, a in enumerate(amplitudes)
    ])[None]  # fmt: skip


def extract(currents, **known):
    motor = {"supply_frequency": 50.0, "pole_pairs": 2, "speed": SPEED} | known
    return features.extract(currents, FS, quantity="current", **motor)


def test_the_supply_is_found_between_spectral_lines():
    table = extract(phases())
    assert table.column("fundamental_frequency")[0] == pytest.approx(SUPPLY, abs=1e-3)
    assert table.column("fundamental_amplitude")[0] == pytest.approx(10.0, rel=1e-3)
    assert table.column("slip")[0] == pytest.approx(SLIP, abs=1e-4)
    assert table.column("crest_factor")[0] == pytest.approx(math.sqrt(2), rel=1e-3)


def test_broken_bar_sidebands_read_their_level_over_the_supply():
    bars = tone(0.1, SUPPLY * (1 - 2 * SLIP))
    table = extract(phases(extra=bars))
    assert table.column("broken_bar_lower")[0] == pytest.approx(-40, abs=0.1)
    assert table.column("broken_bar_index")[0] == pytest.approx(-40, abs=0.1)
    assert (table.column("broken_bar_upper")[0] < -80).all()


def test_a_healthy_motor_stays_below_minus_80_db():
    assert (extract(phases()).column("broken_bar_index") < -80).all()


def test_broken_bars_are_refused_where_the_record_cannot_part_the_sidebands():
    table = extract(phases(seconds=1))
    assert np.isnan(table.column("broken_bar_index")).all()
    assert (table.reasons & Reason.SLIP_UNRESOLVED != 0).all()


def test_broken_bars_are_refused_above_synchronous_speed():
    table = extract(phases(), speed=SUPPLY / 2 * 1.001)
    assert np.isnan(table.column("slip")).all()
    assert (table.reasons & Reason.SLIP_UNRESOLVED != 0).all()


def test_harmonics_make_distortion_and_k_factor():
    fifth = tone(0.5, 5 * SUPPLY)
    table = extract(phases(extra=fifth))
    assert table.column("harmonic_5_ratio")[0] == pytest.approx(0.05, rel=1e-3)
    assert table.column("total_harmonic_distortion")[0] == pytest.approx(0.05, rel=1e-3)
    assert table.column("k_factor")[0] == pytest.approx((1 + 25 * 0.0025) / 1.0025, rel=1e-3)


def test_what_is_no_harmonic_is_residual():
    assert extract(phases(extra=tone(0.2, 333.3))).column("residual_rms")[0] == pytest.approx(
        0.2 / math.sqrt(2), rel=1e-2
    )


def test_eccentricity_sidebands_lie_at_the_supply_plus_and_minus_the_shaft():
    lower, upper = tone(0.05, SUPPLY - SPEED), tone(0.02, SUPPLY + SPEED)
    table = extract(phases(extra=lambda t: lower(t) + upper(t)))
    assert table.column("eccentricity_lower")[0] == pytest.approx(20 * math.log10(0.005), abs=0.1)
    assert table.column("eccentricity_upper")[0] == pytest.approx(20 * math.log10(0.002), abs=0.1)


def test_a_bearing_modulates_the_current_at_its_frequency():
    line = SUPPLY + 3.585 * SPEED
    table = extract(phases(extra=tone(0.01, line)), bearing_orders=[3.585, 5.415, 2.357, 0.398])
    assert table.column("bearing_sideband_bpfo")[0] == pytest.approx(-60, abs=0.1)
    assert (table.column("bearing_sideband_bpfi")[0] < -80).all()


def test_balanced_phases_have_no_unbalance_and_a_round_park_vector():
    table = extract(phases())
    for name in ("current_unbalance", "negative_sequence_ratio", "zero_sequence_ratio", "park_ripple_2f"):
        assert table.column(name)[0] == pytest.approx(0, abs=2e-3), name
    assert table.column("park_modulus")[0] == pytest.approx(10 * math.sqrt(1.5), rel=1e-3)
    assert table.column("load_current")[0] == pytest.approx(10 / math.sqrt(2), rel=1e-3)


def test_one_weak_phase_is_unbalance_and_negative_sequence():
    """Phases 10, 10, 7: sequences |10 - 3/3|, 3/3, 3/3; mean 9."""
    table = extract(phases(amplitudes=(10.0, 10.0, 7.0)))
    assert table.column("current_unbalance")[0] == pytest.approx(2 / 9, rel=1e-3)
    assert table.column("negative_sequence_ratio")[0] == pytest.approx(1 / 9, rel=1e-3)
    assert table.column("zero_sequence_ratio")[0] == pytest.approx(1 / 9, rel=1e-3)
    assert table.column("park_ripple_2f")[0] > 0.05


def test_a_lost_phase_still_has_a_supply():
    table = extract(phases(amplitudes=(0.0, 10.0, 10.0)))
    assert table.column("negative_sequence_ratio")[0] > 0.4
    assert table.reasons[0, 0] & Reason.CONSTANT


def test_unknown_inputs_are_reported_as_reasons():
    single = extract(phases()[:, :1], supply_frequency=None, pole_pairs=None, speed=None)
    mask = int(single.reasons[0, 0])
    assert np.isnan(single.column("fundamental_frequency")).all()
    assert np.isnan(single.group_values).all()
    for reason in (Reason.SUPPLY_NOT_FOUND, Reason.SINGLE_PHASE, Reason.NO_SPEED, Reason.NO_POLE_PAIRS):
        assert reason & mask
    assert extract(phases(), supply_frequency=60.0).reasons[0, 0] & Reason.SUPPLY_NOT_FOUND
