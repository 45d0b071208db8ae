"""Fleet statistics of age alone, against closed forms and simulated fleets."""

from functools import cache

import numpy as np
import pytest

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.statistics.weibull import OLDER_THAN_ANY, Weibull, failure_chance, fit_weibull, predict_by_age


def fleet(shape: float, scale: float = 100.0, failures: int = 10**9) -> Weibull:
    """A fleet known so well that its shape and scale are certain."""
    return Weibull(shape, scale, failures, failures, 1e9, ((shape, 1.0, np.log(failures * scale**shape)),))


def test_an_exponential_fleet_has_time_on_test_over_failures_as_its_scale():
    # With shape 1 the likelihood's maximum in scale is total time over failures, censored time included.
    random = np.random.default_rng(0)
    age = random.exponential(100.0, 4000)
    seen = np.minimum(age, 60.0)
    fitted = fit_weibull(seen, age <= 60.0)
    assert fitted.shape == pytest.approx(1.0, abs=0.05)
    assert fitted.scale == pytest.approx(100.0, rel=0.08)
    at = np.sum(seen**fitted.shape) / fitted.failures
    assert fitted.scale**fitted.shape == pytest.approx(at)


def test_shape_and_scale_are_found_although_half_of_the_lives_are_censored():
    random = np.random.default_rng(1)
    age, until = 100.0 * random.weibull(2.5, 3000), random.uniform(40.0, 140.0, 3000)
    fitted = fit_weibull(np.minimum(age, until), age <= until)
    assert fitted.shape == pytest.approx(2.5, rel=0.06)
    assert fitted.scale == pytest.approx(100.0, rel=0.03)
    dropped = fit_weibull(age[age <= until], np.ones(int((age <= until).sum()), bool))
    assert dropped.scale < 90.0  # the estimate without them


def test_machines_that_came_under_observation_late_do_not_make_the_fleet_look_older():
    random = np.random.default_rng(2)
    age, entry = 100.0 * random.weibull(2.0, 8000), random.uniform(0.0, 120.0, 8000)
    seen = age > entry
    fitted = fit_weibull(age[seen], np.ones(int(seen.sum()), bool), entry[seen])
    assert fitted.scale == pytest.approx(100.0, rel=0.04)
    assert fitted.shape == pytest.approx(2.0, rel=0.06)


def test_the_interval_of_the_shape_covers_it_as_often_as_it_says():
    covered = 0
    for seed in range(300):
        age = 100.0 * np.random.default_rng(seed).weibull(2.0, 12)
        low, high = fit_weibull(age, np.ones(12, bool)).shape_90
        covered += low <= 2.0 <= high
    assert covered / 300 == pytest.approx(0.9, abs=0.05)


def test_remaining_life_of_an_exponential_fleet_does_not_depend_on_age():
    for age in (0.0, 50.0, 500.0):
        predicted = predict_by_age(fleet(1.0), age)
        assert predicted.middle == pytest.approx(100.0 * np.log(2), rel=1e-5)
        assert predicted.lower == pytest.approx(-100.0 * np.log(0.95), rel=1e-5)
        assert predicted.upper == pytest.approx(-100.0 * np.log(0.05), rel=1e-5)


def test_remaining_life_given_age_is_its_closed_form():
    predicted = predict_by_age(fleet(3.0), 80.0)
    assert predicted.middle == pytest.approx(100.0 * (0.8**3 + np.log(2)) ** (1 / 3) - 80.0, rel=1e-5)
    assert failure_chance(fleet(3.0), 80.0, 20.0) == pytest.approx(1 - np.exp(0.8**3 - 1.0))
    assert failure_chance(fleet(3.0), 80.0, 0.0) == 0.0


@cache
def small_fleets(failures):
    """Return a thousand times the age at failure of a new machine, and the fit of some others."""
    ages = [100.0 * np.random.default_rng([failures, seed]).weibull(3.0, failures + 1) for seed in range(1000)]
    return [(age[0], fit_weibull(age[1:], np.ones(failures, bool))) for age in ages]


@pytest.mark.parametrize(
    ("failures", "begun", "off"), [(5, 0.0, 0.025), (12, 0.0, 0.025), (5, 40.0, 0.05), (12, 40.0, 0.03)]
)
def test_intervals_of_small_fleets_cover_new_machines_about_as_often_as_claimed(failures, begun, off):
    # exact for new machines; given age, the coverage is slightly lower with few failures
    covered, level = [], 0.0
    for age, fitted in small_fleets(failures):
        if age > begun:
            predicted = predict_by_age(fitted, begun)
            covered.append(predicted.lower <= age - begun <= predicted.upper)
            level = predicted.level
    assert np.mean(covered) == pytest.approx(level, abs=off)


def test_few_failures_claim_less_and_tell_wider():
    age = np.array([80.0, 95.0, 110.0, 120.0, 100.0])
    few = predict_by_age(fit_weibull(age, np.ones(5, bool)), 50.0)
    many = predict_by_age(fit_weibull(np.tile(age, 20), np.ones(100, bool)), 50.0)
    assert few.level == pytest.approx(5 / 6)
    assert many.level == 0.9
    assert (few.upper - few.lower) / (many.upper - many.lower) > 1.1


def test_an_age_beyond_all_lives_is_named_and_answered_with_little():
    fitted = fit_weibull(np.array([80.0, 95.0, 110.0, 120.0]), np.ones(4, bool))
    predicted = predict_by_age(fitted, 1000.0)
    assert predicted.reasons == (OLDER_THAN_ANY,)
    assert 0 <= predicted.lower <= predicted.middle <= predicted.upper
    assert predict_by_age(fitted, 100.0).reasons == ()


def test_fleets_that_say_nothing_are_refused():
    with pytest.raises(RefusalError, match="3 lives ended in failure"):
        fit_weibull(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False]))
    with pytest.raises(RefusalError, match="equal"):
        fit_weibull(np.full(6, 5.0), np.ones(6, bool))
    for age, entry in (([1.0, 2.0, 3.0, np.nan], None), ([1.0, 2.0, 3.0, 0.0], None), ([1.0, 2, 3, 4], [1.0, 0, 0, 0])):
        with pytest.raises(InvalidInputError):
            fit_weibull(np.array(age), np.ones(4, bool), None if entry is None else np.array(entry))
    with pytest.raises(InvalidInputError):
        predict_by_age(fleet(2.0), -1.0)
