"""Remaining life without past failures: declining health, and when it first reaches its limit.

Whether health declines is decided on a straight line through its thinned history, by least squares with Newey-West
errors (`pdm.trends.line.fit_line_newey_west`): only a decline that cannot be chance is extrapolated. When it reaches
the limit is predicted by a drift that wanders and is observed through noise
(`pdm.prognosis.statistics.first_passage`): the interval is wide where health wanders, narrow where it follows the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numpy as np

from pdm.errors import RefusalError
from pdm.prognosis.statistics.first_passage import chance_of_drift, fit_drift, passage_quantiles
from pdm.trends.line import fit_line_newey_west
from pdm.trends.thinned_series import ThinnedHistory

HEALTH_LIMIT = 0.3  # where alerts call a machine critical: degradation speeds up, so 0 would come too late
LEVEL = 0.9  # of the interval, as every interval of this service
SIGNIFICANCE = 1e-3  # one-sided, of the decline
LEAST_CHANCE = 0.975  # that health drifts down at all, wandering as it does
SMALLEST_DECLINE = 0.1  # of health over the fitted span
DECLINED_HEALTH = 0.9  # above it there is nothing to extrapolate
SPANS = (12, 24, 48)  # means of the history, the newest that show a decline are the ones to go by
FARTHEST = 3.0  # spans of the fit that an extrapolation may reach


@dataclass(frozen=True)
class DegradationTrend:
    """A significant decline: health `level` at `at_s`, `slope` [1/s], and the span [s] fitted.

    `passage` is when health first reaches the limit after `at_s` [s]: lower end, middle and upper end, infinite
    where it may never.
    """

    at_s: float
    level: float
    slope: float
    span_s: float
    p_value: float
    passage: tuple[float, float, float]


@dataclass(frozen=True)
class Passage:
    """When health reaches the limit, from now [s]: the middle, and the interval; `upper` None is "at least"."""

    middle: float
    lower: float
    upper: float | None


def detect_decline(history: ThinnedHistory) -> DegradationTrend | None:
    """Return the newest significant decline of health in a history, or None if there is none.

    The answer depends on the history's complete means alone, which change once in `history.stride`
    acquisitions; it is remembered in between.
    """
    return _detect_decline(history.points, history.origin)


@lru_cache(maxsize=4096)
def _detect_decline(points: bytes, origin: float) -> DegradationTrend | None:
    course = np.frombuffer(points).reshape(-1, 2)
    if len(course) < SPANS[0] or course[-3:, 1].mean() > DECLINED_HEALTH:
        return None
    for length in SPANS:
        line = _fit(course[-length:], origin) if len(course) >= length else None
        if line is not None:
            return line
    return None


def _fit(course: np.ndarray[tuple[int, int], np.dtype[np.float64]], origin: float) -> DegradationTrend | None:
    line = fit_line_newey_west(course[:, 0], course[:, 1])
    if line.rise > -SMALLEST_DECLINE or line.p_fall > SIGNIFICANCE:
        return None
    passage = _passage(course)
    if passage is None:
        return None
    return DegradationTrend(
        at_s=origin + line.at,
        level=line.level,
        slope=line.slope,
        span_s=line.span,
        p_value=line.p_fall,
        passage=passage,
    )


def _passage(course: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> tuple[float, float, float] | None:
    """Return the quantiles of the first passage after the last point [s], None where the drift may be chance."""
    worn = 1.0 - course[:, 1]
    try:
        process = fit_drift(course[:, 0], worn)
    except RefusalError:  # the points lie exactly on a line: the line predicts without uncertainty
        rate = (worn[-1] - worn[0]) / (course[-1, 0] - course[0, 0])
        left = max((1.0 - HEALTH_LIMIT - worn[-1]) / rate, 0.0)
        return left, left, left
    if chance_of_drift(process) < LEAST_CHANCE:
        return None
    lower, middle, upper = passage_quantiles(process, 1.0 - HEALTH_LIMIT, ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2))
    return lower, middle, upper


def predict_passage(line: DegradationTrend, now_s: float) -> Passage | None:
    """Return when a declining health reaches the limit, or None if that is too far to be extrapolated."""
    elapsed = now_s - line.at_s
    lower, middle, upper = (max(each - elapsed, 0.0) for each in line.passage)
    if middle > FARTHEST * line.span_s:
        return None
    return Passage(middle, lower, None if upper == inf else upper)
