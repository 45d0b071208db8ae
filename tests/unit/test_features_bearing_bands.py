"""Band selection, whitened envelope, cepstrum: closed forms, oracle, properties, refusals, repeatable bits."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from features.catalogue.bearing import BEARING
from features.envelope import kurtogram
from features.kernels.median import LANES, NEIGHBOURS, local_medians, median_of_lines
from features.ranking import LEAST_EVIDENCE, rank_bearing_faults
from tests.unit.oracle_bearing import bearing_features

NAMES = tuple(row[0] for row in BEARING)
UNITS = {row[0]: row[2] for row in BEARING}
ORDERS = [3.585, 5.415, 2.357, 0.398]
PLACES = dict(zip(("bpfo", "bpfi", "bsf", "ftf"), (3.585, 5.415, 4.714, 0.398), strict=True))
FS, SHAFT = 12_000.0, 29.95


def describe(wave, fs=FS, speed=SHAFT, orders=ORDERS):
    return features.extract(np.atleast_2d(wave).astype(np.float32), fs, speed=speed, bearing_orders=orders)


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def bursts(frequency, n=60_000, resonance=3000.0, gains=lambda t: 1.0, seed=0):
    """A resonance struck `frequency` times a second, in noise; each strike slips by up to 2 % of the time between."""
    x = 0.5 * noise(n, seed)
    slips = np.random.default_rng(seed + 1).uniform(-0.02, 0.02, n)
    t = np.arange(int(0.004 * FS)) / FS
    ring = np.exp(-1500 * t) * np.sin(2 * np.pi * resonance * t)
    for i in range(1, int((n / FS - 0.01) * frequency)):
        start = int((i + slips[i]) / frequency * FS)
        x[start : start + len(ring)] += 8 * gains(start / FS) * ring
    return x


@pytest.mark.parametrize(
    ("n", "fs"), [(2560, 25_600.0), (8192, 12_000.0), (8191, 8_000.0), (32_768, 5_000.0), (1001, 1_000.0)]
)
def test_every_bearing_feature_agrees_with_double_precision(n, fs):
    t = np.arange(n)
    tones = np.sin(2 * np.pi * 0.11 * t) * (1 + 0.7 * np.sin(0.02 * t)) + 0.1 * noise(n, 3)
    waves = np.array([noise(n), tones + 3, 0.01 * np.random.default_rng(2).standard_t(3, n)], np.float32)
    table = describe(waves, fs, 30.0)
    for row, wave in enumerate(waves):
        truth = bearing_features(wave, fs, 30.0, ORDERS)
        assert truth.keys() == set(NAMES)
        assert_agrees(table, row, truth)


def assert_agrees(table, row, truth):
    for name, expected in truth.items():
        got = float(table.column(name)[row, 0])
        assert np.isnan(got) == np.isnan(expected), name
        # 0.02 dB for levels, 1e-4 for kurtoses, whose scale is at least 1, and for the rest 1e-5 of the value.
        bound = {"dB": 0.02, "1": 1e-4 * max(1.0, abs(expected))}.get(UNITS[name], 1e-5 * abs(expected))
        assert np.isnan(expected) or abs(got - expected) <= bound, (name, got, expected)


@pytest.mark.parametrize("n", [1000, 2560, 8192, 6007])
def test_a_record_has_the_same_bits_alone_and_in_any_batch(n):
    waves = np.array([noise(n, i) for i in range(37)])
    whole = describe(waves, 25_600.0)
    for start, size in ((0, 1), (5, 1), (3, 2), (7, 15), (0, 17), (36, 1)):
        part = describe(waves[start : start + size], 25_600.0)
        assert part.values.tobytes() == whole.values[start : start + size].tobytes()
        assert part.reasons.tobytes() == whole.reasons[start : start + size].tobytes()


@settings(max_examples=20, deadline=None)
@given(power=st.integers(-20, 20), seed=st.integers(0, 1000))
def test_a_gain_of_a_power_of_two_changes_the_amplitude_alone_and_no_other_bit(power, seed):
    wave = noise(4096, seed).astype(np.float32)
    before, after = describe(wave), describe(wave * np.float32(2.0**power))
    for name in NAMES:
        gain = np.float32(2.0**power if name == "interpolated_peak_amplitude" else 1.0)
        assert (before.column(name) * gain).tobytes() == after.column(name).tobytes(), name


@settings(max_examples=20, deadline=None)
@given(offset=st.floats(-8, 8, width=32), seed=st.integers(0, 1000))
def test_an_offset_moves_nothing(offset, seed):
    wave = noise(4096, seed).astype(np.float32)
    before, after = describe(wave), describe(wave + np.float32(offset))
    for name in ("kurtogram_kurtosis", "spectral_kurtosis_peak", "cepstrum_peak_prominence", "whitened_bpfo_1"):
        assert after.column(name)[0, 0] == pytest.approx(before.column(name)[0, 0], abs=5e-3)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_time_running_backwards_changes_no_kurtosis_and_no_cepstrum(seed):
    wave = noise(4096, seed)
    before, after = describe(wave), describe(np.roll(wave[::-1], 1))
    for name in ("cepstrum_peak_prominence", "cepstrum_peak_quefrency", "interpolated_peak_frequency"):
        assert after.column(name)[0, 0] == pytest.approx(before.column(name)[0, 0], rel=1e-3)


@settings(max_examples=50, deadline=None)
@given(
    powers=st.lists(st.floats(0, 1e6, width=32), min_size=8, max_size=300),
    first=st.integers(0, 4),
    seed=st.integers(0, 9),
)
def test_medians_are_exact(powers, first, seed):
    values = np.abs(np.array(powers, np.float32))
    last = len(values) - 1
    assert median_of_lines(values.view(np.int32), first, last) == np.float32(np.median(values[first:last]))
    centres = np.random.default_rng(seed).integers(3, last, 40)
    found = np.empty(40)
    local_medians(values.view(np.int32), centres, 40, last, np.empty((2 * NEIGHBOURS + 1, LANES), np.int32), found)
    for centre, median in zip(centres, found, strict=True):
        around = values[max(2, centre - NEIGHBOURS) : min(last - 1, centre + NEIGHBOURS) + 1]
        assert median == np.float32(np.median(around))


@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_the_kurtosis_of_an_amplitude_modulated_tone_has_its_closed_form(depth):
    n = 8192
    t = np.arange(n) / n
    table = describe((1 + depth * np.cos(2 * np.pi * 16 * t)) * np.sin(2 * np.pi * 1984 * t))
    exact = (1 + 3 * depth**2 + 3 * depth**4 / 8) / (1 + depth**2 / 2) ** 2 - 2
    assert table.column("kurtogram_kurtosis")[0, 0] == pytest.approx(exact, abs=2e-3)
    assert table.column("spectral_kurtosis_peak")[0, 0] == pytest.approx(exact, abs=2e-3)
    frequency = 1984 * FS / n
    for centre, width in (
        ("kurtogram_centre", float(table.column("kurtogram_bandwidth")[0, 0])),
        ("spectral_kurtosis_peak_frequency", FS / 2 / 32),
    ):
        assert abs(table.column(centre)[0, 0] - frequency) < width / 2


def test_noise_has_a_kurtosis_by_band_of_zero():
    waves = np.array([noise(65_536, i) for i in range(8)])
    assert np.abs(describe(waves).column("kurtogram_kurtosis")).max() < 0.4


@pytest.mark.parametrize("resonance", [800.0, 2700.0, 4900.0])
def test_the_kurtogram_finds_the_resonance_that_is_struck(resonance):
    table = describe(bursts(40.0, resonance=resonance))
    centre, width = (float(table.column(f"kurtogram_{what}")[0, 0]) for what in ("centre", "bandwidth"))
    assert abs(centre - resonance) < width
    assert table.column("kurtogram_kurtosis")[0, 0] > 1


@pytest.mark.parametrize("place", [100.0, 100.2, 100.5, 777.77])
def test_a_sine_between_two_lines_is_read_exactly(place):
    n, t = 4096, np.arange(4096)
    table = describe(3.0 * np.sin(2 * np.pi * place * t / n + 0.3))
    assert table.column("interpolated_peak_frequency")[0, 0] == pytest.approx(place * FS / n, abs=2e-3 * FS / n)
    assert table.column("interpolated_peak_amplitude")[0, 0] == pytest.approx(3.0, rel=1e-3)


@pytest.mark.parametrize("delay", [100, 333])
def test_an_echo_is_a_peak_of_the_cepstrum_at_its_delay(delay):
    x = noise(16_384)
    x[delay:] += 0.7 * x[:-delay].copy()
    table = describe(x)
    assert table.column("cepstrum_peak_quefrency")[0, 0] == pytest.approx(delay / FS, abs=0.5 / FS)
    assert table.column("cepstrum_peak_prominence")[0, 0] > 15


def test_shaft_harmonics_are_a_peak_of_the_cepstrum_at_the_turn():
    n = 24_000
    t = np.arange(n) / FS
    family = sum(np.cos(2 * np.pi * SHAFT * k * t + k * k) for k in range(1, 150))
    known = describe(family + 0.5 * noise(n)).column("cepstrum_shaft_prominence")[0, 0]
    assert known > 15 > 13 > describe(noise(n)).column("cepstrum_shaft_prominence")[0, 0]


@pytest.mark.parametrize(("fault", "line"), [("bpfo", 1078), ("bpfi", 1628), ("bsf", 1413)])
def test_modulated_noise_exceeds_the_floor_of_the_whitened_envelope_by_its_closed_form(fault, line):
    n, depth = 120_000, 0.3
    modulation = 1 + depth * np.cos(2 * np.pi * line * np.arange(n) / n)
    waves = np.array([modulation * noise(n, i) for i in range(12)])
    levels = describe(waves).column(f"whitened_{fault}_1")[:, 0]
    # Unit magnitudes leave pi/4 of the correlation between lines that makes a sine of the squared envelope. Two
    # thirds of its mean square are on one line of a Hann window; the noise beside it is exponential.
    sine = np.pi / 4 * 2 * depth / (1 + depth**2 / 2)
    floor = (1 + sine**2 / 2) / (n / 4) * np.log(2)
    assert np.mean(levels) == pytest.approx(10 * np.log10(sine**2 / 3 / floor), abs=1.0)


@pytest.mark.parametrize("fault", ["bpfo", "bpfi", "bsf", "ftf"])
@pytest.mark.parametrize("slip", [-0.007, 0.0, 0.005])
def test_all_harmonics_of_a_struck_fault_stand_out_at_its_own_slip(fault, slip):
    seconds, finest = (
        (22, 2.5e-3) if fault == "ftf" else (5, 1e-3)
    )  # a cage turns slowly: its slip shows in long records
    table = describe(bursts(PLACES[fault] * SHAFT * (1 + slip), n=int(seconds * FS)))
    assert table.column(f"whitened_{fault}_slip")[0, 0] == pytest.approx(slip, abs=finest)
    harmonics = [float(table.column(f"whitened_{fault}_{h}")[0, 0]) for h in (1, 2, 3, 4, 5)]
    assert min(harmonics[:3]) > 10
    assert table.column(f"whitened_{fault}_prominence")[0, 0] == pytest.approx(np.mean(harmonics[:3]), abs=1e-4)
    for kind in ("whitened", "kurtogram"):
        others = [float(table.column(f"{kind}_{other}_prominence")[0, 0]) for other in PLACES if other != fault]
        assert table.column(f"{kind}_{fault}_prominence")[0, 0] > max(others) + 5


@pytest.mark.parametrize(("fault", "modulation"), [("bpfi", 1.0), ("bsf", 0.398)])
def test_sidebands_stand_out_where_the_load_turns_with_the_fault(fault, modulation):
    frequency = PLACES[fault] * SHAFT
    loaded = describe(bursts(frequency, gains=lambda t: 1 + 0.9 * np.cos(2 * np.pi * modulation * SHAFT * t)))
    even = describe(bursts(frequency))
    for kind in ("whitened", "kurtogram"):
        name = f"{kind}_{fault}_sideband_prominence"
        assert loaded.column(name)[0, 0] > even.column(name)[0, 0] + 8


def test_what_is_not_known_or_not_resolved_is_absent_with_its_reason():
    wave = noise(4096)
    unknown = describe(wave, speed=np.nan)
    without = describe(wave, orders=[np.nan] * 4)
    short = describe(noise(200))
    slow = describe(wave, speed=2.0)
    for table, names, reason in (
        (unknown, [n for n in NAMES if n.startswith("whitened") or "shaft" in n], features.Reason.NO_SPEED),
        (without, [n for n in NAMES if n.startswith("whitened")], features.Reason.NO_GEOMETRY),
        (short, [n for n in NAMES if not n.startswith("interpolated")], features.Reason.RECORD_TOO_SHORT),
        (describe(noise(1999)), ["spectral_kurtosis_peak"], features.Reason.RECORD_TOO_SHORT),
        (slow, ["whitened_ftf_prominence", "whitened_ftf_1"], features.Reason.BEARING_UNRESOLVED),
        (slow, ["cepstrum_shaft_prominence"], features.Reason.SHAFT_UNRESOLVED),
        (describe(wave, speed=2500.0), ["cepstrum_shaft_prominence"], features.Reason.BAND_ABOVE_NYQUIST),
        (describe(np.full(4096, 7.0)), NAMES, features.Reason.CONSTANT),
    ):
        for name in names:
            assert np.isnan(table.column(name)[0, 0]), name
            assert int(table.reasons[0, 0]) & int(reason), name
            assert features.explain(name, int(table.reasons[0, 0])), name
    assert np.isfinite(unknown.column("kurtogram_kurtosis")).all()
    assert np.isfinite(short.column("interpolated_peak_amplitude")).all()


@pytest.mark.parametrize("n", [2560, 8192, 8191, 40_000])
def test_the_kurtogram_to_look_at_chooses_the_same_band_as_the_features(n):
    for seed, wave in enumerate((noise(n), bursts(90.0, n), np.random.default_rng(4).standard_t(3, n))):
        table, seen = describe(wave), kurtogram(wave, FS)
        assert seen.highest == pytest.approx(float(table.column("kurtogram_kurtosis")[0, 0]), abs=1e-3), seed
        low, high = seen.band
        assert (low + high) / 2 == pytest.approx(float(table.column("kurtogram_centre")[0, 0]), rel=1e-5)
        assert high - low == pytest.approx(float(table.column("kurtogram_bandwidth")[0, 0]), rel=1e-5)
        assert [len(level) for level in seen.kurtosis] == list(seen.bands) == [len(c) for c in seen.centres]
        assert max(level.max() for level in seen.kurtosis) == seen.highest


@pytest.mark.parametrize("wave", [np.zeros(4096), np.ones(200), np.array([np.nan] * 4096), np.ones((2, 4096))])
def test_the_kurtogram_to_look_at_refuses_what_has_none(wave):
    with pytest.raises(features.SignalError):
        kurtogram(wave, FS)


def test_looking_at_a_kurtogram_needs_no_compiler():
    code = "import sys, features.envelope; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ranking_names_the_struck_fault_and_finds_no_evidence_in_noise():
    names = {"bpfo": "outer race", "bpfi": "inner race", "bsf": "rolling element"}
    for fault, expected in names.items():
        ranked = rank_bearing_faults(describe(bursts(PLACES[fault] * SHAFT)))
        assert (ranked[0].fault, ranked[0].is_evident) == (expected, True)
        assert [each.score for each in ranked] == sorted((each.score for each in ranked), reverse=True)
    quiet = rank_bearing_faults(describe(noise(60_000)))
    assert all(each.score < LEAST_EVIDENCE and not each.is_evident for each in quiet)


def test_ranking_leaves_out_what_was_not_resolved_and_refuses_a_table_without_its_features():
    assert rank_bearing_faults(describe(noise(4096), speed=np.nan)) == ()
    with pytest.raises(features.SignalError, match="whitened_bpfo_prominence"):
        rank_bearing_faults(features.extract(noise(4096)[None], FS, names=["rms"]))
    with pytest.raises(features.SignalError, match="channel"):
        rank_bearing_faults(describe(noise(4096)), channel=1)
