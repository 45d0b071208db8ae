# mypy: disable-error-code=assignment
"""Exact medians of powers, many at a time: a sorting network over lanes, and bisection of bit patterns.

Powers are not negative, so their bit patterns have the same order, and minima of integers vectorise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = Any

NEIGHBOURS = 32
"""Lines either side whose median is the local noise floor."""
LANES = 32
"""Windows that are sorted in parallel."""
_WINDOW = 2 * NEIGHBOURS + 1  # with the line itself
_BEYOND = np.int32(0x7FFFFFFF)  # the largest int32: above the bits of any power


def _network(size: int) -> NDArray[np.int64]:
    """Return the steps (count, 3) of a sorting network: first row, number of rows, distance of the compared rows.

    Merge exchange, D. E. Knuth, The Art of Computer Programming 3, algorithm 5.2.2M; a step's rows do not overlap.
    """
    steps = []
    top = 1 << ((size - 1).bit_length() - 1)
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            steps += [(i, min(p, size - d - i), d) for i in range(r, size - d, 2 * p)]
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    return np.array(steps)


_STEPS = _network(_WINDOW)


@njit(cache=True, nogil=True, error_model="numpy")
def local_medians(bits: Array, centres: Array, count: int, last: int, windows: Array, medians: Array) -> None:
    """Write the median power of the lines around each of `count` centres, from line 2 to `last` - 1.

    `bits` are the powers' patterns; `windows` (65, LANES) int32 is scratch.
    """
    values = windows.view(np.float32)
    flat = windows.reshape(-1)
    for start in range(0, count, LANES):
        lanes = min(LANES, count - start)
        for lane in range(LANES):
            centre = centres[start + min(lane, lanes - 1)]
            low = max(2, centre - NEIGHBOURS)
            size = max(0, min(last - 1, centre + NEIGHBOURS) + 1 - low)
            for k in range(size):
                windows[k, lane] = bits[low + k]
            for k in range(size, _WINDOW):
                windows[k, lane] = _BEYOND
        for step in range(_STEPS.shape[0]):
            row, rows, distance = _STEPS[step]
            lower = flat[row * LANES : (row + rows) * LANES]
            upper = flat[(row + distance) * LANES : (row + distance + rows) * LANES]
            for i in range(lower.shape[0]):
                a = lower[i]
                b = upper[i]
                lower[i] = a if a < b else b
                upper[i] = b if a < b else a
        for lane in range(lanes):
            centre = centres[start + lane]
            low = max(2, centre - NEIGHBOURS)
            size = max(1, min(last - 1, centre + NEIGHBOURS) + 1 - low)
            medians[start + lane] = 0.5 * (float(values[(size - 1) // 2, lane]) + float(values[size // 2, lane]))


@njit(cache=True, nogil=True, error_model="numpy")
def median_of_lines(bits: Array, first: int, stop: int) -> float:
    """Return the median of the powers of lines `first` to `stop` - 1; `bits` are their patterns."""
    part = bits[first:stop]
    size = part.shape[0]
    target = np.int32((size - 1) // 2 + 1)
    low = np.int32(-1)
    high = np.int32(0x7F800000)
    under = np.int32(0)
    upto = np.int32(size)
    # `under` < target powers have a pattern of at most `low`, `upto` >= target one of at most `high`. The value between
    # is interpolated, and bisected where interpolation is slow.
    halve = False
    while high - low > 1 and upto > target:
        share = 0.5 if halve else (target - 0.5 - under) / (upto - under)
        middle = np.int32(min(max(low + (high - low) * share, low + 1.0), high - 1.0))
        below = np.int32(0)
        for k in range(size):
            below += np.int32(1) if part[k] <= middle else np.int32(0)
        if below >= target:
            high = middle
            upto = below
        else:
            low = middle
            under = below
        halve = not halve
    value = np.int32(-1)
    following = _BEYOND
    for k in range(size):
        b = part[k]
        within = b if b <= high else np.int32(-1)
        value = within if within > value else value
        above = b if b > high else _BEYOND
        following = above if above < following else following
    pair = np.empty(2, np.int32)
    pair[0] = value
    pair[1] = value if size % 2 == 1 or upto > target else following
    powers = pair.view(np.float32)
    return 0.5 * (float(powers[0]) + float(powers[1]))
