"""When vibration will reach its next zone boundary: a line through the change of velocity RMS, or a refusal.

The change is that against the baseline of the operating state, as a logarithm, so that changes of state are no trend.
It is kept thinned: means of more and more acquisitions each, so that a life of any length fits. The line is of least
squares; its errors are widened for neighbouring means that err alike, and the interval inverts the line's confidence
band (Fieller 1954).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from pdm.health.baseline.feature_layout import Layout
from pdm.machines.model import SeverityLimits

Floats = NDArray[np.float64]

MOST_MEANS = 32  # bounds the state; thinned by merging neighbours
LEAST_MEANS = 8  # fewer give a line and its correlated errors too few degrees of freedom
LEVEL = 0.9  # of the interval, as every interval of this service
SIGNIFICANCE = 1e-3
"""One-sided, of the rise: one in a thousand lines of a machine that does not change would be told."""
LEAST_RISE = 0.15
"""Rise over the course, as a logarithm (1.3 dB), below which there is nothing to extrapolate."""
FARTHEST = 2.0
"""Spans of what was seen that an extrapolation may reach."""
_BOUNDARIES = (("A/B", "a_b"), ("B/C", "b_c"), ("C/D", "c_d"))


@dataclass
class ThinnedSeries:
    """Thinned change of velocity RMS: means (n, 2 + points) of count, time [s] and change, NaN where absent.

    Each mean is of `stride` acquisitions but the last, which is of those so far.
    """

    means: Floats = field(default_factory=lambda: np.empty((0, 2)))
    stride: int = 1

    def add(self, at: float, change: Floats) -> ThinnedSeries:
        """Return the course with one more acquisition's change (points,) at a time [s]."""
        row = np.concatenate(([1.0, at], change))
        if len(self.means) and self.means[-1, 0] < self.stride:
            means = self.means.copy()
            means[-1] = _merge(means[-1], row)
            return ThinnedSeries(means, self.stride)
        if len(self.means) < MOST_MEANS:
            return ThinnedSeries(np.concatenate((self.means.reshape(-1, len(row)), row[None])), self.stride)
        paired = np.array([_merge(a, b) for a, b in zip(self.means[::2], self.means[1::2], strict=True)])
        return ThinnedSeries(np.concatenate((paired, row[None])), 2 * self.stride)

    @property
    def complete(self) -> Floats:
        """The means that no further acquisition changes."""
        return self.means[self.means[:, 0] >= self.stride]


def _merge(one: Floats, other: Floats) -> Floats:
    share = other[0] / (one[0] + other[0])
    mean = one + share * (other - one)
    merged = np.where(np.isnan(mean), np.where(np.isnan(one), other, one), mean)
    merged[0] = one[0] + other[0]
    return merged


@dataclass(frozen=True)
class Trends:
    """What the points' vibration tends towards: of the point that is soonest, and by point when C or D is due [s]."""

    evidence: dict[str, Any] | None
    due: dict[str, float]


def zone_trends(
    limits: SeverityLimits | None, layout: Layout, course: ThinnedSeries, raw: Floats, change: Floats, now: float
) -> Trends:
    """Return when the points' vibration will reach the next zone boundary, or why that is not said.

    Parameters
    ----------
    limits : SeverityLimits or None
        None where no standard's zones apply: nothing is said.
    layout : Layout
    course : ThinnedSeries
    raw, change : ndarray, shape (M,)
        Tracked features of the newest acquisition, and their change from the operating state's baseline.
    now : float [s]

    Returns
    -------
    trends : Trends
        `told` has `boundary`, `limit` [m/s], `velocity` [m/s] and either `reached_in_s` with its interval or a
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
        one = _trend(limits, course, point, velocity, moved, now)
        one["point"] = layout.vibration_points[point]
        found.append(one)
        if "lower_s" in one and one["boundary"] != "A/B":
            due[one["point"]] = one["lower_s"]
    if not found:
        return Trends({"reason": "no-velocity"}, due)
    return Trends(min(found, key=lambda one: (one.get("reached_in_s", math.inf), -one["velocity"])), due)


def _trend(
    limits: SeverityLimits, course: ThinnedSeries, point: int, velocity: float, moved: float, now: float
) -> dict[str, Any]:
    ahead = boundary_ahead(limits, velocity)
    if ahead is None:
        return {"velocity": velocity, "reason": "zone-d"}
    boundary, limit = ahead
    document: dict[str, Any] = {"boundary": boundary, "limit": limit, "velocity": velocity, "source": limits.source}
    line = fit_rise(course, point)
    if isinstance(line, str):
        return {**document, "reason": line}
    passage = time_to_reach(line, moved + math.log(limit / max(velocity, 1e-12)), now)
    if isinstance(passage, str):
        return {**document, "reason": passage}
    middle, lower, upper = (None if each is None else round(each, 1) for each in passage)
    return {**document, "reached_in_s": middle, "lower_s": lower, "upper_s": upper, "level": LEVEL}


@dataclass(frozen=True)
class RiseFit:
    """Change `level` at `at` [s] (the last mean) and `slope` [1/s], with their variances, and the `span` [s] seen."""

    at: float
    level: float
    slope: float
    level_variance: float
    covariance: float
    slope_variance: float
    span: float
    freedom: int


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


def fit_rise(course: ThinnedSeries, point: int) -> RiseFit | str:
    """Return the rising line through a point's course, or the reason why there is none: 'too-few' or 'no-rise'."""
    means = course.complete
    return _fit(means[:, 1].tobytes(), means[:, 2 + point].tobytes()) if len(means) else "too-few"


@lru_cache(maxsize=4096)
def _fit(times: bytes, changes: bytes) -> RiseFit | str:
    at, change = np.frombuffer(times), np.frombuffer(changes)
    known = np.isfinite(change)
    at, change = at[known], change[known]
    count = len(at)
    if count < LEAST_MEANS:
        return "too-few"
    span = float(at[-1] - at[0])
    x = (at - at[-1]) / span
    centre, middle = float(x.mean()), float(change.mean())
    spread = float(np.sum((x - centre) ** 2))
    slope = float((x - centre) @ (change - middle)) / spread
    left = change - middle - slope * (x - centre)
    noise = float(left @ left) / (count - 2)
    alike = float(left[1:] @ left[:-1]) / max(float(left @ left), 1e-300)
    noise *= (1 + max(alike, 0.0)) / (1 - min(max(alike, 0.0), 0.8))
    slope_variance = max(noise / spread, 1e-18)
    if slope < LEAST_RISE or 1 - stdtr(count - 2, slope / math.sqrt(slope_variance)) > SIGNIFICANCE:
        return "no-rise"
    return RiseFit(
        at=float(at[-1]),
        level=middle - slope * centre,
        slope=slope / span,
        level_variance=noise / count + slope_variance * centre**2,
        covariance=-centre * slope_variance / span,
        slope_variance=slope_variance / span**2,
        span=span,
        freedom=count - 2,
    )


def time_to_reach(line: RiseFit, change: float, now: float) -> tuple[float, float, float | None] | str:
    """Return when a line reaches a change: middle, lower and upper [s from now]; upper None is "at least".

    Parameters
    ----------
    line : RiseFit
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
    b = gap * line.slope - z**2 * line.covariance
    c = gap**2 - z**2 * line.level_variance
    root = math.sqrt(max(b * b - a * c, 0.0))
    if a <= 0:
        return middle, 0.0, None
    lower, upper = (-b - root) / a - elapsed, (-b + root) / a - elapsed
    return middle, min(max(lower, 0.0), middle), max(upper, middle)
