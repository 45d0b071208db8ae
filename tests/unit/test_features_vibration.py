"""Vibration features against closed forms."""

import math

import numpy as np
import pytest

import features
from features import BearingGeometry, Reason
from features.envelope import envelope_spectrum
from features.spectrum import amplitude_spectrum

ORDERS = [3.585, 5.415, 2.357, 0.398]
STANDARD_GRAVITY = 9.80665


def sine(frequency, amplitude, fs, seconds):
    t = np.arange(round(fs * seconds)) / fs
    return (amplitude * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def value(name, x, fs, **known):
    return float(features.extract(np.atleast_2d(x), fs, **known).column(name)[0, 0])


def reasons(x, fs, **known):
    return Reason(int(features.extract(np.atleast_2d(x), fs, **known).reasons[0, 0]))


def test_a_sine_has_the_time_features_of_a_sine():
    x = sine(64, 3.0, 8192, 1)
    expected = {
        "rms": 3 / math.sqrt(2),
        "crest_factor": math.sqrt(2),
        "kurtosis": 1.5,
        "shape_factor": math.pi / (2 * math.sqrt(2)),
        "impulse_factor": math.pi / 2,
        "peak_to_peak": 6.0,
        "energy": 4.5,
        "hjorth_mobility": 2 * math.sin(math.pi * 64 / 8192),
        "hjorth_complexity": 1.0,
        "total_power": 4.5,
        "peak_frequency": 64.0,
        "spectral_centroid": 64.0,
    }
    for name, truth in expected.items():
        assert value(name, x, 8192.0) == pytest.approx(truth, rel=1e-3), name


def test_velocity_rms_of_a_sine_is_its_acceleration_over_angular_frequency():
    x = sine(25, 2.0, 10_000, 2)
    assert value("velocity_rms", x, 10_000.0) == pytest.approx(2 / (2 * math.pi * 25) / math.sqrt(2), rel=5e-3)
    assert value("velocity_peak", x, 10_000.0) == pytest.approx(2 / (2 * math.pi * 25), rel=5e-3)


def test_velocity_rms_grades_a_known_machine_at_its_known_zone_limit():
    """4.5 mm/s rms at 50 Hz is 0.2039 g of peak acceleration."""
    amplitude = 4.5e-3 * math.sqrt(2) * 2 * math.pi * 50
    assert amplitude / STANDARD_GRAVITY == pytest.approx(0.2039, rel=1e-3)
    assert value("velocity_rms", sine(50, amplitude, 25_600, 1), 25_600.0) == pytest.approx(4.5e-3, rel=1e-3)


def test_velocity_rms_refuses_less_than_a_second():
    x = sine(50, 1.0, 25_600, 0.99)
    assert math.isnan(value("velocity_rms", x, 25_600.0))
    assert Reason.RECORD_TOO_SHORT in reasons(x, 25_600.0)


def test_velocity_rms_refuses_a_band_above_nyquist():
    x = sine(50, 1.0, 1_900, 2)
    assert math.isnan(value("velocity_rms", x, 1_900.0))
    assert Reason.BAND_ABOVE_NYQUIST in reasons(x, 1_900.0)


def test_velocity_down_to_2_hz_needs_5_seconds():
    slow = sine(5, 1.0, 4_000, 6)
    assert value("velocity_rms_low", slow, 4_000.0) == pytest.approx(1 / (10 * math.pi) / math.sqrt(2), rel=0.01)
    assert math.isnan(value("velocity_rms_low", slow[:16_000], 4_000.0))


def test_orders_read_the_velocity_at_multiples_of_shaft_speed():
    x = sum(sine(25 * k, a, 10_000, 2) for k, a in ((0.5, 0.2), (1, 1.0), (2, 0.5), (3, 0.25)))
    for name, k, a in (("0_5x", 0.5, 0.2), ("1x", 1, 1.0), ("2x", 2, 0.5), ("3x", 3, 0.25)):
        truth = a / (2 * math.pi * 25 * k)
        assert value(f"order_{name}", x, 10_000.0, speed=25.0) == pytest.approx(truth, rel=5e-3)


def test_orders_are_absent_without_speed_and_in_a_short_record():
    x = sine(25, 1.0, 10_000, 2)
    assert math.isnan(value("order_1x", x, 10_000.0))
    assert Reason.NO_SPEED in reasons(x, 10_000.0)
    assert math.isnan(value("order_1x", x[:2_000], 10_000.0, speed=25.0))
    assert Reason.SHAFT_UNRESOLVED in reasons(x[:2_000], 10_000.0, speed=25.0)


@pytest.mark.parametrize(("fault", "order"), [("bpfo", 3.585), ("bpfi", 5.415), ("bsf", 2 * 2.357), ("ftf", 0.398)])
def test_impacts_at_a_bearing_frequency_stand_out_at_that_fault_alone(fault, order):
    """Impacts that excite a resonance, 1 % slower than kinematics say, in noise."""
    fs, seconds, speed = 20_000, 2, 30.0
    t = np.arange(fs * seconds) / fs
    since_impact = np.mod(t, 1 / (order * 0.99 * speed))
    impacts = np.exp(-800 * since_impact) * np.sin(2 * np.pi * 5_000 * since_impact)
    noise = np.random.default_rng(7).normal(0, 0.3, len(t))
    table = features.extract((impacts + noise)[None], float(fs), speed=speed, bearing_orders=ORDERS)
    found = {name: float(table.column(f"{name}_prominence")[0, 0]) for name in ("bpfo", "bpfi", "bsf", "ftf")}
    assert max(found, key=found.get) == fault
    assert found[fault] > 15


def test_an_amplitude_modulated_carrier_has_the_envelope_line_of_its_modulation():
    """(1 + m cos)^2 has the line 2m at the modulation and m^2 / 2 at twice it."""
    fs, n, speed = 16_384, 16_384, 30.0
    t = np.arange(n) / fs
    x = (1 + 0.5 * np.cos(2 * np.pi * 120 * t)) * np.cos(2 * np.pi * 4_000 * t)
    table = features.extract(x[None], float(fs), speed=speed, bearing_orders=[4.0, np.nan, np.nan, np.nan])
    assert float(table.column("envelope_bpfo_1")[0, 0]) == pytest.approx((2 * 0.5) ** 2 / 2, rel=1e-4)
    assert float(table.column("envelope_bpfo_2")[0, 0]) == pytest.approx((0.5**2 / 2) ** 2 / 2, rel=1e-3)
    assert float(table.column("envelope_rms")[0, 0]) == pytest.approx(math.sqrt(1 + 0.5**2 / 2), rel=1e-4)
    assert float(table.column("envelope_crest_factor")[0, 0]) == pytest.approx(1.5 / math.sqrt(1.125), rel=1e-4)
    frequency, amplitude = envelope_spectrum(x, float(fs))
    assert frequency[amplitude[1:].argmax() + 1] == 120.0
    assert amplitude.max() == pytest.approx(2 * 0.5, rel=1e-6)


def test_a_record_too_short_for_the_cage_says_so():
    x = np.random.default_rng(0).normal(size=(1, 2560))
    table = features.extract(x, 25_600.0, speed=30.0, bearing_orders=ORDERS)
    assert np.isnan(table.column("envelope_ftf_1")[0, 0])
    assert Reason.BEARING_UNRESOLVED in Reason(int(table.reasons[0, 0]))
    assert not np.isnan(table.column("envelope_bpfo_1")[0, 0])


def test_a_constant_signal_has_a_level_and_no_shape():
    x = np.full((1, 4096), 2.5, np.float32)
    table = features.extract(x, 4096.0)
    assert table.column("rms")[0, 0] == 2.5
    assert np.isnan(table.column("kurtosis")[0, 0])
    assert Reason.CONSTANT in Reason(int(table.reasons[0, 0]))


def test_counts_at_the_converters_limit_are_marked():
    x = np.clip(sine(50, 60_000, 8192, 1), -32768, 32767).astype(np.int16)
    assert Reason.CLIPPED in reasons(x, 8192.0, scale=0.001)
    assert Reason.CLIPPED not in reasons((x // 2), 8192.0, scale=0.001)


def test_bearing_6205_has_its_well_known_orders():
    orders = BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0).orders()
    assert orders.bpfo == pytest.approx(3.585, abs=1e-3)
    assert orders.bpfi == pytest.approx(5.415, abs=1e-3)
    assert 2 * orders.bsf == pytest.approx(4.713, abs=2e-3)
    assert orders.ftf == pytest.approx(0.398, abs=1e-3)


@pytest.mark.parametrize(
    "geometry", [(2, 0.008, 0.04, 0.0), (9, 0.05, 0.04, 0.0), (9, 0.008, 0.04, 1.6), (9, float("nan"), 0.04, 0.0)]
)
def test_impossible_bearings_are_refused(geometry):
    with pytest.raises(features.SignalError):
        BearingGeometry(*geometry)


def test_the_spectrum_to_look_at_reads_amplitudes():
    frequency, amplitude = amplitude_spectrum(sine(50, 3.0, 1000, 1) + 7, 1000.0)
    assert frequency[amplitude.argmax()] == 50.0
    assert amplitude.max() == pytest.approx(3.0, rel=1e-6)
    with pytest.raises(features.SignalError):
        amplitude_spectrum(np.array([1.0, np.nan] * 20), 1000.0)
    with pytest.raises(features.SignalError):
        envelope_spectrum(np.ones(64), 1000.0, band=(400, 600))
