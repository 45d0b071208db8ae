"""Trends by ranks: the Theil-Sen line and the Mann-Kendall test, which single wild values do not decide."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

SIGNIFICANT = 1.96  # standard deviations: 5 % two-sided


@dataclass(frozen=True, slots=True)
class RobustTrend:
    """A Theil-Sen line: `level` at the last time, `slope` per unit of time, and the Mann-Kendall `statistic`."""

    level: float
    slope: float
    statistic: float

    @property
    def is_significant(self) -> bool:
        """Whether the order of the values is a trend, at 5 % two-sided."""
        return abs(self.statistic) > SIGNIFICANT


def theil_sen(times: ArrayLike, values: ArrayLike) -> RobustTrend:
    """Return the line whose slope is the median of the slopes between all pairs of points [1]_.

    Its level is the median of what the points are when they are moved along the slope to the last time. All pairs are
    kept in memory at once: it is meant for series of some dozens of points.

    Parameters
    ----------
    times : array_like, shape (n,)
        Ascending, no two alike.
    values : array_like, shape (n,)
        At least two, finite.

    References
    ----------
    .. [1] P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63 (1968).

    Examples
    --------
    >>> line = theil_sen([0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 99.0, 7.0])
    >>> line.level, line.slope
    (7.0, 2.0)
    """
    at, value = np.asarray(times, np.float64), np.asarray(values, np.float64)
    earlier, later = _pairs(len(value))
    difference = value[later] - value[earlier]
    slope = _median(difference / (at[later] - at[earlier]))
    score = int(np.count_nonzero(difference > 0)) - int(np.count_nonzero(difference < 0))
    statistic = (score - (score > 0) + (score < 0)) / math.sqrt(_variance(len(value)))
    return RobustTrend(_median(value + slope * (at[-1] - at)), slope, statistic)


def mann_kendall(rows: Floats) -> Floats:
    """Return the Mann-Kendall statistic of columns, standard normal where there is no trend [1]_, [2]_.

    Corrected for continuity; ties and absent values (NaN) count as pairs without an order, and the variance is that
    without ties, so that both make the test careful.

    Parameters
    ----------
    rows : ndarray, shape (n, M)
        In the order of time, n at least 2.

    Returns
    -------
    statistic : ndarray, shape (M,)

    References
    ----------
    .. [1] H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945).
    .. [2] M. G. Kendall, "Rank Correlation Methods", 4th ed. (1975).

    Examples
    --------
    >>> rising = np.arange(30.0)[:, None]
    >>> round(float(mann_kendall(rising)[0]), 2)
    7.74
    """
    count = len(rows)
    score = np.zeros(rows.shape[1])
    for lag in range(1, count):
        score += np.nansum(np.sign(rows[lag:] - rows[:-lag]), axis=0)
    statistic: Floats = (score - np.sign(score)) / math.sqrt(_variance(count))
    return statistic


def _variance(count: int) -> float:
    """Return the variance of the score of `count` values without trend and ties."""
    return count * (count - 1) * (2 * count + 5) / 18


@lru_cache(maxsize=64)
def _pairs(count: int) -> tuple[Places, Places]:
    earlier, later = np.triu_indices(count, 1)
    return earlier, later


def _median(values: Floats) -> float:
    ordered = np.sort(values)
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)
