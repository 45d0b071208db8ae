"""Censored responses: what is expected of them beyond their bound, and that using them beats dropping them."""

import numpy as np
import pytest
from scipy.stats import norm

from pdm.errors import InvalidInputError
from pdm.prognosis.censoring import expect_beyond


def test_what_is_expected_beyond_a_bound_is_the_truncated_normals_mean():
    residual = np.random.default_rng(0).normal(0, 2.0, 200_000)
    said, bound = np.array([10.0, 10.0, 10.0]), np.array([4.0, 10.0, 13.0])
    z = (bound - said) / 2.0
    truth = said + 2.0 * norm.pdf(z) / norm.sf(z)
    assert expect_beyond(said, bound, residual, np.ones(len(residual))) == pytest.approx(truth, rel=2e-3)


def test_a_bound_beyond_every_residual_is_the_answer_itself():
    assert expect_beyond(np.array([1.0]), np.array([5.0]), np.array([-1.0, 1.0]), np.ones(2)).tolist() == [5.0]


def test_weights_count_as_rows_would():
    said, bound = np.array([0.0]), np.array([0.5])
    heavy = expect_beyond(said, bound, np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 1.0]))
    assert heavy == pytest.approx(expect_beyond(said, bound, np.array([0.0, 1.0, 1.0, 1.0, 2.0]), np.ones(5)))


def test_a_line_fitted_with_censored_responses_is_steeper_and_truer_than_without():
    random = np.random.default_rng(1)
    x = random.uniform(0, 10, 4000)
    truth = 3.0 * x + random.normal(0, 4.0, 4000)
    limit = random.uniform(5, 30, 4000)
    is_known, seen = truth <= limit, np.minimum(truth, limit)

    def fit(response, rows):
        return np.polyfit(x[rows], response[rows], 1)

    dropped = fit(seen, is_known)
    line, response = dropped, seen.copy()
    for _ in range(30):
        said = np.polyval(line, x)
        response[~is_known] = expect_beyond(
            said[~is_known], limit[~is_known], (seen - said)[is_known], np.ones(int(is_known.sum()))
        )
        line = fit(response, np.full(4000, True))
    assert abs(line[0] - 3.0) < 0.5 * abs(dropped[0] - 3.0)


def test_nothing_to_go_by_is_refused():
    with pytest.raises(InvalidInputError):
        expect_beyond(np.ones(1), np.ones(1), np.zeros(0), np.zeros(0))
    with pytest.raises(InvalidInputError):
        expect_beyond(np.array([np.nan]), np.ones(1), np.ones(1), np.ones(1))
