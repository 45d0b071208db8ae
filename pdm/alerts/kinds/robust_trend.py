"""A compressed time series of one value: medians of equal time steps, and a robust line through them."""

from __future__ import annotations

import math

from pdm.trends.rank import RobustTrend, theil_sen

STEPS = 12
"""Into which the span of a trend is cut; a step holds the mean of what was measured in it."""
LEAST_STEPS = 6
"""Below which there is no result: a significant trend of fewer steps would need a nearly perfect order."""

Track = tuple[float, ...]
"""Flat triples, oldest first: number of the step since 1970, mean time [s], mean value; then the last's count."""


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
    """Return the Theil-Sen line of a track, in value per s, None while it has too few steps.

    Whether there is a trend is decided by the order alone, so that one wild value decides nothing.
    """
    times, values = track[1:-1:3], track[2:-1:3]
    return theil_sen(times, values) if len(values) >= LEAST_STEPS else None


def is_of_span(track: Track, span: float) -> bool:
    """Whether the steps of a track are those of a span [s]: its last mean time lies in its last step."""
    return not track or abs(track[-3] / (span / STEPS) - track[-4] - 0.5) <= 1.0
