"""Remaining life without past failures: the straight line of declining health, and when it reaches its limit.

The line is fitted to the thinned history of health by least squares with Newey-West errors (neighbouring
means err alike), or with the plain ones where these are larger, and only a decline that cannot be chance
is extrapolated. The interval of the first passage inverts the confidence band of the line itself (Fieller
1954), so no simulation is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf, sqrt

import numpy as np
from scipy.stats import t as student
from statsmodels.regression.linear_model import OLS

from pdm.prognosis.history import History

HEALTH_LIMIT = 0.3  # where alerts call a machine critical: degradation speeds up, so 0 would come too late
LEVEL = 0.9
SIGNIFICANCE = 1e-3  # one-sided, of the decline
SMALLEST_DECLINE = 0.1  # of health over the fitted span
DECLINED_HEALTH = 0.9  # above it there is nothing to extrapolate
SPANS = (12, 24, 48)  # means of the history, the newest that show a decline are the ones to go by
FARTHEST = 3.0  # spans of the fit that an extrapolation may reach


@dataclass(frozen=True)
class Line:
    """A significant decline: health `level` at `at_s`, `slope` [1/s], their covariance, and the span [s] fitted.

    `freedom` is the fit's degrees of freedom.
    """

    at_s: float
    level: float
    slope: float
    level_variance: float
    covariance: float
    slope_variance: float
    span_s: float
    freedom: int
    p_value: float


@dataclass(frozen=True)
class Passage:
    """When the line reaches the limit, from now [s]: the middle, and the interval; `upper` None is "at least"."""

    middle: float
    lower: float
    upper: float | None


def detect_decline(history: History) -> Line | None:
    """Return the newest significant decline of health in a history, or None if there is none.

    The answer depends on the history's complete means alone, which change once in `history.stride`
    acquisitions; it is remembered in between.
    """
    return _detect_decline(history.points, history.origin)


@lru_cache(maxsize=4096)
def _detect_decline(points: bytes, origin: float) -> Line | None:
    course = np.frombuffer(points).reshape(-1, 2)
    if len(course) < SPANS[0] or course[-3:, 1].mean() > DECLINED_HEALTH:
        return None
    for length in SPANS:
        line = _fit(course[-length:], origin) if len(course) >= length else None
        if line is not None:
            return line
    return None


def _fit(course: np.ndarray[tuple[int, int], np.dtype[np.float64]], origin: float) -> Line | None:
    count = len(course)
    end = float(course[-1, 0])
    span = end - float(course[0, 0])
    time = (course[:, 0] - end) / span
    design = np.column_stack([np.ones(count), time])
    lags = int(4 * (count / 100) ** (2 / 9)) + 1
    fit = OLS(course[:, 1], design).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
    level, decline = (float(value) for value in fit.params)
    robust, plain = fit.cov_params(), fit.normalized_cov_params * fit.scale
    covariance = robust if robust[1, 1] > plain[1, 1] else plain
    error = sqrt(max(float(covariance[1, 1]), 1e-18))
    p_value = float(student.cdf(decline / error, count - 2))
    if decline > -SMALLEST_DECLINE or p_value > SIGNIFICANCE:
        return None
    return Line(
        at_s=origin + end,
        level=level,
        slope=decline / span,
        level_variance=float(covariance[0, 0]),
        covariance=float(covariance[0, 1]) / span,
        slope_variance=float(covariance[1, 1]) / span**2,
        span_s=span,
        freedom=count - 2,
        p_value=p_value,
    )


def predict_passage(line: Line, now_s: float) -> Passage | None:
    """Return when a declining line reaches the limit of health, or None if that is too far to be extrapolated.

    The lower end is where the line's lower confidence bound reaches the limit, the upper end where its upper
    bound does, if it does.
    """
    elapsed = now_s - line.at_s
    crossing = (HEALTH_LIMIT - line.level) / line.slope
    middle = max(crossing - elapsed, 0.0)
    if middle > FARTHEST * line.span_s:
        return None
    early, late = _bounds(line, float(student.ppf(0.5 + LEVEL / 2, line.freedom)))
    lower = min(max(early - elapsed, 0.0), middle)
    return Passage(middle, lower, None if late == inf else max(late - elapsed, middle))


def _bounds(line: Line, z: float) -> tuple[float, float]:
    """Solve (level + slope t)^2 = z^2 var(t): the two times at which a confidence bound reaches the limit."""
    gap = line.level - HEALTH_LIMIT
    a = line.slope**2 - z**2 * line.slope_variance
    b = gap * line.slope - z**2 * line.covariance
    c = gap**2 - z**2 * line.level_variance
    root = sqrt(max(b * b - a * c, 0.0))
    if a <= 0:
        return (0.0 if a == 0 else max((-b + root) / a, 0.0)), inf
    return (-b - root) / a, (-b + root) / a
