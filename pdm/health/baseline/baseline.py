"""The baseline: robust location and scale of every tracked feature in one operating state.

The baseline is learned once, over the first acquisitions in the state, as median and median absolute deviation
(breakdown point 50 %: Hampel 1974). It is then frozen until a work event, because an adaptive baseline would learn the
fault as normal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.contamination import Examination, examine, low_end
from pdm.health.baseline.covariates import Compensation, learn_compensation
from pdm.health.baseline.feature_layout import Layout
from pdm.health.baseline.multivariate import MultivariateBaseline, learn_multivariate
from pdm.health.baseline.robust_scale import IQR_TO_DEVIATION, MAD_TO_DEVIATION
from pdm.health.baseline.season import Season, learn_season

Floats = NDArray[np.float64]

LEARNING_ROWS = 30
"""Acquisitions kept while learning; of a longer learning period, an even sample of this many."""
MOST_LEARNING_ROWS = 400  # rows kept while learning: bounds the state to some 100 KB
_KEPT_VALUES = 3200  # a machine of few columns keeps more rows, to learn the correlation of its channels
_PATIENCE = 3  # learning periods after which a baseline is learned from the rows available
_SMALL_SAMPLE = 4.0  # the scale of n acquisitions is widened by 1 + 4/n, for its estimation error (as Student's t)
_LEAST_RELATED = 20  # least rows for learning the correlation of channels

OUTLIERS, TREND, RUNNING_IN = "outliers-while-learning", "trend-while-learning", "running-in"
DOUBTS = (OUTLIERS, TREND, RUNNING_IN)
"""Codes of the doubts about a baseline, in the order of their bits in the stored state."""


@dataclass
class Baseline:
    """The baseline of one operating state; columns (M,) as in the machine's layout, covariates (C,) too.

    While learning, `location` is the first value, and rows are stored as half-precision differences from it; `scale` is
    the degradation (`carry`) known from other states when this one was first met, `order` the index of each row's
    acquisition and `times` [s] its time. `ranges` (2, C) are the minimum and maximum of each covariate in the state.
    `fresh` are columns that a later release added: they are learned in `beside`, while the other columns remain in use.
    """

    name: str
    declared: bool
    speed: float
    load: float
    seen: int = 0
    last_seen: int = 0
    learned: bool = False
    doubts: int = 0
    location: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    scale: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    rows: NDArray[np.float16] = field(default_factory=lambda: np.empty((0, 0), np.float16))
    order: NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    times: NDArray[np.float64] = field(default_factory=lambda: np.empty(0, np.float64))
    along: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    ranges: NDArray[np.float32] = field(default_factory=lambda: np.empty((2, 0), np.float32))
    compensation: Compensation = field(default_factory=lambda: Compensation.none(0, 0))
    season: Season = field(default_factory=lambda: Season.none(0))
    relation: MultivariateBaseline | None = None
    fresh: NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    beside: Baseline | None = None
    described: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def carry(self) -> NDArray[np.float32]:
        """Degradation (M,) known from other states when this one was first met; only while learning."""
        return self.scale

    @property
    def doubt_names(self) -> list[str]:
        """The codes of the doubts about the baseline."""
        return [name for bit, name in enumerate(DOUBTS) if self.doubts >> bit & 1]

    def meet(self, covariates: Floats) -> None:
        """Extend the covariate ranges by one acquisition, while learning."""
        if not self.learned:
            self.ranges = np.stack(
                (np.fmin(self.ranges[0], covariates), np.fmax(self.ranges[1], covariates)), dtype=np.float32
            )

    def learn(self, compared: Floats, covariates: Floats, at: float) -> None:
        """Add one acquisition's compared features (M,), covariates (C,) and time [s] to the learning rows."""
        fill = np.isnan(self.location) & ~np.isnan(compared)
        if fill.any():
            self.location = np.where(fill, compared, self.location).astype(np.float32)
        row = (compared - self.location).astype(np.float16)
        if len(self.rows) < rows_kept(len(row)):
            self.rows = np.concatenate((self.rows, row[None]))
            self.order = np.append(self.order, np.uint32(self.seen))
            self.times = np.append(self.times, at)
            self.along = np.concatenate((self.along, covariates.astype(np.float32)[None]))
        else:
            slot = _slot(self.seen)
            if slot < len(self.rows):
                self.rows[slot], self.order[slot], self.along[slot] = row, self.seen, covariates
                self.times[slot] = at
        self.seen += 1

    def progress(self, needed: int) -> float:
        """Return the completed fraction [1] of a learning period of `needed` acquisitions."""
        if self.learned:
            return 1.0
        return min(1.0, self.seen / needed, len(self.rows) / min(needed, rows_kept(len(self.location))))

    def median_so_far(self) -> Floats:
        """Return the median (M,) of the rows so far, less the carried degradation."""
        middle: Floats = self.location + _quantile(_sorted(self.rows), 0.5) - self.carry
        return middle

    def conclude(self, layout: Layout, needed: int) -> list[str]:
        """Conclude learning with a baseline, or discard contaminated rows and continue learning.

        Parameters
        ----------
        layout : Layout
        needed : int
            Acquisitions of a learning period; after three periods the baseline is learned from the rows available.

        Returns
        -------
        reasons : list of str
            Why learning continues; empty when it is complete.
        """
        in_time = np.argsort(self.order)
        rows, along = self.rows[in_time].astype(np.float64), self.along[in_time].astype(np.float64)
        compensation = learn_compensation(rows, along)
        if compensation.used:
            rows = rows - np.stack([compensation.explain(row)[0] for row in along])
        times = self.times[in_time]
        season = learn_season(rows, times)
        if season.found:
            rows = rows - np.stack([season.explain(at)[0] for at in times.tolist()])
        found = examine(rows, layout.floor, layout.weight, layout.two_sided)
        if self.seen < _PATIENCE * needed:
            if found.is_spoilt_by_outliers:
                self._keep(in_time[~found.outliers])
                return [OUTLIERS]
            if (found.falling & ~layout.two_sided).any():
                self._keep(in_time[len(in_time) // 3 :])
                return [RUNNING_IN]
        self.doubts = found.is_spoilt_by_outliers | bool(found.rising.any()) << 1 | bool(found.falling.any()) << 2
        self.compensation, self.season = compensation, season
        self._finish(rows, layout, found)
        return []

    def _keep(self, kept: NDArray[np.intp]) -> None:
        self.rows, self.order, self.along = self.rows[kept], self.order[kept], self.along[kept]
        self.times = self.times[kept]

    def _finish(self, rows: Floats, layout: Layout, found: Examination) -> None:
        ordered = _sorted(rows)
        count = np.maximum(np.sum(~np.isnan(ordered), axis=0), 1)
        middle = _quantile(ordered, 0.5)
        deviation = _quantile(_sorted(np.abs(rows - middle)), 0.5) * MAD_TO_DEVIATION
        spread = (_quantile(ordered, 0.75) - _quantile(ordered, 0.25)) * IQR_TO_DEVIATION
        one_way = (found.rising | found.falling) & ~layout.two_sided
        middle = np.where(one_way, low_end(rows, found), middle)
        scatter = np.where(one_way, found.scatter, np.maximum(deviation, spread)) * (1 + _SMALL_SAMPLE / count)
        known = count >= len(rows) / 2
        location = self.location + middle - self.carry
        floor = np.hypot(layout.floor, layout.relative_floor * np.abs(location))
        self._relate(rows[:, layout.related], known[layout.related].all())
        self.location = np.where(known, location, np.nan).astype(np.float32)
        self.scale = np.where(known, np.hypot(scatter, floor), np.nan).astype(np.float32)
        self._keep(np.empty(0, np.intp))
        self.fresh = self.fresh[np.isnan(self.location[self.fresh])]
        self.learned = True

    def learn_beside(self, layout: Layout, compared: Floats, covariates: Floats, at: float, needed: int) -> list[str]:
        """Add one acquisition to the learning rows of fresh columns; return the features still being learned."""
        if not len(self.fresh):
            return []
        names = list(dict.fromkeys(layout.columns[place].tracked.feature for place in self.fresh.tolist()))
        if self.beside is None:
            nothing = np.zeros(len(self.fresh), np.float32)
            self.beside = begin_baseline(
                self.name,
                declared=self.declared,
                speed=self.speed,
                load=self.load,
                carry=nothing,
                covariates=len(covariates),
            )
        self.beside.learn(compared[self.fresh], covariates, at)
        is_over = self.beside.progress(needed) >= 1.0
        if is_over and not self.beside.conclude(layout.only(self.fresh), needed):
            self._join(self.beside, self.fresh)
        return names

    def _join(self, learned: Baseline, which: NDArray[np.uint32]) -> None:
        """Merge columns that were learned in `beside` into the baseline."""
        mine, other = self.compensation, learned.compensation
        middle = np.where(np.isnan(mine.middle), other.middle, mine.middle)
        half_span = np.where(np.isnan(mine.half_span), other.half_span, mine.half_span)
        moved = np.append(middle - other.middle, np.float32(0.0))[other.which]  # both relations from one centre
        location = learned.location + np.where(other.which >= 0, other.slope * moved, np.float32(0.0))
        for array, value in (
            (self.location, location),
            (self.scale, learned.scale),
            (mine.which, other.which),
            (mine.slope, other.slope),
            (mine.steepness, other.steepness),
        ):
            array[which] = value
        self.season.course[:, which] = learned.season.course
        self.season.doubt[:, which] = learned.season.doubt
        self.compensation = Compensation(mine.which, mine.slope, mine.steepness, middle, half_span)
        self.season = Season(self.season.course, self.season.doubt)
        self.doubts |= learned.doubts
        self.described = None
        self.fresh, self.beside = np.empty(0, np.uint32), None

    def _relate(self, rows: Floats, is_known: bool) -> None:
        """Learn the multivariate baseline of the scalar channels, relative to their medians."""
        rows = rows[np.isfinite(rows).all(axis=1)]
        if rows.shape[1] and is_known and len(rows) >= _LEAST_RELATED:
            self.relation = learn_multivariate(rows - np.median(rows, axis=0))

    def change(self, compared: Floats, covariates: Floats, at: float) -> tuple[Floats, Floats]:
        """Return the deviations (M,) of features from the baseline at a time [s], and their scatter (M,)."""
        change, scale = compared - self.location, self.scale.astype(np.float64)
        if self.compensation.used:
            explained, doubt = self.compensation.explain(covariates)
            change, scale = change - explained, np.hypot(scale, doubt)
        if self.season.found:
            explained, doubt = self.season.explain(at)
            change, scale = change - explained, np.hypot(scale, doubt)
        return change, scale


def rows_kept(columns: int) -> int:
    """Return the number of acquisitions stored while learning, for a number of features."""
    return min(MOST_LEARNING_ROWS, max(LEARNING_ROWS, _KEPT_VALUES // max(columns, 1)))


def begin_baseline(
    name: str, *, declared: bool, speed: float, load: float, carry: NDArray[np.float32], covariates: int = 2
) -> Baseline:
    """Return a baseline without learning rows; `carry` (M,) as in `Baseline`."""
    return Baseline(
        name=name,
        declared=declared,
        speed=speed,
        load=load,
        location=np.full(carry.shape, np.nan, np.float32),
        scale=carry,
        rows=np.empty((0, len(carry)), np.float16),
        along=np.empty((0, covariates), np.float32),
        ranges=np.full((2, covariates), np.nan, np.float32),
        compensation=Compensation.none(len(carry), covariates),
        season=Season.none(len(carry)),
    )


def _slot(seen: int) -> int:
    """Return the slot of the next row in an even sample; a hash replaces random numbers, for determinism."""
    return ((seen * 2654435761) >> 7) % (seen + 1)


def _sorted(rows: NDArray[np.floating]) -> Floats:
    """Return rows sorted by column in double precision, NaN last."""
    return np.sort(np.ascontiguousarray(rows.T, dtype=np.float64), axis=1).T


def _quantile(ordered: Floats, q: float) -> Floats:
    """Return a quantile (M,) of sorted columns without NaN; NaN for a column without values."""
    count = np.sum(~np.isnan(ordered), axis=0)
    place = q * np.maximum(count - 1, 0)
    below = place.astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    columns = np.arange(ordered.shape[1])
    low, high = ordered[below, columns], ordered[above, columns]
    quantile: Floats = low + (place - below) * (high - low)
    return quantile
