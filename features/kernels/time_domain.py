# mypy: disable-error-code=assignment
"""Loops over rows of a block in the time domain. As all kernels they have a NumPy oracle in the tests.

Single-precision partial sums over short segments are accumulated in double precision; extremes are computed on the bit
patterns, because a float minimum in a loop prevents vectorisation. The fast-math flags keep NaN and infinity
meaningful.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from features.catalogue.vibration_columns import (
    CLEARANCE,
    COMPLEXITY,
    CREST,
    CROSSINGS,
    DEVIATION,
    DIFFERENCE,
    ENERGY,
    IMPULSE,
    KURTOSIS,
    MAXIMUM,
    MEAN,
    MEAN_ABSOLUTE,
    MINIMUM,
    MOBILITY,
    PEAK,
    PEAK_TO_PEAK,
    RMS,
    SHAPE,
    SKEWNESS,
    SLOPE_CHANGES,
    VARIANCE,
)

Array = Any

FLAGS = {"reassoc", "contract", "nsz", "arcp"}
"""LLVM's fast-math flags that keep NaN and infinity."""
STRETCH = 1024
"""Samples per partial sum in single precision."""
LEAST_DEVIATION = 1e-9
"""Standard deviation [SI] up to which a signal is constant; also 1e-6 of its mean."""
SPECTRAL_FLOOR = 1e-9
"""Lower limit of lines under a logarithm, as a share of the mean line."""
_SIGN_FREE = np.int32(0x7FFFFFFF)  # IEEE 754, as the next
_INFINITY_KEY = np.int32(0x7F800000)
"""Bit patterns of IEEE 754: all but the sign, and infinity."""


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def centre_and_describe(x: Array, centred: Array, out: Array, sampling_rate: float) -> int:
    """Write the time-domain features to their columns of `out` and x - mean to the first samples of `centred`.

    Return the first row with a sample that is not finite, -1 if there is none.
    """
    rows, n = x.shape
    bits = x.view(np.int32)
    key_of = np.empty(2, np.int32)
    extremes = key_of.view(np.float32)
    step = np.empty(STRETCH + 1, np.float32)
    for r in range(rows):
        high = np.int32(-0x7FFFFFFF)
        low = np.int32(0x7FFFFFFF)
        for i in range(n):
            b = bits[r, i]
            key = np.int32(b ^ ((b >> 31) & _SIGN_FREE))
            if key > high:
                high = key
            if key < low:
                low = key
        if high >= _INFINITY_KEY or low <= np.int32(-0x7F800000 - 1):
            return r
        key_of[0] = high if high >= 0 else high ^ _SIGN_FREE
        key_of[1] = low if low >= 0 else low ^ _SIGN_FREE
        _describe_row(
            x[r], bits[r], centred[r, :n], step, out[r], float(extremes[0]), float(extremes[1]), sampling_rate
        )
    return -1


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _describe_row(
    x: Array, bits: Array, y: Array, step: Array, out: Array, maximum: float, minimum: float, fs: float
) -> None:
    n = x.shape[0]
    total = magnitude = root = square = 0.0
    for start in range(0, n, STRETCH):
        a0 = a1 = a2 = a3 = np.float32(0)
        part = x[start : start + STRETCH]
        for i in range(part.shape[0]):
            v = part[i]
            a0 += v
            a1 += abs(v)
            a2 += np.sqrt(abs(v))
            a3 += v * v
        total += a0
        magnitude += a1
        root += a2
        square += a3
    centre = np.float32(total / n)
    m1 = m2 = m3 = m4 = 0.0
    for start in range(0, n, STRETCH):
        a0 = a1 = a2 = a3 = np.float32(0)
        part = x[start : start + STRETCH]
        target = y[start : start + STRETCH]
        for i in range(part.shape[0]):
            v = part[i] - centre
            target[i] = v
            w = v * v
            a0 += v
            a1 += w
            a2 += w * v
            a3 += w * w
        m1 += a0
        m2 += a1
        m3 += a2
        m4 += a3
    m1 /= n
    m2 /= n
    m3 /= n
    m4 /= n
    variance = max(m2 - m1 * m1, 0.0)
    third = m3 - 3 * m1 * m2 + 2 * m1**3
    fourth = m4 - 4 * m1 * m3 + 6 * m1 * m1 * m2 - 3 * m1**4
    d1, d2, e2, crossings, turns = _differences(bits, y, step, step.view(np.int32))
    last = float(y[n - 1]) - float(y[n - 2])
    d1 += abs(last)
    d2 += last * last
    crossings += 1.0 if (x[n - 2] < 0) != (x[n - 1] < 0) else 0.0
    mean_d = (float(y[n - 1]) - float(y[0])) / (n - 1)
    mean_e = (last - (float(y[1]) - float(y[0]))) / (n - 2)
    variance_d = d2 / (n - 1) - mean_d * mean_d
    variance_e = e2 / (n - 2) - mean_e * mean_e
    mean = total / n
    rms = math.sqrt(square / n)
    deviation = math.sqrt(variance)
    peak = max(abs(maximum), abs(minimum))
    out[MEAN] = mean
    out[RMS] = rms
    out[DEVIATION] = deviation
    out[VARIANCE] = variance
    out[MAXIMUM] = maximum
    out[MINIMUM] = minimum
    out[PEAK_TO_PEAK] = maximum - minimum
    out[PEAK] = peak
    out[MEAN_ABSOLUTE] = magnitude / n
    out[CROSSINGS] = crossings / (n - 1)
    out[ENERGY] = square / fs
    out[DIFFERENCE] = d1 / (n - 1)
    out[SLOPE_CHANGES] = turns / (n - 2)
    if deviation > max(LEAST_DEVIATION, 1e-6 * abs(mean)):
        out[SKEWNESS] = third / (variance * deviation)
        out[KURTOSIS] = fourth / (variance * variance)
        out[CREST] = peak / rms
        out[SHAPE] = rms / (magnitude / n)
        out[IMPULSE] = peak / (magnitude / n)
        out[CLEARANCE] = peak / (root / n) ** 2
        out[MOBILITY] = math.sqrt(variance_d / variance)
        out[COMPLEXITY] = math.sqrt(variance_e / variance_d) / out[MOBILITY]


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _differences(bits: Array, y: Array, step: Array, step_bits: Array) -> tuple[float, float, float, int, int]:
    """Return sums of |d|, d^2 and e^2, and the changes of sign of x and of d, without the last sample.

    d and e are the first and second differences of `y`; `bits` are those of x, whose sign bit is set in k & ~-k except
    for a negative zero. Separate loops for each sum are the fastest.
    """
    n = y.shape[0]
    d1 = d2 = e2 = 0.0
    crossings = turns = 0
    for start in range(0, n - 2, STRETCH):
        a0 = a1 = a2 = np.float32(0)
        a3 = a4 = np.int32(0)
        count = min(STRETCH, n - 2 - start)
        part = bits[start : start + count + 1]
        target = y[start : start + count + 2]
        for i in range(count):
            d = target[i + 1] - target[i]
            step[i] = d
            a0 += abs(d)
            a1 += d * d
        step[count] = target[count + 1] - target[count]
        for i in range(count):
            e = step[i + 1] - step[i]
            a2 += e * e
        for i in range(count):
            k = np.int32(part[i] & ~np.int32(-part[i]))
            following = np.int32(part[i + 1] & ~np.int32(-part[i + 1]))
            a3 = np.int32(a3 + np.int32(np.int32(k ^ following) >> np.int32(31)))
        for i in range(count):
            a4 = np.int32(a4 + np.int32(np.int32(step_bits[i] ^ step_bits[i + 1]) >> np.int32(31)))
        d1 += a0
        d2 += a1
        e2 += a2
        crossings -= a3
        turns -= a4
    return d1, d2, e2, crossings, turns
