"""Figures of merit of remaining life against their closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from pdm.errors import InvalidInputError
from pdm.prognosis.evaluation.metrics import (
    challenge_score,
    crps,
    figure_with_interval,
    is_within_alpha,
    mean_with_interval,
    nasa_score,
    pinball,
    prognostic_horizon,
    relative_accuracy,
)


def test_the_nasa_score_is_its_closed_form_and_costs_late_more():
    actual = np.zeros(3)
    assert nasa_score(np.array([0.0, 10.0, -13.0]), actual) == pytest.approx([0.0, np.e - 1, np.e - 1])
    assert nasa_score(np.array([20.0]), actual[:1]) > nasa_score(np.array([-20.0]), actual[:1])


def test_the_challenge_score_halves_every_20_percent_early_and_every_5_percent_late():
    actual = np.full(5, 100.0)
    earned = challenge_score(np.array([100.0, 80.0, 60.0, 105.0, 110.0]), actual)
    assert earned == pytest.approx([1.0, 0.5, 0.25, 0.5, 0.25])
    with pytest.raises(InvalidInputError):
        challenge_score(np.ones(1), np.zeros(1))


def test_relative_accuracy_and_alpha_count_from_the_truth():
    actual = np.array([100.0, 50.0, 0.0])
    predicted = np.array([80.0, 61.0, 1.0])
    assert relative_accuracy(predicted, actual)[:2] == pytest.approx([0.8, 0.78])
    assert np.isnan(relative_accuracy(predicted, actual)[2])
    assert is_within_alpha(predicted, actual).tolist() == [True, False, False]


def test_the_prognostic_horizon_begins_where_all_later_predictions_hold():
    actual = np.arange(99.0, -1.0, -1.0)
    predicted = np.where(actual > 30, actual + 50.0, actual + 5.0)
    assert prognostic_horizon(predicted, actual, 100.0) == 30.0
    predicted[10] = actual[10]  # a lucky one does not count
    assert prognostic_horizon(predicted, actual, 100.0) == 30.0
    assert prognostic_horizon(actual, actual, 100.0) == 99.0
    assert prognostic_horizon(actual + 50.0, actual, 100.0) == 0.0


def test_pinball_is_least_at_the_quantile_it_is_of():
    actual = np.random.default_rng(0).exponential(1.0, 20000)
    losses = [pinball(np.full(len(actual), at), actual, 0.9).mean() for at in (2.0, np.log(10.0), 2.6)]
    assert losses[1] < losses[0]
    assert losses[1] < losses[2]


def test_crps_is_that_of_the_normal_and_of_the_uniform_distribution_and_of_a_certain_value():
    levels = (np.arange(2000) + 0.5) / 2000
    at = np.array([0.0, 1.3])
    normal = at * (2 * norm.cdf(at) - 1) + 2 * norm.pdf(at) - 1 / np.sqrt(np.pi)
    assert crps(np.tile(norm.ppf(levels), (2, 1)), at) == pytest.approx(normal, abs=1e-3)
    assert crps(levels[None], np.array([0.5])) == pytest.approx([1 / 12], abs=1e-4)
    assert crps(np.full((1, 19), 3.0), np.array([5.0])) == pytest.approx([2.0])


def test_the_bootstrap_resamples_units_because_their_rows_err_together():
    random = np.random.default_rng(0)
    unit = np.repeat(np.arange(100), 50)
    values = np.repeat(random.normal(3.0, 1.0, 100), 50)
    mean, (low, high) = mean_with_interval(values, unit)
    assert mean == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * 1.0 / np.sqrt(100), rel=0.2)
    root, _ = mean_with_interval(np.full(len(unit), 4.0), unit, root=True)
    assert root == 2.0


def test_the_bootstrap_of_a_figure_covers_the_truth_as_often_as_it_says():
    covered = 0
    for seed in range(100):
        values = np.random.default_rng(seed).normal(5.0, 2.0, 40)
        _, (low, high) = figure_with_interval(values, lambda x: float(np.mean(x)), seed=seed)
        covered += low <= 5.0 <= high
    assert covered >= 88
