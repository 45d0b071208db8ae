"""The degradation trend: closed-form passages, and silence where there is no decline."""

import numpy as np
import pytest

from pdm.prognosis.statistics.degradation_trend import detect_decline, predict_passage
from pdm.trends.thinned_series import ThinnedHistory


def history_of(health, spacing=3600.0):
    history = ThinnedHistory()
    for index, value in enumerate(health):
        history = history.add(1e9 + index * spacing, float(value))
    return history


def test_a_straight_decline_is_extrapolated_to_where_it_ends():
    # health falls from 1 by 0.002 an hour: it is 0.3, the limit, 350 h after the first acquisition
    count = 250
    history = history_of(1 - 0.002 * np.arange(count) + np.random.default_rng(0).normal(0, 0.01, count))
    line = detect_decline(history)
    assert line is not None
    now = 1e9 + (count - 1) * 3600.0
    passage = predict_passage(line, now)
    assert passage is not None and passage.upper is not None
    truth = 1e9 + 350 * 3600.0 - now
    assert passage.middle == pytest.approx(truth, rel=0.15)
    assert passage.lower < passage.middle < passage.upper


def test_the_interval_covers_the_true_passage_at_least_as_often_as_it_says():
    # on a straight line under noise; that it might also wander is not ruled out, so it covers more often
    covered = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        history = history_of(1 - 0.002 * np.arange(250) + random.normal(0, 0.03, 250))
        line = detect_decline(history)
        assert line is not None
        passage = predict_passage(line, 1e9 + 249 * 3600.0)
        assert passage is not None
        truth = 101 * 3600.0
        covered += passage.lower <= truth and (passage.upper is None or truth <= passage.upper)
    assert covered >= 90


@pytest.mark.parametrize("seed", range(10))
def test_steady_health_has_no_trend_however_noisy(seed):
    random = np.random.default_rng(seed)
    for level in (1.0, 0.7):
        assert detect_decline(history_of(np.clip(level + random.normal(0, 0.05, 300), 0, 1))) is None


def test_improving_health_and_short_histories_have_no_trend():
    assert detect_decline(history_of(0.3 + 0.001 * np.arange(300))) is None
    assert detect_decline(history_of(1 - 0.02 * np.arange(20))) is None


def test_a_passage_much_farther_off_than_was_seen_is_refused():
    line = detect_decline(history_of(0.89 - 0.0006 * np.arange(230)))
    assert line is not None
    assert predict_passage(line, line.at_s) is None


def test_what_has_declined_to_failure_has_no_life_left():
    line = detect_decline(history_of(np.maximum(1 - 0.004 * np.arange(250), 0.01)))
    assert line is not None
    passage = predict_passage(line, line.at_s + 400 * 3600.0)
    assert passage is not None
    assert passage.middle == passage.lower == 0.0
