"""A shaft's angle from pulses and from vibration, average turns and order spectra; a real motor's running speed."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import SignalError
from features.order import (
    order_spectrum,
    shaft_angle_from_pulses,
    shaft_angle_from_vibration,
    synchronous_average,
)
from tests.unit.test_features_real_recordings import STANDARD_GRAVITY, recording

RATE = 10_000.0
TURN = 2 * np.pi


def chirp(samples=40_000, first=20.0, last=30.0):
    """Return the angle of a shaft that speeds up evenly."""
    time = np.arange(samples) / RATE
    return TURN * (first * time + (last - first) * time**2 / (2 * time[-1]))


def pulses(angle, per_turn=1, width=0.3):
    """Return pulses with flanks of a hundredth of their spacing, whose middles lie at whole angles."""
    phase = (angle * per_turn / TURN + 0.5) % 1 - 0.5
    return np.clip(phase / 0.02 + 0.5, 0, 1) * (phase < width) + 0.02 * np.sin(50 * angle)


@pytest.mark.parametrize("per_turn", [1, 4, 24])
def test_an_angle_from_pulses_is_true_to_a_hundredth_of_a_turn_in_a_run_up(per_turn):
    angle = chirp()
    found = shaft_angle_from_pulses(pulses(angle, per_turn), RATE, per_turn)
    error = found - angle
    assert np.ptp(error) < TURN * 0.01
    inner = slice(2000, -2000)
    assert np.abs(error[inner] - np.median(error)).max() < TURN * 2e-3
    assert (np.diff(found) > 0).all()


def test_noise_on_a_slow_flank_is_not_taken_for_more_pulses():
    rng = np.random.default_rng(3)
    time = np.arange(20_000) / RATE
    signal = np.sin(TURN * 5 * time) + 0.03 * rng.normal(size=time.size)
    found = shaft_angle_from_pulses(signal, RATE)
    assert (found[-1] - found[0]) / TURN == pytest.approx(10, abs=0.03)


def test_a_batch_is_its_records():
    batch = np.array([pulses(chirp(last=30)), pulses(chirp(last=28))])
    found = shaft_angle_from_pulses(batch, RATE)
    np.testing.assert_array_equal(found[1], shaft_angle_from_pulses(batch[1], RATE))
    mesh = np.cos(20 * np.array([chirp(last=20.4), chirp(last=20.2)]))
    angles = shaft_angle_from_vibration(mesh, RATE, 20.2, order=20)
    np.testing.assert_allclose(angles[0], shaft_angle_from_vibration(mesh[0], RATE, 20.2, order=20), atol=1e-9)
    averages, turns = synchronous_average(mesh, angles, 128)
    assert averages.shape == (2, 128)
    assert turns == 80
    orders, amplitude = order_spectrum(mesh, RATE, angles)
    assert amplitude.shape == (2, len(orders))


def missing(angle):
    signal = pulses(angle)
    gone = (angle > TURN * 10.5) & (angle < TURN * 11.5)
    return np.where(gone, 0.0, signal)


@pytest.mark.parametrize(
    ("signal", "problem"),
    [
        (np.zeros(1000), "0 pulses"),
        (pulses(chirp(800)), "fewer than 3"),
        (missing(chirp()), "irregular"),
        (pulses(chirp(), width=0.1) + pulses(chirp() + 1.0, width=0.1), "irregular"),
        (np.full(1000, np.nan), "finite"),
        (np.zeros((2, 2, 100)), "shape"),
    ],
)
def test_pulses_that_are_none_missing_or_too_many_are_refused(signal, problem):
    with pytest.raises(SignalError, match=problem):
        shaft_angle_from_pulses(signal, RATE)


def test_a_refused_pulse_is_named_with_its_record_and_time():
    with pytest.raises(SignalError, match=r"record 1.* at 0\.4"):
        shaft_angle_from_pulses(np.array([pulses(chirp()), missing(chirp())]), RATE)


@pytest.mark.parametrize(("rate", "marks"), [(0.0, 1), (np.inf, 1), (RATE, 0)])
def test_a_rate_or_a_number_of_marks_that_cannot_be_is_refused(rate, marks):
    with pytest.raises(SignalError):
        shaft_angle_from_pulses(pulses(chirp()), rate, marks)


def wandering(samples=40_000, share=0.005):
    time = np.arange(samples) / RATE
    return TURN * 25 * (time + share * np.sin(TURN * 0.7 * time) / (TURN * 0.7))


def test_an_angle_from_vibration_is_true_to_a_thousandth_of_a_turn():
    rng = np.random.default_rng(4)
    angle = wandering()
    x = 3 * np.cos(20 * angle) * (1 + 0.3 * np.cos(angle)) + 0.5 * np.cos(angle) + 0.3 * rng.normal(size=angle.size)
    found = shaft_angle_from_vibration(x, RATE, 25.0, order=20, half_width=0.6)
    error = found - angle
    assert np.ptp(error[2000:-2000]) < TURN * 1e-3
    assert np.ptp(error) < TURN * 5e-3
    assert np.ptp(angle - TURN * 25 * np.arange(angle.size) / RATE) > TURN * 0.02


@pytest.mark.parametrize(
    ("x", "known", "problem"),
    [
        (np.random.default_rng(0).normal(size=40_000), {"order": 20}, "stands out|leaves its band"),
        (np.cos(20 * chirp()), {"order": 20}, "leaves its band|stands out"),
        (np.cos(chirp(2000)), {}, "turns are fewer"),
        (np.cos(chirp()), {"order": 250}, "not inside"),
        (np.cos(chirp()), {"half_width": 0.0}, "not inside"),
        (np.cos(chirp()), {"speed": 0.0}, "not positive"),
        (np.zeros(40_000), {}, "stands out"),
    ],
)
def test_a_component_that_is_weak_or_leaves_its_band_is_refused(x, known, problem):
    with pytest.raises(SignalError, match=problem):
        shaft_angle_from_vibration(x, RATE, **({"speed": 25.0} | known))


def test_an_average_keeps_what_repeats_and_loses_the_rest():
    rng = np.random.default_rng(5)
    angle = chirp()
    truth = np.cos(3 * angle + 1) + 0.5 * np.cos(40 * angle)
    average, turns = synchronous_average(truth + np.cos(7.4 * angle) + rng.normal(size=angle.size), angle, 256)
    place = TURN * np.arange(256) / 256
    expected = np.cos(3 * place + 1) + 0.5 * np.cos(40 * place)
    assert turns == 98
    assert np.std(average - expected) < 1.2 / np.sqrt(turns)
    clean, _ = synchronous_average(truth, angle, 256)
    np.testing.assert_allclose(clean, expected, atol=2e-5)


def test_orders_that_an_average_cannot_hold_are_left_out_not_folded():
    angle = chirp()
    average, _ = synchronous_average(np.cos(3 * angle) + np.cos(40 * angle), angle, 64)
    np.testing.assert_allclose(average, np.cos(3 * TURN * np.arange(64) / 64), atol=2e-5)


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.01, 100), offset=st.floats(-10, 10), start=st.integers(0, 3000))
def test_an_average_is_linear_and_does_not_mind_where_the_record_begins(gain, offset, start):
    angle = chirp()
    x = np.cos(3 * angle + 1) + 0.5 * np.cos(17 * angle)
    whole, _ = synchronous_average(x, angle, 128)
    later, _ = synchronous_average(gain * x[start:] + offset, angle[start:], 128)
    np.testing.assert_allclose(later, gain * whole + offset, atol=3e-5 * (gain + abs(offset)))


def test_a_line_of_a_run_up_is_sharp_over_orders_and_smeared_over_time():
    angle = chirp()
    orders, amplitude = order_spectrum(2 * np.cos(20 * angle), RATE, angle)
    top = int(amplitude.argmax())
    assert orders[top] == pytest.approx(20, abs=orders[1])
    assert amplitude[top] == pytest.approx(2, rel=0.15)
    far = np.abs(orders - 20) > 4 * orders[1]
    assert amplitude[far].max() < 3e-3
    smeared = np.abs(np.fft.rfft(2 * np.cos(20 * angle) * np.hanning(angle.size))) * 4 / angle.size
    assert smeared.max() < 0.5


def test_a_line_at_a_whole_number_of_turns_reads_its_amplitude():
    angle = TURN * np.arange(40_001) / 400
    orders, amplitude = order_spectrum(3 * np.cos(5 * angle) + 1 * np.cos(60.5 * angle), RATE, angle)
    assert amplitude[np.isclose(orders, 5)] == pytest.approx(3, rel=1e-4)
    assert amplitude[np.isclose(orders, 60.5)] == pytest.approx(1, rel=1e-4)
    assert orders[-1] <= 200


def test_orders_stop_at_half_the_sampling_rate_of_the_fastest_turn():
    orders, _ = order_spectrum(np.cos(chirp()), RATE, chirp())
    assert orders[-1] == pytest.approx(RATE / 2 / 30, rel=1e-2)


@pytest.mark.parametrize("use", [lambda x, a: synchronous_average(x, a, 64), lambda x, a: order_spectrum(x, RATE, a)])
@pytest.mark.parametrize(
    ("x", "angle", "problem"),
    [
        (np.zeros(1000), chirp(999), "shape"),
        (np.zeros(1000), np.zeros(1000), "does not increase"),
        (np.zeros(1000), chirp(1000), "turns are fewer"),
        (np.full(40_000, np.inf), chirp(), "finite"),
        (np.zeros(8), chirp(8), "shape"),
    ],
)
def test_what_cannot_be_ordered_is_refused(use, x, angle, problem):
    with pytest.raises(SignalError, match=problem):
        use(x, angle)


def test_a_turn_of_three_samples_is_refused():
    with pytest.raises(SignalError, match="samples_per_turn"):
        synchronous_average(np.zeros(40_000), chirp(), 3)


def test_orders_need_no_compiler():
    code = "import sys, features.order; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.real_data
def test_a_real_motor_has_its_line_at_the_order_of_its_stated_speed():
    """CWRU, no load: at constant speed the angle is time, and the 1x line lies at order 1 within its resolution."""
    archive = recording("cwru", "DE12k_IR021_L0_209.npz")
    rate, speed = float(archive["fs"]), float(archive["rpm"]) / 60
    x = archive["DE"][: int(4 * rate)] * float(archive["DE_lsb"]) * STANDARD_GRAVITY
    angle = TURN * speed * np.arange(len(x)) / rate
    orders, amplitude = order_spectrum(x, rate, angle)
    near = np.abs(orders - 1) < 0.3
    top = orders[near][amplitude[near].argmax()]
    assert top == pytest.approx(1, abs=2 * orders[1])
    assert amplitude[near].max() > 5 * np.median(amplitude[(orders > 0.5) & (orders < 1.5)])
    average, turns = synchronous_average(x, angle, 256)
    assert turns > 110
    assert 0 < average.std() < x.std()
