"""Loops over the lines of one phase's current spectrum (Blackman-Harris window)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.current_columns import (
    BAR_INDEX,
    BAR_LOWER,
    BAR_UPPER,
    BEARING,
    DISTORTION,
    ECCENTRICITY_LOWER,
    ECCENTRICITY_UPPER,
    FUNDAMENTAL,
    K_FACTOR,
    KURTOSIS,
    RESIDUAL,
    SLIP,
    SUPPLY,
    THIRD_HARMONIC,
)
from features.catalogue.reasons import Reason
from features.kernels.time_domain import FLAGS, Array

LOBE = 3
"""Lines either side of a component with all but 1e-4 of its power under a Blackman-Harris window."""
LEAST_DISTANCE = 8.0
"""Lines between two resolved components: two main lobes of four lines either side."""
LARGEST_HARMONIC = 40
"""Highest harmonic, as in IEC 61000-4-7 and IEC 61000-3-2."""
SUPPLY_SHARE = 0.1
"""Least share of the fundamental in the alternating power; below it there is no supply."""
_SHORT = np.uint32(Reason.RECORD_TOO_SHORT)
_NYQUIST = np.uint32(Reason.BAND_ABOVE_NYQUIST)
_NOT_FOUND = np.uint32(Reason.SUPPLY_NOT_FOUND)
_SLIP_UNRESOLVED = np.uint32(Reason.SLIP_UNRESOLVED)
_SHAFT_UNRESOLVED = np.uint32(Reason.SHAFT_UNRESOLVED)
_BEARING_UNRESOLVED = np.uint32(Reason.BEARING_UNRESOLVED)


@njit(cache=True, nogil=True, error_model="numpy")
def strongest(p: Array, low: float, high: float) -> int:
    """Return the largest line from `low` to `high`."""
    best = max(LOBE, math.ceil(low))
    for k in range(best, min(math.floor(high), p.shape[0] - 1 - LOBE) + 1):
        if p[k] > p[best]:
            best = k
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def amplitude_at(p: Array, k: int) -> float:
    """Return the amplitude of the component whose largest line is `k`."""
    total = 0.0
    for i in range(max(0, k - LOBE), min(p.shape[0] - 1, k + LOBE) + 1):
        total += p[i]
    return math.sqrt(2.0 * total)


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _between(p: Array, first: int, last: int) -> float:
    total = 0.0
    for k in range(first, last + 1):
        total += p[k]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def level(p: Array, line: float, fundamental: float, tolerance: float = 2.0) -> float:
    """Return the strongest component within `tolerance` lines of `line` over the fundamental [dB]."""
    amplitude = amplitude_at(p, strongest(p, line - tolerance, line + tolerance))
    return 20.0 * math.log10(max(amplitude / fundamental, 1e-12))


@njit(cache=True, nogil=True, error_model="numpy")
def is_free(line: float, supply: float, last: int, distance: float = LEAST_DISTANCE) -> bool:
    """Return whether a line is inside the spectrum and apart from zero and from every harmonic."""
    if line < distance or line > last - distance:
        return False
    return abs(line - round(line / supply) * supply) >= distance or round(line / supply) == 0


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def write_power(spectrum: Array, scale: float, power: Array) -> None:
    """Write the mean square of each line of `spectrum` (rows, lines); `scale` is 2 / (samples sum window^2)."""
    for row in range(spectrum.shape[0]):
        for k in range(spectrum.shape[1]):
            line = spectrum[row, k]
            power[row, k] = scale * (line.real * line.real + line.imag * line.imag)
        power[row, 0] /= 2.0


@njit(cache=True, nogil=True, error_model="numpy")
def find_supply(p: Array, variance: float, nominal: float, seconds: float, out: Array, reasons: Array) -> float:
    """Write frequency and amplitude of the fundamental; return its position [lines], NaN if there is none."""
    last = p.shape[0] - 1
    if math.isnan(out[KURTOSIS]) or math.isnan(nominal):
        reasons[0] |= _NOT_FOUND
        return math.nan
    if nominal * seconds < LEAST_DISTANCE or 1.1 * nominal * seconds + LOBE + 1 > last:
        reasons[0] |= _SHORT if nominal * seconds < LEAST_DISTANCE else _NOT_FOUND
        return math.nan
    k = strongest(p, 0.9 * nominal * seconds, 1.1 * nominal * seconds)
    fundamental = amplitude_at(p, k)
    if fundamental**2 / 2.0 < SUPPLY_SHARE * variance or p[k] < max(p[k - 1], p[k + 1]):
        reasons[0] |= _NOT_FOUND
        return math.nan
    supply = peak_place(p, k)
    out[SUPPLY] = supply / seconds
    out[FUNDAMENTAL] = fundamental
    return float(supply)


@njit(cache=True, nogil=True, error_model="numpy")
def peak_place(p: Array, k: int) -> float:
    """Return the position of the maximum of the parabola through the logarithms around line `k`."""
    left, centre, right = math.log(max(p[k - 1], 1e-300)), math.log(p[k]), math.log(max(p[k + 1], 1e-300))
    curvature = left - 2.0 * centre + right
    return k + 0.5 * (left - right) / curvature if curvature < 0.0 else float(k)


@njit(cache=True, nogil=True, error_model="numpy")
def describe_lines(
    p: Array, supply: float, out: Array, reasons: Array, speed: float, pole_pairs: float, orders: Array, seconds: float
) -> None:
    """Write the features of lines at harmonics, slip, shaft and bearing; refused ones stay NaN."""
    fundamental = out[FUNDAMENTAL]
    _harmonics(p, out, reasons, supply, fundamental)
    if math.isnan(speed):
        return
    shaft = speed * seconds
    if not math.isnan(pole_pairs):
        _slip_sidebands(p, out, reasons, supply, fundamental, shaft, pole_pairs)
    _shaft_sidebands(p, out, reasons, supply, fundamental, shaft)
    _bearing_sidebands(p, out, reasons, supply, fundamental, orders * shaft)


@njit(cache=True, nogil=True, error_model="numpy")
def _shaft_sidebands(p: Array, out: Array, reasons: Array, supply: float, fundamental: float, shaft: float) -> None:
    last = p.shape[0] - 1
    for column, line in ((ECCENTRICITY_LOWER, abs(supply - shaft)), (ECCENTRICITY_UPPER, supply + shaft)):
        if shaft >= LEAST_DISTANCE and is_free(line, supply, last):
            out[column] = level(p, line, fundamental)
        else:
            reasons[0] |= _SHAFT_UNRESOLVED


@njit(cache=True, nogil=True, error_model="numpy")
def _bearing_sidebands(p: Array, out: Array, reasons: Array, supply: float, fundamental: float, lines: Array) -> None:
    last = p.shape[0] - 1
    for fault in range(4):
        line = lines[fault] * (2.0 if fault == 2 else 1.0)
        if math.isnan(line):
            continue
        highest = -np.inf
        for m in range(1, 3):
            for sideband in (abs(supply - m * line), supply + m * line):
                if is_free(sideband, supply, last):
                    highest = max(highest, level(p, sideband, fundamental))
        if highest > -np.inf:
            out[BEARING + fault] = highest
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
        amplitude = amplitude_at(p, strongest(p, line - 1.0, line + 1.0))
        distortion += amplitude**2
        weighted += (h * amplitude) ** 2
        total += amplitude**2
        residual -= _between(p, round(line) - LOBE - 1, round(line) + LOBE + 1)
        if h in (3, 5, 7):
            out[THIRD_HARMONIC + (h - 3) // 2] = amplitude / fundamental
    out[DISTORTION] = math.sqrt(distortion) / fundamental
    out[K_FACTOR] = weighted / total
    out[RESIDUAL] = math.sqrt(max(0.0, residual))


@njit(cache=True, nogil=True, error_model="numpy")
def _slip_sidebands(
    p: Array, out: Array, reasons: Array, supply: float, fundamental: float, shaft: float, pole_pairs: float
) -> None:
    slip = 1.0 - shaft * pole_pairs / supply
    if not 0.0 < slip < 1.0:
        reasons[0] |= _SLIP_UNRESOLVED
        return
    out[SLIP] = slip
    distance = 2.0 * slip * supply
    if distance < LEAST_DISTANCE or distance > supply - LEAST_DISTANCE:
        reasons[0] |= _SLIP_UNRESOLVED
        return
    out[BAR_LOWER] = level(p, supply - distance, fundamental)
    out[BAR_UPPER] = level(p, supply + distance, fundamental)
    out[BAR_INDEX] = max(out[BAR_LOWER], out[BAR_UPPER])
