# mypy: disable-error-code=assignment
"""Loops over the spectrum's peak and the cepstrum of a block's rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from features._kernels import FLAGS, LOG, SPECTRAL_FLOOR
from features._median_kernels import LANES, NEIGHBOURS, local_medians
from features.reasons import Reason

Array = Any

FIRST_QUEFRENCY = 16
"""First line of the cepstrum searched: below lies the shape of the spectrum, not its families of lines."""
LEAST_TURNS = 8.0
"""Lines between the members of a family that part them, and 0.5x from 1x, under a Hann window."""
SHAFT_TOLERANCE = 0.02
_SHAFT = np.uint32(Reason.SHAFT_UNRESOLVED)
_NYQUIST = np.uint32(Reason.BAND_ABOVE_NYQUIST)
_MANTISSA = np.int32(0x007FFFFF)


@njit(cache=True, nogil=True, error_model="numpy")
def between_lines(p: Array, k: int) -> float:
    """Return where a sine lies whose strongest line under a Hann window is `k`, from the larger neighbour."""
    side = 1 if p[k + 1] >= p[k - 1] else -1
    ratio = math.sqrt(max(p[k + side], 0.0) / max(p[k], 1e-38))
    return k + side * min(max((2.0 * ratio - 1.0) / (1.0 + ratio), 0.0), 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def interpolated_peak(power: Array, bits: Array, out: Array, step: float) -> None:
    """Write frequency and amplitude of the strongest sine, with lines `step` Hz apart."""
    last = power.shape[1] - 1
    for r in range(out.shape[0]):
        p = power[r]
        b = bits[r]
        highest = np.int32(0)
        for k in range(1, last):
            highest = b[k] if b[k] > highest else highest
        if highest == 0:
            continue
        best = 1
        while b[best] != highest:
            best += 1
        position = between_lines(p, best)
        offset = abs(position - best)
        fall = math.sin(math.pi * offset) / (math.pi * offset) / (1.0 - offset * offset) if offset > 1e-6 else 1.0
        out[r, 5] = position * step
        out[r, 6] = math.sqrt(3.0 * p[best]) / fall


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def log_lines(power: Array, logs: Array, log_bits: Array, rows: int) -> None:
    """Write the logarithm of lines 1 to last over their mean, none under 1e-9 of it, less its own mean."""
    last = power.shape[1] - 1
    for r in range(rows):
        p = power[r]
        q = logs[r]
        pattern = log_bits[r]
        total = 0.0
        for start in range(0, last, 1024):
            a0 = np.float32(0)
            for k in range(start, min(start + 1024, last)):
                a0 += p[k + 1]
            total += a0
        inverse = np.float32(last / total) if total > 0.0 else np.float32(0)
        floor = np.float32(SPECTRAL_FLOOR)
        for k in range(last):
            v = p[k + 1] * inverse
            q[k] = v if v > floor else floor
        total = 0.0
        for start in range(0, last, 1024):
            a0 = np.float32(0)
            for k in range(start, min(start + 1024, last)):
                b = pattern[k]
                f = np.float32(np.int32(b & _MANTISSA)) * np.float32(2.0**-23) - np.float32(0.5)
                s = np.float32(LOG[9])
                s = s * f + np.float32(LOG[8])
                s = s * f + np.float32(LOG[7])
                s = s * f + np.float32(LOG[6])
                s = s * f + np.float32(LOG[5])
                s = s * f + np.float32(LOG[4])
                s = s * f + np.float32(LOG[3])
                s = s * f + np.float32(LOG[2])
                s = s * f + np.float32(LOG[1])
                s = s * f + np.float32(LOG[0])
                s += (np.float32(np.int32(b >> 23)) - np.float32(127)) * np.float32(0.6931471805599453)
                q[k] = s
                a0 += s
            total += a0
        mean = np.float32(total / last)
        for k in range(last):
            q[k] -= mean


@njit(cache=True, nogil=True, error_model="numpy")
def describe_cepstrum(
    cepstrum: Array, bits: Array, out: Array, reasons: Array, speed: Array, lines: int, seconds: float
) -> None:
    """Write the strongest quefrency, its level, and the level at the shaft's period; a line is seconds / lines."""
    windows = np.empty((2 * NEIGHBOURS + 1, LANES), np.int32)
    centres = np.zeros(2, np.int64)
    floors = np.empty(2)
    last = lines // 2
    highest_line = lines // 4
    for r in range(out.shape[0]):
        p = cepstrum[r]
        best = FIRST_QUEFRENCY
        for k in range(FIRST_QUEFRENCY, highest_line):
            if p[k] > p[best]:
                best = k
        centres[0] = centres[1] = best
        known = False
        if not math.isnan(speed[r]):
            turn = lines / (speed[r] * seconds)
            width = max(1.0, SHAFT_TOLERANCE * turn)
            known = speed[r] * seconds >= LEAST_TURNS and turn >= 4.0
            if not known:
                reasons[r] |= _SHAFT if speed[r] * seconds < LEAST_TURNS else _NYQUIST
            else:
                place = math.ceil(turn - width)
                for k in range(place, math.floor(turn + width) + 1):
                    if p[k] > p[place]:
                        place = k
                centres[1] = place
        local_medians(bits[r], centres, 2, last, windows, floors)
        out[r, 7] = 10.0 * math.log10(max(p[best], 1e-30) / max(floors[0], 1e-30))
        out[r, 8] = between_lines(p, best) * seconds / lines
        if known:
            out[r, 9] = 10.0 * math.log10(max(p[centres[1]], 1e-30) / max(floors[1], 1e-30))
