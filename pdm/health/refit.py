"""Convert a state of another layout to today's: known columns are kept, new ones are learned in addition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.baseline import Baseline, begin_baseline
from pdm.health.baseline.covariates import Compensation
from pdm.health.baseline.feature_layout import Layout
from pdm.health.baseline.former_layout import former_layout
from pdm.health.baseline.layout_document import ColumnIdentity, LayoutIdentity
from pdm.health.baseline.season import Season
from pdm.health.detection.control_charts import Charts
from pdm.health.state import HealthState
from pdm.machines.former_keys import FormerKeys
from pdm.machines.model import Machine
from pdm.trends.thinned_series import ThinnedSeries

RELATION_FORGOTTEN = "relation-forgotten"
POINTS_CHANGED = "points-changed"
CARRY_FROM = 2.0
"""Evidence from which a known degradation is carried over to what is learned again."""
_RELATED = ("temperature", "scalar")

Places = NDArray[np.intp]


def refit(state: HealthState, layout: Layout) -> list[str] | None:
    """Convert a state to a layout, in place; return the changes to report, None if no part of it is valid.

    A column is kept if its `ColumnIdentity` is the same, also after its point was renamed. A new column is learned in
    addition to the others, also that of a new point. A column that is no longer tracked is discarded. A column that is
    compensated for a covariate which is no longer measured is learned again.
    """
    was = _identity_of(state, layout)
    now = layout.described
    if was is None or not set(was.columns) & set(now.columns):
        return None
    notes = [POINTS_CHANGED] if was.differs_in_points(now) else []
    state.identity, state.former_signature = layout.identity, b""
    if was.columns == now.columns and was.covariates == now.covariates:
        return notes
    places = {column: place for place, column in enumerate(was.columns)}
    origin = np.array([places.get(column, -1) for column in now.columns], np.intp)
    state.smoothed = _moved(state.smoothed, origin, 0.0)
    state.charts = Charts(_moved(state.charts.sums, origin, 0.0), _moved(state.charts.since, origin, 0.0))
    state.course = _course(state.course, was, now)
    is_related = _related(was.columns) == _related(now.columns)
    forgets = not is_related and any(baseline.relation is not None for baseline in state.states)
    if not is_related:
        state.related = np.zeros(len(layout.related))
    covariates = np.array([_place(was.covariates, name) for name in now.covariates], np.intp)
    states = [_refitted(_recovaried(baseline, covariates), origin, is_related) for baseline in state.states]
    state.states = _known(states, layout)
    return notes + ([RELATION_FORGOTTEN] if forgets else [])


def forget_columns(state: HealthState, layout: Layout, which: NDArray[np.bool_]) -> None:
    """Forget what was learned of some columns, flagged in `which` (M,), in place; they are learned again.

    An operating state of which nothing that counts is left is removed: it is learned again as a whole.
    """
    origin = np.where(which, -1, np.arange(len(which)))
    is_related = not which[layout.related].any()
    if not is_related:
        state.related = np.zeros(len(layout.related))
    means = state.course.means.copy()
    means[:, 2 + np.flatnonzero(which[layout.velocity])] = np.nan
    state.course = ThinnedSeries(means, state.course.stride)
    state.states = _known([_refitted(baseline, origin, is_related) for baseline in state.states], layout)


def relearn_columns(state: HealthState, layout: Layout, which: NDArray[np.bool_]) -> None:
    """Learn some columns, flagged in `which` (M,), again, in place: another sensor measures the same.

    The known degradation is carried over: the level that is learned is that of the worn part, and not the normal one.
    The evidence is kept.
    """
    origin = np.where(which, -1, np.arange(len(which)))
    states = []
    for baseline in state.states:
        moved = np.where(state.smoothed > CARRY_FROM, state.smoothed * baseline.scale, 0.0)
        after = _refitted(baseline, origin, is_related=True)
        if after.learned:
            carry = np.nan_to_num(moved).astype(np.float32)[after.fresh]
            after.beside = begin_baseline(
                after.name,
                declared=after.declared,
                speed=after.speed,
                load=after.load,
                carry=carry,
                covariates=len(layout.covariates),
            )
        states.append(after)
    state.states = states


def _known(states: list[Baseline], layout: Layout) -> list[Baseline]:
    """Return the operating states without those of which nothing that counts is left."""
    counts = layout.weight > 0
    return [each for each in states if not each.learned or np.isfinite(each.location[counts]).any()]


def _place(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else -1


def _course(course: ThinnedSeries, was: LayoutIdentity, now: LayoutIdentity) -> ThinnedSeries:
    """Return the series of velocity with the points of today's layout, NaN for new ones."""
    points = was.vibration_points
    means = course.means.reshape(-1, 2 + len(points))
    columns = [_place(points, point) for point in now.vibration_points]
    kept = [means[:, 2 + place] if place >= 0 else np.full(len(means), np.nan) for place in columns]
    return ThinnedSeries(np.column_stack([means[:, :2], *kept]), course.stride)


def _recovaried(baseline: Baseline, origin: Places) -> Baseline:
    """Return a baseline with today's covariates; columns that were compensated for a removed one are forgotten."""
    explained = baseline.compensation
    if len(origin) == len(explained.middle) and (origin == np.arange(len(origin))).all():
        return baseline
    now = {place: index for index, place in enumerate(origin.tolist()) if place >= 0}
    which = np.array([now.get(place, -1) for place in explained.which.tolist()], np.int8)
    is_lost = (explained.which >= 0) & (which < 0)
    location = np.where(is_lost, np.float32(np.nan), baseline.location)
    return replace(
        baseline,
        location=location,
        scale=np.where(is_lost, np.float32(np.nan), baseline.scale),
        along=_moved(baseline.along, origin, np.nan),
        ranges=_moved(baseline.ranges, origin, np.nan),
        compensation=Compensation(
            which,
            explained.slope,
            explained.steepness,
            _moved(explained.middle, origin, np.nan),
            _moved(explained.half_span, origin, np.nan),
        ),
        fresh=np.union1d(baseline.fresh, np.flatnonzero(is_lost)).astype(np.uint32),
        beside=None,
    )


def _identity_of(state: HealthState, layout: Layout) -> LayoutIdentity | None:
    """Return what the state was learned of, with the present keys of points that were renamed since."""
    present = FormerKeys.of((), layout.machine.points).points
    if state.former_signature:
        return _former_identity(state, layout.machine, present)
    try:
        was = LayoutIdentity.from_bytes(state.identity)
    except ValueError:
        return None
    return was.renamed(present) if present else was


def _former_identity(state: HealthState, machine: Machine, present: Mapping[str, str]) -> LayoutIdentity | None:
    first = tuple(replace(each, key=each.former_keys[0] if each.former_keys else each.key) for each in machine.points)
    for points in (machine.points, first):
        signature, identity = former_layout(replace(machine, points=points))
        if signature == state.former_signature:
            return identity.renamed(present)
    return None


def _related(columns: tuple[ColumnIdentity, ...]) -> list[ColumnIdentity]:
    return [column for column in columns if column.source in _RELATED]


def _moved(array: NDArray[Any], origin: Places, absent: float) -> NDArray[Any]:
    """Return an array, whose last axis is columns, in today's layout."""
    moved = np.full((*array.shape[:-1], len(origin)), absent, array.dtype)
    known = origin >= 0
    moved[..., known] = array[..., origin[known]]
    return moved


def _refitted(baseline: Baseline, origin: Places, is_related: bool) -> Baseline:
    explained, season = baseline.compensation, baseline.season
    fresh = np.isin(origin, baseline.fresh) | (origin < 0)
    return replace(
        baseline,
        location=_moved(baseline.location, origin, np.nan),
        scale=_moved(baseline.scale, origin, np.nan if baseline.learned else 0.0),
        rows=_moved(baseline.rows, origin, np.nan) if len(baseline.rows) else baseline.rows,
        compensation=Compensation(
            _moved(explained.which, origin, -1),
            _moved(explained.slope, origin, 0.0),
            _moved(explained.steepness, origin, 0.0),
            explained.middle,
            explained.half_span,
        ),
        season=Season(_moved(season.course, origin, 0.0), _moved(season.doubt, origin, 0.0)),
        relation=baseline.relation if is_related else None,
        fresh=np.flatnonzero(fresh).astype(np.uint32),
        beside=None,
    )
