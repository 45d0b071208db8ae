"""The wait after failed attempts: it grows by its factor up to the longest."""

from __future__ import annotations

from datetime import timedelta

from pdm.store.database.leases import BackOff


def seconds(back_off: BackOff) -> list[float]:
    return [wait.total_seconds() for wait in back_off.waits()]


def test_each_failure_doubles_the_wait_up_to_the_longest() -> None:
    back_off = BackOff(timedelta(seconds=1), timedelta(seconds=10))
    assert seconds(back_off) == [1, 2, 4, 8, 10]
    assert [back_off.wait(failures).total_seconds() for failures in (1, 4, 5, 10_000)] == [1, 8, 10, 10]


def test_the_list_of_waits_ends_with_the_longest_whatever_the_factor() -> None:
    assert seconds(BackOff(timedelta(minutes=5), timedelta(minutes=80), factor=4)) == [300, 1200, 4800]
    assert seconds(BackOff(timedelta(seconds=3), timedelta(seconds=1))) == [1]
    assert set(seconds(BackOff(timedelta(0), timedelta(hours=1)))) == {0}
