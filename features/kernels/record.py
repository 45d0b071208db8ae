"""Loops over one record: figures, repetitions, moments, runs, windowed copy, amplitudes and lines of its spectrum.

They are for the quality of records and the diagnosis of single recordings; their NumPy oracles are in the tests.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.kernels.time_domain import FLAGS

Array = Any

LEAST_RUN = 12  # equal neighbours that a live converter does not give in a row
_JUMP = 2.5  # steps of the converter between a run and its neighbour: a slow signal of few steps changes by one
_NEAR = 0.01  # of the range: the band beside a limit, with which the samples at the limit are compared
_SPIKE = 25.0  # mean steps from sample to sample that a spike exceeds on both sides
_RETURN = 4.0  # mean steps, or
_RING = 0.1  # of the spike, within which three samples on each side lie about its foot: what is mechanical rings longer
_PATTERN = 16  # samples that must repeat before a repetition is followed


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def moments(x: Array) -> tuple[float, float]:
    """Return mean and standard deviation of a record (n,), n > 0."""
    total = 0.0
    for value in x:
        total += np.float64(value)
    mean = total / len(x)
    power = 0.0
    for value in x:
        power += (np.float64(value) - mean) ** 2
    return mean, math.sqrt(power / len(x))


@njit(cache=True, nogil=True, error_model="numpy")
def standstill(x: Array, low: float, high: float, least_run: int) -> tuple[int, int, int]:
    """Return the numbers of equal neighbours at the limits, of equal neighbours, and of samples in long equal runs.

    A run counts if it has at least `least_run` repeats and is at neither limit.
    """
    at_ends = equal = in_runs = run = 0
    before = np.float64(x[0])
    for value in x[1:]:
        number = np.float64(value)
        is_same = number == before
        at_end = number in (low, high)
        if is_same:
            equal += 1
            at_ends += at_end
        if is_same and not at_end:
            run += 1
        else:
            if run >= least_run:
                in_runs += run
            run = 0
        before = number
    return at_ends, equal, in_runs + (run if run >= least_run else 0)


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def windowed(x: Array, window: Array, out: Array) -> None:
    """Write (x - mean) * window to `out`, all single precision, with the mean in double precision."""
    total = 0.0
    for value in x:
        total += np.float64(value)
    mean = total / len(x)
    for i in range(len(x)):
        out[i] = np.float32(x[i] - mean) * window[i]


@njit(cache=True, nogil=True, error_model="numpy")
def amplitudes(lines: Array, gain: float, out: Array) -> None:
    """Write the modulus of complex lines times `gain` to `out`, in double precision."""
    for i in range(len(lines)):
        real, imaginary = np.float64(lines[i].real), np.float64(lines[i].imag)
        out[i] = gain * math.sqrt(real * real + imaginary * imaginary)


@njit(cache=True, nogil=True, error_model="numpy")
def strongest(levels: Array, first: int, last: int, lobe: int, neighbours: int) -> tuple[int, float]:
    """Return the index of the highest of levels[first:last + 1], and the median of its surroundings.

    The surroundings are up to `neighbours` lines either side without the `lobe` nearest, and without the mean at 0.
    """
    best = first
    for i in range(first + 1, last + 1):
        if levels[i] > levels[best]:
            best = i
    around = np.empty(2 * neighbours, np.float64)
    count = 0
    for i in range(max(1, best - neighbours), best - lobe):
        around[count] = levels[i]
        count += 1
    for i in range(best + lobe + 1, min(best + neighbours + 1, len(levels))):
        around[count] = levels[i]
        count += 1
    return best, float(np.median(around[:count]))


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


def record_figures(x: NDArray[Any]) -> RecordFigures:
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
    total = squares = 0.0
    travel: Any = 0.0
    largest = np.float32(0.0)
    step: Any = np.float32(np.inf)
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
    at_low: Any = 0
    at_high: Any = 0
    within_low: Any = 0
    within_high: Any = 0
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
    has_jumped: Any = True  # before the record nothing is known
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
def _spikes(x: Any, travel: float) -> Any:
    """Return how many single samples lie far from three quiet ones on each side."""
    spikes: Any = 0
    for i in range(3, len(x) - 3):
        before, value, after = np.float64(x[i - 1]), np.float64(x[i]), np.float64(x[i + 1])
        if abs(value - before) <= _SPIKE * travel or abs(value - after) <= _SPIKE * travel:
            continue
        foot = 0.5 * (before + after)
        quiet = max(_RETURN * travel, _RING * abs(value - foot))
        is_lone: Any = abs(after - before) < quiet
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
