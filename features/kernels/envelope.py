# mypy: disable-error-code=assignment
"""Loops over the envelope of a block's rows: its moments and the bearing lines of its spectrum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from features.catalogue.reasons import Reason
from features.catalogue.vibration_columns import ENVELOPE_KURTOSIS, ENVELOPE_LINES, ENVELOPE_RMS, KURTOSIS
from features.kernels.spectrum import hann_row
from features.kernels.time_domain import FLAGS, STRETCH, Array

SLIP = 0.02
"""Relative deviation of a bearing line from the kinematic frequency."""
LEAST_LINE = 3.0
"""Least distance in lines of a component from zero, for a Hann window to separate it from the mean."""
_UNRESOLVED = np.uint32(Reason.BEARING_UNRESOLVED)
_NO_SPEED = np.uint32(Reason.NO_SPEED)
_NO_GEOMETRY = np.uint32(Reason.NO_GEOMETRY)
_CONSTANT = np.uint32(Reason.CONSTANT)


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def square_envelope(analytic: Array, squared: Array, out: Array, n: int, scale: float) -> None:
    """Write scale |z|^2 of `n` samples, less its mean, to `squared`, and the envelope's rms and kurtosis.

    Rows 2r and 2r + 1 of `analytic` are the real and the imaginary part of record r's band signal.
    """
    factor = np.float32(scale)
    for r in range(out.shape[0]):
        e = squared[r, :n]
        m1 = m2 = 0.0
        for start in range(0, n, STRETCH):
            a0 = a1 = np.float32(0)
            real = analytic[2 * r, start : min(start + STRETCH, n)]
            imaginary = analytic[2 * r + 1, start : min(start + STRETCH, n)]
            target = e[start : start + STRETCH]
            for i in range(target.shape[0]):
                v = factor * (real[i] * real[i] + imaginary[i] * imaginary[i])
                target[i] = v
                a0 += v
                a1 += v * v
            m1 += a0
            m2 += a1
        m1 /= n
        m2 /= n
        out[r, ENVELOPE_RMS] = math.sqrt(m1)
        if math.isnan(out[r, KURTOSIS]) or m1 <= 0.0:
            out[r, ENVELOPE_KURTOSIS] = np.nan
        else:
            out[r, ENVELOPE_KURTOSIS] = m2 / (m1 * m1)
        mean = np.float32(m1)
        for i in range(n):
            e[i] -= mean


@njit(cache=True, nogil=True, error_model="numpy")
def strongest_near(p: Array, centre: float, tolerance: float) -> int:
    """Return the strongest line within max(1, tolerance x centre) lines of `centre`, which lies inside."""
    width = max(1.0, tolerance * centre)
    best = math.ceil(centre - width)
    for k in range(best, math.floor(centre + width) + 1):
        if p[k] > p[best]:
            best = k
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def is_inside(centre: float, tolerance: float, last: int) -> bool:
    """Return whether all lines within max(1, tolerance x centre) lines of `centre` are inside the spectrum."""
    width = max(1.0, tolerance * centre)
    return centre >= LEAST_LINE and centre + width + 1.0 < last


@njit(cache=True, nogil=True, error_model="numpy")
def component(p: Array, k: int) -> float:
    """Return the mean square of a sine from its three lines under a Hann window."""
    return float(p[k - 1]) + float(p[k]) + float(p[k + 1])


@njit(cache=True, nogil=True, error_model="numpy")
def bearing_lines(
    spectrum: Array, power: Array, out: Array, reasons: Array, speed: Array, orders: Array, n: int, seconds: float
) -> None:
    """Write the power of each line of the squared envelope, and its mean square at bearing frequencies.

    `spectrum` is that of its `n` samples, without window, alternating real and imaginary parts.
    """
    last = power.shape[1] - 1
    for r in range(speed.shape[0]):
        hann_row(spectrum[r], power[r], n)
        reasons[r] |= _what_is_unknown(out[r], speed[r], orders[r])
        if math.isnan(speed[r]) or math.isnan(out[r, ENVELOPE_KURTOSIS]):
            continue
        for fault in range(4):
            line = orders[r, fault] * speed[r] * seconds * (2.0 if fault == 2 else 1.0)
            if math.isnan(line):
                continue
            for harmonic in range(1, 4):
                if is_inside(harmonic * line, SLIP, last):
                    best = strongest_near(power[r], harmonic * line, SLIP)
                    out[r, ENVELOPE_LINES + 3 * fault + (harmonic - 1)] = component(power[r], best)
                else:
                    reasons[r] |= _UNRESOLVED


@njit(cache=True, nogil=True, error_model="numpy")
def _what_is_unknown(out: Array, speed: float, orders: Array) -> Any:
    reasons = np.uint32(0)
    if math.isnan(out[KURTOSIS]):
        reasons |= _CONSTANT
    if math.isnan(speed):
        reasons |= _NO_SPEED
    if np.isnan(orders).any():
        reasons |= _NO_GEOMETRY
    return reasons
