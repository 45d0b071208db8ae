# mypy: disable-error-code=assignment
"""Loops over the spectrum's peak and the cepstrum of a block's rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from features.catalogue.reasons import Reason
from features.catalogue.vibration_columns import (
    CEPSTRUM_LEVEL,
    CEPSTRUM_QUEFRENCY,
    CEPSTRUM_SHAFT,
    SINE_AMPLITUDE,
    SINE_FREQUENCY,
)
from features.kernels.logarithm import natural_log
from features.kernels.median import NEIGHBOURS
from features.kernels.time_domain import FLAGS, SPECTRAL_FLOOR

Array = Any

FIRST_QUEFRENCY = 16
"""First searched line of the cepstrum: lower ones describe the shape of the spectrum, not families of lines."""
LEAST_TURNS = 8.0
"""Least distance in lines of resolved members of a family, and of 0.5x from 1x, under a Hann window."""
LEAST_LINE = 4.0
"""Least period of the shaft in lines of the cepstrum: it must lie above the first lines."""
SHAFT_TOLERANCE = 0.02
"""Relative search range around the shaft's period: chosen as the slip of the fixed band."""
_SHAFT = np.uint32(Reason.SHAFT_UNRESOLVED)
_NYQUIST = np.uint32(Reason.BAND_ABOVE_NYQUIST)


@njit(cache=True, nogil=True, error_model="numpy")
def between_lines(p: Array, k: int) -> float:
    """Return the position of a sine with strongest line `k` under a Hann window, from the larger neighbour."""
    side = 1 if p[k + 1] >= p[k - 1] else -1
    ratio = math.sqrt(max(p[k + side], 0.0) / max(p[k], 1e-38))
    return k + side * min(max((2.0 * ratio - 1.0) / (1.0 + ratio), 0.0), 0.5)


@njit(cache=True, nogil=True, error_model="numpy")
def interpolated_peak(power: Array, bits: Array, out: Array, step: float) -> None:
    """Write frequency and amplitude of the strongest sine, with lines `step` Hz apart."""
    last = power.shape[1] - 1
    for r in range(out.shape[0]):
        p = power[r]
        best = strongest_line(bits[r], 1, last)
        if p[best] <= 0.0:
            continue
        position = between_lines(p, best)
        offset = abs(position - best)
        fall = math.sin(math.pi * offset) / (math.pi * offset) / (1.0 - offset * offset) if offset > 1e-6 else 1.0
        out[r, SINE_FREQUENCY] = position * step
        out[r, SINE_AMPLITUDE] = math.sqrt(3.0 * p[best]) / fall


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def log_lines(power: Array, logs: Array, share: Array, share_bits: Array, rows: int) -> None:
    """Write the centred logarithm of lines 1 to last over their mean, limited below to 1e-9 of it.

    `share` is scratch and `share_bits` its bit patterns.
    """
    last = power.shape[1] - 1
    for r in range(rows):
        p = power[r]
        q = logs[r, :last]
        w = share[r, :last]
        pattern = share_bits[r]
        total = 0.0
        for start in range(1, last + 1, 1024):
            a0 = np.float32(0)
            part = p[start : start + 1024]
            for k in range(part.shape[0]):
                a0 += part[k]
            total += a0
        inverse = np.float32(last / total) if total > 0.0 else np.float32(0)
        floor = np.float32(SPECTRAL_FLOOR)
        part = p[1:]
        for k in range(part.shape[0]):
            v = part[k] * inverse
            w[k] = v if v > floor else floor
        total = 0.0
        for start in range(0, last, 1024):
            stop = min(start + 1024, last)
            a0 = np.float32(0)
            part = pattern[start:stop]
            target = q[start:stop]
            for k in range(part.shape[0]):
                s = natural_log(part[k])
                target[k] = s
                a0 += s
            total += a0
        mean = np.float32(total / last)
        for k in range(q.shape[0]):
            q[k] -= mean


@njit(cache=True, nogil=True, error_model="numpy")
def describe_cepstrum(
    cepstrum: Array, bits: Array, out: Array, reasons: Array, speed: Array, lines: int, seconds: float
) -> None:
    """Write the strongest quefrency, its level, and the level at the shaft's period; a line is seconds / lines."""
    scratch = np.empty(2 * NEIGHBOURS + 1, np.float32)
    last = lines // 2
    highest_line = lines // 4
    for r in range(out.shape[0]):
        p = cepstrum[r]
        best = strongest_line(bits[r], FIRST_QUEFRENCY, highest_line)
        out[r, CEPSTRUM_LEVEL] = _prominence(p, best, last, scratch)
        out[r, CEPSTRUM_QUEFRENCY] = between_lines(p, best) * seconds / lines
        if math.isnan(speed[r]):
            continue
        turn = lines / (speed[r] * seconds)
        width = max(1.0, SHAFT_TOLERANCE * turn)
        if speed[r] * seconds < LEAST_TURNS:
            reasons[r] |= _SHAFT
        elif turn < LEAST_LINE:
            reasons[r] |= _NYQUIST
        else:
            best = math.ceil(turn - width)
            for k in range(best, math.floor(turn + width) + 1):
                if p[k] > p[best]:
                    best = k
            out[r, CEPSTRUM_SHAFT] = _prominence(p, best, last, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def strongest_line(bits: Array, first: int, stop: int) -> int:
    """Return the first line of the largest power in `first` to `stop` - 1, by bit patterns."""
    part = bits[first:stop]
    highest = np.int32(0)
    for k in range(part.shape[0]):
        highest = part[k] if part[k] > highest else highest
    for k in range(part.shape[0]):
        if part[k] == highest:
            return first + k
    return first


@njit(cache=True, nogil=True, error_model="numpy")
def _prominence(p: Array, k: int, last: int, scratch: Array) -> float:
    low = max(2, k - NEIGHBOURS)
    high = min(last - 1, k + NEIGHBOURS)
    for i in range(low, high + 1):
        scratch[i - low] = p[i]
    floor = np.median(scratch[: high - low + 1])
    return 10.0 * math.log10(max(p[k], 1e-30) / max(floor, 1e-30))
