"""What `extract` refuses, and what it flags where it is asked to."""

import numpy as np
import pytest

import features
from features import Reason, SignalError
from features.catalogue import names
from features.vibration import FAMILIES

RATE = 25_600.0
GOOD = np.random.default_rng(0).normal(size=(3, 2, 2560)).astype(np.float32)


def test_a_bad_channel_is_flagged_and_the_rest_of_the_batch_is_computed():
    waves = GOOD.copy()
    waves[1, 0, 77] = np.nan
    waves[2, 1, 5] = 3e9
    flagged = features.extract(waves, RATE, speed=30.0, bad="flag")
    alone = features.extract(GOOD, RATE, speed=30.0)
    assert np.isnan(flagged.values[1, 0]).all()
    assert np.isnan(flagged.values[2, 1]).all()
    assert Reason.NOT_FINITE & int(flagged.reasons[1, 0])
    assert Reason.OUT_OF_RANGE & int(flagged.reasons[2, 1])
    for record, channel in ((0, 0), (0, 1), (1, 1), (2, 0)):
        assert flagged.values[record, channel].tobytes() == alone.values[record, channel].tobytes()
        assert flagged.reasons[record, channel] == alone.reasons[record, channel]
    for name in names("vibration"):
        assert "not finite" in features.explain(name, int(flagged.reasons[1, 0]))


def test_the_same_channel_is_refused_where_no_flag_was_asked_for():
    waves = GOOD.copy()
    waves[1, 0, 77] = np.inf
    with pytest.raises(SignalError, match="record 1, channel 0, sample 77"):
        features.extract(waves, RATE)
    waves[1, 0, 77] = 3e9
    with pytest.raises(SignalError, match=r"record 1, channel 0.*exceeds"):
        features.extract(waves, RATE)


def test_one_bad_phase_leaves_nothing_to_say_of_the_phases_together():
    time = np.arange(8192) / 8192.0
    phases = np.stack([np.sin(2 * np.pi * (50 * time + k / 3)) for k in range(3)])[None].repeat(2, axis=0)
    phases[1, 2, 9] = np.nan
    table = features.extract(phases, 8192.0, quantity="current", supply_frequency=50.0, bad="flag")
    assert not np.isnan(table.column("load_current")[0])
    assert np.isnan(table.group_values[1]).all()
    assert "not finite" in features.explain("load_current", int(table.reasons[1, 0]))
    assert not np.isnan(table.column("rms")[1, :2]).any()


def test_counts_out_of_range_are_flagged_in_their_scale():
    counts = np.full((2, 64), 1000, np.int16)
    counts[:, ::2] = -900
    table = features.extract(counts, RATE, scale=[1.0, 2e5], bad="flag")
    assert not np.isnan(table.column("rms")[0, 0])
    assert Reason.OUT_OF_RANGE & int(table.reasons[1, 0])


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"speed": 0.0}, "speed"),
        ({"speed": -3.0}, "speed"),
        ({"speed": [1.0, 2.0]}, "speed"),
        ({"speed": np.inf}, "speed"),
        ({"gear_teeth": 1}, "gear_teeth"),
        ({"gear_teeth": 20.5}, "gear_teeth"),
        ({"bearing_orders": [1.0, 2.0, 3.0, -1.0]}, "bearing_orders"),
        ({"bearing_orders": [1.0, 2.0, 3.0]}, "bearing_orders"),
        ({"shaft_angle": np.zeros((3, 5))}, "shaft_angle"),
        ({"shaft_angle": np.full((3, 2560), np.nan)}, "shaft_angle, record 0"),
        ({"bad": "ignore"}, "bad"),
        ({"names": ["no_such_feature"]}, "names"),
        ({"quantity": "smell"}, "quantity"),
        ({"quantity": "current", "pole_pairs": 0}, "pole_pairs"),
        ({"quantity": "current", "pole_pairs": 1.5}, "pole_pairs"),
        ({"quantity": "current", "rotor_slots": 1}, "rotor_slots"),
        ({"quantity": "current", "supply_frequency": -50.0}, "supply_frequency"),
        ({"scale": 0.0}, "scale"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place(options, where):
    with pytest.raises(SignalError) as refusal:
        features.extract(GOOD, RATE, **options)
    assert refusal.value.where == where


@pytest.mark.parametrize("rate", [0.0, -1.0, np.inf, np.nan])
def test_a_sampling_rate_is_positive_and_finite(rate):
    with pytest.raises(SignalError, match="sampling_rate"):
        features.extract(GOOD, rate)


@pytest.mark.parametrize(
    "waves",
    [np.zeros((2, 0), np.float32), np.zeros((2, 15), np.float32), np.zeros(64, np.float32), np.zeros((1, 1, 1, 64))],
)
def test_shapes_that_are_no_batch_of_records_are_refused(waves):
    with pytest.raises(SignalError, match="waveforms"):
        features.extract(waves, RATE)


@pytest.mark.parametrize("kind", [np.complex64, np.int32, np.uint16, bool, object])
def test_other_types_are_refused(kind):
    with pytest.raises(SignalError, match="waveforms"):
        features.extract(np.zeros((2, 64), kind), RATE)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_asked_for_alone_has_the_bits_and_reasons_of_the_whole(family):
    known = {"speed": 30.0, "bearing_orders": [3.6, 5.4, 2.4, 0.4], "gear_teeth": 12}
    waves = np.concatenate([GOOD, np.zeros((1, 2, 2560), np.float32)])
    whole = features.extract(waves, 2_560.0, **known)
    chosen = features.extract(waves, 2_560.0, names=tuple(FAMILIES[family]), **known)
    assert set(chosen.names) == FAMILIES[family]
    for name in chosen.names:
        assert chosen.column(name).tobytes() == whole.column(name).tobytes()
        for row, channel in np.argwhere(np.isnan(chosen.column(name))):
            reasons = int(chosen.reasons[row, channel])
            assert features.explain(name, reasons)
    assert not (chosen.reasons & ~whole.reasons).any()


def test_a_choice_of_features_keeps_the_order_of_the_catalogue():
    chosen = features.extract(GOOD, RATE, names=("kurtosis", "rms", "velocity_rms", "histogram_entropy"))
    assert chosen.names == ("rms", "kurtosis", "histogram_entropy", "velocity_rms")


def test_negative_zero_counts_as_positive():
    wave = np.tile(np.array([1.0, -0.0, 2.0, 0.0, -1.0, -0.0, 1.0, 3.0], np.float32), 8)[None]
    table = features.extract(wave, RATE)
    crossings = np.sum((wave[0, 1:] < 0) != (wave[0, :-1] < 0))
    assert table.column("zero_crossing_rate")[0, 0] == np.float32(crossings / 63)


def test_memory_grows_with_the_answer_and_not_with_the_batch():
    import tracemalloc

    waves = np.random.default_rng(1).normal(size=(512, 8192)).astype(np.float32)
    features.extract(waves[:64], RATE)
    tracemalloc.start()
    features.extract(waves, RATE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20 < waves.nbytes / 3
