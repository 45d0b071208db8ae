import numpy as np
import pytest

from pdm.health.detection.zone_trend import boundary_ahead, fit_rise, time_to_reach
from pdm.machines.model import SeverityLimits
from pdm.trends.thinned_series import MOST_MEANS, ThinnedSeries
from tests.unit.health_snapshots import BARE, follow, learned, snapshot

HOUR = 3600.0
LIMITS = SeverityLimits(1.4e-3, 2.8e-3, 4.5e-3, "ISO 10816-3:2009")


def course(slope, count=100, scatter=0.08, seed=1):
    """Return the course of a change that rises by `slope` an hour."""
    rng, found = np.random.default_rng(seed), ThinnedSeries(np.empty((0, 3)))
    for hour in range(count):
        found = found.add(HOUR * hour, np.array([slope * hour + scatter * rng.standard_normal()]))
    return found


def test_a_course_of_any_length_stays_short_and_keeps_its_mean():
    found = course(0.01, 1000)
    assert len(found.means) <= MOST_MEANS
    assert found.means[:, 0].sum() == 1000
    assert np.average(found.means[:, 2], weights=found.means[:, 0]) == pytest.approx(0.01 * 499.5, rel=0.01)


def test_an_absent_point_leaves_a_gap_in_its_own_course_alone():
    found = ThinnedSeries(np.empty((0, 4)))
    for hour in range(100):
        found = found.add(HOUR * hour, np.array([0.01 * hour, np.nan if hour < 50 else 1.0]))
    assert np.isfinite(found.means[:, 2]).all()
    assert found.means[-1, 3] == 1.0


def test_the_time_to_a_boundary_holds_the_truth_as_often_as_it_says():
    inside, count = 0, 0
    for seed in range(300):
        found = course(0.01, 100, seed=seed)
        line = fit_rise(found, 0)
        assert not isinstance(line, str)
        passage = time_to_reach(line, 1.5, 99 * HOUR)
        assert not isinstance(passage, str)
        _, lower, upper = passage
        inside += lower <= (150 - 99) * HOUR and (upper is None or upper >= (150 - 99) * HOUR)
        count += 1
    assert inside / count == pytest.approx(0.9, abs=0.06)


def test_a_course_without_a_rise_is_refused_and_says_why():
    lines = [fit_rise(course(0.0, 100, seed=seed), 0) for seed in range(300)]
    assert sum(line != "no-rise" for line in lines) <= 1
    assert fit_rise(course(0.1, 5), 0) == "too-few"


def test_what_lies_too_far_ahead_is_refused():
    line = fit_rise(course(0.01), 0)
    assert not isinstance(line, str)
    assert time_to_reach(line, 5.0, 99 * HOUR) == "too-far"


def test_the_boundary_ahead_is_the_next_one_up_and_none_in_zone_d():
    assert [boundary_ahead(LIMITS, v) for v in (1e-3, 2e-3, 3e-3, 5e-3)] == [
        ("A/B", 1.4e-3),
        ("B/C", 2.8e-3),
        ("C/D", 4.5e-3),
        None,
    ]


def test_an_assessment_tells_when_the_next_zone_is_reached():
    rng = np.random.default_rng(2)
    growths = [{"velocity_rms": 1.012**n} for n in range(60)]
    _, assessments = follow((snapshot(20 + n, rng, growth=g) for n, g in enumerate(growths)), state=learned(rng))
    trend = assessments[-1].evidence["zone_trend"]
    velocity, limit = trend["velocity"], trend["limit"]
    assert trend["boundary"] == "B/C"
    assert velocity < limit
    hours = np.log(2.8 / 1.012**60) / np.log(1.012)
    assert trend["lower_s"] <= trend["reached_in_s"]
    assert trend["reached_in_s"] == pytest.approx(hours * HOUR, rel=0.5)
    due = {each["point"]: each["urgency"] for each in assessments[-1].evidence["points"]}
    assert due[trend["point"]] == "within-horizon"


def test_without_limits_there_is_no_zone_trend_and_no_state():
    rng = np.random.default_rng(3)
    state, assessments = follow((snapshot(n, rng) for n in range(40)), BARE)
    assert assessments[-1].evidence["zone_trend"] is None
    assert not len(state.course.means)


def test_a_machine_that_stays_as_it_is_has_no_trend():
    rng = np.random.default_rng(4)
    _, assessments = follow(snapshot(n, rng) for n in range(90))
    assert assessments[-1].evidence["zone_trend"]["reason"] == "no-rise"
