"""A channel's columns over life, from its state alone: a record without a value repeats them."""

from __future__ import annotations

import math

from numba import njit

from features.kernels.over_life_layout import (
    BINS,
    CHANNEL_HEAD,
    COUNT,
    CUSUM_FALL,
    CUSUM_RISE,
    HIGHEST,
    KENDALL,
    LAG_SLOTS,
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
    SCALE,
    SEEN_AT,
    SQUARES,
    VALUE,
    Y0,
    Y1,
    Y2,
)
from features.kernels.time_domain import Array

COMPARISONS = 9
"""Columns of a channel that compare it with its baseline."""

LEAST_INDEPENDENCE = 1e-9
"""1 - (correlation of age and its square)^2 from which on a parabola can be told from a line."""


@njit(cache=True, nogil=True, error_model="numpy")
def sign(x: float) -> float:
    """Return -1, 0 or 1."""
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def write(
    one: Array,
    out: Array,
    column: int,
    bank: int,
    term: int,
    snapshots: int,
    constants: Array,
    lags: Array,
    learning: int,
) -> int:
    """Write a channel's columns from its state; returns the column after them."""
    taus = constants.shape[0]
    width = 4 + (4 + (term > LINE_SIZE)) * taus + taus - 1 + lags.shape[0] + (COMPARISONS if learning > 0 else 0)
    if one[COUNT] == 0.0:
        out[column : column + width] = math.nan
        return int(column + width)
    place = column
    out[place] = one[COUNT]
    out[place + 1] = one[MEAN]
    out[place + 2] = one[HIGHEST]
    out[place + 3] = one[NET_RISES] / (one[COUNT] - 1.0) if one[COUNT] > 1.0 else math.nan
    place += 4
    for t in range(taus):
        m = one[bank + t * term : bank + (t + 1) * term]
        out[place + t] = one[ORIGIN] + m[Y0] / m[M0]
        out[place + taus + t] = math.sqrt(m[SQUARES] / m[M0])
        slope = _slope(m)
        out[place + 2 * taus + t] = slope / constants[t]
        out[place + 3 * taus + t] = slope * (m[M1] / m[M0]) if m[M1] > 0.0 else 0.0
        if term > LINE_SIZE:
            out[place + 4 * taus + t] = _curvature(m) / (constants[t] * constants[t])
    place += (4 + (term > LINE_SIZE)) * taus
    for t in range(taus - 1):
        a, b = bank + t * term, bank + (t + 1) * term
        out[place + t] = one[a + Y0] / one[a + M0] - one[b + Y0] / one[b + M0]
    place += taus - 1
    average = one[ORIGIN] + one[bank + Y0] / one[bank + M0]
    for k in range(lags.shape[0]):
        at = snapshots + 2 * LAG_SLOTS * k
        is_old = one[at] <= one[SEEN_AT] - lags[k]
        out[place + k] = average - one[at + LAG_SLOTS] if is_old else math.nan
    place += lags.shape[0]
    if learning > 0:
        _write_comparison(one, out[place : place + COMPARISONS], average, learning)
    return int(column + width)


@njit(cache=True, nogil=True, error_model="numpy")
def _slope(m: Array) -> float:
    """Return the slope of the weighted line, per time constant; NaN before two different times."""
    centre = m[M1] / m[M0]
    spread = m[M2] / m[M0] - centre * centre
    if not spread > 0.0:
        return math.nan
    return float(-(m[Y1] / m[M0] - centre * (m[Y0] / m[M0])) / spread)


@njit(cache=True, nogil=True, error_model="numpy")
def _curvature(m: Array) -> float:
    """Return the second derivative of the weighted parabola, per squared time constant; NaN if undetermined."""
    m1, m2, mean = m[M1] / m[M0], m[M2] / m[M0], m[Y0] / m[M0]
    spread = m2 - m1 * m1
    skew = m[M3] / m[M0] - m1 * m2
    spread_of_square = m[M4] / m[M0] - m2 * m2
    determinant = spread * spread_of_square - skew * skew
    if not determinant > LEAST_INDEPENDENCE * spread * spread_of_square:
        return math.nan
    with_age = m[Y1] / m[M0] - m1 * mean
    with_square = m[Y2] / m[M0] - m2 * mean
    return float(2.0 * (spread * with_square - skew * with_age) / determinant)


@njit(cache=True, nogil=True, error_model="numpy")
def _write_comparison(one: Array, out: Array, average: float, learning: int) -> None:
    """Write baseline, z, CUSUM and Mann-Kendall; NaN while the baseline is learned or has no scatter."""
    out[:] = math.nan
    if one[COUNT] < learning:
        return
    out[0] = one[LOCATION]
    out[1] = one[SCALE]
    if not one[SCALE] > 0.0:
        return
    out[2] = (one[VALUE] - one[LOCATION]) / one[SCALE]
    out[3] = (average - one[LOCATION]) / one[SCALE]
    out[4] = one[CUSUM_RISE]
    out[5] = one[CUSUM_FALL]
    out[6] = max(one[CUSUM_RISE], one[CUSUM_FALL])
    n, s = one[COUNT], one[KENDALL]
    pairs = 0.5 * n * (n - 1.0)
    variance = n * (n - 1.0) * (2.0 * n + 5.0)
    for b in range(BINS):
        same = one[CHANNEL_HEAD + b]
        pairs -= 0.5 * same * (same - 1.0)
        variance -= same * (same - 1.0) * (2.0 * same + 5.0)
    out[7] = s / pairs if pairs > 0.0 else 0.0
    out[8] = (s - sign(s)) / math.sqrt(variance / 18.0) if variance > 0.0 else 0.0
