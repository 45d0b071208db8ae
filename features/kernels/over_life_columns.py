"""A channel's columns over life, from its state alone: without a new value they do not change."""

from __future__ import annotations

import math

from numba import njit

from features.catalogue.over_life_columns import (
    AVERAGE,
    BANK_WIDTH,
    BASELINE,
    COMPARISON_WIDTH,
    CURVATURE_WIDTH,
    CURVED,
    CUSUM,
    CUSUM_OF_FALL,
    CUSUM_OF_RISE,
    DEVIATION,
    HIGHEST_AVERAGE,
    MANN_KENDALL,
    MEAN_OF_LIFE,
    MEMORY_WIDTH,
    MONOTONICITY,
    RANK_TREND,
    RISE,
    SCATTER,
    SEEN,
    SLOPE,
    Z_AVERAGE,
    Z,
)
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

LEAST_INDEPENDENCE = 1e-9
"""1 - (correlation of age and its square)^2 from which on a parabola is distinguishable from a line."""


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
    """Write a channel's columns from its state; return the index of the next column."""
    taus = constants.shape[0]
    fitted = BANK_WIDTH + (CURVATURE_WIDTH if term > LINE_SIZE else 0)
    compared = COMPARISON_WIDTH if learning > 0 else 0
    width = MEMORY_WIDTH + fitted * taus + (taus - 1) + lags.shape[0] + compared
    if one[COUNT] == 0.0:
        out[column : column + width] = math.nan
        return int(column + width)
    place = column
    out[place + SEEN] = one[COUNT]
    out[place + MEAN_OF_LIFE] = one[MEAN]
    out[place + HIGHEST_AVERAGE] = one[HIGHEST]
    out[place + MONOTONICITY] = one[NET_RISES] / (one[COUNT] - 1.0) if one[COUNT] > 1.0 else math.nan
    place += MEMORY_WIDTH
    for t in range(taus):
        m = one[bank + t * term : bank + (t + 1) * term]
        out[place + AVERAGE * taus + t] = one[ORIGIN] + m[Y0] / m[M0]
        out[place + DEVIATION * taus + t] = math.sqrt(m[SQUARES] / m[M0])
        slope = _slope(m)
        out[place + SLOPE * taus + t] = slope / constants[t]
        out[place + RISE * taus + t] = slope * (m[M1] / m[M0]) if m[M1] > 0.0 else 0.0
        if term > LINE_SIZE:
            out[place + CURVED * taus + t] = _curvature(m) / (constants[t] * constants[t])
    place += fitted * taus
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
        _write_comparison(one, out[place : place + COMPARISON_WIDTH], average, learning)
    return int(column + width)


@njit(cache=True, nogil=True, error_model="numpy")
def _slope(m: Array) -> float:
    """Return the slope of the weighted line, per time constant; NaN with fewer than two different times."""
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
    out[BASELINE] = one[LOCATION]
    out[SCATTER] = one[SCALE]
    if not one[SCALE] > 0.0:
        return
    out[Z] = (one[VALUE] - one[LOCATION]) / one[SCALE]
    out[Z_AVERAGE] = (average - one[LOCATION]) / one[SCALE]
    out[CUSUM_OF_RISE] = one[CUSUM_RISE]
    out[CUSUM_OF_FALL] = one[CUSUM_FALL]
    out[CUSUM] = max(one[CUSUM_RISE], one[CUSUM_FALL])
    n, s = one[COUNT], one[KENDALL]
    pairs = 0.5 * n * (n - 1.0)
    variance = n * (n - 1.0) * (2.0 * n + 5.0)
    for b in range(BINS):
        same = one[CHANNEL_HEAD + b]
        pairs -= 0.5 * same * (same - 1.0)
        variance -= same * (same - 1.0) * (2.0 * same + 5.0)
    out[RANK_TREND] = s / pairs if pairs > 0.0 else 0.0
    out[MANN_KENDALL] = (s - sign(s)) / math.sqrt(variance / 18.0) if variance > 0.0 else 0.0
