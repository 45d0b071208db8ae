"""The contamination guard: it detects a fault, outliers or a trend in the data from which a baseline is learned.

The learned rows are compared with each other once there are enough of them. Outlying rows are dropped, and learning
continues until others replace them. A feature that falls throughout indicates running in: its first third is dropped.
A feature that rises throughout indicates wear: the lower end of its trend is the normal level. The remaining doubts
are reported with each assessment that uses the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.robust_scale import MAD_TO_DEVIATION
from pdm.trends.rank import mann_kendall

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

TREND_DEVIATIONS = 3.5
"""Mann-Kendall statistic from which a column has a trend: one-sided p = 0.0002 for rows that are independent."""
LEAST_RISE = 3.0
"""Rise from the first third to the last [robust standard deviations] below which a trend does not matter."""
OUTLYING = 6.0
"""Mean of a row's three largest deviations from which it lies outside [robust standard deviations]."""
MOST_OUTLIERS = 0.15
"""Share of rows that may lie outside without doubt: median and MAD bear them (Hampel 1974)."""
AGREEING = 3
"""Columns that must have the trend together, as a fault moves several."""
_BETWEEN = np.sqrt(2.0)  # a difference of two values scatters so much more than one


@dataclass(frozen=True)
class Examination:
    """The comparison of learned rows with each other.

    `outliers` (n,) are rows, `rising` and `falling` (M,) columns with a trend, `scatter` (M,) the robust standard
    deviation from one row to the next, in which neither trends nor steps are.
    """

    outliers: Flags
    rising: Flags
    falling: Flags
    scatter: Floats

    @property
    def is_spoilt_by_outliers(self) -> bool:
        """Whether more rows lie outside than a robust baseline should be asked to bear."""
        return float(self.outliers.mean()) > MOST_OUTLIERS


def examine(rows: Floats, floor: Floats, weight: Floats, two_sided: Flags) -> Examination:
    """Compare learned rows with each other.

    Parameters
    ----------
    rows : ndarray, shape (n, M)
        Compared features in the order of time, NaN where absent.
    floor : ndarray, shape (M,)
        Scatter below which nothing is news.
    weight, two_sided : ndarray, shape (M,)
        As in `pdm.health.baseline.feature_layout.Layout`; columns of no weight have no trend that matters.
    """
    scatter = _between_rows(rows)
    scale = np.hypot(scatter, floor)
    middle = np.nan_to_num(_median(rows))
    deviation = np.nan_to_num((rows - middle) / scale) * weight
    deviation = np.where(two_sided, np.abs(deviation), deviation)
    count = min(3, deviation.shape[1])
    largest = np.partition(deviation, deviation.shape[1] - count, axis=1)[:, -count:]
    statistic, rise = mann_kendall(rows), _rise(rows) / scale
    has_trend = (weight > 0) & (np.abs(statistic) > TREND_DEVIATIONS) & (np.abs(rise) > LEAST_RISE)
    needed = min(AGREEING, max(1, int(np.sum(weight > 0)) // 3))
    rising, falling = has_trend & (rise > 0), has_trend & (rise < 0)
    nothing = np.zeros_like(has_trend)
    return Examination(
        outliers=largest.mean(axis=1) > OUTLYING,
        rising=rising if rising.sum() >= needed else nothing,
        falling=falling if falling.sum() >= needed else nothing,
        scatter=scatter,
    )


def low_end(rows: Floats, examination: Examination) -> Floats:
    """Return the level (M,) at the lower end of columns with a trend: wear rises from it, running in falls to it."""
    third = max(len(rows) // 3, 1)
    level: Floats = np.where(examination.rising, _median(rows[:third]), _median(rows[-third:]))
    return level


def _rise(rows: Floats) -> Floats:
    third = max(len(rows) // 3, 1)
    return np.nan_to_num(_median(rows[-third:]) - _median(rows[:third]))


def _between_rows(rows: Floats) -> Floats:
    scatter: Floats = np.nan_to_num(MAD_TO_DEVIATION * _median(np.abs(np.diff(rows, axis=0))) / _BETWEEN)
    return scatter


def _median(rows: Floats) -> Floats:
    """Return the median (M,) of columns without their NaN; NaN where a column has no value."""
    ordered = np.sort(rows, axis=0)
    count = np.sum(~np.isnan(ordered), axis=0)
    columns = np.arange(rows.shape[1])
    last = len(rows) - 1
    low, high = np.minimum((count - 1).clip(0) // 2, last), np.minimum(count // 2, last)
    middle: Floats = np.where(count > 0, (ordered[low, columns] + ordered[high, columns]) / 2, np.nan)
    return middle
