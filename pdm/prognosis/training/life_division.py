"""Division of a machine's records into the lives of the machine and of its components."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pdm.machines.work_events import REPLACED_BEFORE


@dataclass(frozen=True)
class ClosedLife:
    """A life that a work event closed: of the records after `begun_after`; `component` is '' for the whole machine."""

    ended_at: datetime
    ended_by: str
    begun_after: datetime | None
    component: str
    doubt: str | None = None


@dataclass(frozen=True)
class Segment:
    """A life as a range of records [begin, end)."""

    begin: int
    end: int
    ended_by: str
    ended_at: datetime
    component: str


def divide(times: Sequence[datetime], ends: Sequence[ClosedLife]) -> list[Segment]:
    """Divide the records of a machine into lives.

    Parameters
    ----------
    times : sequence of datetime
        Of the records, increasing.
    ends : sequence of ClosedLife
        In the order of their time.

    Returns
    -------
    lives : list of Segment
        In the order of their ends. Every failure without doubt closes a life of its component since the last event of
        this component or of the machine. A record trains in one life that did not fail, and in none if it is in one
        that failed: a motor that was replaced does not end the life of its bearing.
    """
    if not times:
        return []
    doubted = _in_doubt(ends)
    lives = [_segment(times, end) for place, end in enumerate(ends) if place not in doubted]
    failed = [life for life in lives if life.ended_by == "failure"]
    others = [life for life in lives if life.ended_by != "failure"] + _unfinished(times, ends)
    used: list[range] = [range(life.begin, life.end) for life in failed]
    used += [range(*_places(times, ends[place])) for place in doubted]
    chosen = [life for life in failed if life.begin < life.end]
    for life in sorted(others, key=lambda each: each.begin - each.end):
        if life.begin < life.end and not any(_overlap(life, taken) for taken in used):
            chosen.append(life)
            used.append(range(life.begin, life.end))
    return sorted(chosen, key=lambda each: (each.ended_at, each.begin))


def _in_doubt(ends: Sequence[ClosedLife]) -> set[int]:
    """Return the places of lives in doubt, with those that a replacement before its failure closed."""
    found = {place for place, end in enumerate(ends) if end.doubt is not None}
    for place in list(found):
        if ends[place].doubt == REPLACED_BEFORE:
            earlier = range(place - 1, -1, -1)
            same = (k for k in earlier if ends[k].ended_by == "replacement" and _is_same(ends[k], ends[place]))
            found.update(list(same)[:1])
    return found


def _is_same(one: ClosedLife, other: ClosedLife) -> bool:
    return not one.component or not other.component or one.component == other.component


def _unfinished(times: Sequence[datetime], ends: Sequence[ClosedLife]) -> list[Segment]:
    """Return the lives that no event has closed, of the machine and of each component that an event names."""
    found = []
    for component in {"", *(end.component for end in ends)}:
        own = [end.ended_at for end in ends if end.component in ("", component)]
        begin = bisect_right(times, max(own)) if own else 0
        found.append(Segment(begin, len(times), "censored", times[-1], component))
    return sorted(found, key=lambda each: each.component)


def _segment(times: Sequence[datetime], end: ClosedLife) -> Segment:
    return Segment(*_places(times, end), end.ended_by, end.ended_at, end.component)


def _places(times: Sequence[datetime], end: ClosedLife) -> tuple[int, int]:
    begin = 0 if end.begun_after is None else bisect_right(times, end.begun_after)
    return begin, bisect_right(times, end.ended_at)


def _overlap(life: Segment, taken: range) -> bool:
    return life.begin < taken.stop and taken.start < life.end
