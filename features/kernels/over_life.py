"""Recursions over a life, record by record; the recomputation from the whole history is in the tests.

No fast-math flags here: operations are done in the written order, so that the result of a record is bit-identical alone
and in a batch. over_life_layout.py defines the layout of a point's state.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.over_life_columns import CHANNELS, LIFE_TIME
from features.kernels.over_life_columns import sign, write
from features.kernels.over_life_layout import (
    BEGUN,
    BINS,
    CHANNEL_HEAD,
    COUNT,
    CUSUM_FALL,
    CUSUM_RISE,
    HEAD,
    HIGHEST,
    KENDALL,
    LAG_CELLS,
    LAG_SLOTS,
    LATEST,
    LINE_SIZE,
    LOCATION,
    M0,
    M1,
    M2,
    M3,
    M4,
    MEAN,
    NET_RISES,
    ORIGIN,
    PARABOLA_SIZE,
    RATIO_COUNT,
    RATIO_MEAN,
    RATIO_SIZE,
    RATIO_VALUE,
    RECORDS,
    SCALE,
    SEEN_AT,
    SQUARES,
    VALUE,
    Y0,
    Y1,
    Y2,
)
from features.kernels.time_domain import Array

_UPPER = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)  # doubled from bin to bin
EDGES = (*(-edge for edge in _UPPER[::-1]), 0.0, *_UPPER)
"""Boundaries of the bins of z; values of one bin are ties."""
LONGEST_GAP = 700.0
"""In time constants, near the underflow of exp(-gap) in double precision: older values have no weight."""
REJECTED = 3.0
"""In scaled median absolute deviations: learning values beyond it are rejected (Leys et al. 2013)."""
CONSISTENCY = 1.4826022185056018
"""Standard deviation of a Gaussian over its median absolute deviation."""
TRUNCATION = 1.0136041976422073
"""Standard deviation of a Gaussian over that of the Gaussian truncated at three standard deviations."""
LARGEST_STEP = 4.0
"""Limit of z in a CUSUM, so that no single record crosses the CUSUM's limit (Lucas and Crosier 1982)."""

_GOES_BACK, _TIME_NOT_FINITE, _VALUE_OUT_OF_RANGE = 1, 2, 3  # what `check` returns


@njit(cache=True, nogil=True, error_model="numpy")
def check(state: Array, life_time: Array, values: Array, largest: float, where: Array) -> int:
    """Return 0, or the error code of point `where[0]`, record `where[1]`, channel `where[2]`."""
    for p in range(life_time.shape[0]):
        before = state[p, LATEST] if state[p, RECORDS] > 0.0 else -math.inf
        for i in range(life_time.shape[1]):
            now = life_time[p, i]
            where[0], where[1], where[2] = p, i, 0
            if not abs(now) < math.inf:
                return _TIME_NOT_FINITE
            if now < before:
                return _GOES_BACK
            before = now
            for c in range(values.shape[2]):
                if abs(values[p, i, c]) > largest:
                    where[2] = c
                    return _VALUE_OUT_OF_RANGE
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def advance(
    state: Array,
    life_time: Array,
    values: Array,
    out: Array,
    constants: Array,
    lags: Array,
    ratios: Array,
    learning: int,
    has_parabola: bool,
    reference: float,
    least_scatter: float,
) -> None:
    """Update the state of each point with its records (n) and write the columns of each record.

    `state` (points, size), `life_time` (points, n), `values` (points, n, channels), `out` (points, n, columns).
    """
    channels = values.shape[2]
    slots = max(learning, BINS) if learning > 0 else 0
    term = PARABOLA_SIZE if has_parabola else LINE_SIZE
    bank = CHANNEL_HEAD + slots
    snapshots = bank + term * constants.shape[0]
    size = snapshots + 2 * LAG_SLOTS * lags.shape[0]
    decay = np.empty(constants.shape[0])
    ages = np.empty(constants.shape[0])
    scratch = np.empty(2 * max(learning, 1))
    for p in range(life_time.shape[0]):
        for i in range(life_time.shape[1]):
            now = life_time[p, i]
            if state[p, RECORDS] == 0.0:
                state[p, BEGUN] = now
            begun = state[p, BEGUN]
            state[p, RECORDS] += 1.0
            state[p, LATEST] = now
            out[p, i, LIFE_TIME] = now - begun
            column = CHANNELS
            gap = -1.0
            for c in range(channels):
                one = state[p, HEAD + c * size : HEAD + (c + 1) * size]
                x = values[p, i, c]
                if not math.isnan(x):
                    since = now - one[SEEN_AT] if one[COUNT] > 0.0 else 0.0
                    if since != gap:
                        gap = since
                        for t in range(constants.shape[0]):
                            ages[t] = min(gap / constants[t], LONGEST_GAP)
                            decay[t] = math.exp(-ages[t])
                    _remember(one, x, now, bank, term, ages, decay)
                    _snapshot(one, now, begun, bank, snapshots, lags)
                    if learning > 0:
                        _compare(one, x, learning, scratch, reference, least_scatter)
                column = write(one, out[p, i], column, bank, term, snapshots, constants, lags, learning)
            at = HEAD + channels * size
            for k in range(ratios.shape[0]):
                _divide(state[p, at : at + RATIO_SIZE], values[p, i, ratios[k, 0]], values[p, i, ratios[k, 1]])
                out[p, i, column] = state[p, at + RATIO_VALUE]
                at += RATIO_SIZE
                column += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _remember(one: Array, x: float, now: float, bank: int, term: int, ages: Array, decay: Array) -> None:
    """Update the mean, the bank, the highest average and the rises with a value."""
    if one[COUNT] == 0.0:
        one[ORIGIN] = x
    one[COUNT] += 1.0
    one[SEEN_AT] = now
    one[VALUE] = x
    one[MEAN] += (x - one[MEAN]) / one[COUNT]
    y = x - one[ORIGIN]
    longest = bank + (ages.shape[0] - 1) * term
    before = one[longest + Y0] / one[longest + M0]
    for t in range(ages.shape[0]):
        _weigh(one[bank + t * term : bank + (t + 1) * term], y, ages[t], decay[t])
    highest = one[ORIGIN] + one[bank + Y0] / one[bank + M0]
    if one[COUNT] == 1.0:
        one[HIGHEST] = highest
    else:
        one[HIGHEST] = max(one[HIGHEST], highest)
        one[NET_RISES] += sign(one[longest + Y0] / one[longest + M0] - before)


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(one: Array, y: float, u: float, d: float) -> None:
    """Age the moments of one time constant by `u`, decay them by `d` = exp(-u), and add `y` at age 0."""
    if one.shape[0] > LINE_SIZE:
        m0, m1, m2, m3 = one[M0], one[M1], one[M2], one[M3]
        one[M4] = d * (one[M4] + u * (4.0 * m3 + u * (6.0 * m2 + u * (4.0 * m1 + u * m0))))
        one[M3] = d * (m3 + u * (3.0 * m2 + u * (3.0 * m1 + u * m0)))
        one[Y2] = d * (one[Y2] + u * (2.0 * one[Y1] + u * one[Y0]))
    kept = d * one[M0]
    departure = y - one[Y0] / one[M0] if one[M0] > 0.0 else 0.0
    one[SQUARES] = d * one[SQUARES] + departure * departure * (kept / (kept + 1.0))
    one[M2] = d * (one[M2] + u * (2.0 * one[M1] + u * one[M0]))
    one[M1] = d * (one[M1] + u * one[M0])
    one[Y1] = d * (one[Y1] + u * one[Y0])
    one[Y0] = d * one[Y0] + y
    one[M0] = kept + 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _snapshot(one: Array, now: float, begun: float, bank: int, start: int, lags: Array) -> None:
    """Store the fastest average of the first record in each cell of a lag, and of older ones only the newest."""
    average = one[ORIGIN] + one[bank + Y0] / one[bank + M0]
    for k in range(lags.shape[0]):
        at = one[start : start + LAG_SLOTS]
        kept = one[start + LAG_SLOTS : start + 2 * LAG_SLOTS]
        start += 2 * LAG_SLOTS
        filled = 0
        while filled < LAG_SLOTS and not math.isnan(at[filled]):
            filled += 1
        width = lags[k] / LAG_CELLS
        is_new = filled == 0 or math.floor((now - begun) / width) > math.floor((at[filled - 1] - begun) / width)
        drop = 0
        while drop + 1 < filled and at[drop + 1] <= now - lags[k]:
            drop += 1
        if is_new and filled - drop == LAG_SLOTS:
            drop += 1
        if drop > 0:
            for s in range(LAG_SLOTS):
                at[s] = at[s + drop] if s + drop < filled else math.nan
                kept[s] = kept[s + drop] if s + drop < filled else math.nan
            filled -= drop
        if is_new:
            at[filled] = now
            kept[filled] = average


@njit(cache=True, nogil=True, error_model="numpy")
def _compare(one: Array, x: float, learning: int, scratch: Array, reference: float, least_scatter: float) -> None:
    """Learn the baseline from the first values, and compare the later ones with it."""
    slots = one[CHANNEL_HEAD : CHANNEL_HEAD + max(learning, BINS)]
    count = int(one[COUNT])
    if count < learning:
        slots[count - 1] = x
        return
    if count == learning:
        slots[count - 1] = x
        first = scratch[:learning]
        first[:] = slots[:learning]
        slots[:] = 0.0
        one[LOCATION], one[SCALE] = _location_and_scale(first, scratch[learning:], least_scatter)
        if one[SCALE] > 0.0:
            for k in range(learning):
                one[KENDALL] += _count((first[k] - one[LOCATION]) / one[SCALE], slots)
        return
    if one[SCALE] > 0.0:
        z = (x - one[LOCATION]) / one[SCALE]
        one[KENDALL] += _count(z, slots)
        step = min(max(z, -LARGEST_STEP), LARGEST_STEP)
        one[CUSUM_RISE] = max(0.0, one[CUSUM_RISE] + step - reference)
        one[CUSUM_FALL] = max(0.0, one[CUSUM_FALL] - step - reference)


@njit(cache=True, nogil=True, error_model="numpy")
def _count(z: float, bins: Array) -> float:
    """Count `z` in its bin; return the number of lower earlier values less the number of higher ones."""
    place = 0
    while place < BINS - 1 and z >= EDGES[place]:
        place += 1
    net = 0.0
    for b in range(BINS):
        if b < place:
            net += bins[b]
        elif b > place:
            net -= bins[b]
    bins[place] += 1.0
    return net


@njit(cache=True, nogil=True, error_model="numpy")
def _location_and_scale(first: Array, work: Array, least_scatter: float) -> tuple[float, float]:
    """Return mean and standard deviation of the learning values near their median."""
    n = first.shape[0]
    work[:n] = np.sort(first)
    middle = 0.5 * (work[(n - 1) // 2] + work[n // 2])
    work[:n] = np.sort(np.abs(first - middle))
    farthest = REJECTED * CONSISTENCY * 0.5 * (work[(n - 1) // 2] + work[n // 2])
    kept, total = 0, 0.0
    for k in range(n):
        if abs(first[k] - middle) <= farthest:
            kept += 1
            total += first[k] - middle
    mean = total / kept
    squares = 0.0
    for k in range(n):
        if abs(first[k] - middle) <= farthest:
            squares += (first[k] - middle - mean) ** 2
    location = middle + mean
    return location, max(TRUNCATION * math.sqrt(squares / max(kept - 1, 1)), least_scatter * abs(location))


@njit(cache=True, nogil=True, error_model="numpy")
def _divide(one: Array, variance: float, kurtosis: float) -> None:
    """Update the mean variance over the life with a record's variance; quasi-normalise its kurtosis with it."""
    if math.isnan(variance):
        return
    one[RATIO_COUNT] += 1.0
    one[RATIO_MEAN] += (variance - one[RATIO_MEAN]) / one[RATIO_COUNT]
    if one[RATIO_MEAN] > 0.0 and not math.isnan(kurtosis):
        one[RATIO_VALUE] = kurtosis * (variance / one[RATIO_MEAN]) ** 2
