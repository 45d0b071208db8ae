"""Calibration by life: what it may claim, and that it keeps it on lives not seen."""

import numpy as np
import pytest

from pdm.prognosis.statistics.conformal import QUANTILES, attainable_level, calibrate, weighted_quantile


def test_few_lives_cannot_claim_more_than_their_number_allows():
    assert attainable_level(5) == pytest.approx(5 / 6)
    assert attainable_level(4) == pytest.approx(0.8)
    assert attainable_level(100) == 0.9


def test_weighted_quantile_counts_weight_not_rows():
    values, weight = np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 8.0])
    assert weighted_quantile(values, weight, 0.1) == 1.0
    assert weighted_quantile(values, weight, 0.5) == 2.0
    assert weighted_quantile(values, weight, 1.0) == 3.0


@pytest.mark.parametrize("lives", [5, 20, 60])
def test_new_lives_are_covered_as_often_as_claimed_although_rows_of_a_life_err_together(lives):
    random = np.random.default_rng(lives)

    def draw(count):
        life = np.repeat(np.arange(count), 30)
        predicted = random.uniform(0.1, 0.9, len(life))
        shift = random.normal(0, 0.06, count)[life]
        return predicted, predicted + shift + random.normal(0, 0.03, len(life)), life

    covered = []
    for _ in range(40):
        calibration = calibrate(*draw(lives))
        predicted, actual, _ = draw(40)
        lower, upper = calibration.interval(predicted)
        covered.append(np.mean((lower <= actual) & (actual <= upper)))
    assert np.mean(covered) >= calibration.level - 0.03
    if lives == 60:
        assert np.mean(covered) <= 0.95


def test_the_interval_is_wider_where_predictions_err_more():
    random = np.random.default_rng(0)
    life = np.repeat(np.arange(40), 50)
    predicted = random.uniform(0, 1, len(life))
    actual = predicted + random.normal(0, 1, len(life)) * (0.02 + 0.2 * predicted)
    lower, upper = calibrate(predicted, actual, life).interval(np.array([0.1, 0.9]))
    assert (upper - lower)[1] > 2 * (upper - lower)[0]


def test_quantiles_never_cross_and_hold_about_as_often_as_they_say():
    random = np.random.default_rng(0)
    life = np.repeat(np.arange(40), 50)
    predicted = random.uniform(0, 1, len(life))
    actual = predicted + random.normal(0, 1, len(life)) * (0.02 + 0.2 * predicted)
    quantiles = calibrate(predicted, actual, life).quantiles(predicted)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert np.mean(actual[:, None] <= quantiles, axis=0) == pytest.approx(QUANTILES, abs=0.02)
