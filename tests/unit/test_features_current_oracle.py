"""Every motor current feature against plain double-precision NumPy; properties; bits alone and in any batch."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features
from features.catalogue import definitions, names
from features.kernels import current_record as kernels
from features.motor_current import describe
from tests.unit.motor_records import in_counts, motor, start
from tests.unit.oracle_current import current_features

ORDERS = [3.585, 5.415, 2.357, 0.398]
PLATE = {"supply_frequency": 50.0, "pole_pairs": 2, "speed": 24.26, "rotor_slots": 28, "bearing_orders": ORDERS}
NOTHING = dict.fromkeys(PLATE)
UNITS = {d.name: d.unit for d in (*definitions("current"), *definitions("current", "group"))}
RICH = {"bars": -45, "eccentricity": -50, "slots": 28, "slot_level": -55, "negative": 0.01}


def clipped(seconds, **made):
    counts, scale = in_counts(motor(seconds, **made), 15.0)
    return counts * scale


RECORDS = {
    "10 s, all faults": (motor(10.0, noise=1e-3, **RICH), PLATE),
    "4.096 s": (motor(4.096, noise=1e-4, rate=2_000.0, **RICH), PLATE),
    "1.21 s, one pole pair": (
        motor(1.21, noise=1e-4, pole_pairs=1, bars=-40),
        PLATE | {"pole_pairs": 1, "speed": 48.5},
    ),
    "0.5 s": (motor(0.5, noise=1e-3, **RICH), PLATE),
    "0.2 s": (motor(0.2, **RICH), PLATE),
    "0.1 s": (motor(0.1), PLATE),
    "odd and prime": (motor(10.0, noise=1e-3, **RICH)[..., :49_999][..., 3:], PLATE),
    "drifting": (motor(5.0, noise=1e-4, wander=lambda t: 0.3 * t**2 + 0.2 * np.sin(5 * t), bars=-40), PLATE),
    "reversed rotation": (motor(3.0, noise=1e-4, reverse=True, gains=(1.0, 0.9, 1.05)), PLATE),
    "a phase lost": (motor(3.0, gains=(0.0, 1.0, 1.0), noise=0.0), PLATE),
    "a start": (start(8.0, noise=1e-3), PLATE | {"speed": None}),
    "a soft start": (start(4.0, ratio=1.0, noise=1e-3, offset=2.0), PLATE | {"speed": None}),
    "off": (np.zeros((1, 3, 5_000)), PLATE),
    "noise alone": (np.random.default_rng(0).normal(size=(1, 3, 20_000)), PLATE),
    "clipped": (clipped(5.0, amplitude=20.0), PLATE),
    "one phase": (motor(5.0, noise=1e-3, **RICH)[:, :1], PLATE),
    "two phases": (motor(5.0, noise=1e-3, **RICH)[:, :2], PLATE),
    "nothing known": (motor(2.0), NOTHING),
    "supply known alone": (motor(10.0, noise=1e-4, bars=-40), NOTHING | {"supply_frequency": 50.0}),
    "no slots": (motor(10.0, noise=1e-4, eccentricity=-40), PLATE | {"rotor_slots": None, "speed": None}),
    "above synchronous speed": (motor(5.0, noise=1e-3), PLATE | {"speed": 25.2}),
    "a slow shaft": (motor(5.0, noise=1e-3), PLATE | {"speed": 1.0}),
    "many slots": (motor(5.0, noise=1e-3), PLATE | {"rotor_slots": 300}),
    "a wrong supply": (motor(5.0, supply=61.0), PLATE),
}


def rate_of(name):
    return 2_000.0 if name == "4.096 s" else 5_000.0


def extract(currents, rate=5_000.0, **known):
    return features.extract(currents, rate, quantity="current", **known)


def oracle(currents, rate, known):
    unknown = {k: math.nan if v is None else v for k, v in known.items()}
    return current_features(
        np.asarray(currents, np.float32), rate, nominal=unknown["supply_frequency"], speed=unknown["speed"],
        pairs=unknown["pole_pairs"], slots=unknown["rotor_slots"], orders=known["bearing_orders"] or [math.nan] * 4,
    )  # fmt: skip


def tolerance(name, truth, amplitude):
    """1e-5 of the feature's scale: its amplitude, 1, 1 rad, 1 Hz; a level's own bound is 1e-3 dB."""
    if UNITS[name] == "dB":
        return 1e-3
    return 1e-5 * max(abs(truth), amplitude if UNITS[name] == "A" else 1.0 if UNITS[name] in ("rad", "Hz") else 1e-2)


@pytest.mark.parametrize("record", RECORDS)
def test_every_current_feature_agrees_with_double_precision(record):
    currents, known = RECORDS[record]
    table = extract(currents, rate_of(record), **known)
    phases, group = oracle(currents[0], rate_of(record), known)
    amplitude = max(phase["rms"] for phase in phases) + 1e-9
    for phase, truth in enumerate(phases):
        for name in names("current", "channel"):
            compare(name, float(table.column(name)[0, phase]), truth[name], amplitude)
            if math.isnan(truth[name]):
                assert features.explain(name, int(table.reasons[0, phase])), name
    for name in names("current", "group"):
        compare(name, float(table.column(name)[0]), group[name], amplitude)
        if math.isnan(group[name]):
            assert features.explain(name, int(table.reasons[0, 0])), name


def compare(name, got, truth, amplitude):
    assert math.isnan(got) == math.isnan(truth), (name, got, truth)
    if not math.isnan(truth):
        assert abs(got - truth) <= tolerance(name, truth, amplitude), (name, got, truth)


def test_the_records_hold_every_feature_at_least_once():
    seen = set()
    for name, (currents, known) in RECORDS.items():
        phases, group = oracle(currents[0], rate_of(name), known)
        seen |= {k for values in (*phases, group) for k, v in values.items() if not math.isnan(v)}
    assert seen == set(names("current", "channel")) | set(names("current", "group"))


def values_of(table):
    return {
        **{n: table.column(n)[0].astype(float) for n in names("current", "channel")},
        **{n: table.column(n).astype(float) for n in names("current", "group")},
    }


def assert_same(before, after, *, scale=1.0, without=(), factor=2e-5, decibel=2e-3):
    """Assert equal features but for those in amperes, which are `scale` times as large."""
    for name, expected in values_of(before).items():
        if name in without:
            continue
        gain = scale if UNITS[name] == "A" else 1.0
        size = 10.0 * gain if UNITS[name] == "A" else 1.0
        absolute = decibel if UNITS[name] == "dB" else factor * size
        np.testing.assert_allclose(
            values_of(after)[name], expected * gain, rtol=factor, atol=absolute, err_msg=name, equal_nan=True
        )


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(1e-2, 1e3), seed=st.integers(0, 100))
def test_gain_scales_amperes_and_nothing_else(gain, seed):
    currents = motor(2.0, noise=1e-3, seed=seed, **RICH)
    assert_same(extract(currents, **PLATE), extract(currents * gain, **PLATE), scale=gain)


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(1e-2, 1e3))
def test_gain_scales_an_inrush(gain):
    currents = start(8.0, noise=1e-3)
    known = PLATE | {"speed": None}
    assert_same(extract(currents, **known), extract(currents * gain, **known), scale=gain)


@settings(max_examples=15, deadline=None)
@given(offset=st.floats(-20, 20), seed=st.integers(0, 100))
def test_an_offset_changes_only_what_counts_it(offset, seed):
    counts_it = {"mean", "rms", "peak", "crest_factor", "load_current", "current_unbalance"}
    for currents, known in (
        (motor(2.0, noise=1e-3, seed=seed, **RICH), PLATE),
        (start(8.0, noise=1e-3), PLATE | {"speed": None}),
    ):
        assert_same(extract(currents, **known), extract(currents + offset, **known), without=counts_it, decibel=0.05)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_naming_the_phases_the_next_way_round_moves_their_rows_alone(seed):
    currents = motor(4.0, noise=1e-3, seed=seed, gains=(1.0, 0.97, 1.01), **RICH)
    before, after = extract(currents, **PLATE), extract(np.roll(currents, -1, axis=1), **PLATE)
    for name in names("current", "channel"):
        np.testing.assert_allclose(
            after.column(name)[0], np.roll(before.column(name)[0], -1), rtol=1e-5, atol=1e-6, err_msg=name
        )
    for name in names("current", "group"):
        shift = 2 * np.pi / 3 if name == "negative_sequence_angle" else 0.0
        difference = float(after.column(name)[0] - before.column(name)[0]) + shift
        if shift:
            difference = math.remainder(difference, 2 * np.pi)
        # The strongest phase says where the lines are: another one is another by the noise.
        assert difference == pytest.approx(0, abs=2e-5), name


THREE = ((5, 0.02), (7, 0.01), (3, 0.03))
PERIODIC = {"supply": 50.0, "slip": 0.032, "harmonics": THREE, "bars": -45, "eccentricity": -50}
PERIODIC_PLATE = PLATE | {"speed": 24.2}
FOLLOW_THE_PLACE = {"supply_deviation", "phase_wander", "fundamental_variation", "supply_drift"}
"""Of what swings in the middle of the record, that is."""
NOTHING_THERE = {
    n for n in UNITS if n.startswith(("bearing", "stator", "slot", "noise", "eccentricity_second", "negative"))
} | {"residual_rms", "broken_bar_prominence", "eccentricity_prominence", "slip_confidence", "park_ripple_2f"}
"""Rounding errors alone stand there in a signal without noise."""


@settings(max_examples=15, deadline=None)
@given(periods=st.integers(1, 499), seed=st.integers(0, 100))
def test_a_shift_by_whole_periods_changes_nothing(periods, seed):
    currents = motor(10.0, seed=seed, **PERIODIC)
    before, after = (extract(w, **PERIODIC_PLATE) for w in (currents, np.roll(currents, periods * 100, axis=2)))
    assert_same(before, after, without=FOLLOW_THE_PLACE | NOTHING_THERE, factor=2e-4, decibel=0.02)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_time_reversed_turns_angles_and_drift_round_and_nothing_else(seed):
    drift = motor(2.0, noise=1e-3, seed=seed, wander=lambda t: 0.2 * t**2, gains=(1.0, 0.9, 1.0), **RICH)
    reverse = np.roll(drift[..., ::-1], 1, axis=2)
    before, after = extract(drift, **PLATE), extract(reverse, **PLATE)
    turned = ("phase_angle_deviation", "negative_sequence_angle", "supply_drift")
    # Where the record is cut open the phase jumps, but no window hears it.
    assert_same(before, after, without=turned, factor=1e-4, decibel=0.01)
    for name in turned:
        np.testing.assert_allclose(after.column(name), -before.column(name), atol=2e-4, err_msg=name)


@pytest.mark.parametrize("phases", [1, 2, 3, 4])
@pytest.mark.parametrize("seconds", [0.3, 2.0, 4.0002])
def test_a_record_has_the_same_bits_alone_in_a_batch_and_strided(phases, seconds):
    waves = np.concatenate([motor(seconds, noise=1e-3, seed=i, **RICH) for i in range(21)])
    waves = np.concatenate([waves, waves[:, :1]], axis=1)[:, :phases].astype(np.float32)
    speed = np.where(np.arange(21) % 3 == 0, np.nan, 24.2 + 0.01 * np.arange(21))
    whole = extract(waves, **(PLATE | {"speed": speed}))
    spread = np.repeat(waves, 2, axis=2)[..., ::2]
    for i in (0, 1, 7, 16, 20):
        for alone in (waves[i : i + 1], spread[i : i + 1], waves[i : i + 1].astype(np.float64)):
            table = extract(alone, **(PLATE | {"speed": speed[i]}))
            assert table.values.tobytes() == whole.values[i : i + 1].tobytes()
            assert table.group_values.tobytes() == whole.group_values[i : i + 1].tobytes()
            assert table.reasons.tobytes() == whole.reasons[i : i + 1].tobytes()


@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(16, 3000),
    rate=st.floats(20.0, 20_000.0),
    supply=st.floats(1.0, 500.0),
    pairs=st.one_of(st.none(), st.integers(1, 20)),
    slots=st.one_of(st.none(), st.integers(2, 200)),
    speed=st.one_of(st.none(), st.floats(1e-3, 1e3)),
    seed=st.integers(0, 1000),
)
def test_whatever_is_asked_absence_is_explained_and_nothing_is_infinite(
    samples, rate, supply, pairs, slots, speed, seed
):
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / rate
    tone = np.cos(2 * np.pi * supply * t - 2 * np.pi / 3 * np.arange(3)[:, None]) * (t > rng.choice([-1.0, t[-1] / 4]))
    waves = (tone * rng.choice([0, 1, 1000.0], (3, 1)) + rng.choice([0, 1e-3, 1.0]) * rng.normal(size=tone.shape))[None]
    table = extract(
        waves, rate, supply_frequency=supply, pole_pairs=pairs, rotor_slots=slots, speed=speed, bearing_orders=ORDERS
    )
    assert not np.isinf(table.values).any()
    assert not np.isinf(table.group_values).any()
    for _, phase, column in np.argwhere(np.isnan(table.values)):
        assert features.explain(table.names[column], int(table.reasons[0, phase])), table.names[column]
    for _, column in np.argwhere(np.isnan(table.group_values)):
        assert features.explain(table.group_names[column], int(table.reasons[0, 0])), table.group_names[column]


def test_warming_compiles_all_that_any_record_needs():
    features.warm()
    entries = (kernels.prepare, kernels.describe_spectra, kernels.gather_bands, kernels.describe_tracks)
    compiled = [len(kernel.signatures) for kernel in entries]
    currents = motor(2.0)
    for waves, scale in (
        (currents, None),
        (np.repeat(currents, 3, 0)[..., ::2], None),
        ((currents * 100).astype(np.int16), 0.01),
    ):
        for orders in (None, ORDERS, np.full((len(waves), 4), 2.0)):
            for phases in (1, 3):
                extract(waves[:, :phases], scale=scale, **(PLATE | {"bearing_orders": orders}))
    assert [len(kernel.signatures) for kernel in entries] == compiled


def test_working_memory_does_not_grow_with_the_batch():
    waves = np.repeat(motor(4.0), 32, axis=0).astype(np.float32)

    def peak(rows):
        unknown = np.full(rows, np.nan)
        tracemalloc.start()
        describe(waves[:rows], 5_000.0, unknown, np.full((rows, 4), np.nan), 50.0, unknown, unknown)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(1)
    assert peak(32) < peak(1) + 200_000
