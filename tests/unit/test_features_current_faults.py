"""The second wave of motor current features against closed forms, and their refusals."""

import math

import numpy as np
import pytest

import features
from features import Reason
from tests.unit.motor_records import motor, start

RATE = 5_000.0
SUPPLY = 50.013
SLIP = 0.03
SHAFT = SUPPLY / 2 * (1 - SLIP)
SLOTS = 28


def extract(currents, **known):
    plate = {"supply_frequency": 50.0, "pole_pairs": 2, "speed": SHAFT, "rotor_slots": SLOTS} | known
    return features.extract(currents, RATE, quantity="current", **plate)


def with_tones(*tones, seconds=10.0, **made):
    """A motor with tones (level [dB], frequency [Hz]) in every phase."""
    currents = motor(seconds, harmonics=(), **made)
    t = np.arange(currents.shape[2]) / RATE
    for level, frequency in tones:
        currents += 10.0 * 10 ** (level / 20) * np.cos(2 * np.pi * frequency * t + 1.0)
    return currents


def has(table, reason, phase=0):
    return bool(table.reasons[0, phase] & reason)


def test_a_supply_that_drifts_is_followed_through_the_record():
    table = extract(motor(wander=lambda t: math.pi * 0.1 * t**2 / 10))
    assert table.column("supply_drift")[0] == pytest.approx(0.1, rel=2e-3)
    assert (table.column("supply_deviation")[0] < 1e-3).all()
    assert (table.column("phase_wander")[0] < 1e-3).all()


def test_a_supply_that_swings_deviates_by_its_swing():
    """Phase 0.05 sin(2 pi t): rms 0.05 / sqrt 2 rad, frequency swing 0.05 Hz."""
    table = extract(motor(wander=lambda t: 0.05 * np.sin(2 * np.pi * t)))
    assert table.column("phase_wander")[0] == pytest.approx(0.05 / math.sqrt(2), rel=1e-2)
    assert table.column("supply_deviation")[0] == pytest.approx(0.05 / math.sqrt(2), rel=1e-2)


def test_a_steady_supply_neither_drifts_nor_wanders():
    table = extract(motor())
    for name, bound in (("supply_drift", 1e-4), ("supply_deviation", 1e-4), ("phase_wander", 1e-5)):
        assert (np.abs(table.column(name)[0]) < bound).all(), name
    assert (table.column("fundamental_variation")[0] < 1e-5).all()


def test_bad_timestamps_are_seen_as_wander_though_the_motor_is_healthy():
    """A clock that slips by a millisecond twice a second fails the motor by 30 dB, and is told by its phase."""
    t = np.arange(50_000) / RATE
    slipping = t + 1e-3 * np.sin(2 * np.pi * 1.5 * t)
    bad = 10.0 * np.cos(2 * np.pi * SUPPLY * slipping - 2 * np.pi / 3 * np.arange(3)[:, None])[None]
    bad, good = (extract(w, speed=SUPPLY / 2 * (1 - 0.75 / SUPPLY)) for w in (bad, motor(slip=0.75 / SUPPLY)))
    assert (bad.column("broken_bar_index")[0] > good.column("broken_bar_index")[0] + 30).all()
    assert bad.column("phase_wander")[0] == pytest.approx(2 * np.pi * SUPPLY * 1e-3 / math.sqrt(2), rel=2e-2)
    assert (good.column("phase_wander")[0] < 1e-4).all()


def test_a_load_that_swings_varies_the_fundamental():
    t = np.arange(50_000) / RATE
    table = extract(motor(harmonics=()) * (1 + 0.02 * np.cos(2 * np.pi * 2.0 * t)))
    assert table.column("fundamental_variation")[0] == pytest.approx(0.02 / math.sqrt(2), rel=1e-2)
    assert (table.column("supply_deviation")[0] < 1e-3).all()


def test_the_noise_floor_is_what_white_noise_reads_as():
    """Noise sigma A in N samples: a line holds 2 sigma^2 / N, a component is read from seven lines."""
    noise, samples = 1e-3, 50_000
    expected = 10 * math.log10(2 * 7 * 2 * noise**2 / samples)
    table = extract(motor(noise=noise))
    assert table.column("noise_floor")[0] == pytest.approx(expected, abs=1.0)
    assert extract(motor(noise=10 * noise)).column("noise_floor")[0] == pytest.approx(expected + 20, abs=1.0)


def test_the_level_of_a_sideband_over_the_floor_is_limited_by_the_noise():
    """The line of a component on the grid holds 1 / 2.004 of its power; the median line 2 sigma^2 ln 2 / N."""
    noise, samples = 1e-3, 50_000
    line = 10 ** (-50 / 10) / 2 / 2.004
    floor = 2 * noise**2 * math.log(2) / samples
    table = extract(with_tones((-50, SUPPLY * (1 - 2 * SLIP)), (-50, SUPPLY - SHAFT), noise=noise))
    expected = 10 * math.log10(line / floor)
    assert table.column("broken_bar_prominence")[0] == pytest.approx(expected, abs=4.0)
    assert table.column("eccentricity_prominence")[0] == pytest.approx(expected, abs=4.0)


@pytest.mark.parametrize("seed", range(10))
def test_noise_alone_does_not_stand_out(seed):
    table = extract(motor(noise=1e-3, seed=seed))
    assert (table.column("broken_bar_prominence")[0] < 12).all()
    assert (table.column("eccentricity_prominence")[0] < 12).all()


def test_the_skirt_of_a_wandering_supply_does_not_stand_out():
    """A supply swinging by 0.2 Hz leaves -35 dB ten lines away, all of it skirt."""
    wandering = motor(wander=lambda t: 1.5 * np.sin(2 * np.pi * 0.13 * t))
    supply = extract(wandering).column("fundamental_frequency")[0, 0]
    table = extract(wandering, speed=supply / 2 * (1 - 1.0 / (2 * supply)))
    assert (table.column("broken_bar_index")[0] > -40).all()
    assert (table.column("broken_bar_prominence")[0] < 12).all()


def test_bars_are_counted_as_their_formula_says():
    """One of 28 bars in a machine of two pole pairs at full load: 1 / (2 (28 - 2)) of the supply, -34.3 dB."""
    level = -20 * math.log10(2 * (SLOTS - 2))
    table = extract(motor(bars=level))
    assert table.column("broken_bars_estimated")[0] == pytest.approx(1.0, rel=1e-2)
    assert np.isnan(extract(motor(bars=level), rotor_slots=None).column("broken_bars_estimated")).all()


@pytest.mark.parametrize("seconds", [1.0, 4.0, 10.0])
@pytest.mark.parametrize("slip", [0.01, 0.03, 0.05])
def test_slip_is_estimated_from_eccentricity_or_slots_without_a_tachometer(seconds, slip):
    for made in ({"eccentricity": -50}, {"slots": SLOTS, "slot_level": -50}):
        table = extract(motor(seconds, slip=slip, noise=1e-4, **made), speed=None)
        if seconds >= 4 or slip >= 0.03:
            assert table.column("slip_estimated")[0] == pytest.approx(slip, abs=5e-4)
            assert (table.column("slip_confidence")[0] >= 6).all()
        assert np.isnan(table.column("slip")).all()


def test_slip_is_estimated_from_the_bars_alone_and_so_is_their_level():
    table = extract(motor(bars=-45, noise=1e-4), speed=None, pole_pairs=None, rotor_slots=None)
    assert table.column("slip_estimated")[0] == pytest.approx(SLIP, abs=1e-4)
    assert table.column("broken_bar_index_estimated")[0] == pytest.approx(-45, abs=0.1)
    assert np.isnan(table.column("broken_bar_index")).all()


def test_slip_is_not_estimated_without_a_prominent_line():
    for table in (extract(motor(noise=1e-3), speed=None), extract(motor(0.5, bars=-45), speed=None)):
        assert np.isnan(table.column("slip_estimated")).all()
        assert np.isnan(table.column("broken_bar_index_estimated")).all()
        assert (table.reasons & Reason.SLIP_UNRESOLVED != 0).all()


def test_two_slips_that_stand_out_alike_are_both_refused():
    pairs = [(-45, SUPPLY * (1 + side * 2 * slip)) for slip in (0.015, 0.04) for side in (-1, 1)]
    table = extract(with_tones(*pairs, noise=1e-4), speed=None, pole_pairs=None, rotor_slots=None)
    assert np.isnan(table.column("slip_estimated")).all()
    assert has(table, Reason.SLIP_UNRESOLVED)


@pytest.mark.parametrize(
    ("name", "frequency"),
    [
        ("eccentricity_second_lower", SUPPLY - 2 * SHAFT),
        ("eccentricity_second_upper", SUPPLY + 2 * SHAFT),
        ("slot_harmonic", SLOTS * SHAFT - SUPPLY),
        ("slot_harmonic", SLOTS * SHAFT + 3 * SUPPLY),
        ("slot_eccentricity", (SLOTS + 1) * SHAFT + SUPPLY),
        ("slot_eccentricity", (SLOTS - 1) * SHAFT - SUPPLY),
        ("stator_turns", 3 * SHAFT + SUPPLY),
        ("stator_turns", 5 * SHAFT - SUPPLY),
        ("stator_turns", 3 * SUPPLY - SHAFT),
    ],
)
def test_a_line_reads_its_level_and_leaves_the_others_low(name, frequency):
    table = extract(with_tones((-55, abs(frequency))))
    assert table.column(name)[0] == pytest.approx(-55, abs=0.1)
    for other in {"slot_harmonic", "slot_eccentricity", "stator_turns", "eccentricity_second_upper"} - {name}:
        assert (table.column(other)[0] < -80).all(), other


def test_slot_lines_bear_the_error_of_a_measured_speed():
    currents = with_tones((-55, SLOTS * SHAFT + SUPPLY))
    assert extract(currents, speed=SHAFT * (1 + 2e-4)).column("slot_harmonic")[0] == pytest.approx(-55, abs=0.1)


def test_slot_lines_need_slots_and_room_below_nyquist():
    assert has(extract(motor(), rotor_slots=None), Reason.NO_SLOTS)
    high = extract(motor(), rotor_slots=400)
    assert np.isnan(high.column("slot_harmonic")).all()
    assert has(high, Reason.BAND_ABOVE_NYQUIST)


@pytest.mark.parametrize("turn", [1, -1], ids=["u-v-w", "u-w-v"])
def test_a_phase_out_of_its_place_shows_the_angle(turn):
    """Phase V moved by 0.03 rad: the positive sequence moves by a third of it, the others seem behind."""
    t = np.arange(50_000) / RATE
    currents = np.array(
        [10 * np.cos(2 * np.pi * SUPPLY * t - turn * k * 2 * np.pi / 3 + 0.03 * (k == 1)) for k in range(3)]
    )
    table = extract(currents[None])
    assert table.column("phase_angle_deviation")[0] == pytest.approx([-0.01, 0.02, -0.01], abs=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("angle", [-2.0, 0.3, 1.5])
def test_the_negative_sequence_has_the_angle_it_was_given(angle, reverse):
    t = np.arange(50_000) / RATE
    thirds = 2 * np.pi / 3 * np.arange(3)[:, None] * (-1 if reverse else 1)
    phase = 2 * np.pi * SUPPLY * t + 0.7
    table = extract((10 * np.cos(phase - thirds) + 0.2 * np.cos(phase + thirds + angle))[None])
    assert table.column("negative_sequence_angle")[0] == pytest.approx(angle, abs=1e-3)
    assert table.column("negative_sequence_ratio")[0] == pytest.approx(0.02, rel=1e-3)


@pytest.mark.parametrize("seconds", [0.51, 2.003, 10.0])
def test_unbalance_of_the_fundamentals_does_not_mind_where_the_record_ends(seconds):
    """Phases 10, 10, 9.7: mean 9.9."""
    table = extract(motor(seconds, gains=(1.0, 1.0, 0.97), harmonics=()))
    assert table.column("fundamental_unbalance")[0] == pytest.approx(0.2 / 9.9, rel=1e-3)


def test_a_park_vector_that_swings_with_the_shaft_ripples_there():
    t = np.arange(50_000) / RATE
    table = extract(motor(harmonics=()) * (1 + 0.01 * np.cos(2 * np.pi * SHAFT * t)))
    assert table.column("park_ripple_shaft")[0] == pytest.approx(0.01, rel=1e-3)


def test_a_start_reads_its_peak_its_time_and_its_ratio():
    """The excess 5 e^(-t / 0.7) falls under 0.1 after 0.7 ln 50 s."""
    table = extract(start(seconds=12.0, off=1.0), speed=None)
    assert table.column("inrush_duration")[0] == pytest.approx(0.7 * math.log(50), abs=0.02)
    assert table.column("inrush_peak")[0] == pytest.approx(60.0, rel=0.03)
    assert table.column("inrush_ratio")[0] == pytest.approx(6.0, rel=0.03)
    assert not has(table, Reason.NO_START)


def test_a_soft_start_has_no_inrush_but_is_one():
    table = extract(start(seconds=6.0, ratio=1.0), speed=None)
    assert table.column("inrush_duration")[0] == pytest.approx(0.0)
    assert table.column("inrush_ratio")[0] == pytest.approx(1.0, rel=1e-3)
    assert table.column("inrush_peak")[0] == pytest.approx(10.0, rel=1e-2)


def test_a_sensors_offset_is_no_inrush():
    table = extract(start(seconds=12.0, offset=3.0, noise=0.02), speed=None)
    assert table.column("inrush_peak")[0] == pytest.approx(60.0, rel=0.03)
    assert table.column("inrush_duration")[0] == pytest.approx(0.7 * math.log(50), abs=0.03)


@pytest.mark.parametrize(
    "currents",
    [
        motor(4.0),
        motor(4.0)[..., ::-1].copy() * np.linspace(0.5, 1.5, 20_000),
        start(seconds=2.0, off=0.5, decay=2.0),
        start(seconds=6.0)[..., ::-1].copy(),
        np.zeros((1, 3, 20_000)),
        motor(0.15),
    ],
    ids=["running", "load rises", "not settled", "a stop", "off", "too short"],
)
def test_a_record_without_a_whole_start_says_so(currents):
    table = extract(currents, speed=None)
    for name in ("inrush_peak", "inrush_duration", "inrush_ratio"):
        assert np.isnan(table.column(name)).all()
    assert (table.reasons & Reason.NO_START != 0).all()


def test_short_records_refuse_floor_and_track_but_not_the_supply():
    table = extract(motor(0.5))
    for name in ("supply_drift", "supply_deviation", "phase_wander", "fundamental_variation", "noise_floor"):
        assert np.isnan(table.column(name)).all(), name
    assert has(table, Reason.RECORD_TOO_SHORT)
    assert not np.isnan(table.column("fundamental_frequency")).any()


def test_a_lost_phase_leaves_the_others_their_angles():
    table = extract(motor(gains=(0.0, 1.0, 1.0)))
    assert np.isnan(table.column("phase_angle_deviation")[0, 0])
    assert not np.isnan(table.column("phase_angle_deviation")[0, 1:]).any()
    assert table.column("fundamental_unbalance")[0] == pytest.approx(1.0, rel=1e-3)
