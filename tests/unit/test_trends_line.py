"""The least-squares line: closed forms, statsmodels as the oracle, and how often its test is wrong."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import linregress
from statsmodels.regression.linear_model import OLS

from pdm.trends.line import fit_line_ar1, fit_line_newey_west
from pdm.trends.newey_west import fit_newey_west, lags_of

FITS = [fit_line_ar1, fit_line_newey_west]
HOUR = 3600.0


def series(seed, count=32, alike=0.0, slope=0.0):
    """Return uneven times [s] and a line [1/h] under autoregressive noise of unit variance."""
    rng = np.random.default_rng(seed)
    times = 1e9 + HOUR * (np.arange(count) + rng.uniform(-0.2, 0.2, count))
    noise = rng.standard_normal(count)
    for place in range(1, count):
        noise[place] = alike * noise[place - 1] + np.sqrt(1 - alike**2) * noise[place]
    return times, slope * np.arange(count) + noise


@pytest.mark.parametrize("fit", FITS)
def test_points_on_a_line_give_that_line(fit):
    times = 1e9 + HOUR * np.arange(20.0)
    line = fit(times, 3.0 + 0.5 * np.arange(20.0))
    assert (line.at, line.span, line.freedom) == (times[-1], 19 * HOUR, 18)
    assert line.level == pytest.approx(12.5)
    assert line.slope == pytest.approx(0.5 / HOUR)
    assert line.rise == pytest.approx(9.5)
    assert line.p_rise < 1e-12 < line.p_fall


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("seed", range(5))
def test_both_estimators_have_the_line_of_scipy(fit, seed):
    times, values = series(seed, slope=0.1)
    line, truth = fit(times, values), linregress((times - times[-1]) / HOUR, values)
    assert line.slope * HOUR == pytest.approx(truth.slope, rel=1e-9)
    assert line.level == pytest.approx(truth.intercept, rel=1e-9)


def test_residuals_that_alternate_leave_the_plain_errors():
    # neighbours differ in sign: r is negative, and errors are never made smaller than those of independent residuals
    times = HOUR * np.arange(20.0)
    values = 0.1 * np.arange(20.0) + np.where(np.arange(20) % 2, 1.0, -1.0)
    plain = linregress(times, values)
    for fit in FITS:
        assert fit(times, values).slope_variance == pytest.approx(plain.stderr**2, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_ar1_errors_are_the_plain_ones_widened_by_the_correlation_of_neighbours(seed):
    times, values = series(seed, alike=0.5)
    line, plain = fit_line_ar1(times, values), linregress((times - times[-1]) / HOUR, values)
    left = values - plain.intercept - plain.slope * (times - times[-1]) / HOUR
    alike = max(left[1:] @ left[:-1] / (left @ left), 0.0)
    widening = (1 + alike) / (1 - min(alike, 0.8))
    assert line.slope_variance * HOUR**2 == pytest.approx(widening * plain.stderr**2, rel=1e-9)
    assert line.level_variance == pytest.approx(widening * plain.intercept_stderr**2, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_newey_west_errors_are_those_of_statsmodels_and_of_the_formula(seed):
    times, values = series(seed, alike=0.5)
    x = (times - times[-1]) / (times[-1] - times[0])
    design, count, lags = np.column_stack([np.ones_like(x), x]), len(x), lags_of(len(x))
    scores = design * (values - design @ np.linalg.lstsq(design, values, rcond=None)[0])[:, None]
    middle = scores.T @ scores
    for lag in range(1, lags + 1):
        crossed = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (lags + 1)) * (crossed + crossed.T)
    bread = np.linalg.inv(design.T @ design)
    robust = bread @ middle @ bread * count / (count - 2)
    oracle = OLS(values, design).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
    assert fit_newey_west(values, design, lags).cov_params() == pytest.approx(robust, rel=1e-9)
    line, plain = fit_line_newey_west(times, values), oracle.normalized_cov_params * oracle.scale
    larger = robust if robust[1, 1] > plain[1, 1] else plain
    found = [line.level_variance, line.covariance, line.rise_variance]
    assert found == pytest.approx([larger[0, 0], larger[0, 1], larger[1, 1]], rel=1e-9)


def false_alarms(fit, alike, level, count=32):
    found = [fit(*series(seed, count, alike)) for seed in range(400)]
    return np.mean([line.p_rise < level for line in found])


@pytest.mark.parametrize("fit", FITS)
def test_independent_noise_rises_as_often_as_the_test_claims(fit):
    assert false_alarms(fit, 0.0, 0.05) <= 0.08


def test_where_neighbours_are_alike_the_ar1_errors_are_the_more_careful():
    # at 5 % the plain errors give 23 % false rises, Newey-West 16 %, AR(1) 10 %: the table of ADR 15
    plain = np.mean([linregress(*series(seed, 32, 0.6)).pvalue < 0.1 for seed in range(400)]) / 2
    ar1, newey_west = (false_alarms(fit, 0.6, 0.05) for fit in FITS)
    assert [ar1, newey_west, plain] == pytest.approx([0.105, 0.16, 0.23], abs=0.02)


def test_statsmodels_is_loaded_by_the_first_newey_west_fit_and_not_before():
    code = """
import sys
import numpy as np
import pdm.health.baseline.season, pdm.prognosis.statistics.degradation_trend, pdm.trends.rank
from pdm.trends.line import fit_line_newey_west
assert "statsmodels" not in sys.modules
fit_line_newey_west(np.arange(4.0), np.array([0.0, 1.0, 0.0, 2.0]))
assert "statsmodels" in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
