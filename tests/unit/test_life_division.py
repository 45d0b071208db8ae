"""Records divided into lives of a machine and its components: a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pdm.prognosis.training.life_division import ClosedLife, divide

START = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = [START + timedelta(hours=hour) for hour in range(10)]


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def closed(
    hour: float, by: str, component: str = "", since: float | None = None, doubt: str | None = None
) -> ClosedLife:
    return ClosedLife(at(hour), by, None if since is None else at(since), component, doubt)


@pytest.mark.parametrize(
    ("ends", "lives"),
    [
        ([], [("", "censored", 0, 10)]),
        ([closed(4.5, "failure")], [("", "failure", 0, 5), ("", "censored", 5, 10)]),
        (
            [closed(2.5, "failure"), closed(5.5, "replacement", since=2.5)],
            [("", "failure", 0, 3), ("", "replacement", 3, 6), ("", "censored", 6, 10)],
        ),
        # a motor that is replaced does not end the life of the bearing that fails later
        (
            [closed(2.5, "replacement", "motor"), closed(4.5, "failure", "brg")],
            [("brg", "failure", 0, 5), ("brg", "censored", 5, 10)],
        ),
        # one component replaced, nothing failed: one unfinished life of the machine
        ([closed(4.5, "replacement", "motor")], [("", "censored", 0, 10)]),
        # both fail: each has its own life
        (
            [closed(2.5, "failure", "motor"), closed(6.5, "failure", "brg")],
            [("motor", "failure", 0, 3), ("brg", "failure", 0, 7), ("brg", "censored", 7, 10)],
        ),
        # the same failure entered twice
        (
            [closed(5.5, "failure"), closed(6.5, "failure", since=5.5, doubt="failure-entered-twice")],
            [("", "failure", 0, 6), ("", "censored", 7, 10)],
        ),
        # a replacement with a time before its failure: neither life is sure
        (
            [closed(5.5, "replacement"), closed(6.5, "failure", since=5.5, doubt="replacement-before-failure")],
            [("", "censored", 7, 10)],
        ),
        ([closed(20, "failure")], [("", "failure", 0, 10)]),
    ],
)
def test_records_are_divided_by_the_events_of_their_component(
    ends: list[ClosedLife], lives: list[tuple[str, str, int, int]]
) -> None:
    found = divide(TIMES, ends)
    assert [(life.component, life.ended_by, life.begin, life.end) for life in found] == lives


def test_a_machine_without_records_has_no_lives() -> None:
    assert divide([], [closed(1, "failure")]) == []
