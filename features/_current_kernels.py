"""Loops over the lines of one phase's current spectrum (Blackman-Harris window)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features._kernels import Array
from features.reasons import Reason

LOBE = 3
"""Lines either side of a component that hold all but 1e-4 of its power under a Blackman-Harris window."""
LEAST_DISTANCE = 8.0
"""Lines between two components that part them: two main lobes of four lines either side."""
LARGEST_HARMONIC = 40
SUPPLY_SHARE = 0.1
"""Share of the alternating power that the fundamental holds at least, or there is no supply."""
_SHORT = np.uint32(Reason.RECORD_TOO_SHORT)
_NYQUIST = np.uint32(Reason.BAND_ABOVE_NYQUIST)
_NOT_FOUND = np.uint32(Reason.SUPPLY_NOT_FOUND)
_SLIP_UNRESOLVED = np.uint32(Reason.SLIP_UNRESOLVED)
_SHAFT_UNRESOLVED = np.uint32(Reason.SHAFT_UNRESOLVED)
_BEARING_UNRESOLVED = np.uint32(Reason.BEARING_UNRESOLVED)


@njit(cache=True, nogil=True, error_model="numpy")
def _strongest(p: Array, low: float, high: float) -> int:
    best = max(LOBE, math.ceil(low))
    for k in range(best, min(math.floor(high), p.shape[0] - 1 - LOBE) + 1):
        if p[k] > p[best]:
            best = k
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def _amplitude(p: Array, k: int) -> float:
    total = 0.0
    for i in range(max(0, k - LOBE), min(p.shape[0] - 1, k + LOBE) + 1):
        total += p[i]
    return math.sqrt(2.0 * total)


@njit(cache=True, nogil=True, error_model="numpy")
def _between(p: Array, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last + 1):
        total += p[k]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _level(p: Array, line: float, fundamental: float) -> float:
    """Return the strongest component within two lines of `line` over the fundamental [dB]."""
    amplitude = _amplitude(p, _strongest(p, line - 2.0, line + 2.0))
    return 20.0 * math.log10(max(amplitude / fundamental, 1e-12))


@njit(cache=True, nogil=True, error_model="numpy")
def _is_free(line: float, supply: float, last: int) -> bool:
    """Tell whether a line is inside the spectrum and apart from zero and from every harmonic."""
    if line < LEAST_DISTANCE or line > last - LEAST_DISTANCE:
        return False
    return abs(line - round(line / supply) * supply) >= LEAST_DISTANCE or round(line / supply) == 0


@njit(cache=True, nogil=True, error_model="numpy")
def describe_phase(
    p: Array,
    variance: float,
    out: Array,
    reasons: Array,
    nominal: float,
    speed: float,
    pole_pairs: float,
    orders: Array,
    seconds: float,
) -> None:
    """Write everything about one phase that its power spectrum `p` (lines,) tells; NaN stays where refused."""
    last = p.shape[0] - 1
    if math.isnan(out[4]) or math.isnan(nominal):
        reasons[0] |= _NOT_FOUND
        return
    if nominal * seconds < LEAST_DISTANCE or 1.1 * nominal * seconds + LOBE + 1 > last:
        reasons[0] |= _SHORT if nominal * seconds < LEAST_DISTANCE else _NOT_FOUND
        return
    k = _strongest(p, 0.9 * nominal * seconds, 1.1 * nominal * seconds)
    fundamental = _amplitude(p, k)
    if fundamental**2 / 2.0 < SUPPLY_SHARE * variance or p[k] < max(p[k - 1], p[k + 1]):
        reasons[0] |= _NOT_FOUND
        return
    left, centre, right = math.log(p[k - 1]), math.log(p[k]), math.log(p[k + 1])
    supply = k + 0.5 * (left - right) / (left - 2.0 * centre + right)
    out[5] = supply / seconds
    out[6] = fundamental
    _harmonics(p, out, reasons, supply, fundamental)
    if math.isnan(speed):
        return
    shaft = speed * seconds
    if not math.isnan(pole_pairs):
        _slip_sidebands(p, out, reasons, supply, fundamental, shaft, pole_pairs)
    lower, upper = abs(supply - shaft), supply + shaft
    if shaft < LEAST_DISTANCE:
        reasons[0] |= _SHAFT_UNRESOLVED
    else:
        if _is_free(lower, supply, last):
            out[17] = _level(p, lower, fundamental)
        else:
            reasons[0] |= _SHAFT_UNRESOLVED
        if _is_free(upper, supply, last):
            out[18] = _level(p, upper, fundamental)
        else:
            reasons[0] |= _SHAFT_UNRESOLVED
    for fault in range(4):
        line = orders[fault] * shaft * (2.0 if fault == 2 else 1.0)
        if math.isnan(line):
            continue
        highest = -np.inf
        for m in range(1, 3):
            for sideband in (abs(supply - m * line), supply + m * line):
                if _is_free(sideband, supply, last):
                    highest = max(highest, _level(p, sideband, fundamental))
        if highest > -np.inf:
            out[19 + fault] = highest
        else:
            reasons[0] |= _BEARING_UNRESOLVED


@njit(cache=True, nogil=True, error_model="numpy")
def _harmonics(p: Array, out: Array, reasons: Array, supply: float, fundamental: float) -> None:
    last = p.shape[0] - 1
    distortion = 0.0
    weighted = total = fundamental**2
    residual = _between(p, LOBE + 1, last) - _between(p, round(supply) - LOBE - 1, round(supply) + LOBE + 1)
    for h in range(2, LARGEST_HARMONIC + 1):
        line = h * supply
        if line + 2 + LOBE > last:
            if h <= 7:
                reasons[0] |= _NYQUIST
            break
        amplitude = _amplitude(p, _strongest(p, line - 1.0, line + 1.0))
        distortion += amplitude**2
        weighted += (h * amplitude) ** 2
        total += amplitude**2
        residual -= _between(p, round(line) - LOBE - 1, round(line) + LOBE + 1)
        if h in (3, 5, 7):
            out[9 + (h - 3) // 2] = amplitude / fundamental
    out[7] = math.sqrt(distortion) / fundamental
    out[8] = weighted / total
    out[12] = math.sqrt(max(0.0, residual))


@njit(cache=True, nogil=True, error_model="numpy")
def _slip_sidebands(
    p: Array, out: Array, reasons: Array, supply: float, fundamental: float, shaft: float, pole_pairs: float
) -> None:
    slip = 1.0 - shaft * pole_pairs / supply
    if not 0.0 < slip < 1.0:
        reasons[0] |= _SLIP_UNRESOLVED
        return
    out[13] = slip
    distance = 2.0 * slip * supply
    if distance < LEAST_DISTANCE or distance > supply - LEAST_DISTANCE:
        reasons[0] |= _SLIP_UNRESOLVED
        return
    out[14] = _level(p, supply - distance, fundamental)
    out[15] = _level(p, supply + distance, fundamental)
    out[16] = max(out[14], out[15])
