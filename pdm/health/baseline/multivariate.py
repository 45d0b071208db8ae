"""A robust multivariate baseline: location, scale and correlation of several channels without change.

Correlated channels are evaluated together, so that a change of their relation is detected even if each channel stays
within its scatter. Location and scale are median and median absolute deviation, and correlations are of limited
deviations (Huber 1981, 8): a few outliers among the learning rows have little effect on the baseline. Deviations are
smoothed before weighting, as in the multivariate EWMA chart (Lowry et al. 1992).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pdm.errors import InvalidInputError
from pdm.health.baseline.robust_scale import IQR_TO_DEVIATION, MAD_TO_DEVIATION

Floats = NDArray[np.float64]

_LEARNING_LIMIT = 4.0  # limit of deviations in correlations
_LARGEST_DEVIATION = 20.0  # limit of one row's deviation before it is weighted into the chart
_LEAST_ROWS = 20  # least rows for a covariance of several channels
_LEAST_RELATIVE_SCALE = 1e-9  # of a channel that was constant while learning


@dataclass(frozen=True)
class MultivariateBaseline:
    """Location, scale and correlation of channels, and the control limit of their smoothed deviation.

    Attributes
    ----------
    location, scale : ndarray, shape (channels,)
        Median and robust standard deviation, in the channels' units.
    precision : ndarray, shape (channels, channels)
        Inverse of the shrunk correlation.
    smoothing : float [1]
        Weight of the newest row.
    limit : float [1]
        Length of the smoothed deviation above which the channels have changed.
    """

    location: Floats
    scale: Floats
    precision: Floats
    smoothing: float
    limit: float

    def begin(self) -> Floats:
        """Return the chart (channels,) before any row."""
        return np.zeros(len(self.location))

    def advance(self, chart: Floats, row: Floats) -> tuple[Floats, float]:
        """Update the chart with one row.

        Parameters
        ----------
        chart : ndarray, shape (channels,)
            From `begin` or the previous call; it is not modified.
        row : ndarray, shape (channels,)
            NaN where absent: the chart of that channel does not change.

        Returns
        -------
        chart : ndarray, shape (channels,)
        score : float [1]
            Length of the smoothed deviation over its limit: above 1 the channels have changed.
        """
        deviation = np.clip((row - self.location) / self.scale, -_LARGEST_DEVIATION, _LARGEST_DEVIATION)
        after = np.where(np.isnan(deviation), chart, chart + self.smoothing * (deviation - chart))
        return after, float(np.sqrt(after @ self.precision @ after)) / self.limit

    def scores(self, rows: ArrayLike) -> Floats:
        """Return the scores (n,) of rows (n, channels) from an initial chart, bit-identical to calls of `advance`."""
        return np.array(list(self._lengths(np.asarray(rows, np.float64))))

    def _lengths(self, rows: Floats) -> Iterator[float]:
        chart = self.begin()
        for row in rows:
            chart, score = self.advance(chart, row)
            yield score


def learn_multivariate(
    rows: ArrayLike, *, smoothing: float = 0.05, shrinkage: float = 0.1, limit_deviations: float = 3.0
) -> MultivariateBaseline:
    """Learn a baseline from rows that are assumed to be without change.

    Parameters
    ----------
    rows : array_like, shape (n, channels)
        In order of time, at least 20.
    smoothing : float [1]
        Weight of the newest row in the chart.
    shrinkage : float [1]
        Shrinkage of correlations towards 0, which keeps their inverse stable.
    limit_deviations : float [1]
        The control limit: robust standard deviations of the chart's length over the learning rows, above its median. It
        includes the autocorrelation of the rows, which later rows have too.

    Raises
    ------
    InvalidInputError
        Too few rows, a value that is not finite, or a setting out of its range.
    """
    table = np.asarray(rows, np.float64)
    if table.ndim != 2 or len(table) < _LEAST_ROWS or not table.shape[1]:
        raise InvalidInputError(f"shape {table.shape} is not ({_LEAST_ROWS} or more, channels)", field="rows")
    if not np.isfinite(table).all():
        raise InvalidInputError("a baseline is learned from finite values only", field="rows")
    if not (0 < smoothing <= 1 and 0 < shrinkage <= 1 and limit_deviations > 0):
        raise InvalidInputError("smoothing and shrinkage lie in (0, 1], the limit above 0", field="smoothing")
    location = np.median(table, axis=0)
    low, high = np.quantile(table, (0.25, 0.75), axis=0)
    scatter = np.maximum(
        MAD_TO_DEVIATION * np.median(np.abs(table - location), axis=0), IQR_TO_DEVIATION * (high - low)
    )
    scale = np.maximum(scatter, _LEAST_RELATIVE_SCALE * (1 + np.abs(location)))
    limited = np.clip((table - location) / scale, -_LEARNING_LIMIT, _LEARNING_LIMIT)
    unlimited = MultivariateBaseline(location, scale, _precision(limited, shrinkage), smoothing, 1.0)
    lengths = unlimited.scores(table)[min(round(2 / smoothing), len(table) // 2) :]
    middle = float(np.median(lengths))
    spread = MAD_TO_DEVIATION * float(np.median(np.abs(lengths - middle)))
    limit = max(middle + limit_deviations * spread, np.finfo(np.float64).tiny)
    return MultivariateBaseline(location, scale, unlimited.precision, smoothing, limit)


def _precision(limited: Floats, shrinkage: float) -> Floats:
    """Return the inverse (channels, channels) of the shrunk correlation; a constant channel has none."""
    centred = limited - limited.mean(axis=0)
    length = np.sqrt(np.sum(centred**2, axis=0))
    unit = centred / np.where(length > 0, length, 1.0)
    shrunk = (1 - shrinkage) * (unit.T @ unit)
    np.fill_diagonal(shrunk, 1.0)
    inverse: Floats = np.linalg.inv(shrunk)
    return inverse
