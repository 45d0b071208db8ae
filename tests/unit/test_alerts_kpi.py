"""Figures of the alarm system against cases worked by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdm.alerts.kpi.assess import (
    KpiLimits,
    assess_alarms,
    delay_of,
    find_floods,
    is_annunciated,
    precision_of,
    quantile,
    rate_of,
    wilson,
)
from pdm.alerts.kpi.figures import ActiveAlert, Actor, AlarmEvent, Flood
from pdm.errors import InvalidInputError

START = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def event(minutes: float, kind: str = "opened", alert: str = "a", cause: str = "machine", **more: object) -> AlarmEvent:
    given_: dict[str, object] = {"machine": "press-07", "severity": "warning", "state": "unacknowledged", **more}
    return AlarmEvent(at=at(minutes), alert=alert, cause=cause, kind=kind, **given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "more", "is_expected"),
    [
        ("opened", {}, True),
        ("escalated", {}, True),
        ("eased", {}, False),
        ("acknowledged", {}, False),
        ("returned", {}, False),
        ("cleared", {}, False),
        ("reminded", {}, False),
        ("overdue", {}, False),
        ("opened", {"withheld": "shelved"}, False),
        ("escalated", {"withheld": "inhibited"}, False),
        ("opened", {"reevaluated": True}, False),
        ("unshelved", {}, True),
        ("unsuppressed", {}, True),
        ("returned-to-service", {}, True),
        ("unshelved", {"state": "acknowledged"}, False),
        ("unshelved", {"state": "returned"}, False),
        ("unshelved", {"withheld": "suppressed"}, False),
    ],
)
def test_an_alarm_is_annunciated_when_receivers_are_notified(
    kind: str, more: dict[str, object], is_expected: bool
) -> None:
    assert is_annunciated(event(0, kind, **more)) is is_expected


def test_the_rate_is_of_fixed_intervals_of_ten_minutes() -> None:
    # an hour: 3 alarms in the first interval, 1 in the third, none in the others
    rate = rate_of([at(0), at(1), at(9.99), at(25)], START, at(60), operators=1)
    assert (rate.intervals, rate.most) == (6, 3.0)
    assert rate.mean == pytest.approx(4 / 6)
    assert rate.share_acceptable == pytest.approx(5 / 6)  # at most 1
    assert rate.share_unmanageable == pytest.approx(1 / 6)  # more than 2


def test_two_operators_share_the_alarms() -> None:
    rate = rate_of([at(0), at(1), at(2), at(3)], START, at(10), operators=2)
    assert (rate.mean, rate.most, rate.share_unmanageable) == (2.0, 2.0, 0.0)


def test_a_period_without_alarms_has_a_rate_of_nothing() -> None:
    rate = rate_of([], START, START + DAY, operators=1)
    assert (rate.mean, rate.most, rate.intervals, rate.share_acceptable) == (0.0, 0.0, 144, 1.0)


def test_nine_alarms_in_ten_minutes_are_no_flood_and_ten_are_one() -> None:
    nine = [at(minute) for minute in range(9)]
    assert find_floods(nine) == ()
    # ten from 0 to 9; the fifth from the end comes at 5 and leaves the window at 15: then four are left
    assert find_floods([*nine, at(9)]) == (Flood(at(0), at(15), 10, 10),)


def test_a_flood_over_the_boundary_of_two_intervals_is_seen() -> None:
    times = [at(5 + minute / 2) for minute in range(10)]  # five before 10:00, five behind
    assert [flood.alarms for flood in find_floods(times)] == [10]


def test_a_flood_goes_on_until_fewer_than_five_come_in_ten_minutes() -> None:
    # ten at once, then one every two minutes until minute 40: always five or more in ten minutes
    times = [START] * 10 + [at(minute) for minute in range(2, 41, 2)]
    (flood,) = find_floods(times)
    assert (flood.begins, flood.alarms, flood.peak) == (START, 30, 14)
    assert flood.ends == at(32 + 10)  # 32 is the fifth from the end


def test_two_floods_apart_are_two_and_share_no_alarm() -> None:
    times = [START] * 10 + [at(12), at(13)] + [at(14)] * 9
    floods = find_floods(times)
    assert [(flood.begins, flood.alarms) for flood in floods] == [(START, 10), (at(12), 11)]
    assert floods[0].ends == at(10)


def test_a_flood_is_an_operators_own() -> None:
    assert find_floods([START] * 19, operators=2) == ()
    assert len(find_floods([START] * 20, operators=2)) == 1


@given(st.lists(st.integers(0, 7200), max_size=120))
def test_floods_are_apart_in_order_and_of_ten_at_least_in_their_busiest_ten_minutes(seconds: list[int]) -> None:
    times = sorted(START + timedelta(seconds=second) for second in seconds)
    floods = find_floods(times)
    for flood in floods:
        inside = [t for t in times if flood.begins <= t <= flood.ends]
        assert flood.peak >= 10
        assert flood.alarms <= len(inside)
    for one, other in pairwise(floods):
        assert one.ends < other.begins
    busiest = max((sum(t - timedelta(minutes=10) < u <= t for u in times) for t in times), default=0)
    assert bool(floods) is (busiest >= 10)


def kpi(events: list[AlarmEvent], before: datetime = START + DAY, **more: object):  # type: ignore[no-untyped-def]
    return assess_alarms(events, (), (), START, before, **more)  # type: ignore[arg-type]


def test_three_of_one_alarm_in_a_minute_chatter() -> None:
    chatter = [event(minute, cause="x") for minute in (0, 0.5, 1.0)]
    slow = [event(minute, cause="y") for minute in (0, 0.5, 1.01)]
    found = kpi(sorted(chatter + slow))
    assert found.chattering == (Actor("press-07", "x", 3, 0.5),)
    assert {actor.cause for actor in found.repeating} == {"x", "y"}


def test_three_of_one_alarm_in_a_day_repeat() -> None:
    found = kpi([event(minute) for minute in (0, 700, 1439)])
    assert found.chattering == ()
    assert found.repeating == (Actor("press-07", "machine", 3, 1.0),)
    assert kpi([event(0), event(1439)]).repeating == ()


def test_the_ten_most_frequent_alarms_are_named_with_their_share() -> None:
    events = [event(minute, cause=f"c{n:02}") for n in range(12) for minute in range(12 - n)]
    found = kpi(sorted(events))
    assert found.annunciated == 78
    assert [actor.cause for actor in found.bad_actors] == [f"c{n:02}" for n in range(10)]
    assert [actor.count for actor in found.bad_actors] == list(range(12, 2, -1))
    assert found.bad_actors_share == pytest.approx(75 / 78)


def test_an_alert_active_for_more_than_a_day_is_stale_the_longest_first() -> None:
    def standing(alert: str, hours: float) -> ActiveAlert:
        return ActiveAlert(alert, "press-07", "machine", "warning", START + DAY - timedelta(hours=hours))

    found = assess_alarms(
        (), [standing("young", 24), standing("old", 24.1), standing("older", 99)], (), START, at(1440)
    )
    assert [one.alert for one in found.stale] == ["older", "old"]


def test_the_time_to_acknowledge_runs_from_the_annunciation() -> None:
    events = [
        event(0, alert="a"),
        event(4, "acknowledged", alert="a"),
        event(5, alert="b"),
        event(7, "escalated", alert="b"),  # waits since it was raised
        event(15, "acknowledged", alert="b"),
        event(20, "escalated", alert="a"),  # raised again for more
        event(22, "acknowledged", alert="a"),
        event(30, alert="c"),
        event(31, "cleared", alert="c", state="normal"),  # came and went unseen
        event(40, alert="d"),
    ]
    found = delay_of(events, START + DAY)
    assert (found.acknowledged, found.unacknowledged) == (3, 2)
    assert found.median_s == 4 * 60
    assert found.mean_s == pytest.approx((4 + 10 + 2) / 3 * 60)
    assert found.p90_s == pytest.approx((4 + 0.8 * 6) * 60)


def test_what_is_acknowledged_behind_the_period_has_a_delay_and_what_is_raised_there_counts_not() -> None:
    found = kpi([event(9), event(12, "acknowledged"), event(13, alert="b")], before=at(10))
    assert found.annunciated == 1
    assert (found.delay.acknowledged, found.delay.unacknowledged, found.delay.median_s) == (1, 0, 180)


def test_what_is_withheld_is_counted_apart() -> None:
    found = kpi([event(0), event(1, alert="b", withheld="shelved"), event(2, alert="c", reevaluated=True)])
    assert (found.annunciated, found.withheld) == (1, 1)
    assert found.severities == {"warning": 1}


def test_the_share_of_time_in_floods_ends_with_the_period() -> None:
    found = kpi([event(10)] * 10, before=at(15))
    assert found.flood_share == pytest.approx(5 / 15)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3.0], 0.9, 3.0), ([1.0, 2.0], 0.5, 1.5), ([0, 10, 20], 0.9, 18)],
)
def test_a_quantile_lies_between_the_nearest_values(values: list[float], share: float, expected: float | None) -> None:
    assert (
        quantile(values, share) == pytest.approx(expected) if expected is not None else quantile(values, share) is None
    )


def test_precision_counts_true_cases_and_useful_cases() -> None:
    found = precision_of(["true", "false", "useful", "true"])
    assert (found.true, found.useful, found.false) == (2, 1, 1)
    assert (found.precision, found.worthwhile) == (0.5, 0.75)
    assert precision_of([]).precision is None


@pytest.mark.parametrize(
    ("successes", "total", "lower", "upper"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],  # Newcombe (1998), table I: 81 of 263
)
def test_wilsons_interval_is_that_of_the_literature(successes: int, total: int, lower: float, upper: float) -> None:
    found = wilson(successes, total)
    assert found == pytest.approx((lower, upper), abs=1e-4)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="start before it ends"):
        assess_alarms((), (), (), START, START)
    with pytest.raises(InvalidInputError, match="at least one operator"):
        assess_alarms((), (), (), START, START + DAY, operators=0)
    with pytest.raises(InvalidInputError, match="ends a flood"):
        KpiLimits(flood_begins=3, flood_ends=4)
