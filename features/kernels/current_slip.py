"""Estimation of slip from one phase's current spectrum, without a measured speed."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.current_columns import BAR_INDEX_ESTIMATED, FUNDAMENTAL, SLIP_CONFIDENCE, SLIP_ESTIMATED
from features.catalogue.reasons import Reason
from features.kernels.current import LEAST_DISTANCE, LOBE, is_free, level, peak_place
from features.kernels.time_domain import Array

LARGEST_SLIP = 0.1
"""Greatest slip of an induction motor in operation."""
LARGEST_BAR_SLIP = 0.06
"""Slip up to which a pair is of bars if pole pairs are unknown: eccentricity of sixteen poles lies beyond it."""
LEAST_STAND = 10.0
"""Least prominence [dB] of a line over the median of its surroundings; below it is noise."""
LEAST_LONE_STAND = 20.0
"""Least prominence [dB] of a slot harmonic without a partner two supply frequencies higher, if others agree."""
LEAST_CONFIDENCE = 6.0
"""Least lead [dB] of the best slip over the next, below which no slip is reported."""
LARGEST_PROMINENCE = 40.0
"""Limit [dB] of a line's contribution to the evidence of a slip."""
_TOLERANCE = 0.3
"""Tolerance in lines of a component's expected position, in addition to the error of its partners."""
_BAR_ERROR, _ORDER_ERROR = 0.1, 0.15
"""Error of a line's position, as slip of bars and as slip of shaft orders [lines over the supply's]."""
_NEIGHBOURS = 32
"""Lines whose median is the floor of a peak; chosen, a few main lobes wide."""
_CANDIDATES = 512
"""Greatest number of peaks, and of their candidate slips; chosen to bound the computing time."""
_SLIP_UNRESOLVED = np.uint32(Reason.SLIP_UNRESOLVED)


@njit(cache=True, nogil=True, error_model="numpy")
def find_peaks(p: Array, supply: float, last: int, places: Array, prominences: Array) -> int:
    """Write the positions [lines] and prominences [dB] of prominent lines up to `last`; return their number."""
    count = 0
    ordered = np.empty(_NEIGHBOURS)
    for start in range(0, last + 1, _NEIGHBOURS):
        stop = min(start + _NEIGHBOURS, last + 1)
        first = max(0, stop - _NEIGHBOURS)
        size = stop - first
        for i in range(size):
            value = p[first + i]
            j = i
            while j > 0 and ordered[j - 1] > value:
                ordered[j] = ordered[j - 1]
                j -= 1
            ordered[j] = value
        floor = max(ordered[size // 2], 1e-300)
        least = floor * 10.0 ** (LEAST_STAND / 10.0)
        for k in range(max(start, LOBE + 1), min(stop, p.shape[0] - LOBE)):
            if p[k] < least or p[k] <= p[k - 1] or p[k] < p[k + 1] or count == places.shape[0]:
                continue
            if p[k] < p[k - LOBE : k + LOBE + 1].max() or not is_free(float(k), supply, p.shape[0] - 1):
                continue
            places[count] = peak_place(p, k)
            prominences[count] = min(LARGEST_PROMINENCE, 10.0 * math.log10(p[k] / floor))
            count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _prominence_at(line: float, tolerance: float, places: Array, prominences: Array) -> tuple[float, float]:
    """Return prominence and position of the highest peak within `tolerance` of a line, 0 and NaN if there is none."""
    prominence, place = 0.0, math.nan
    i = np.searchsorted(places, line - tolerance)
    while i < places.shape[0] and places[i] <= line + tolerance:
        if prominences[i] > prominence:
            prominence, place = prominences[i], places[i]
        i += 1
    return prominence, place


@njit(cache=True, nogil=True, error_model="numpy")
def _pair(low: float, high: float, tolerance: float, places: Array, prominences: Array) -> tuple[float, float]:
    """Return the lower prominence of two lines and half their distance, 0 and NaN if either is absent."""
    first, left = _prominence_at(low, tolerance, places, prominences)
    second, right = _prominence_at(high, tolerance, places, prominences)
    if first == 0.0 or second == 0.0:
        return 0.0, math.nan
    return min(first, second), (right - left) / 2.0


@njit(cache=True, nogil=True, error_model="numpy")
def _largest_bar_slip(pairs: float) -> float:
    """Return the slip beyond which a pair about the supply would be of eccentricity."""
    if math.isnan(pairs):
        return LARGEST_BAR_SLIP
    return min(LARGEST_SLIP, (1.0 - LARGEST_SLIP) / (2.0 * pairs))


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(
    slip: float, error: float, supply: float, pairs: float, slots: float, places: Array, prominences: Array
) -> tuple[float, float]:
    """Return the joint prominence [dB] of the lines of a slip, and the slip from the most precise of them."""
    total, finest = 0.0, slip
    distance = 2.0 * slip * supply
    if distance >= LEAST_DISTANCE and slip <= _largest_bar_slip(pairs):
        tolerance = _TOLERANCE + 2.0 * error * supply
        prominence, half = _pair(supply - distance, supply + distance, tolerance, places, prominences)
        if prominence > 0.0:
            total += prominence
            finest = half / (2.0 * supply)
    if math.isnan(pairs):
        return total, finest
    shaft = supply * (1.0 - slip) / pairs
    prominence, half = _pair(supply - shaft, supply + shaft, _TOLERANCE + error * supply / pairs, places, prominences)
    if prominence > 0.0:
        total += prominence
        if total == prominence:
            finest = 1.0 - half * pairs / supply
    if math.isnan(slots):
        return total, finest
    tolerance = _TOLERANCE + error * slots * supply / pairs
    low, left = _prominence_at(slots * shaft - supply, tolerance, places, prominences)
    high, right = _prominence_at(slots * shaft + supply, tolerance, places, prominences)
    if min(low, high) > 0.0 or (total > 0.0 and max(low, high) >= LEAST_LONE_STAND):
        total += max(low, high)
        centre = left + supply if low > high else right - supply
        finest = 1.0 - centre * pairs / (slots * supply)
    return total, finest


@njit(cache=True, nogil=True, error_model="numpy")
def _candidates(supply: float, pairs: float, slots: float, places: Array, found: Array, errors: Array) -> int:
    """Write the candidate slips of all peaks, with their errors; return their number."""
    count = 0
    for i in range(places.shape[0]):
        line = places[i]
        for mechanism in range(5):
            error = math.nan
            slip = math.nan
            if mechanism == 0:
                slip, error = (supply - line) / (2.0 * supply), _BAR_ERROR / supply
            elif mechanism == 1:
                slip, error = 1.0 - (supply - line) * pairs / supply, _ORDER_ERROR * pairs / supply
            elif mechanism == 2:
                slip, error = 1.0 - (line - supply) * pairs / supply, _ORDER_ERROR * pairs / supply
            elif mechanism == 3:
                slip, error = 1.0 - (line - supply) * pairs / (slots * supply), _ORDER_ERROR * pairs / (slots * supply)
            elif mechanism == 4:
                slip, error = 1.0 - (line + supply) * pairs / (slots * supply), _ORDER_ERROR * pairs / (slots * supply)
            if math.isnan(slip) or not 1.0 / supply < slip <= LARGEST_SLIP or count == found.shape[0]:
                continue
            found[count], errors[count] = slip, error
            count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def estimate_slip(p: Array, supply: float, out: Array, reasons: Array, pairs: float, slots: float) -> None:
    """Write the slip of the greatest joint prominence, if its lead is sufficient."""
    highest = (0.0 if math.isnan(slots * pairs) else slots / pairs + 1.0) * supply
    last = min(p.shape[0] - 1 - LOBE, math.ceil(max(2.0 * supply, highest)) + 2 * LOBE)
    places, prominences = np.empty(_CANDIDATES), np.empty(_CANDIDATES)
    peaks = find_peaks(p, supply, last, places, prominences)
    places, prominences = places[:peaks], prominences[:peaks]
    found, errors = np.empty(_CANDIDATES), np.empty(_CANDIDATES)
    totals = np.empty(_CANDIDATES)
    candidates = _candidates(supply, pairs, slots, places, found, errors)
    best = -1
    for c in range(candidates):
        totals[c], found[c] = _weigh(found[c], errors[c], supply, pairs, slots, places, prominences)
        if best < 0 or totals[c] > totals[best]:
            best = c
    if best < 0 or totals[best] == 0.0:
        reasons[0] |= _SLIP_UNRESOLVED
        return
    other = 0.0
    for c in range(candidates):
        if abs(found[c] - found[best]) > max(2.0 / supply, 0.0 if math.isnan(pairs) else pairs / supply):
            other = max(other, totals[c])
    slip = found[best]
    if totals[best] - other < LEAST_CONFIDENCE or not 0.0 < slip <= LARGEST_SLIP:
        reasons[0] |= _SLIP_UNRESOLVED
        return
    out[SLIP_ESTIMATED] = slip
    out[SLIP_CONFIDENCE] = totals[best] - other
    distance = 2.0 * slip * supply
    if distance < LEAST_DISTANCE:
        reasons[0] |= _SLIP_UNRESOLVED
        return
    fundamental = out[FUNDAMENTAL]
    out[BAR_INDEX_ESTIMATED] = max(level(p, supply - distance, fundamental), level(p, supply + distance, fundamental))
