import numpy as np
import pytest

from pdm.errors import InvalidInputError
from pdm.health.baseline.multivariate import learn_multivariate

MIXING = np.array([[1.0, 0.9, 0.0], [0.0, 0.44, 0.0], [0.0, 0.0, 1.0]])


def rows(count, seed=1):
    return 5.0 + np.random.default_rng(seed).standard_normal((count, 3)) @ MIXING


def test_a_sustained_change_is_found_and_stays_found():
    scores = learn_multivariate(rows(400)).scores(rows(300, seed=2) + np.array([0.0, 0.0, 3.0]))
    assert np.argmax(scores > 1) < 40
    assert (scores[100:] > 1).all()


def test_a_change_against_the_usual_relation_weighs_more_than_the_same_along_it():
    baseline = learn_multivariate(rows(400))
    along, against = (baseline.scores(rows(300, seed=3) + move)[-100:].mean() for move in ([1, 1, 0], [1, -1, 0]))
    assert against > 2 * along


def test_outliers_among_the_learning_rows_barely_move_the_baseline():
    clean, spoilt = rows(400), rows(400)
    spoilt[::20] += 1000.0
    one, other = learn_multivariate(clean), learn_multivariate(spoilt)
    assert np.abs(other.location - one.location).max() < 0.15
    assert other.scale == pytest.approx(one.scale, rel=0.15)


def test_one_outlier_alone_is_no_change():
    baseline = learn_multivariate(rows(400), smoothing=0.02)
    series = np.tile(baseline.location, (50, 1))
    series[10, 2] += 1e6
    assert baseline.scores(series)[40:].max() < 1


def test_the_past_does_not_depend_on_the_future():
    baseline, series = learn_multivariate(rows(100)), rows(80, seed=4)
    np.testing.assert_array_equal(baseline.scores(series)[:50], baseline.scores(series[:50]))


def test_an_absent_value_leaves_its_channel_as_it_was():
    baseline = learn_multivariate(rows(100))
    chart, _ = baseline.advance(baseline.begin(), np.array([6.0, 5.0, 7.0]))
    after, score = baseline.advance(chart, np.array([6.0, 5.0, np.nan]))
    assert after[2] == chart[2]
    assert np.isfinite(score)


def test_a_channel_that_stood_still_is_learned_without_failing():
    still = rows(100)
    still[:, 1] = 7.0
    assert np.isfinite(learn_multivariate(still).scores(still)).all()


@pytest.mark.parametrize("broken", [rows(10), np.full((50, 2), np.nan), np.zeros(50)])
def test_what_teaches_no_baseline_is_refused(broken):
    with pytest.raises(InvalidInputError):
        learn_multivariate(broken)
