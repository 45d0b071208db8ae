"""The memory of a life: causal, recursive, bit-identical, and honest about what it has not seen."""

import numpy as np
import pytest

from pdm.errors import InvalidInputError
from pdm.health.baseline.indicators import INDICATORS
from pdm.prognosis.model.inputs import ModelInputs
from pdm.prognosis.model.life_state import LifeState, advance, advance_each, begin_life, life_columns
from pdm.trends.thinned_series import LENGTH, ThinnedHistory

K = len(INDICATORS)


def noise(rows: int, width: int = K, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (rows, width)).astype(np.float32)


def one_at_a_time(times, indicators):
    life, rows = begin_life(), []
    for at, values in zip(times.tolist(), indicators, strict=True):
        life, columns = advance(LifeState.from_bytes(life.to_bytes()), at, values, 0.7)
        rows.append(columns)
    return life, np.array(rows)


def test_one_at_a_time_through_bytes_has_the_bits_of_the_whole_life():
    times = np.cumsum(np.random.default_rng(1).uniform(1, 30, 200))
    indicators = noise(200)
    indicators[50:60] = np.nan
    indicators[:, 3] = np.nan
    indicators[::7, 5] = np.nan
    _, rows = one_at_a_time(times, indicators)
    assert rows.tobytes() == life_columns(times, indicators).tobytes()


def test_columns_are_causal():
    times = np.arange(100.0)
    indicators = noise(100)
    changed = indicators.copy()
    changed[60:] += 5
    assert np.array_equal(life_columns(times, indicators)[:60], life_columns(times, changed)[:60], equal_nan=True)


def test_many_lives_advanced_together_have_the_bits_of_each_alone():
    times = np.cumsum(np.random.default_rng(2).uniform(1, 30, (7, 40)), axis=1)
    values = noise(7 * 40, 5).reshape(7, 40, 5)
    lives = [begin_life() for _ in times]
    for record in range(40):
        lives, columns = advance_each(lives, times[:, record].tolist(), values[:, record])
        for row, own, alone in zip(columns, times, values, strict=True):
            assert row.tobytes() == life_columns(own, alone)[record].tobytes()


def test_columns_are_named_in_order():
    names = ModelInputs(tuple(indicator.name for indicator in INDICATORS)).columns
    assert names[0] == "age"
    assert len(names) == life_columns(np.arange(3.0), noise(3)).shape[1] == len(set(names))


def test_a_constant_indicator_has_its_value_no_slope_and_no_deviation():
    columns = life_columns(np.arange(400.0), np.full((400, 1), 2.5, np.float32))[-1]
    found = dict(zip(ModelInputs(("x",)).columns, columns.tolist(), strict=True))
    assert found["x.ewma_3"] == found["x.ewma_1000"] == found["x.baseline"] == 2.5
    assert found["x.slope_40"] == found["x.deviation_15"] == found["x.change_25"] == found["x.curvature_1000"] == 0.0


def test_a_ramp_lags_by_its_span_once_the_average_has_settled():
    # An exponential average of time constant s intervals lags a ramp of slope 1 by 1/(1-exp(-1/s)) - 1.
    columns = life_columns(np.arange(500.0), np.arange(500, dtype=np.float32)[:, None])[-1]
    found = dict(zip(ModelInputs(("x",)).columns, columns.tolist(), strict=True))
    for span, name in ((3, "ewma_3"), (15, "ewma_15")):
        lag = 1 / (1 - np.exp(-1 / span)) - 1
        assert found[f"x.{name}"] == pytest.approx(499 - lag, rel=1e-6)
    assert found["x.slope_15"] == pytest.approx(1.0, rel=1e-4)


def test_the_unit_of_time_does_not_matter():
    indicators = noise(120)
    seconds = life_columns(np.arange(120.0) * 10, indicators)
    days = life_columns(np.arange(120.0) * 86400, indicators)
    assert np.array_equal(seconds, days, equal_nan=True)


def test_the_baseline_lies_among_the_first_values_seen_and_then_stays():
    indicators = noise(60, 2)
    indicators[:10, 1] = np.nan
    indicators[30:, 0] += 100
    found = life_columns(np.arange(60.0), indicators)
    names = ModelInputs(("a", "b")).columns
    for name, first in (("a", 0), ("b", 10)):
        learned = indicators[first : first + 15, "ab".index(name)]
        column = found[first + 14 :, names.index(f"{name}.baseline")]
        assert len(set(column.tolist())) == 1
        assert learned.min() <= column[0] <= learned.max()


def test_a_long_stop_ages_a_life_by_four_usual_intervals():
    times = np.arange(60.0)
    stopped, short = times.copy(), times.copy()
    stopped[40:] += 500
    short[40:] += 3
    indicators = noise(60)
    assert np.array_equal(life_columns(stopped, indicators), life_columns(short, indicators), equal_nan=True)


def test_a_channel_never_seen_is_absent_in_every_column():
    indicators = noise(50, 3)
    indicators[:, 1] = np.nan
    columns = life_columns(np.arange(50.0), indicators)
    names = ModelInputs(("a", "b", "c")).columns
    is_b = np.array([name.startswith("b.") for name in names])
    assert np.isnan(columns[:, is_b]).all()
    others = life_columns(np.arange(50.0), indicators[:, [0, 2]])
    assert np.array_equal(columns[:, ~is_b], others, equal_nan=True)


def test_an_acquisition_without_any_indicator_changes_age_only():
    life, before = one_at_a_time(np.arange(30.0), noise(30))
    _, after = advance(life, 30.0, np.full(K, np.nan, np.float32))
    assert np.array_equal(before[-1][1:], after[1:], equal_nan=True)
    assert after[0] == 30.0


@pytest.mark.parametrize("at", [29.0, 28.5, float("nan"), float("inf")])
def test_repeated_unordered_and_impossible_times_are_refused(at):
    life, _ = one_at_a_time(np.arange(30.0), noise(30))
    with pytest.raises(InvalidInputError):
        advance(life, at, noise(1)[0])


def test_another_number_of_indicators_is_refused():
    life, _ = one_at_a_time(np.arange(3.0), noise(3))
    with pytest.raises(InvalidInputError, match="channels; this life has"):
        advance(life, 9.0, noise(1, K + 1)[0])
    with pytest.raises(InvalidInputError):
        life_columns(np.arange(4.0), noise(3))


def test_the_state_is_small_and_damaged_states_are_refused():
    life, _ = one_at_a_time(np.arange(1000.0), noise(1000))
    blob = life.to_bytes()
    assert len(blob) <= 1100 * K
    assert LifeState.from_bytes(blob).to_bytes() == blob
    flipped = blob[:1000] + bytes([blob[1000] ^ 1]) + blob[1001:]
    for damaged in (flipped, b"LIF2" + blob[4:], b"", b"????" + blob[4:], blob[:-1], blob[:100], blob + b"x"):
        with pytest.raises(InvalidInputError):
            LifeState.from_bytes(damaged)


def test_history_spans_the_life_in_few_means_and_ignores_absent_health():
    history = ThinnedHistory()
    for at in range(5000):
        history = history.add(float(at), 1 - at / 5000).add(float(at), None).add(float(at), float("nan"))
    course = history.course()
    assert LENGTH // 2 <= len(course) < LENGTH
    assert np.allclose(1 - course[:, 0] / 5000, course[:, 1])
    assert course[-1, 0] > 4800
