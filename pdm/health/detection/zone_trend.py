"""When vibration will reach its next zone boundary: a line through the change of velocity RMS, or a refusal.

The change is that against the baseline of the operating state, as a logarithm, so that changes of state are no trend.
It is kept thinned: means of more and more acquisitions each, so that a life of any length fits. The line is of least
squares (`pdm.trends.line.fit_line_ar1`), and the interval inverts its confidence band (Fieller 1954).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from pdm.health.baseline.feature_layout import Layout
from pdm.machines.model import SeverityLimits
from pdm.trends.line import Line, fit_line_ar1
from pdm.trends.thinned_series import ThinnedSeries

Floats = NDArray[np.float64]

LEAST_MEANS = 8  # fewer give a line and its correlated errors too few degrees of freedom
LEVEL = 0.9  # of the interval, as every interval of this service
SIGNIFICANCE = 1e-3
"""One-sided, of the rise: one in a thousand lines of a machine that does not change would be reported."""
LEAST_RISE = 0.15
"""Rise over the series, as a logarithm (1.3 dB), below which there is nothing to extrapolate."""
FARTHEST = 2.0
"""Spans of what was seen that an extrapolation may reach."""
_BOUNDARIES = (("A/B", "a_b"), ("B/C", "b_c"), ("C/D", "c_d"))


@dataclass(frozen=True)
class Trends:
    """What the points' vibration tends towards: of the point that is soonest, and by point when C or D is due [s]."""

    evidence: dict[str, Any] | None
    due: dict[str, float]


def zone_trends(
    limits: SeverityLimits | None, layout: Layout, series: ThinnedSeries, raw: Floats, change: Floats, now: float
) -> Trends:
    """Return when the points' vibration will reach the next zone boundary, or why that is not predicted.

    Parameters
    ----------
    limits : SeverityLimits or None
        None where no standard's zones apply: there is no trend.
    layout : Layout
    series : ThinnedSeries
    raw, change : ndarray, shape (M,)
        Tracked features of the newest acquisition, and their change from the operating state's baseline.
    now : float [s]

    Returns
    -------
    trends : Trends
        `evidence` has `boundary`, `limit` [m/s], `velocity` [m/s] and either `reached_in_s` with its interval or a
        `reason`: 'too-few', 'no-rise', 'too-far', 'no-velocity', 'zone-d'.
    """
    if limits is None or not layout.velocity.size:
        return Trends(None, {})
    found: list[dict[str, Any]] = []
    due: dict[str, float] = {}
    for point, place in enumerate(layout.velocity.tolist()):
        velocity, moved = float(raw[place]), float(change[place])
        if math.isnan(velocity) or math.isnan(moved):
            continue
        one = _trend(limits, series, point, velocity, moved, now)
        one["point"] = layout.vibration_points[point]
        found.append(one)
        if "lower_s" in one and one["boundary"] != "A/B":
            due[one["point"]] = one["lower_s"]
    if not found:
        return Trends({"reason": "no-velocity"}, due)
    return Trends(min(found, key=lambda one: (one.get("reached_in_s", math.inf), -one["velocity"])), due)


def _trend(
    limits: SeverityLimits, series: ThinnedSeries, point: int, velocity: float, moved: float, now: float
) -> dict[str, Any]:
    ahead = boundary_ahead(limits, velocity)
    if ahead is None:
        return {"velocity": velocity, "reason": "zone-d"}
    boundary, limit = ahead
    document: dict[str, Any] = {"boundary": boundary, "limit": limit, "velocity": velocity, "source": limits.source}
    line = fit_rise(series, point)
    if isinstance(line, str):
        return {**document, "reason": line}
    passage = time_to_reach(line, moved + math.log(limit / max(velocity, 1e-12)), now)
    if isinstance(passage, str):
        return {**document, "reason": passage}
    middle, lower, upper = (None if each is None else round(each, 1) for each in passage)
    return {**document, "reached_in_s": middle, "lower_s": lower, "upper_s": upper, "level": LEVEL}


def boundary_ahead(limits: SeverityLimits, velocity: float) -> tuple[str, float] | None:
    """Return the next zone boundary above a velocity RMS [m/s] and its limit [m/s]; None in zone D.

    Examples
    --------
    >>> boundary_ahead(SeverityLimits(1.4e-3, 2.8e-3, 4.5e-3, "ISO 10816-3:2009"), 2e-3)
    ('B/C', 0.0028)
    """
    return next(
        ((name, getattr(limits, field)) for name, field in _BOUNDARIES if velocity <= getattr(limits, field)), None
    )


def fit_rise(series: ThinnedSeries, point: int) -> Line | str:
    """Return the rising line through a point's series, or the reason why there is none: 'too-few' or 'no-rise'."""
    means = series.complete
    return _fit(means[:, 1].tobytes(), means[:, 2 + point].tobytes()) if len(means) else "too-few"


@lru_cache(maxsize=4096)
def _fit(times: bytes, changes: bytes) -> Line | str:
    at, change = np.frombuffer(times), np.frombuffer(changes)
    known = np.isfinite(change)
    if int(known.sum()) < LEAST_MEANS:
        return "too-few"
    line = fit_line_ar1(at[known], change[known])
    return "no-rise" if line.rise < LEAST_RISE or line.p_rise > SIGNIFICANCE else line


def time_to_reach(line: Line, change: float, now: float) -> tuple[float, float, float | None] | str:
    """Return when a line reaches a change: middle, lower and upper [s from now]; upper None is "at least".

    Parameters
    ----------
    line : Line
    change : float
        As a logarithm, against the baseline of the present operating state.
    now : float [s]

    Returns
    -------
    (middle, lower, upper) or str
        'too-far' where the middle lies beyond twice the time seen.
    """
    elapsed = now - line.at
    crossing = (change - line.level) / line.slope
    middle = max(crossing - elapsed, 0.0)
    if middle > FARTHEST * line.span:
        return "too-far"
    z = float(stdtrit(line.freedom, 0.5 + LEVEL / 2))
    gap = line.level - change
    a = line.slope**2 - z**2 * line.slope_variance
    b = gap * line.slope - z**2 * line.level_slope_covariance
    c = gap**2 - z**2 * line.level_variance
    root = math.sqrt(max(b * b - a * c, 0.0))
    if a <= 0:
        return middle, 0.0, None
    lower, upper = (-b - root) / a - elapsed, (-b + root) / a - elapsed
    return middle, min(max(lower, 0.0), middle), max(upper, middle)
