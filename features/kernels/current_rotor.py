"""Lines of rotor, slots and windings in one phase's current spectrum, and their prominence over the floor."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.current_columns import (
    BAR_COUNT,
    BAR_INDEX,
    BAR_LOWER,
    BAR_PROMINENCE,
    BAR_UPPER,
    ECCENTRICITY_LOWER,
    ECCENTRICITY_PROMINENCE,
    ECCENTRICITY_UPPER,
    FUNDAMENTAL,
    NOISE_FLOOR,
    SECOND_LOWER,
    SECOND_UPPER,
    SLIP,
    SLOT_ECCENTRICITY,
    SLOT_HARMONIC,
    STATOR_TURNS,
)
from features.catalogue.reasons import Reason
from features.kernels.current import LEAST_DISTANCE, LOBE, is_free, level, strongest
from features.kernels.time_domain import Array

LEAST_PERIODS = 32.0
"""Least periods of the supply for the noise floor around it, and for its drift from a quarter band."""
SPEED_TOLERANCE = 2e-4
"""Relative error of a measured speed, which extends the search range of lines of high order."""
_SHORT = np.uint32(Reason.RECORD_TOO_SHORT)
_NYQUIST = np.uint32(Reason.BAND_ABOVE_NYQUIST)
_SHAFT_UNRESOLVED = np.uint32(Reason.SHAFT_UNRESOLVED)
_NEAREST, _FARTHEST = LOBE + 1, 12
"""Distance in lines from a component to the begin and the end of its surroundings."""


@njit(cache=True, nogil=True, error_model="numpy")
def noise_floor(p: Array, supply: float, out: Array, reasons: Array) -> None:
    """Write the level of noise near the supply; the median line of noise is ln 2 of the mean."""
    if supply < LEAST_PERIODS:
        reasons[0] |= _SHORT
        return
    last = p.shape[0] - 1
    below = p[math.ceil(0.5 * supply) : math.floor(supply - LEAST_DISTANCE) + 1]
    above = p[math.ceil(supply + LEAST_DISTANCE) : min(math.floor(1.5 * supply), last) + 1]
    median = np.median(np.concatenate((below, above)))
    amplitude = math.sqrt(2.0 * (2 * LOBE + 1) * median / math.log(2.0))
    out[NOISE_FLOOR] = 20.0 * math.log10(max(amplitude / out[FUNDAMENTAL], 1e-12))


@njit(cache=True, nogil=True, error_model="numpy")
def prominence(p: Array, line: float, supply: float) -> float:
    """Return the prominence of the strongest line within two of `line` over its surroundings [dB].

    The surroundings of a side are the median of its lines from beyond the lobe, or, near the supply or zero, the lowest
    line before it: a line on the supply's skirt is not prominent.
    """
    k = strongest(p, line - 2.0, line + 2.0)
    last = p.shape[0] - 1
    centre = round(supply)
    floor = 0.0
    for side in (-1, 1):
        limit = 0 if side < 0 else last
        if (centre - k) * side > 0:
            limit = centre
        reach = abs(limit - k)
        if reach >= _FARTHEST + LOBE + 1:
            first, final = k + side * _NEAREST, k + side * _FARTHEST
            around = np.median(p[min(first, final) : max(first, final) + 1])
        else:
            around = p[min(k, limit) : max(k, limit) + 1].min()
        floor = max(floor, around)
    return 10.0 * math.log10(max(p[k], 1e-300) / max(floor, 1e-300))


@njit(cache=True, nogil=True, error_model="numpy")
def describe_rotor(
    p: Array, supply: float, out: Array, reasons: Array, shaft: float, pairs: float, slots: float
) -> None:
    """Write features of bars, eccentricity, slots and turns, in addition to `describe_lines`; shaft [lines]."""
    last = p.shape[0] - 1
    fundamental = out[FUNDAMENTAL]
    if not math.isnan(out[BAR_INDEX]):
        distance = 2.0 * out[SLIP] * supply * (1.0 if out[BAR_UPPER] > out[BAR_LOWER] else -1.0)
        out[BAR_PROMINENCE] = prominence(p, supply + distance, supply)
        below = -(out[BAR_LOWER] + out[BAR_UPPER]) / 2.0
        out[BAR_COUNT] = 2.0 * slots / (10.0 ** (below / 20.0) + 2.0 * pairs)
    if shaft < LEAST_DISTANCE:
        reasons[0] |= _SHAFT_UNRESOLVED
        return
    highest = -np.inf
    if not math.isnan(out[ECCENTRICITY_LOWER]):
        highest = prominence(p, abs(supply - shaft), supply)
    if not math.isnan(out[ECCENTRICITY_UPPER]):
        highest = max(highest, prominence(p, supply + shaft, supply))
    if highest > -np.inf:
        out[ECCENTRICITY_PROMINENCE] = highest
    for column, line in ((SECOND_LOWER, abs(supply - 2.0 * shaft)), (SECOND_UPPER, supply + 2.0 * shaft)):
        if is_free(line, supply, last):
            out[column] = level(p, line, fundamental)
        else:
            reasons[0] |= _SHAFT_UNRESOLVED
    out[STATOR_TURNS] = _turns(p, supply, fundamental, shaft, reasons)
    if not math.isnan(slots):
        out[SLOT_HARMONIC] = _slot_lines(p, supply, fundamental, shaft, slots, reasons)
        below = _slot_lines(p, supply, fundamental, shaft, slots - 1.0, reasons)
        above = _slot_lines(p, supply, fundamental, shaft, slots + 1.0, reasons)
        out[SLOT_ECCENTRICITY] = above if math.isnan(below) else below if math.isnan(above) else max(below, above)


@njit(cache=True, nogil=True, error_model="numpy")
def _level_if_free(p: Array, line: float, supply: float, fundamental: float, tolerance: float, reasons: Array) -> float:
    """Return the level at a line [dB], -inf where harmonics or the spectrum's end are too near."""
    last = p.shape[0] - 1
    distance = LEAST_DISTANCE + tolerance - 2.0
    if is_free(line, supply, last, distance):
        return float(level(p, line, fundamental, tolerance))
    reasons[0] |= _NYQUIST if line > last - distance else _SHAFT_UNRESOLVED
    return -np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _turns(p: Array, supply: float, fundamental: float, shaft: float, reasons: Array) -> float:
    highest = -np.inf
    for turns, n in ((3.0, 1.0), (5.0, 1.0), (1.0, 3.0)):
        for line in (abs(turns * shaft - n * supply), turns * shaft + n * supply):
            highest = max(highest, _level_if_free(p, line, supply, fundamental, 2.0, reasons))
    return highest if highest > -np.inf else math.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _slot_lines(p: Array, supply: float, fundamental: float, shaft: float, order: float, reasons: Array) -> float:
    highest = -np.inf
    tolerance = 2.0 + SPEED_TOLERANCE * order * shaft
    for n in (1.0, 3.0, 5.0):
        for line in (abs(order * shaft - n * supply), order * shaft + n * supply):
            highest = max(highest, _level_if_free(p, line, supply, fundamental, tolerance, reasons))
    return highest if highest > -np.inf else math.nan
