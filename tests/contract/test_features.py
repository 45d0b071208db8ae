"""Every feature through one suite: oracle, fixed columns, explained absence, refusals, repeatable bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from features.catalogue import definitions, names
from tests.unit.oracle_features import vibration_features

ORDERS = [3.585, 5.415, 2.357, 0.398]
KNOWN = {"speed": 30.0, "bearing_orders": ORDERS, "gear_teeth": 12}
DECIBEL = tuple(d.name for d in definitions("vibration") if d.unit == "dB")
UNIT_POWERS = {"m/s2": 1, "m/s": 1, "(m/s2)^2": 2, "(m/s2)^2 s": 2, "(m/s2)^4": 4}
POWER_OF_GAIN = {d.name: UNIT_POWERS.get(d.unit, 0) for d in definitions("vibration")}
FIRST_VERSION = tuple(d.name for d in definitions("vibration") if d.version == 1)
OFFSET_FREE = [
    n
    for n in names("vibration")
    if n.startswith(("band_power", "spectral", "envelope", "velocity", "order", "hjorth", "slope"))
]


def records(n=2048, rows=3, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    tones = np.sin(2 * np.pi * 0.11 * t) * (1 + 0.7 * np.sin(0.02 * t)) + 0.1 * rng.normal(size=n) + 3
    waves = [rng.normal(size=n), tones, 0.01 * rng.standard_t(3, size=n)]
    return np.array([waves[i % 3] * (1 + i) for i in range(rows)], np.float32)


def tolerance(name, truth, out, share=1e-5):
    """A share of the feature's scale; a moment's scale is at least 1, a level's 0.02 dB is its own bound."""
    if name in DECIBEL:
        return 0.02
    if name == "histogram_entropy":
        return 1e-4
    scale = {"mean": out["rms"], "skewness": 1.0, "spectral_skewness": 1.0}.get(name, 0.0)
    return share * max(abs(truth), scale)


@pytest.mark.parametrize(
    ("n", "fs"), [(2560, 25_600.0), (8192, 12_000.0), (8191, 8_000.0), (32_768, 5_000.0), (1001, 1_000.0)]
)
def test_every_vibration_feature_agrees_with_double_precision(n, fs):
    waves = records(n)
    # 8191 is prime: the transform goes by Bluestein's longer one, whose error in single precision is larger.
    share = 2e-5 if n == 8191 else 1e-5
    table = features.extract(waves, fs, speed=30.0, bearing_orders=ORDERS)
    compared = set()
    for row, wave in enumerate(waves):
        truth = vibration_features(wave, fs, 30.0, ORDERS)
        for name, expected in truth.items():
            got = float(table.column(name)[row, 0])
            assert np.isnan(got) == np.isnan(expected), name
            if not np.isnan(expected):
                assert abs(got - expected) <= tolerance(name, expected, truth, share), (name, got, expected)
            compared.add(name)
    # The crest of a decimated envelope has a closed form in tests/unit/test_features_vibration.py; bands, gears
    # and orders have oracles of their own in tests/unit.
    assert compared == set(FIRST_VERSION) - {"envelope_crest_factor"}


@pytest.mark.parametrize("n", [1000, 2560, 8192])
def test_a_record_has_the_same_bits_alone_and_in_any_batch(n):
    waves = records(n, rows=70)
    known = KNOWN
    whole = features.extract(waves, 25_600.0, **known)
    for size in (1, 2, 15, 17, 64):
        for start in (0, 5):
            part = features.extract(waves[start : start + size], 25_600.0, **known)
            assert part.values.tobytes() == whole.values[start : start + size].tobytes()
    threaded = features.extract(waves, 25_600.0, threads=2, **known)
    assert threaded.values.tobytes() == whole.values.tobytes()
    assert threaded.reasons.tobytes() == whole.reasons.tobytes()


def test_core_features_have_the_same_bits_when_asked_alone():
    core = names("vibration")[:51]
    known = {"speed": 30.0, "bearing_orders": ORDERS}
    whole = features.extract(records(), 25_600.0, **known)
    chosen = features.extract(records(), 25_600.0, names=core, **known)
    assert chosen.names == core
    assert chosen.values.tobytes() == np.ascontiguousarray(whole.values[..., :51]).tobytes()


def test_currents_have_the_same_bits_alone_and_in_any_batch():
    t = np.arange(20_000) / 5_000
    waves = np.array([[10 * np.cos(2 * np.pi * 50 * t - k * 2.1 + i) for k in range(3)] for i in range(20)])
    known = {"quantity": "current", "supply_frequency": 50.0, "speed": 24.0, "pole_pairs": 2}
    whole = features.extract(waves, 5_000.0, **known)
    for i in (0, 7, 16, 19):
        alone = features.extract(waves[i : i + 1], 5_000.0, **known)
        assert alone.values.tobytes() == whole.values[i : i + 1].tobytes()
        assert alone.group_values.tobytes() == whole.group_values[i : i + 1].tobytes()


@pytest.mark.parametrize("quantity", ["vibration", "current"])
@pytest.mark.parametrize("n", [16, 17, 63, 100, 1000, 4096])
@pytest.mark.parametrize("known", [{}, {"speed": 30.0}, {"speed": 30.0, "bearing_orders": ORDERS}, KNOWN])
def test_columns_never_change_and_absence_is_always_explained(quantity, n, known):
    motor = {"supply_frequency": 50.0} if quantity == "current" else {}
    for waves in (records(n), np.zeros((1, n), np.float32)):
        table = features.extract(waves, 1_000.0, quantity=quantity, **known, **motor)
        assert table.names == names(quantity, "channel")
        assert not np.isinf(table.values).any()
        for row, channel, column in np.argwhere(np.isnan(table.values)):
            name = table.names[column]
            assert features.explain(name, int(table.reasons[row, channel])), (name, n)
        for row, column in np.argwhere(np.isnan(table.group_values)):
            assert features.explain(table.group_names[column], int(table.reasons[row, 0]))


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(1e-3, 1e3), seed=st.integers(0, 1000))
def test_gain_scales_each_feature_by_its_power_and_no_other(gain, seed):
    waves = records(4096, 1, seed)
    before, after = (features.extract(w, 4_000.0, **KNOWN) for w in (waves, waves * np.float32(gain)))
    for name in before.names:
        expected = before.column(name) * gain ** POWER_OF_GAIN[name]
        loose = 1e-3 if name == "histogram_entropy" else 2e-5
        scale = 0.02 if name in DECIBEL else gain ** POWER_OF_GAIN[name] * 1e-5
        np.testing.assert_allclose(after.column(name), expected, rtol=loose, atol=scale, err_msg=name)


@settings(max_examples=25, deadline=None)
@given(offset=st.floats(-50, 50), seed=st.integers(0, 1000))
def test_an_offset_changes_nothing_that_speaks_of_oscillation(offset, seed):
    waves = records(4096, 1, seed).astype(np.float64)
    known = {"speed": 30.0, "bearing_orders": ORDERS, "names": OFFSET_FREE}
    before, after = (features.extract(w, 4_000.0, **known) for w in (waves, waves + offset))
    for name in before.names:
        np.testing.assert_allclose(after.column(name), before.column(name), rtol=2e-3, atol=1e-4, err_msg=name)


def test_int16_with_a_scale_equals_the_floats_it_represents():
    counts = (records(rows=2) * 1000).astype(np.int16)
    whole = features.extract(counts, 1_000.0, scale=np.array([0.001, 0.002]))
    floats = counts * np.array([[0.001], [0.002]], np.float32)
    np.testing.assert_array_equal(whole.values, features.extract(floats.astype(np.float32), 1_000.0).values)


def test_channels_and_their_speeds_stay_with_their_record():
    waves = records(4096, 6).reshape(3, 2, 4096)
    speed = np.array([20.0, np.nan, 40.0])
    table = features.extract(waves, 4_000.0, speed=speed)
    assert table.values.shape == (3, 2, len(names("vibration")))
    alone = features.extract(waves[2, 1][None], 4_000.0, speed=40.0)
    np.testing.assert_array_equal(table.values[2, 1], alone.values[0, 0])
    assert (table.reasons[1] & features.Reason.NO_SPEED != 0).all()
    assert (table.reasons[0] & features.Reason.NO_SPEED == 0).all()


def bad(**change):
    return {"waveforms": records(), "sampling_rate": 1_000.0} | change


def spoilt(value, dtype=np.float32):
    waves = records().astype(dtype)
    waves[1, 700] = value
    return waves


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (bad(waveforms=spoilt(np.nan)), "record 1, channel 0, sample 700"),
        (bad(waveforms=spoilt(np.inf)), "record 1"),
        (bad(waveforms=spoilt(-np.inf)), "record 1"),
        (bad(waveforms=spoilt(1e300, np.float64)), "record 1"),
        (bad(waveforms=spoilt(1e9)), "record 1"),
        (bad(waveforms=records().astype(np.int32)), "waveforms"),
        (bad(waveforms=records()[0]), "waveforms"),
        (bad(waveforms=np.empty((3, 0), np.float32)), "waveforms"),
        (bad(waveforms=np.empty((3, 15), np.float32)), "waveforms"),
        (bad(sampling_rate=0.0), "sampling_rate"),
        (bad(sampling_rate=np.nan), "sampling_rate"),
        (bad(speed=0.0), "speed"),
        (bad(speed=-1.0), "speed"),
        (bad(speed=[1.0, 2.0]), "speed"),
        (bad(bearing_orders=[1.0, 2.0]), "bearing_orders"),
        (bad(bearing_orders=[3.6, 5.4, 0.0, 0.4]), "bearing_orders"),
        (bad(scale=0.0), "scale"),
        (bad(quantity="noise"), "quantity"),
        (bad(names=["no_such_feature"]), "names"),
        (bad(quantity="current", supply_frequency=-50.0), "supply_frequency"),
        (bad(quantity="current", pole_pairs=0), "pole_pairs"),
        (bad(quantity="current", waveforms=spoilt(np.nan)), "record 1"),
    ],
)
def test_what_cannot_be_a_measurement_is_refused_with_its_place(arguments, where):
    waveforms, rate = arguments.pop("waveforms"), arguments.pop("sampling_rate")
    with pytest.raises(features.SignalError, match=where):
        features.extract(waveforms, rate, **arguments)


def test_an_empty_batch_is_an_empty_table():
    assert features.extract(np.empty((0, 4096), np.float32), 1_000.0).values.shape == (0, 1, len(names("vibration")))
    assert features.extract(np.empty((0, 3, 4096)), 1_000.0, quantity="current").values.shape == (
        0,
        3,
        len(names("current")),
    )
