"""Roll-up of health: the worst counts, getting worse never looks better, and the unknown says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdm.health.roll_up import RollUp, UnitCondition, Urgency, roll_up

DAY = 86400.0
ZONES = (None, "A", "B", "C", "D")
ORDER = list(Urgency)

standings = st.lists(
    st.builds(
        UnitCondition,
        key=st.uuids().map(str),
        health=st.none() | st.floats(0, 1),
        zone=st.sampled_from(ZONES),
        rul_lower=st.none() | st.floats(0, 100 * DAY),
        horizon=st.just(5 * DAY),
    ),
    max_size=8,
    unique_by=lambda each: each.key,
)


def badness(found: RollUp) -> tuple[float, int, float, int]:
    """Four figures that grow with how bad things are."""
    return (
        -1.0 if found.health is None else 1.0 - found.health,
        ZONES.index(found.zone),
        0.0 if found.rul_lower is None else 1.0 / (1.0 + found.rul_lower),
        -ORDER.index(found.urgency),
    )


@pytest.mark.parametrize(
    ("zone", "rul_lower", "expected"),
    [
        ("D", None, Urgency.IMMEDIATE),
        ("D", 90 * DAY, Urgency.IMMEDIATE),
        ("C", None, Urgency.WITHIN_HORIZON),
        ("A", 4 * DAY, Urgency.WITHIN_HORIZON),
        (None, 6 * DAY, Urgency.LATER),
        ("B", None, Urgency.NONE),
        (None, None, Urgency.NONE),
    ],
)
def test_urgency_comes_from_zone_and_remaining_life_alone(
    zone: str | None, rul_lower: float | None, expected: Urgency
) -> None:
    for health in (None, 0.1, 1.0):
        assert UnitCondition("a", health, zone, rul_lower, 5 * DAY).urgency is expected


def test_each_figure_is_the_worst_of_any_machine_and_the_worst_come_first() -> None:
    sick = UnitCondition("sick", 0.2, "B", 90 * DAY, 5 * DAY)
    loud = UnitCondition("loud", 0.7, "D", None, 5 * DAY)
    old = UnitCondition("old", 0.9, "A", 2 * DAY, 5 * DAY)
    new = UnitCondition("new", None, None, None, 5 * DAY)
    found = roll_up([new, old, sick, loud])
    assert (found.health, found.zone, found.rul_lower, found.urgency) == (0.2, "D", 2 * DAY, Urgency.IMMEDIATE)
    assert found.severity == pytest.approx(0.8)
    assert (found.machines, found.known) == (4, 3)
    assert [each.key for each in found.contributors] == ["loud", "old", "sick", "new"]


def test_nothing_known_is_neither_good_nor_bad() -> None:
    found = roll_up([UnitCondition("a", None, None, None, DAY)])
    assert (found.health, found.severity, found.zone, found.urgency) == (None, None, None, Urgency.NONE)
    assert roll_up([]).machines == 0


@given(standings, st.data())
def test_a_machine_that_gets_worse_never_makes_the_whole_better(
    members: list[UnitCondition], data: st.DataObject
) -> None:
    before = badness(roll_up(members))
    for place, member in enumerate(members):
        worse = replace(
            member,
            health=None if member.health is None else data.draw(st.floats(0, member.health)),
            zone=data.draw(st.sampled_from(ZONES[ZONES.index(member.zone) :])),
            rul_lower=None if member.rul_lower is None else data.draw(st.floats(0, member.rul_lower)),
        )
        after = badness(roll_up([*members[:place], worse, *members[place + 1 :]]))
        assert all(now >= then for now, then in zip(after, before, strict=True))


@given(standings, st.integers(0, 8))
def test_a_site_is_the_worst_of_its_lines_however_they_are_cut(members: list[UnitCondition], cut: int) -> None:
    whole = badness(roll_up(members))
    parts = [badness(roll_up(members[:cut])), badness(roll_up(members[cut:]))]
    assert whole == tuple(max(figures) for figures in zip(*parts, strict=True))


@given(standings, st.randoms())
def test_the_order_of_machines_changes_nothing(members: list[UnitCondition], random: object) -> None:
    shuffled = list(members)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert roll_up(shuffled) == roll_up(members)
