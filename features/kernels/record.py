"""Loops over one record: moments, runs of equal samples, windowed copy, amplitudes and lines of its spectrum.

They are for the diagnosis of single recordings; their NumPy oracles are in the tests.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from features.kernels.time_domain import FLAGS

Array = Any


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
