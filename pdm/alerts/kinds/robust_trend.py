"""The course of one value, kept small: medians of equal steps of time, and a robust line through them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

STEPS = 12
"""Into which the span of a trend is cut; a step holds the mean of what was measured in it."""
LEAST_STEPS = 6
"""Below which nothing is said: a significant trend of fewer steps would need a nearly perfect order."""
_SIGNIFICANT = 1.96  # standard deviations: 5 % two-sided

Track = tuple[float, ...]
"""Flat triples, oldest first: number of the step since 1970, mean time [s], mean value; then the last's count."""


@dataclass(frozen=True, slots=True)
class RobustTrend:
    """A line through a course: value now, slope [unit/s], and whether the order of the steps is a trend at all."""

    level: float
    slope: float
    is_significant: bool


def extend(track: Track, at: float, value: float, span: float) -> Track:
    """Return the track with one more value measured at `at` [s since 1970]; what is older than `span` [s] leaves.

    A time before the track's last leaves it as it is.
    """
    step = math.floor(at / (span / STEPS))
    if not track:
        return (step, at, value, 1.0)
    last, mean_at, mean, count = track[-4:]
    if step < last:
        return track
    if step == last:
        count += 1
        return (*track[:-4], last, mean_at + (at - mean_at) / count, mean + (value - mean) / count, count)
    kept = track[:-1]
    first = 0
    while first < len(kept) and kept[first] <= step - STEPS:
        first += 3
    return (*kept[first:], step, at, value, 1.0)


def fit(track: Track) -> RobustTrend | None:
    """Return the Theil-Sen line of a track [1]_, None while it has too few steps.

    Whether there is a trend is asked of the order alone (Mann-Kendall, 5 % two-sided [2]_), so that one wild
    value decides nothing.

    References
    ----------
    .. [1] P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63
       (1968).
    .. [2] H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945).
    """
    times, values = track[1:-1:3], track[2:-1:3]
    count = len(values)
    if count < LEAST_STEPS:
        return None
    slopes = []
    score = 0
    for later in range(1, count):
        at, value = times[later], values[later]
        for earlier in range(later):
            difference = value - values[earlier]
            slopes.append(difference / (at - times[earlier]))
            score += (difference > 0) - (difference < 0)
    slope = median(slopes)
    now = times[-1]
    level = median([value + slope * (now - at) for at, value in zip(times, values, strict=True)])
    return RobustTrend(level, slope, _is_significant(score, count))


def _is_significant(score: int, count: int) -> bool:
    deviation = math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    return abs(score) - 1 > _SIGNIFICANT * deviation


def is_of_span(track: Track, span: float) -> bool:
    """Whether the steps of a track are those of a span [s]: its last mean time lies in its last step."""
    return not track or abs(track[-3] / (span / STEPS) - track[-4] - 0.5) <= 1.0
