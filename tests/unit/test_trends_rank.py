"""Trends by ranks: closed forms, and SciPy as the oracle."""

import numpy as np
import pytest
from scipy.stats import kendalltau, theilslopes

from pdm.trends.rank import mann_kendall, theil_sen


def series(seed, count=12, digits=6):
    """Return uneven times and values that move with them; few digits make ties."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.5, 1.5, count))
    return times, np.round(rng.uniform(-1, 1) * times + rng.standard_normal(count), digits)


@pytest.mark.parametrize("seed", range(20))
def test_the_slope_is_that_of_scipy(seed):
    times, values = series(seed, 5 + seed, seed % 2)
    assert theil_sen(times, values).slope == pytest.approx(theilslopes(values, times).slope, rel=1e-12)


def test_the_level_is_the_median_of_the_points_moved_to_the_last_time():
    times, values = series(3)
    line = theil_sen(times, values)
    assert line.level == pytest.approx(np.median(values + line.slope * (times[-1] - times)), rel=1e-12)


def test_a_third_of_wild_values_moves_a_line_nowhere():
    # a share of 1 - sqrt(1/2), 29 %, may be wild: with 3 of 12, 36 of 66 pairs are on the line
    times = np.arange(12.0)
    values = 2.0 * times + 1.0
    values[[2, 5, 8]] = [1e6, -1e6, 1e6]
    line = theil_sen(times, values)
    assert (line.slope, line.level) == (2.0, 23.0)


@pytest.mark.parametrize("seed", range(20))
def test_the_statistic_of_a_series_is_that_of_a_column_and_that_of_kendalls_tau(seed):
    # without ties the score is tau n (n - 1) / 2, and the variance is n (n - 1) (2 n + 5) / 18
    count = 6 + seed
    times, values = series(seed, count)
    score = kendalltau(times, values, variant="c").statistic * count * (count - 1) / 2
    truth = (score - np.sign(score)) / np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    assert theil_sen(times, values).statistic == pytest.approx(truth, rel=1e-9)
    assert mann_kendall(values[:, None])[0] == pytest.approx(truth, rel=1e-9)


def test_ties_have_no_order_and_leave_the_variance():
    # pairs with an order: 0 before 1, 0 before 2, 1 before 2
    values = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0])
    score = 3 * 3 + 3 * 2 + 3 * 2
    truth = (score - 1) / np.sqrt(8 * 7 * 21 / 18)
    assert theil_sen(np.arange(8.0), values).statistic == pytest.approx(truth)
    assert mann_kendall(values[:, None])[0] == pytest.approx(truth)


def test_noise_is_significant_as_often_as_the_test_claims():
    rng = np.random.default_rng(1)
    statistics = mann_kendall(rng.standard_normal((20, 4000)))
    assert np.mean(np.abs(statistics) > 1.96) == pytest.approx(0.05, abs=0.012)


def test_values_that_do_not_change_have_no_trend():
    line = theil_sen(np.arange(12.0), np.full(12, 3.0))
    assert (line.slope, line.level, line.statistic, line.is_significant) == (0.0, 3.0, 0.0, False)
