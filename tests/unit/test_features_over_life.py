"""Features over life: closed forms, the naive oracle, the same bits however records come, and what is refused."""

import math
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import SignalError
from features.catalogue.over_life import OVER_LIFE
from features.over_life import MOST_BYTES, OverLife
from tests.unit import oracle_over_life as oracle

LIFE = OverLife()
ONE = OverLife(channels=("x",))
GEAR = OverLife(
    channels=("residual_variance", "residual_kurtosis", "envelope_mesh_kurtosis", "envelope_mesh_variance"),
    time_constants=(5.0, 20.0),
    lags=(10.0,),
    baseline_records=8,
)


def follow(values, times=None, life=ONE):
    """Every column of a life of one or more channels, by name."""
    table = np.asarray(values, float).reshape(len(values), -1)
    times = np.arange(len(table)) * 1.0 if times is None else times
    _, out = life.advance(life.begin(), times, table)
    return dict(zip(life.columns, out.T.astype(float), strict=True))


def ragged(rows, seed=0, life=LIFE):
    """Uneven times with ties and gaps, values of many sizes, some absent, one channel absent at first."""
    random = np.random.default_rng(seed)
    times = np.cumsum(random.exponential(1, rows) * (random.random(rows) > 0.15))
    times[rows // 3 :] += 70
    values = random.lognormal(0, 1, (rows, len(life.channels))) * random.uniform(0.01, 100, len(life.channels))
    values[random.random(values.shape) < 0.1] = np.nan
    values[: rows // 4, -1] = np.nan
    return times, values


def test_every_column_agrees_with_a_recomputation_from_the_whole_history():
    for life in (LIFE, GEAR):
        times, values = ragged(80, life=life)
        values[:, 1] = np.round(values[:, 1])
        expected = oracle.describe(life, times, values)
        _, found = life.advance(life.begin(), times, values)
        undetermined = np.isnan(found) & ~np.isnan(expected)
        is_curvature = np.array(["curvature" in name for name in life.columns])
        assert not undetermined[:, ~is_curvature].any()
        assert undetermined.mean() < 1e-3
        assert not (np.isnan(expected) & ~np.isnan(found)).any()
        scale = np.nanmax(np.abs(expected), axis=0)
        assert (np.nanmax(np.abs(found - expected), axis=0) <= 1e-6 * scale).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 120), st.lists(st.integers(0, 120), max_size=6), st.integers(0, 1000))
def test_any_split_through_bytes_has_the_bits_of_all_at_once(rows, cuts, seed):
    times, values = ragged(rows, seed)
    last, whole = LIFE.advance(LIFE.begin(), times, values)
    state, parts = LIFE.begin(), []
    places = [0, *sorted(min(cut, rows) for cut in cuts), rows]
    for start, stop in pairwise(places):
        state, out = LIFE.advance(LIFE.from_bytes(LIFE.to_bytes(state)), times[start:stop], values[start:stop])
        parts.append(out)
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert LIFE.to_bytes(state) == LIFE.to_bytes(last)


def test_a_thousand_records_one_at_a_time_have_the_bits_of_a_thousand_at_once():
    times, values = ragged(1000)
    _, whole = LIFE.advance(LIFE.begin(), times, values)
    state = LIFE.begin()
    for i in range(1000):
        state, out = LIFE.advance(state, times[i : i + 1], values[i : i + 1])
        assert out.tobytes() == whole[i : i + 1].tobytes()


def test_many_points_at_once_have_the_bits_of_each_alone():
    lives = [ragged(60, seed) for seed in range(7)]
    states = np.stack([LIFE.begin()] * 7)
    after, out = LIFE.advance_many(states, [t for t, _ in lives], [v for _, v in lives])
    for point, (times, values) in enumerate(lives):
        state, alone = LIFE.advance(LIFE.begin(), times, values)
        assert alone.tobytes() == out[point].tobytes()
        assert state.tobytes() == after[point].tobytes()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 99), st.integers(0, 1000))
def test_later_records_never_change_earlier_columns(known, seed):
    times, values = ragged(100, seed)
    _, whole = LIFE.advance(LIFE.begin(), times, values)
    changed, later = values.copy(), times.copy()
    changed[known:] = 1e6 - changed[known:]
    later[known:] += 1000
    _, other = LIFE.advance(LIFE.begin(), later, changed)
    assert other[:known].tobytes() == whole[:known].tobytes()


def test_the_state_that_was_given_is_left_as_it_was():
    state = LIFE.begin()
    before = state.tobytes()
    LIFE.advance(state, [0.0], np.ones((1, 8)))
    assert state.tobytes() == before


@settings(max_examples=25, deadline=None)
@given(st.integers(-8, 8), st.integers(-6, 6), st.integers(0, 100))
def test_units_of_values_and_of_time_change_columns_by_their_power_and_nothing_else(gain, clock, seed):
    times, values = ragged(80, seed, ONE)
    plain = follow(values, times)
    g, c = 2.0**gain, 2.0**clock
    slow = OverLife(("x",), tuple(c * t for t in ONE.time_constants), tuple(c * lag for lag in ONE.lags))
    scaled = follow(g * values, c * times, slow)
    power = {"age": c, "records": 1.0, "monotonicity": 1.0, "slope": g / c, "curvature": g / c**2}
    for (name, found), expected in zip(scaled.items(), plain.values(), strict=True):
        part = name.removeprefix("x.").rsplit("_", 1)[0] if "_" in name else name.removeprefix("x.")
        unit = 1.0 if part.startswith(("z", "cusum", "rank", "mann")) else power.get(part, g)
        assert np.array_equal(found, unit * expected, equal_nan=True), name


def test_a_constant_has_its_value_and_nothing_changes():
    found = follow(np.full(300, 2.5))
    for name, column in found.items():
        last = column[-1]
        if name.startswith(("x.ewma", "x.mean", "x.highest")) and "less" not in name:
            assert last == 2.5
        elif name == "x.baseline_scatter":
            assert last == np.float32(2.5e-3)
        elif name not in ("age", "x.records", "x.baseline"):
            assert last == 0.0, name
    assert found["age"][-1] == 299 and found["x.records"][-1] == 300 and found["x.baseline"][-1] == 2.5


def test_a_step_is_forgotten_exponentially_and_was_a_lag_ago_what_it_was():
    # From a long constant 1 to 3: the average closes the gap by exp(-1/tau) a record, and no sampling effect.
    found = follow(np.r_[np.full(4000, 1.0), np.full(200, 3.0)])
    for tau in (5, 12, 30, 80):
        gap = 3 - found[f"x.ewma_{tau}"][4000:]
        expected = 2 * np.exp(-np.arange(1, 201) / tau)
        assert np.allclose(gap, expected, rtol=1e-4, atol=1e-6)
    assert found["x.change_50"][4020] == pytest.approx(2 * (1 - math.exp(-21 / 5)), rel=1e-5)
    assert abs(found["x.change_50"][4199]) < 1e-5
    assert found["x.ewma_5_less_12"][4004] == pytest.approx(2 * (math.exp(-5 / 12) - math.exp(-1)), rel=1e-4)


@pytest.mark.parametrize("interval", [0.1, 1.0, 7.0])
def test_a_ramp_has_its_slope_no_curvature_and_lags_by_the_mean_age(interval):
    times = interval * np.arange(3000)
    found = follow(10 + 0.25 * times, times)
    for tau in ONE.time_constants:
        share = math.exp(-interval / tau)
        assert found[f"x.slope_{tau:g}"][-1] == pytest.approx(0.25, rel=1e-6)
        assert abs(found[f"x.curvature_{tau:g}"][-1]) < 1e-7
        if times[-1] > 30 * tau:
            lag = 0.25 * interval * share / (1 - share)
            assert 10 + 0.25 * times[-1] - found[f"x.ewma_{tau:g}"][-1] == pytest.approx(lag, rel=1e-3, abs=1e-4)
    assert found["x.slope_5"][1] == pytest.approx(0.25, rel=1e-6)
    assert found["x.monotonicity"][-1] == 1.0
    assert found["x.rank_trend"][-1] == 1.0 and found["x.mann_kendall"][-1] > 20


def test_a_ramp_changes_by_at_least_its_slope_over_the_lag_and_at_most_a_quarter_more():
    found = follow(0.5 * np.arange(2000))
    for lag in (25, 50, 100):
        change = found[f"x.change_{lag}"][500:]
        assert np.isnan(found[f"x.change_{lag}"][: lag - 1]).all()
        assert change.min() >= 0.5 * lag - 1e-3
        assert change.max() <= 0.5 * (1.25 * lag + 1) + 1e-3


def test_a_parabola_has_its_curvature_at_even_and_uneven_times():
    random = np.random.default_rng(2)
    for times in (np.arange(500.0), np.cumsum(random.exponential(1, 500))):
        found = follow(3 - 0.2 * times + 0.05 * times**2, times)
        for tau in ONE.time_constants:
            assert found[f"x.curvature_{tau:g}"][2] == pytest.approx(0.1, rel=1e-4)
            assert found[f"x.curvature_{tau:g}"][-1] == pytest.approx(0.1, rel=1e-6)


def test_an_exponential_rise_keeps_the_ratio_of_slope_and_average():
    # Under w = exp(-age/tau), x = exp(g t) has ewma x/(1 + g tau) and slope g x/(1 + g tau)^2, sampled densely.
    times = 0.05 * np.arange(20_000)
    growth = 0.02
    found = follow(np.exp(growth * (times - 900)), times)
    now = math.exp(growth * (times[-1] - 900))
    for tau in (5, 12, 30):
        assert found[f"x.ewma_{tau}"][-1] == pytest.approx(now / (1 + growth * tau), rel=6e-3)
        assert found[f"x.slope_{tau}"][-1] == pytest.approx(growth * now / (1 + growth * tau) ** 2, rel=1e-2)


def test_white_noise_has_its_deviation_and_no_trend():
    lives = 40
    life = OverLife(("x",))
    noise = np.random.default_rng(3).normal(5, 2, (lives, 1500, 1))
    states, out = life.advance_many(np.stack([life.begin()] * lives), np.tile(np.arange(1500.0), (lives, 1)), noise)
    found = dict(zip(life.columns, out[:, -1].T.astype(float), strict=True))
    assert found["x.deviation_200"].mean() == pytest.approx(2.0, rel=0.02)
    assert found["x.ewma_80"].mean() == pytest.approx(5.0, abs=0.15)
    assert abs(found["x.mann_kendall"].mean()) < 0.5
    assert found["x.mann_kendall"].std() == pytest.approx(1.0, abs=0.3)
    assert states.shape == (lives, life.size)


def run_length(reference, limit, cells=800):
    """In-control run length of a one-sided cumulative sum, by the Markov chain of Brook and Evans (1972)."""
    width = 2 * limit / (2 * cells - 1)
    below = np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)))
    steps = np.arange(cells)[None] - np.arange(cells)[:, None]
    chances = below(steps * width + width / 2 + reference) - below(steps * width - width / 2 + reference)
    chances[:, 0] = below(steps[:, 0] * width + width / 2 + reference)
    return np.linalg.solve(np.eye(cells) - chances, np.ones(cells))[0]


def test_cumulative_sums_give_false_alarms_as_seldom_as_theory_says():
    assert run_length(0.5, 5.0) == pytest.approx(930.9, abs=0.5)
    learned, rows, lives, width = 3000, 3000, 20, 8
    life = OverLife(tuple(f"c{i}" for i in range(width)), (5.0,), (), learned, has_curvature=False)
    noise = np.random.default_rng(4).normal(0, 1, (lives, learned + rows, width))
    times = np.tile(np.arange(learned + rows) * 1.0, (lives, 1))
    _, out = life.advance_many(np.stack([life.begin()] * lives), times, noise)
    for part, expected in (("cusum_rise", 930.9), ("cusum_fall", 930.9), ("cusum", 465.4)):
        column = out[:, learned:, [life.columns.index(f"{name}.{part}") for name in life.channels]]
        is_over = column > 5
        alarms = is_over.any(axis=1)
        lived = np.where(alarms, is_over.argmax(axis=1) + 1, rows)
        assert lived.sum() / alarms.sum() == pytest.approx(expected, rel=0.25), part


def test_a_shift_raises_the_cumulative_sum_and_one_wild_value_does_not():
    random = np.random.default_rng(5)
    learning = random.normal(0, 1, 400)
    life = OverLife(("x",), baseline_records=400)
    shifted = follow(np.r_[learning, random.normal(2, 1, 30)], life=life)
    assert shifted["x.cusum_rise"][-1] > 25 and shifted["x.cusum_fall"][-1] < 3
    wild = follow(np.r_[learning, 1000.0, np.zeros(10)], life=life)
    assert np.nanmax(wild["x.cusum"]) < 5 and wild["x.cusum"][-1] == 0
    assert wild["x.z"][400] > 900


@pytest.mark.parametrize("wild", [1e3, -1e6, 1e29])
def test_a_quarter_of_wild_values_leaves_the_baseline_as_it_would_be_without_them(wild):
    values = np.random.default_rng(6).normal(10, 1, 60)
    spoiled = values.copy()
    spoiled[[2, 5, 6, 11, 17]] = wild
    clean, dirty = follow(values), follow(spoiled)
    assert dirty["x.baseline"][-1] == pytest.approx(clean["x.baseline"][-1], abs=0.4)
    assert dirty["x.baseline_scatter"][-1] == pytest.approx(clean["x.baseline_scatter"][-1], rel=0.5)
    assert np.isnan(dirty["x.z"][18]) and not np.isnan(dirty["x.z"][19])
    assert dirty["x.baseline"][-1] == dirty["x.baseline"][19]


def test_a_channel_that_is_zero_while_learned_is_not_compared():
    found = follow(np.r_[np.zeros(20), 1.0, 2.0])
    assert found["x.baseline"][-1] == found["x.baseline_scatter"][-1] == 0.0
    assert np.isnan(found["x.z"][-1]) and np.isnan(found["x.cusum"][-1]) and np.isnan(found["x.mann_kendall"][-1])


def test_na4_is_the_kurtosis_of_a_steady_gear_and_grows_with_the_square_of_its_variance():
    variance, kurtosis = np.full(100, 4.0), np.full(100, 3.0)
    variance[60:] = 8.0
    steady = np.stack([variance, kurtosis, kurtosis + 1, np.full(100, 2.0)], axis=1)
    found = follow(steady, life=GEAR)
    assert found["na4"][59] == 3.0
    assert found["na4"][60] == pytest.approx(3 * 8**2 / ((60 * 4 + 8) / 61) ** 2, rel=1e-6)
    assert np.array_equal(found["nb4"], np.full(100, 4.0))


def test_na4_agrees_with_its_definition_on_residual_signals():
    # N sum (r - mean)^4 / (mean over records of sum (r - mean)^2)^2, Zakrajsek 1993.
    residuals = np.random.default_rng(7).laplace(0, np.linspace(1, 3, 12)[:, None], (12, 500))
    centred = residuals - residuals.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1)
    expected = 500 * (centred[-1] ** 4).sum() / squares.mean() ** 2
    variance = squares / 500
    kurtosis = (centred**4).mean(axis=1) / variance**2
    found = follow(np.stack([variance, kurtosis, kurtosis, variance], axis=1), life=GEAR)
    assert found["na4"][-1] == found["nb4"][-1] == pytest.approx(expected, rel=1e-6)


def test_an_absent_value_leaves_its_channel_as_it_was_and_the_others_untouched():
    times, values = ragged(60)
    state, before = LIFE.advance(LIFE.begin(), times, values)
    row = np.full((1, 8), np.nan)
    after, row_after = LIFE.advance(state, times[-1:] + 500, row)
    assert row_after[0, 1:].tobytes() == before[-1, 1:].tobytes()
    row[0, 0] = 1.0
    _, one = LIFE.advance(after, times[-1:] + 501, row)
    is_first = np.array([name.startswith("rms.") for name in LIFE.columns])
    assert one[0, ~is_first][1:].tobytes() == row_after[0, ~is_first][1:].tobytes()
    assert one[0, 1] == row_after[0, 1] + 1


def test_a_channel_not_seen_so_far_is_absent_in_every_column():
    values = np.ones((30, 8))
    values[:, 3] = np.nan
    _, out = LIFE.advance(LIFE.begin(), np.arange(30.0), values)
    is_third = np.array([name.startswith("kurtosis.") for name in LIFE.columns])
    assert np.isnan(out[:, is_third]).all()
    assert np.isfinite(out[-1, [LIFE.columns.index("rms.ewma_5"), LIFE.columns.index("na4")]]).all()


def test_records_at_the_same_time_weigh_the_same_and_have_no_slope_of_their_own():
    found = follow([1.0, 2.0, 6.0], np.zeros(3))
    assert found["x.ewma_5"][-1] == found["x.ewma_200"][-1] == 3.0
    assert np.isnan(found["x.slope_5"]).all() and np.isnan(found["x.curvature_5"]).all()


def test_a_gap_makes_the_fast_memory_new_and_leaves_the_slow_one():
    times = np.r_[np.arange(1000.0), 1200.0]
    found = follow(np.r_[np.zeros(1000), 1.0], times)
    assert found["x.ewma_5"][-1] == pytest.approx(1.0, abs=1e-6)
    assert 0.005 < found["x.ewma_200"][-1] < 0.05
    far = follow(np.r_[np.zeros(10), 1.0, 1.0], np.r_[np.arange(10.0), 1e300, 1.5e300])
    assert all(np.isfinite(far[f"x.ewma_{tau:g}"]).all() for tau in ONE.time_constants)


@pytest.mark.parametrize(
    ("times", "values", "where"),
    [
        ([0.0, 2.0, 1.0], np.ones((3, 1)), "life_time, record 2"),
        ([0.0, math.nan], np.ones((2, 1)), "life_time, record 1"),
        ([0.0, math.inf], np.ones((2, 1)), "life_time, record 1"),
        ([0.0, 1.0], [[1.0], [math.inf]], "values, record 1, channel x"),
        ([0.0, 1.0], [[1.0], [-2e30]], "values, record 1, channel x"),
        ([0.0, 1.0], np.ones((2, 2)), "values"),
        ([0.0, 1.0], np.ones((3, 1)), "values"),
        ([[0.0, 1.0]], np.ones((2, 1)), "life_time"),
    ],
)
def test_impossible_records_are_refused_with_their_place(times, values, where):
    with pytest.raises(SignalError) as refusal:
        ONE.advance(ONE.begin(), times, values)
    assert refusal.value.where == where


def test_time_does_not_go_back_behind_the_state_and_the_point_is_named():
    state, _ = ONE.advance(ONE.begin(), [5.0], [[1.0]])
    with pytest.raises(SignalError, match=r"life_time, record 0: 4\.0 is before the previous time"):
        ONE.advance(state, [4.0], [[1.0]])
    with pytest.raises(SignalError, match="point 1, record 1"):
        ONE.advance_many(np.stack([ONE.begin()] * 2), [[0.0, 1.0], [1.0, 0.0]], np.ones((2, 2, 1)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": ()},
        {"channels": ("a", "a")},
        {"time_constants": ()},
        {"time_constants": (5.0, 5.0)},
        {"time_constants": (-1.0, 5.0)},
        {"time_constants": (5.0, math.inf)},
        {"time_constants": (5.0, 5.00000001)},
        {"lags": (50.0, 25.0)},
        {"baseline_records": 3},
        {"cusum_reference": -1.0},
        {"least_scatter": math.nan},
    ],
)
def test_impossible_configurations_are_refused(wrong):
    with pytest.raises(SignalError) as refusal:
        OverLife(**wrong)
    assert refusal.value.where in wrong


def test_a_state_is_small_and_damaged_or_foreign_bytes_are_refused():
    times, values = ragged(200)
    state, _ = LIFE.advance(LIFE.begin(), times, values)
    blob = LIFE.to_bytes(state)
    assert len(blob) <= MOST_BYTES
    assert LIFE.to_bytes(LIFE.from_bytes(blob)) == blob
    flipped = bytearray(blob)
    flipped[3000] ^= 4
    for damaged in (b"", b"????" + blob[4:], blob[:-1], blob[:100], blob + b"x", bytes(flipped)):
        with pytest.raises(SignalError, match="blob"):
            LIFE.from_bytes(damaged)
    with pytest.raises(SignalError, match="another configuration"):
        OverLife(cusum_reference=0.25).from_bytes(blob)
    for use in (LIFE.to_bytes, lambda state: LIFE.advance(state, [0.0], np.ones((1, 8)))):
        with pytest.raises(SignalError, match="state"):
            use(state[:-1])


def test_the_table_defines_every_column():
    patterns = {name: (definition, unit) for name, definition, unit, _ in OVER_LIFE}
    found = set()
    for name in GEAR.columns:
        part = name.split(".")[-1] if "." in name else None
        if part is None:
            found.add(name)
            continue
        for pattern in patterns:
            shape = pattern.removeprefix("{channel}.")
            candidates = [shape.format(tau=f"{tau:g}", next="20", lag="10") for tau in GEAR.time_constants]
            if part in candidates:
                found.add(pattern)
                break
        else:
            pytest.fail(f"{name} is not in the table")
    assert found == set(patterns)
    assert all(definition and unit for definition, unit in patterns.values())
    assert len(LIFE.columns) == len(set(LIFE.columns)) == 362


@pytest.mark.real_data
def test_vibration_rises_out_of_its_baseline_before_most_bearings_fail():
    folder = Path(os.environ.get("PDM_DATA") or Path(__file__).parents[3] / "shared" / "data") / "pronostia"
    lives = sorted(folder.glob("Bearing*.npz"))
    if not lives:
        pytest.skip(f"{folder} holds no recordings; set PDM_DATA")
    rising = 0
    for path in lives:
        with np.load(path) as archive:
            waves = archive["h"].astype(np.int32)
            waves.ravel()[archive["h_ovf_idx"]] = archive["h_ovf_val"]
        rms = np.sqrt(np.mean(np.square(waves, dtype=np.float64), axis=1)) * 1e-3 * 9.80665
        found = follow(rms)
        last = {name: column[-1] for name, column in found.items()}
        rising += (
            last["x.z_average"] > 5 and last["x.slope_30"] > 0 and last["x.change_100"] > 0 and last["x.cusum_rise"] > 5
        )
    assert rising >= len(lives) - 1
