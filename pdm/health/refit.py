"""Convert a state of another layout to today's: known columns are kept, new ones are learned in addition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.baseline import Baseline
from pdm.health.baseline.covariates import Compensation
from pdm.health.baseline.feature_layout import Layout
from pdm.health.baseline.former_layout import former_layout
from pdm.health.baseline.layout_document import ColumnIdentity, LayoutIdentity
from pdm.health.baseline.season import Season
from pdm.health.detection.control_charts import Charts
from pdm.health.state import HealthState
from pdm.trends.thinned_series import ThinnedSeries

RELATION_FORGOTTEN = "relation-forgotten"
_RELATED = ("temperature", "scalar")

Places = NDArray[np.intp]


def refit(state: HealthState, layout: Layout) -> list[str] | None:
    """Convert a state to a layout, in place; return the changes to report, None if no part of it is valid.

    A column is kept if its `ColumnIdentity` is the same. A new column is learned in addition to the others. A column
    that is no longer tracked is discarded.
    """
    was = _identity_of(state, layout)
    if was is None or was.differs_in_points(layout.described):
        return None
    now = layout.described
    state.identity, state.former_signature = layout.identity, b""
    if was.columns == now.columns:
        return []
    places = {column: place for place, column in enumerate(was.columns)}
    origin = np.array([places.get(column, -1) for column in now.columns], np.intp)
    state.smoothed = _moved(state.smoothed, origin, 0.0)
    state.charts = Charts(_moved(state.charts.sums, origin, 0.0), _moved(state.charts.since, origin, 0.0))
    if (origin[layout.velocity] < 0).any():
        state.course = ThinnedSeries(np.empty((0, 2 + len(layout.vibration_points))))
    is_related = _related(was.columns) == _related(now.columns)
    forgets = not is_related and any(baseline.relation is not None for baseline in state.states)
    if not is_related:
        state.related = np.zeros(len(layout.related))
    state.states = [_refitted(baseline, origin, is_related) for baseline in state.states]
    return [RELATION_FORGOTTEN] if forgets else []


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
    states = [_refitted(baseline, origin, is_related) for baseline in state.states]
    counts = layout.weight > 0
    state.states = [each for each in states if not each.learned or np.isfinite(each.location[counts]).any()]


def _identity_of(state: HealthState, layout: Layout) -> LayoutIdentity | None:
    if state.former_signature:
        signature, identity = former_layout(layout.machine)
        return identity if signature == state.former_signature else None
    try:
        return LayoutIdentity.from_bytes(state.identity)
    except ValueError:
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
