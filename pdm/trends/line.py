"""The least-squares line through a series whose residuals are autocorrelated.

Two estimators of its errors remain: docs/adr/0015-two-error-estimators-of-the-trend-line.md gives the reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from pdm.trends.newey_west import fit_newey_west, lags_of

Floats = NDArray[np.float64]

LEAST_VARIANCE = 1e-18
"""Of the rise: residuals of a perfect line are rounding, and a statistic must stay finite."""
MOST_ALIKE = 0.8
"""Correlation of neighbours up to which errors are widened: beyond it, it resembles a trend in so few points."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line: `level` at the time `at` of the last point, and its `rise` over the `span` of the series.

    `level_variance`, `rise_variance` and their `covariance` are corrected for residuals that resemble their
    neighbours; `freedom` are the degrees of freedom of Student's distribution.
    """

    at: float
    level: float
    rise: float
    span: float
    level_variance: float
    covariance: float
    rise_variance: float
    freedom: int

    @property
    def slope(self) -> float:
        """Rise per unit of time."""
        return self.rise / self.span

    @property
    def slope_variance(self) -> float:
        """Variance of the slope."""
        return self.rise_variance / self.span**2

    @property
    def level_slope_covariance(self) -> float:
        """Covariance of level and slope."""
        return self.covariance / self.span

    @property
    def statistic(self) -> float:
        """The rise over its standard error."""
        return self.rise / math.sqrt(self.rise_variance)

    @property
    def p_rise(self) -> float:
        """Probability of at least such a rise by chance."""
        return 1 - float(stdtr(self.freedom, self.statistic))

    @property
    def p_fall(self) -> float:
        """Probability of at least such a fall by chance."""
        return float(stdtr(self.freedom, self.statistic))


def fit_line_ar1(times: Floats, values: Floats) -> Line:
    """Return the line through a series, its errors widened by the correlation of neighbouring residuals [1]_.

    The variance of the residuals is multiplied by (1 + r) / (1 - r), which holds for a long series whose residuals are
    autoregressive of order one; r is the correlation of neighbours, at least 0 and in the denominator at most
    `MOST_ALIKE`.

    Parameters
    ----------
    times, values : ndarray, shape (n,)
        Ascending times; n at least 3, all finite.

    References
    ----------
    .. [1] G. V. Bayley, J. M. Hammersley, "The effective number of independent observations in an autocorrelated time
       series", J. R. Stat. Soc. Suppl. 8 (1946).
    """
    count = len(times)
    x, at, span = _scaled(times)
    centre, middle = float(x.mean()), float(values.mean())
    spread = float(np.sum((x - centre) ** 2))
    rise = float((x - centre) @ (values - middle)) / spread
    left = values - middle - rise * (x - centre)
    noise = float(left @ left) / (count - 2)
    alike = float(left[1:] @ left[:-1]) / max(float(left @ left), 1e-300)
    noise *= (1 + max(alike, 0.0)) / (1 - min(max(alike, 0.0), MOST_ALIKE))
    rise_variance = max(noise / spread, LEAST_VARIANCE)
    return Line(
        at=at,
        level=middle - rise * centre,
        rise=rise,
        span=span,
        level_variance=noise / count + rise_variance * centre**2,
        covariance=-centre * rise_variance,
        rise_variance=rise_variance,
        freedom=count - 2,
    )


def fit_line_newey_west(times: Floats, values: Floats) -> Line:
    """Return the line through a series with Newey-West errors, or the plain ones where those of the rise are larger.

    Newey-West errors of short series are too small on average; the plain ones bound them from below.

    Parameters
    ----------
    times, values : ndarray, shape (n,)
        Ascending times; n at least 3, all finite.
    """
    count = len(times)
    x, at, span = _scaled(times)
    fit = fit_newey_west(values, np.column_stack([np.ones(count), x]), lags_of(count))
    level, rise = (float(value) for value in fit.params)
    robust, plain = fit.cov_params(), fit.normalized_cov_params * fit.scale
    covariance = robust if robust[1, 1] > plain[1, 1] else plain
    return Line(
        at=at,
        level=level,
        rise=rise,
        span=span,
        level_variance=float(covariance[0, 0]),
        covariance=float(covariance[0, 1]),
        rise_variance=max(float(covariance[1, 1]), LEAST_VARIANCE),
        freedom=count - 2,
    )


def _scaled(times: Floats) -> tuple[Floats, float, float]:
    """Return times from -1 to 0, the last of them, and what they span."""
    at = float(times[-1])
    span = at - float(times[0])
    return (times - at) / span, at, span
