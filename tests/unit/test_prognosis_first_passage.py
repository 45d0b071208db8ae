"""First passage of a drifting level, against the inverse Gaussian and simulated degradation."""

import numpy as np
import pytest
from scipy.stats import invgauss

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.statistics.degradation_trend import detect_decline, predict_passage
from pdm.prognosis.statistics.first_passage import (
    Drifting,
    chance_of_drift,
    chance_of_passage,
    fit_drift,
    passage_quantiles,
)
from pdm.trends.thinned_series import ThinnedHistory

ONE = np.ones(1)


def certain(drift, diffusion, level=0.0):
    return Drifting(ONE, drift * ONE, diffusion * ONE, level * ONE)


def test_the_passage_of_a_known_drift_is_the_inverse_gaussian():
    gap, drift, diffusion = 10.0, 0.5, 2.0
    mean, shape = gap / drift, gap**2 / diffusion
    truth = invgauss(mean / shape, scale=shape)
    at = np.array([2.0, 10.0, 20.0, 60.0])
    assert chance_of_passage(certain(drift, diffusion), gap, at) == pytest.approx(truth.cdf(at), rel=1e-9)
    levels = (0.05, 0.5, 0.95)
    assert passage_quantiles(certain(drift, diffusion), gap, levels) == pytest.approx(truth.ppf(levels), rel=0.01)


def test_without_diffusion_the_line_itself_tells():
    assert passage_quantiles(certain(0.5, 0.0), 10.0, (0.05, 0.5, 0.95)) == pytest.approx((20.0,) * 3, rel=0.15)
    assert chance_of_passage(certain(0.5, 0.0), 10.0, np.array([19.9, 20.1])).tolist() == [0.0, 1.0]


def test_a_level_that_drifts_away_may_never_arrive_and_one_beyond_has_arrived():
    away = certain(-0.5, 2.0)  # reaches 10 at all with chance exp(-2 * 0.5 * 10 / 2)
    assert chance_of_passage(away, 10.0, np.array([1e6]))[0] == pytest.approx(np.exp(-5.0), rel=1e-6)
    assert passage_quantiles(away, 10.0, (0.5,)) == (np.inf,)
    assert passage_quantiles(certain(0.5, 1.0, level=11.0), 10.0, (0.05, 0.95)) == (0.0, 0.0)


def test_drift_and_its_uncertainty_are_those_of_least_squares_on_pure_walks_and_pure_noise():
    random = np.random.default_rng(0)
    time = np.arange(40.0)
    walk = fit_drift(time, np.cumsum(0.2 + random.normal(0, 1.0, 40)))
    spread = np.sqrt(walk.weight @ (walk.drift - walk.weight @ walk.drift) ** 2)
    assert spread == pytest.approx(1.0 / np.sqrt(39), rel=0.3)
    line = fit_drift(time, 0.2 * time + random.normal(0, 1.0, 40))
    assert line.weight @ line.drift == pytest.approx(0.2, abs=0.05)
    assert line.weight @ line.level == pytest.approx(0.2 * 39, abs=1.2)
    assert line.weight @ line.diffusion < 0.1 * (walk.weight @ walk.diffusion)


def first_passages(diffusion, noise, count, runs=250):
    """Return the share of simulated degradations whose passage lay in the 90 % interval told halfway."""
    is_inside = []
    fine = 20
    for seed in range(runs):
        random = np.random.default_rng(seed)
        step = random.normal(1.0 / fine, diffusion / np.sqrt(fine), 400 * fine)
        level = np.concatenate([[0.0], np.cumsum(step)])
        limit, now = 1.8 * count, count * fine
        if level[: now + 1].max() >= limit or level.max() < limit:
            continue
        truth = (np.argmax(level >= limit) - now) / fine
        seen = level[: now + 1 : fine] + random.normal(0, noise, count + 1)
        lower, _, upper = passage_quantiles(fit_drift(np.arange(count + 1.0), seen), limit, (0.05, 0.5, 0.95))
        is_inside.append(lower <= truth <= upper)
    assert len(is_inside) > 0.8 * runs
    return float(np.mean(is_inside))


@pytest.mark.parametrize(("diffusion", "noise"), [(1.0, 0.0), (1.0, 2.0), (2.0, 1.0)])
def test_intervals_cover_the_passage_of_wandering_degradation_about_as_often_as_they_say(diffusion, noise):
    assert 0.83 <= first_passages(diffusion, noise, 40) <= 0.95


@pytest.mark.parametrize(("diffusion", "noise"), [(0.0, 1.0), (0.2, 2.0)])
def test_where_nearly_all_is_noise_they_cover_more_often(diffusion, noise):
    assert first_passages(diffusion, noise, 40) >= 0.93


def test_a_walk_without_drift_is_rarely_taken_for_a_decline():
    predicted = 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        health = np.clip(0.8 + np.cumsum(random.normal(0, 0.01, 250)), 0, 1)
        history = ThinnedHistory()
        for index, value in enumerate(health):
            history = history.add(1e9 + index * 3600.0, float(value))
        line = detect_decline(history)
        predicted += line is not None and predict_passage(line, 1e9 + 250 * 3600.0) is not None
    assert predicted <= 25


def test_points_that_tell_no_drift_are_refused():
    with pytest.raises(RefusalError, match="5 points"):
        fit_drift(np.arange(5.0), np.arange(5.0))
    with pytest.raises(RefusalError, match="last bit"):
        fit_drift(np.arange(20.0), 2.0 * np.arange(20.0))
    with pytest.raises(InvalidInputError, match="must increase"):
        fit_drift(np.r_[np.arange(10.0), 3.0], np.arange(11.0))
    with pytest.raises(InvalidInputError, match="must be finite"):
        fit_drift(np.arange(10.0), np.full(10, np.nan))


def test_the_chance_of_a_drift_is_even_for_none():
    chances = [
        chance_of_drift(fit_drift(np.arange(30.0), np.random.default_rng(s).normal(0, 1, 30))) for s in range(60)
    ]
    assert np.mean(chances) == pytest.approx(0.5, abs=0.12)
