"""Covariate compensation: remove the effect of ambient temperature, load and speed on a feature.

Each feature is related to at most one covariate: the one of highest rank correlation while its baseline was learned,
and only if that correlation is significant. Time is not a covariate, so slow wear is not compensated. A covariate that
drifted while the baseline was learned is not used, because its effect cannot be distinguished from wear. Outside the
learned range the scatter is widened with the distance, and one span outside the relation is not used at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.robust_scale import MAD_TO_DEVIATION

Floats = NDArray[np.float64]

LEAST_ROWS = 20
"""Least number of learned rows for a relation."""
LEAST_T = 4.0
"""Student's t from which a rank correlation is significant: p = 0.0002 one-sided for 30 rows."""
MOST_DRIFT = 0.5
"""Rank correlation of a covariate with time above which it cannot be distinguished from wear."""
_NONE = -1  # index for no covariate


@dataclass
class Compensation:
    """The covariate (M,) of each feature (-1 none), its slope (M,), and the learned range of covariates (C,).

    `middle` and `half_span` (C,) describe the covariates while learning, `steepness` (M,) is the slope's standard
    error.
    """

    which: NDArray[np.int8]
    slope: NDArray[np.float32]
    steepness: NDArray[np.float32]
    middle: NDArray[np.float32]
    half_span: NDArray[np.float32]

    @classmethod
    def none(cls, columns: int, covariates: int) -> Compensation:
        """Return a compensation without relations."""
        nothing, nowhere = np.zeros(columns, np.float32), np.full(covariates, np.nan, np.float32)
        return cls(np.full(columns, _NONE, np.int8), nothing, nothing.copy(), nowhere, nowhere.copy())

    @cached_property
    def used(self) -> tuple[int, ...]:
        """Indices of the covariates in use, after learning."""
        return tuple(np.unique(self.which[self.which >= 0]).tolist())

    def explain(self, covariates: Floats) -> tuple[Floats, Floats]:
        """Return the effect of covariates (C,) on each feature (M,), and its standard error (M,).

        An absent covariate has no effect, and the scatter that it explains at its middle remains.
        """
        away = np.nan_to_num(covariates - self.middle)
        reach = 3.0 * np.nan_to_num(self.half_span)
        moved = np.append(np.minimum(np.maximum(away, -reach), reach), 0.0)[self.which]
        beyond = np.append(np.maximum(np.abs(away) - np.nan_to_num(self.half_span), 0.0), 0.0)[self.which]
        return self.slope * moved, self.steepness * np.abs(moved) + np.abs(self.slope) * 0.25 * beyond

    def beyond(self, covariates: Floats) -> list[int]:
        """Return the covariates in use that lie outside the range in which the relation is used."""
        if not self.used:
            return []
        away = np.abs(np.nan_to_num(covariates - self.middle))
        return [index for index in self.used if away[index] > 3.0 * self.half_span[index]]


def learn_compensation(rows: Floats, covariates: Floats) -> Compensation:
    """Learn the relation of features to covariates.

    Parameters
    ----------
    rows : ndarray, shape (n, M)
        Compared features in order of time, NaN where absent.
    covariates : ndarray, shape (n, C)
        At the same times, NaN where unknown.

    Notes
    -----
    Spearman's rank correlation selects the covariate; the slope is a least-squares fit to values limited to four robust
    standard deviations.
    """
    count, size = rows.shape
    learned = Compensation.none(size, covariates.shape[1])
    if count < LEAST_ROWS or not size:
        return learned
    ranked = _standard_ranks(rows)
    time = _standard_ranks(np.arange(count, dtype=np.float64)[:, None])[:, 0]
    best = np.zeros(size)
    for index in range(covariates.shape[1]):
        values = covariates[:, index]
        if np.isnan(values).any() or np.ptp(values) <= 1e-6 * (1 + np.abs(values).max()):
            continue
        rank = _standard_ranks(values[:, None])[:, 0]
        if abs(float(rank @ time)) > MOST_DRIFT:
            continue
        correlation = np.nan_to_num(ranked.T @ rank)
        t = np.abs(correlation) * np.sqrt((count - 2) / np.maximum(1 - correlation**2, 1e-12))
        chosen = (t > LEAST_T) & (np.abs(correlation) > best)
        if not chosen.any():
            continue
        learned.middle[index] = np.median(values)
        learned.half_span[index] = np.ptp(values) / 2
        slope, error = _slopes(rows[:, chosen], values - np.median(values))
        learned.which[chosen], learned.slope[chosen], learned.steepness[chosen] = index, slope, error
        best = np.where(chosen, np.abs(correlation), best)
    return learned


def _standard_ranks(rows: Floats) -> Floats:
    """Return the ranks of columns, of mean 0 and length 1; NaN throughout for a column that lacks values."""
    ranks = np.argsort(np.argsort(rows, axis=0, kind="stable"), axis=0).astype(np.float64)
    ranks -= (len(rows) - 1) / 2
    standard: Floats = ranks / np.sqrt(np.sum(ranks**2, axis=0))
    standard[:, np.isnan(rows).any(axis=0)] = np.nan
    return standard


def _slopes(rows: Floats, away: Floats) -> tuple[Floats, Floats]:
    """Return the slopes of columns against a covariate, and their standard errors."""
    middle = np.median(rows, axis=0)
    scatter = MAD_TO_DEVIATION * np.median(np.abs(rows - middle), axis=0)
    limited = np.clip(rows - middle, -4 * scatter, 4 * scatter)
    centred = away - away.mean()
    spread = float(centred @ centred)
    slope = (centred @ (limited - limited.mean(axis=0))) / spread
    left = limited - limited.mean(axis=0) - centred[:, None] * slope
    return slope, np.sqrt(np.sum(left**2, axis=0) / (len(rows) - 2) / spread)
