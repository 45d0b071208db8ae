"""Gears and orders: closed forms, an oracle, properties, refusals. There is no public recording of a gear here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from features.catalogue.gear import GEAR
from features.catalogue.reasons import Reason
from features.gear import describe
from features.order import synchronous_average
from tests.unit.oracle_gear import gear_features

RATE = 25_600.0
NAMES = tuple(row[0] for row in GEAR)
SHAFT = NAMES[: NAMES.index("mesh_1")]
TEETH = 20
GAIN_FREE = {"synchronous_ratio", "fm0", "fm4", "m6a", "m8a", "energy_ratio", "sideband_level_factor"}
GAIN_FREE |= {"residual_kurtosis", "envelope_mesh_kurtosis"}
SQUARED = {"residual_variance", "envelope_mesh_variance"}


def measure(x, speed=np.nan, teeth=np.nan, angle=None, rate=RATE):
    rows = np.atleast_2d(x).astype(np.float32)
    n = len(rows)
    out, reasons = np.full((n, len(GEAR)), np.nan, np.float32), np.zeros(n, np.uint32)
    speeds, gears = np.full(n, speed, np.float64), np.full(n, teeth, np.float64)
    describe(rows, out, reasons, speeds, gears, None if angle is None else np.atleast_2d(angle), rate)
    return out, reasons


def one(x, *known, **more):
    out, reasons = measure(x, *known, **more)
    return dict(zip(NAMES, out[0].astype(float), strict=True)), Reason(int(reasons[0]))


def shaft(speed=100.3, samples=8192, sweep=0.0):
    """Return the angle of a shaft whose speed rises by the share `sweep` over the record."""
    time = np.arange(samples) / RATE
    return 2 * np.pi * speed * (time * (1 - sweep / 2) + sweep * time**2 / (2 * time[-1]))


def meshing(angle, depth=0.0, phase_depth=0.0, amplitude=3.0):
    return amplitude * (1 + depth * np.cos(angle)) * np.cos(TEETH * angle + phase_depth * np.sin(angle))


def noisy(angle, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    wave = meshing(angle, 0.3, 0.2) + 0.8 * np.cos(2 * TEETH * angle + 1) + 0.4 * np.cos(3 * TEETH * angle)
    wave = wave + 0.7 * np.cos(angle + 0.5) + 0.3 * np.cos(angle / 2) + 0.2 * np.cos(2 * angle)
    wave = wave + 0.1 * np.cos(3 * angle)
    return wave + noise * rng.normal(size=np.shape(angle))


def test_amplitudes_of_orders_and_meshes_are_read_whatever_the_turn_they_end_in():
    for samples in (2560, 2700, 3001, 8192):
        angle = shaft(samples=samples)
        wave = 3 * np.cos(TEETH * angle) + 2 * np.cos(2 * TEETH * angle) + np.cos(3 * TEETH * angle + 2)
        wave += 0.5 * np.cos(angle / 2 + 1) + 0.6 * np.cos(angle) + 0.7 * np.cos(2 * angle) + 0.8 * np.cos(3 * angle)
        found, _ = one(wave + 9.81, teeth=TEETH, angle=angle)
        expected = {"mesh_1": 3, "mesh_2": 2, "mesh_3": 1, "order_tracked_0_5x": 0.5, "order_tracked_1x": 0.6}
        expected |= {"order_tracked_2x": 0.7, "order_tracked_3x": 0.8}
        for name, amplitude in expected.items():
            assert found[name] == pytest.approx(amplitude, rel=1e-5), (name, samples)
        power = (9 + 4 + 1 + 0.36 + 0.49 + 0.64) / 2
        assert found["synchronous_rms"] == pytest.approx(np.sqrt(power), rel=1e-5)


def test_the_synchronous_ratio_is_the_share_that_repeats_with_the_shaft():
    angle = shaft(samples=32_768)
    other = np.sqrt(2) * np.cos(7.31 * angle)
    found, _ = one(2 * np.cos(5 * angle) + other, angle=angle)
    assert found["synchronous_ratio"] == pytest.approx(2 / 3, abs=1e-3)


def test_modulation_gives_its_sidebands_their_known_amplitudes():
    depth = 0.2
    found, _ = one(meshing(shaft(), depth), teeth=TEETH, angle=shaft())
    side = 3 * depth / 2
    assert found["sideband_index"] == pytest.approx(side, rel=1e-5)
    power = 9 / 2 + side**2
    assert found["sideband_level_factor"] == pytest.approx(2 * side / np.sqrt(power), rel=1e-5)
    assert found["residual_rms"] == pytest.approx(side, rel=1e-5)
    assert found["residual_variance"] == pytest.approx(side**2, rel=1e-5)
    # Two tones of one amplitude, mean fourth power 9/4 of the squared variance.
    assert found["residual_kurtosis"] == pytest.approx(9 / 4, rel=1e-5)
    # The envelope is 3 (1 + depth cos): its variance is that of a sine, and so is its kurtosis, 3/2.
    assert found["envelope_mesh_variance"] == pytest.approx((3 * depth) ** 2 / 2, rel=1e-5)
    assert found["envelope_mesh_kurtosis"] == pytest.approx(1.5, rel=1e-5)
    assert found["fm0"] == pytest.approx(2 * 3 * (1 + depth) / 3, rel=2e-3)


def test_second_sidebands_are_the_difference_of_two_equal_tones():
    angle = shaft()
    wave = 3 * np.cos(TEETH * angle) * (1 + 0.1 * np.cos(2 * angle))
    found, _ = one(wave, teeth=TEETH, angle=angle)
    assert found["fm4"] == pytest.approx(9 / 4, rel=1e-4)
    # Moments of cos a cos b: E cos^2n products, (1/2, 3/8, 5/16, 35/128) squared over (1/4)^n.
    assert found["m6a"] == pytest.approx((5 / 16) ** 2 * 64, rel=1e-4)
    assert found["m8a"] == pytest.approx((35 / 128) ** 2 * 256, rel=1e-4)
    assert found["energy_ratio"] == pytest.approx(0.15 / (3 / np.sqrt(2)), rel=1e-4)


def test_phase_modulation_has_sidebands_of_bessel_functions():
    found, _ = one(meshing(shaft(), phase_depth=0.5), teeth=TEETH, angle=shaft())
    # J0 and J1 of 0.5; F. W. J. Olver et al., NIST Handbook of Mathematical Functions (2010), 10.2.
    assert found["mesh_1"] == pytest.approx(3 * 0.9384698, rel=1e-5)
    assert found["sideband_index"] == pytest.approx(3 * 0.2422685, rel=1e-5)
    assert found["envelope_mesh_variance"] < 1e-6


def test_moments_of_a_gaussian_difference_are_3_and_15_and_105():
    rng = np.random.default_rng(1)
    angle = shaft(speed=20.0, samples=32_768)
    found = [one(rng.normal(size=angle.size), teeth=TEETH, angle=angle)[0] for _ in range(12)]
    mean = {name: np.mean([row[name] for row in found]) for name in ("fm4", "m6a", "m8a", "residual_kurtosis")}
    assert mean["fm4"] == pytest.approx(3, rel=0.05)
    assert mean["residual_kurtosis"] == pytest.approx(3, rel=0.05)
    assert mean["m6a"] == pytest.approx(15, rel=0.12)
    assert mean["m8a"] == pytest.approx(105, rel=0.3)


def test_one_damaged_tooth_raises_what_looks_for_it():
    angle = shaft(samples=16_384)
    near = np.exp(-((((angle / (2 * np.pi) + 0.5) % 1 - 0.5) * 40) ** 2))
    ringing = 0.8 * near * np.cos(31.3 * (angle % (2 * np.pi)))
    rng = np.random.default_rng(2)
    rest = meshing(angle, 0.05) + 0.2 * rng.normal(size=angle.size)
    healthy, _ = one(rest, teeth=TEETH, angle=angle)
    damaged, _ = one(rest + ringing, teeth=TEETH, angle=angle)
    for name, factor in (("fm4", 2), ("m6a", 4), ("m8a", 8), ("residual_kurtosis", 2), ("energy_ratio", 2)):
        assert damaged[name] > factor * healthy[name], name
    assert damaged["envelope_mesh_kurtosis"] > healthy["envelope_mesh_kurtosis"]


@pytest.mark.parametrize(("speed", "samples"), [(100.3, 2560), (33.7, 8192), (400.0, 8191), (61.0, 32_768)])
@pytest.mark.parametrize("sweep", [0.0, 0.1])
def test_every_feature_agrees_with_double_precision(speed, samples, sweep):
    angle = shaft(speed, samples, sweep) + 1.3
    wave = noisy(angle)
    truth = gear_features(wave.astype(np.float32), angle, TEETH)
    found, _ = one(wave, teeth=TEETH, angle=angle)
    assert set(truth) == set(NAMES)
    for name, expected in truth.items():
        assert np.isnan(found[name]) == np.isnan(expected), name
        if not np.isnan(expected):
            # Peak to peak is of a grid and its parabolas; higher moments multiply an error of rounding.
            bound = {"fm0": 3e-3, "m6a": 3e-5, "m8a": 5e-5, "envelope_mesh_kurtosis": 5e-5}.get(name, 1e-5)
            scale = truth["synchronous_rms"] if name.startswith(("order", "mesh", "sideband_i")) else expected
            assert abs(found[name] - expected) <= bound * abs(scale), (name, found[name], expected)


def test_the_average_is_that_of_the_order_module():
    angle = shaft(sweep=0.08)
    average, _ = synchronous_average(noisy(angle), angle, 200)
    found, _ = one(noisy(angle), teeth=TEETH, angle=angle)
    lines = np.abs(np.fft.rfft(average)) * 2 / 200
    assert found["mesh_1"] == pytest.approx(lines[TEETH], rel=1e-5)
    assert found["sideband_index"] == pytest.approx((lines[TEETH - 1] + lines[TEETH + 1]) / 2, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(1e-3, 1e3), offset=st.floats(-20, 20), seed=st.integers(0, 99))
def test_gain_and_offset_change_what_they_should_and_no_more(gain, offset, seed):
    angle = shaft(samples=4096)
    wave = noisy(angle, seed)
    before, _ = one(wave, teeth=TEETH, angle=angle)
    after, _ = one(gain * (wave + offset), teeth=TEETH, angle=angle)
    for name in NAMES:
        power = 0 if name in GAIN_FREE else 2 if name in SQUARED else 1
        assert after[name] == pytest.approx(before[name] * gain**power, rel=3e-4), name


@settings(max_examples=20, deadline=None)
@given(turns=st.integers(1, 60), reverse=st.booleans())
def test_whole_turns_earlier_or_backwards_a_gear_looks_the_same(turns, reverse):
    period = 128
    angle = 2 * np.pi * np.arange(64 * period) / period
    wave = noisy(angle, noise=0.0) + 0.1 * np.cos(27 * angle)
    moved = np.roll(wave, 2 * turns * period)
    before, _ = one(wave, teeth=TEETH, angle=angle)
    after, _ = one(moved[::-1] if reverse else moved, teeth=TEETH, angle=angle)
    for name in NAMES:
        if not np.isnan(before[name]):
            assert after[name] == pytest.approx(before[name], rel=3e-4 if name != "fm0" else 3e-3), name


@pytest.mark.parametrize("error", [-0.01, -0.002, 0.0, 0.002, 0.01])
def test_a_speed_slightly_wrong_is_corrected_by_the_mesh(error):
    angle = shaft()
    known, _ = one(noisy(angle), teeth=TEETH, angle=angle)
    found, reasons = one(noisy(angle), speed=100.3 * (1 + error), teeth=TEETH)
    assert reasons == 0
    for name in ("mesh_1", "mesh_2", "mesh_3", "sideband_index", "order_tracked_1x", "synchronous_rms"):
        assert found[name] == pytest.approx(known[name], rel=0.02), name


@pytest.mark.parametrize("sweep", [0.001, 0.01, 0.05, 0.3])
def test_a_varying_speed_is_followed_by_the_prominent_line(sweep):
    angle = shaft(samples=16_384, sweep=sweep)
    known, _ = one(noisy(angle), teeth=TEETH, angle=angle)
    found, reasons = one(noisy(angle), speed=100.3, teeth=TEETH)
    assert reasons == 0
    for name in ("mesh_1", "sideband_index", "order_tracked_1x", "synchronous_rms", "residual_rms"):
        assert found[name] == pytest.approx(known[name], rel=0.05), name


@pytest.mark.parametrize("sweep", [0.15, 0.3, 0.8])
def test_a_mesh_alone_that_varies_too_much_to_follow_is_refused(sweep):
    angle = shaft(samples=16_384, sweep=sweep)
    wave = meshing(angle, 0.3, 0.2) + 0.3 * np.random.default_rng(0).normal(size=angle.size)
    found, reasons = one(wave, speed=100.3, teeth=TEETH)
    assert Reason.SPEED_VARIES in reasons
    assert all(np.isnan(value) for value in found.values())


def test_without_teeth_the_first_order_follows_the_speed():
    angle = shaft(samples=16_384, sweep=0.1)
    wave = np.cos(angle) + 0.5 * np.cos(2 * angle) + 0.2 * np.cos(3 * angle)
    found, reasons = one(wave, speed=100.3)
    assert reasons == Reason.NO_TEETH
    assert found["order_tracked_3x"] == pytest.approx(0.2, rel=0.01)
    assert found["synchronous_ratio"] > 0.99


def test_modulation_once_a_turn_is_not_taken_for_speed():
    angle = shaft(samples=16_384)
    wave = meshing(angle, 0.5, 1.0) + 0.1 * np.random.default_rng(1).normal(size=angle.size)
    known, _ = one(wave, teeth=TEETH, angle=angle)
    found, reasons = one(wave, speed=100.3, teeth=TEETH)
    assert reasons == 0
    for name in NAMES:
        assert found[name] == pytest.approx(known[name], rel=1e-3), name


def test_noise_has_no_phase_to_follow_and_leaves_the_given_speed_alone():
    rng = np.random.default_rng(5)
    time = np.arange(4096) / RATE
    waves = rng.normal(size=(100, 4096))
    given_speed, _ = measure(waves, 100.3, TEETH)
    given_angle, _ = measure(waves, teeth=TEETH, angle=np.tile(2 * np.pi * 100.3 * time, (100, 1)))
    same = np.isclose(given_speed, given_angle, rtol=1e-3, equal_nan=True).all(axis=1)
    assert same.mean() > 0.95


@pytest.mark.parametrize(
    ("known", "reason", "absent"),
    [
        ({}, Reason.NO_SPEED, NAMES),
        ({"speed": 100.3}, Reason.NO_TEETH, NAMES[len(SHAFT) :]),
        ({"speed": 10.0, "teeth": TEETH}, Reason.FEW_TURNS, NAMES),
        ({"speed": 3000.0, "teeth": TEETH}, Reason.BAND_ABOVE_NYQUIST, NAMES),
        ({"speed": 100.3, "teeth": 120}, Reason.MESH_UNRESOLVED, NAMES[len(SHAFT) :]),
        ({"speed": 100.3, "teeth": 50}, Reason.MESH_UNRESOLVED, ("mesh_3",)),
        ({"speed": 100.3, "teeth": 3}, Reason.MESH_UNRESOLVED, NAMES[len(SHAFT) :]),
        ({"speed": 100.3, "teeth": 20.5}, Reason.MESH_UNRESOLVED, NAMES[len(SHAFT) :]),
        ({"teeth": TEETH, "angle": np.sin(shaft())}, Reason.SPEED_VARIES, NAMES),
    ],
)
def test_what_is_not_known_or_not_resolved_is_absent_with_its_reason(known, reason, absent):
    found, reasons = one(noisy(shaft()), **known)
    assert reason in reasons
    for row in GEAR:
        assert np.isnan(found[row[0]]) == (row[0] in absent), row[0]
        assert not np.isnan(found[row[0]]) or reasons & row[3]


@pytest.mark.parametrize("wave", [np.zeros(8192), np.full(8192, 3.0), 3 * np.cos(TEETH * shaft())])
def test_a_constant_or_a_pure_mesh_has_no_ratio_of_rounding_errors(wave):
    found, reasons = one(wave, teeth=TEETH, angle=shaft())
    assert Reason.CONSTANT in reasons
    for name in ("fm4", "m6a", "m8a", "residual_kurtosis", "envelope_mesh_kurtosis"):
        assert np.isnan(found[name])
    assert not np.isinf(list(found.values())).any()


@pytest.mark.parametrize("known", [{"speed": 100.3}, {"speed": 100.0, "gear_teeth": TEETH}])
@pytest.mark.parametrize("with_angle", [False, True])
def test_a_record_has_the_same_bits_alone_in_any_batch_and_on_any_thread(known, with_angle):
    angle = shaft(samples=2560)
    waves = np.array([noisy(angle, seed) for seed in range(70)], np.float32)
    angles = np.array([angle * (1 + 0.01 * (row % 3)) for row in range(70)])

    def extract(part, threads=1):
        given_angle = {"shaft_angle": angles[part]} if with_angle else {}
        return features.extract(waves[part], RATE, names=NAMES, threads=threads, **known, **given_angle).values

    whole = extract(slice(None))
    assert np.isfinite(whole[..., : len(SHAFT)]).all()
    for start, size in ((0, 1), (5, 1), (3, 2), (0, 15), (7, 17), (1, 64)):
        part = slice(start, start + size)
        assert extract(part).tobytes() == whole[part].tobytes()
    assert extract(slice(None), threads=2).tobytes() == whole.tobytes()


def test_records_of_unlike_speeds_share_a_batch():
    speeds = np.array([100.3, np.nan, 20.0, 60.0, 240.0])
    waves = np.array([noisy(shaft(80.0 if np.isnan(s) else s)) for s in speeds], np.float32)
    table = features.extract(waves, RATE, speed=speeds, gear_teeth=[TEETH, TEETH, TEETH, np.nan, TEETH])
    for row in (0, 3, 4):
        assert table.column("order_tracked_1x")[row, 0] == pytest.approx(0.7, rel=0.05)
    assert features.explain("mesh_1", int(table.reasons[1, 0])) == "the shaft speed is not known"
    assert "too few turns" in features.explain("mesh_1", int(table.reasons[2, 0]))
    assert features.explain("mesh_1", int(table.reasons[3, 0])) == "the gear's number of teeth is not known"
    assert table.column("mesh_1")[4, 0] == pytest.approx(table.column("mesh_1")[0, 0], rel=0.05)
