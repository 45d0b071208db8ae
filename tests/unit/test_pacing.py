from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdm.errors import InvalidInputError
from pdm.notify.pacing import Backlog, Pacing, QuietHours, RateLimit, Release, decide

NIGHT = QuietHours(time(22), time(6), "Asia/Seoul")  # UTC+9 all year
NOON = QuietHours(time(12), time(13), "Europe/Berlin")
T0 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        (NIGHT, datetime(2026, 11, 23, 12, 59, tzinfo=UTC), None),
        (NIGHT, datetime(2026, 11, 23, 13, 0, tzinfo=UTC), datetime(2026, 11, 23, 21, 0, tzinfo=UTC)),
        (NIGHT, datetime(2026, 11, 23, 20, 59, 59, tzinfo=UTC), datetime(2026, 11, 23, 21, 0, tzinfo=UTC)),
        (NIGHT, datetime(2026, 11, 23, 21, 0, tzinfo=UTC), None),
        (NOON, datetime(2026, 7, 1, 10, 30, tzinfo=UTC), datetime(2026, 7, 1, 11, 0, tzinfo=UTC)),
        (NOON, datetime(2026, 12, 1, 10, 30, tzinfo=UTC), None),
        (NOON, datetime(2026, 12, 1, 11, 30, tzinfo=UTC), datetime(2026, 12, 1, 12, 0, tzinfo=UTC)),
    ],
)
def test_quiet_hours_are_of_the_local_clock_summer_and_winter(
    hours: QuietHours, now: datetime, end: datetime | None
) -> None:
    assert hours.end_after(now) == end


def test_the_end_of_quiet_hours_in_a_repeated_hour_is_ahead_and_has_its_offset() -> None:
    hours = QuietHours(time(22), time(2, 45), "Europe/Berlin")
    summer, winter = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # both 02:30
    assert hours.end_after(summer) == datetime(2026, 10, 25, 0, 45, tzinfo=UTC)
    assert hours.end_after(winter) == datetime(2026, 10, 25, 1, 45, tzinfo=UTC)
    pacing, backlog = Pacing(quiet_hours=hours), Backlog(1, T0)
    assert decide(pacing, backlog, summer).reason == "quiet until 2026-10-25T02:45:00+02:00 (Europe/Berlin)"
    assert decide(pacing, backlog, winter).reason == "quiet until 2026-10-25T02:45:00+01:00 (Europe/Berlin)"


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.sampled_from(["Europe/Berlin", "Asia/Seoul", "UTC"])
)
def test_quiet_that_holds_ends_within_a_day_and_is_then_over(moment: datetime, zone: str) -> None:
    hours = QuietHours(time(22), time(6), zone)
    end = hours.end_after(moment.replace(tzinfo=UTC))
    if end is not None:
        assert timedelta(0) < end - moment.replace(tzinfo=UTC) <= timedelta(hours=9)
        assert hours.end_after(end) is None


def test_quiet_hours_that_cannot_be_are_refused_with_the_field() -> None:
    with pytest.raises(InvalidInputError, match="Mars/Olympus") as refused:
        QuietHours(time(22), time(6), "Mars/Olympus")
    assert refused.value.field == "quiet_hours.time_zone"
    with pytest.raises(InvalidInputError, match="same time"):
        QuietHours(time(6), time(6), "UTC")


@pytest.mark.parametrize(
    ("pacing", "backlog", "release", "limit"),
    [
        (Pacing(), Backlog(0, None), Release.NOTHING, 0),
        (Pacing(quiet_hours=QuietHours(time(2), time(4), "UTC")), Backlog(3, T0), Release.NOTHING, 0),
        (Pacing(quiet_hours=QuietHours(time(4), time(5), "UTC")), Backlog(3, T0), Release.SINGLE, 3),
        (Pacing(quiet_hours=QuietHours(time(2), time(4), "UTC")), Backlog(3, T0, 0, True), Release.BEGUN, 1),
        (Pacing(rate_limit=RateLimit(5, 60)), Backlog(3, T0, sent=2), Release.SINGLE, 3),
        (Pacing(rate_limit=RateLimit(5, 60)), Backlog(3, T0, sent=3), Release.DIGEST, 200),
        (Pacing(rate_limit=RateLimit(5, 60)), Backlog(3, T0, sent=5), Release.NOTHING, 0),
        (Pacing(digest_s=60), Backlog(3, T0 - timedelta(seconds=59)), Release.NOTHING, 0),
        (Pacing(digest_s=60), Backlog(3, T0 - timedelta(seconds=60)), Release.DIGEST, 200),
        (Pacing(None, RateLimit(1, 60), 60), Backlog(1, T0 - timedelta(seconds=60), 1), Release.NOTHING, 0),
    ],
)
def test_what_may_go_out(pacing: Pacing, backlog: Backlog, release: Release, limit: int) -> None:
    decision = decide(pacing, backlog, T0)
    assert (decision.release, decision.limit) == (release, limit)
    assert decision.reason


@pytest.mark.parametrize("pacing", [Pacing(), Pacing(NIGHT, RateLimit(2, 60.0), 30.0, False)])
def test_a_pacing_survives_being_kept(pacing: Pacing) -> None:
    assert Pacing.from_document(pacing.to_document()) == pacing
    assert pacing.is_immediate == (pacing == Pacing())
