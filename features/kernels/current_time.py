"""Loops over the samples of one record of currents: moments, Park vector, windowed copies, a motor's start."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.current_columns import (
    CREST,
    ELLIPSE,
    INRUSH_DURATION,
    INRUSH_PEAK,
    INRUSH_RATIO,
    KURTOSIS,
    LOAD,
    MEAN,
    MODULUS,
    PEAK,
    RMS,
    UNBALANCE,
)
from features.catalogue.reasons import Reason
from features.kernels.time_domain import FLAGS, LEAST_DEVIATION, Array

# IEC 61000-4-30 requires an inrush threshold above 100 % of the steady current, selected by the user; this one
# and the shares of off and steady are chosen, not fitted.
OFF_SHARE = 0.1
"""Share of the steady rms below which the motor is off."""
INRUSH_SHARE = 1.1
"""Threshold of inrush over the steady rms."""
STEADY_SPAN = 0.1
"""Spread of the last periods' rms over their mean up to which the motor has settled."""
LEAST_HALVES = 20
"""Least half periods of a record with a start: the last fifth must be steady."""
LEAST_PERIOD = 8.0
"""Least samples per period for the rms of a period."""
_CONSTANT = np.uint32(Reason.CONSTANT)
_NO_START = np.uint32(Reason.NO_START)
_NOT_FOUND = np.uint32(Reason.SUPPLY_NOT_FOUND)


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def describe_samples(x: Array, window: Array, windowed: Array, variance: Array, out: Array, reasons: Array) -> None:
    """Write the features of the samples of `x` (phases, samples) and its centred, windowed copies."""
    phases, n = x.shape
    for phase in range(phases):
        total = 0.0
        for i in range(n):
            total += np.float64(x[phase, i])
        mean = total / n
        bits = x[phase].view(np.int32)
        largest = np.int32(0)
        for i in range(n):
            largest = max(largest, bits[i] & np.int32(0x7FFFFFFF))
        key = np.empty(1, np.int32)
        key[0] = largest
        second = fourth = 0.0
        for i in range(n):
            centred = np.float64(x[phase, i]) - mean
            square = centred * centred
            second += square
            fourth += square * square
            windowed[phase, i] = centred * window[i]
        second /= n
        variance[phase] = second
        out[phase, MEAN] = mean
        out[phase, RMS] = math.sqrt(second + mean * mean)
        out[phase, PEAK] = np.float64(key.view(np.float32)[0])
        if math.sqrt(second) > max(LEAST_DEVIATION, 1e-6 * abs(mean)):
            out[phase, CREST] = out[phase, PEAK] / out[phase, RMS]
            out[phase, KURTOSIS] = fourth / n / (second * second)
        else:
            reasons[phase] |= _CONSTANT


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def describe_park(x: Array, window: Array, windowed: Array, values: Array, reasons: Array, group: Array) -> None:
    """Write load, unbalance and Park vector of three phases, and the windowed ripple of its modulus."""
    n = x.shape[1]
    load = (values[0, RMS] + values[1, RMS] + values[2, RMS]) / 3.0
    group[LOAD] = load
    means = (values[0, MEAN], values[1, MEAN], values[2, MEAN])
    total = direct2 = quadrature2 = product = 0.0
    for i in range(n):
        a = np.float64(x[0, i]) - means[0]
        b = np.float64(x[1, i]) - means[1]
        c = np.float64(x[2, i]) - means[2]
        direct = math.sqrt(2.0 / 3.0) * a - (b + c) / math.sqrt(6.0)
        quadrature = (b - c) / math.sqrt(2.0)
        dd, qq = direct * direct, quadrature * quadrature
        modulus = math.sqrt(dd + qq)
        windowed[i] = modulus
        total += modulus
        direct2 += dd
        quadrature2 += qq
        product += direct * quadrature
    mean = total / n
    group[MODULUS] = mean
    for i in range(n):
        windowed[i] = (windowed[i] - mean) * window[i]
    if reasons[0] & reasons[1] & reasons[2] & _CONSTANT:
        return
    farthest = max(abs(values[0, RMS] - load), abs(values[1, RMS] - load), abs(values[2, RMS] - load))
    group[UNBALANCE] = farthest / load
    half = (direct2 + quadrature2) / (2.0 * n)
    radius = math.sqrt(((direct2 - quadrature2) / (2.0 * n)) ** 2 + (product / n) ** 2)
    if half + radius > 0.0:
        group[ELLIPSE] = math.sqrt(1.0 - max(0.0, half - radius) / (half + radius))


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _half_period_powers(x: Array, offset: float, period: float, halves: int) -> Array:
    """Return the mean square of each half period."""
    powers = np.empty(halves)
    for h in range(halves):
        first, last = round(h * period / 2.0), round((h + 1) * period / 2.0)
        total = 0.0
        for i in range(first, last):
            total += (np.float64(x[i]) - offset) ** 2
        powers[h] = total / (last - first)
    return powers


@njit(cache=True, nogil=True, error_model="numpy")
def describe_start(x: Array, period: float, sampling_rate: float, out: Array, reasons: Array) -> None:
    """Write the inrush of one phase `x` (samples,) if the motor was off, started and settled within the record."""
    if math.isnan(period):
        reasons[0] |= _NOT_FOUND
        return
    halves = math.floor(2.0 * x.shape[0] / period)
    if period < LEAST_PERIOD or halves < LEAST_HALVES:
        reasons[0] |= _NO_START
        return
    tail = 2 * (halves // 10)
    first, last = round((halves - tail) * period / 2.0), round(halves * period / 2.0)
    offset = 0.0
    for i in range(first, last):
        offset += np.float64(x[i])
    offset /= last - first
    powers = _half_period_powers(x, offset, period, halves)
    periods = np.sqrt((powers[1:] + powers[:-1]) / 2.0)
    settled = periods[halves - tail :]
    steady = settled.mean()
    off = -1
    for h in range(halves - tail):
        if periods[h] < OFF_SHARE * steady:
            off = h
    if off < 0 or steady < LEAST_DEVIATION or settled.max() - settled.min() > STEADY_SPAN * steady:
        reasons[0] |= _NO_START
        return
    onset = round((off + 1) * period / 2.0)
    while onset < x.shape[0] - 1 and abs(x[onset] - offset) < OFF_SHARE * math.sqrt(2.0) * steady:
        onset += 1
    peak = 0.0
    for i in range(x.shape[0]):
        peak = max(peak, abs(x[i] - offset))
    out[INRUSH_PEAK] = peak
    out[INRUSH_RATIO] = periods.max() / steady
    out[INRUSH_DURATION] = max(0.0, _end_of_inrush(periods, steady, period) - onset) / sampling_rate


@njit(cache=True, nogil=True, error_model="numpy")
def _end_of_inrush(periods: Array, steady: float, period: float) -> float:
    """Return the sample at which the rms of a period last falls through the threshold, 0 if never above."""
    threshold = INRUSH_SHARE * steady
    for h in range(periods.shape[0] - 2, -1, -1):
        if periods[h] > threshold:
            share = (periods[h] - threshold) / max(periods[h] - periods[h + 1], 1e-300)
            return float((h + 1 + min(1.0, max(0.0, share))) * period / 2.0)
    return 0.0
