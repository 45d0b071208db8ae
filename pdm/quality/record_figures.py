"""Figures by which the quality of a record is judged: limits, resolution, repetitions, isolated spikes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.kernels.time_domain import FLAGS

__all__ = ["LEAST_RUN", "RecordFigures", "find_repetition", "record_figures"]

Array = NDArray[np.float32] | NDArray[np.int16] | NDArray[np.float64]

LEAST_RUN = 12  # equal neighbours that a live converter does not give in a row
_JUMP = 2.5  # steps of the converter between a run and its neighbour: a slow signal of few steps changes by one
_NEAR = 0.01  # of the range: the band beside a limit, with which the samples at the limit are compared
_SPIKE = 25.0  # mean steps from sample to sample that a spike exceeds on both sides
_RETURN = 4.0  # mean steps, or
_RING = 0.1  # of the spike, within which three samples on each side lie about its foot: what is mechanical rings longer
_PATTERN = 16  # samples that must repeat before a repetition is followed


class RecordFigures(NamedTuple):
    """Figures of one record in the unit of its samples; counts are of samples.

    `step` is the smallest change between neighbours, `turns` the number of local extremes,
    `travel` the mean change between neighbours, `near_low` and `near_high` count samples beside a limit that are
    not at it, `in_runs` those in long runs of one value that is no limit, `longest` is the longest of these runs.
    """

    low: float
    high: float
    mean: float
    spread: float
    step: float
    at_low: int
    at_high: int
    near_low: int
    near_high: int
    in_runs: int
    longest: int
    spikes: int
    turns: int
    travel: float


def record_figures(x: Array) -> RecordFigures:
    """Return the figures of a record (n,), n >= 2; `mean` is not finite where a sample is not."""
    origin = float(x[0])
    low, high, mean, spread, travel, largest, step, equal, turns = _levels(x, origin)
    if not np.isfinite(mean):
        return RecordFigures(low, high, mean, spread, step, 0, 0, 0, 0, 0, 0, 0, 0, travel)
    at_low, at_high, near_low, near_high = _limits(x, low, high, max(_NEAR * (high - low), 1.5 * step))
    in_runs, longest = _runs(x, low, high, _JUMP * step) if equal >= LEAST_RUN else (0, 0)
    spikes = _spikes(x, travel) if largest > _SPIKE * travel else 0
    limits = (at_low, at_high, near_low, near_high)
    return RecordFigures(low, high, mean, spread, step, *limits, in_runs, longest, spikes, turns, travel)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FLAGS)
def _levels(x: Any, origin: float) -> Any:
    """Return low, high, mean, spread, mean, largest and smallest change that is not 0, equal neighbours, extremes."""
    n = len(x)
    low = high = x[0]
    total = squares = travel = 0.0
    largest = np.float32(0.0)
    step = np.float32(np.inf)
    equal = turns = 0
    for i in range(n):
        shifted = np.float64(x[i]) - origin
        total += shifted
        squares += shifted * shifted
        low = min(low, x[i])
        high = max(high, x[i])
    for i in range(1, n):
        change = abs(np.float32(x[i]) - np.float32(x[i - 1]))
        travel += change
        largest = max(largest, change)
        equal += change == 0.0
        step = min(step, change if change > 0.0 else np.float32(np.inf))
    for i in range(1, n - 1):
        turns += ((x[i] > x[i - 1]) & (x[i] > x[i + 1])) | ((x[i] < x[i - 1]) & (x[i] < x[i + 1]))
    mean = total / n
    spread = np.sqrt(max(squares / n - mean * mean, 0.0))
    low, high, step = np.float64(low), np.float64(high), np.float64(step)
    return low, high, mean + origin, spread, travel / (n - 1), np.float64(largest), step, equal, turns


@njit(cache=True, nogil=True, error_model="numpy")
def _limits(x: Any, low: float, high: float, band: float) -> Any:
    """Return how many samples are at the lower and upper limit, and within a band of each without being at it."""
    at_low = at_high = within_low = within_high = 0
    first, last = np.float32(low), np.float32(high)
    above, below = np.float32(low + band), np.float32(high - band)
    for value in x:
        number = np.float32(value)
        at_low += number == first
        at_high += number == last
        within_low += number <= above
        within_high += number >= below
    return at_low, at_high, within_low - at_low, within_high - at_high


@njit(cache=True, nogil=True, error_model="numpy")
def _runs(x: Any, low: float, high: float, least_jump: float) -> Any:
    """Return how many samples are in long runs of one value that is no limit, and the longest such run."""
    in_runs = longest = run = 0
    has_jumped = True  # before the record nothing is known
    before = np.float64(x[0])
    for i in range(1, len(x)):
        value = np.float64(x[i])
        if value == before:
            run += 1
            continue
        jump = abs(value - before) > least_jump
        if run >= LEAST_RUN and (has_jumped or jump) and before != low and before != high:
            in_runs += run + 1
            longest = max(longest, run + 1)
        has_jumped = jump
        run = 0
        before = value
    if run >= LEAST_RUN and before != low and before != high:  # up to the end of the record
        in_runs += run + 1
        longest = max(longest, run + 1)
    return in_runs, longest


@njit(cache=True, nogil=True, error_model="numpy")
def _spikes(x: Any, travel: float) -> int:
    """Return how many single samples lie far from three quiet ones on each side."""
    spikes = 0
    for i in range(3, len(x) - 3):
        before, value, after = np.float64(x[i - 1]), np.float64(x[i]), np.float64(x[i + 1])
        if abs(value - before) <= _SPIKE * travel or abs(value - after) <= _SPIKE * travel:
            continue
        foot = 0.5 * (before + after)
        quiet = max(_RETURN * travel, _RING * abs(value - foot))
        is_lone = abs(after - before) < quiet
        for place in (i - 3, i - 2, i + 2, i + 3):
            is_lone = is_lone and abs(np.float64(x[place]) - foot) < quiet
        spikes += is_lone
    return spikes


@njit(cache=True, nogil=True, error_model="numpy")
def find_repetition(x: Any) -> int:
    """Return after how many samples the beginning of a record (n,) returns bit for bit and lasts, 0 if never.

    It lasts if as many samples as the period, or a quarter of the record, are equal. A record of few values returns by
    chance: the caller leaves those out.
    """
    n = len(x)
    if n < 4 * _PATTERN:
        return 0
    for period in range(_PATTERN, n - _PATTERN):
        if x[period] != x[0]:
            continue
        i = 0
        while i + period < n and x[i] == x[i + period]:
            i += 1
        if i >= _PATTERN and (i + period == n or i >= n // 4) and i >= min(period, n // 4):
            return period
    return 0
