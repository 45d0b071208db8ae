"""Variation of the fundamental within a record: loops over its demodulated amplitude and phase."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.current_columns import PHASE_WANDER, SUPPLY_DEVIATION, SUPPLY_DRIFT, VARIATION
from features.kernels.time_domain import Array

LEAST_WEIGHT = 0.1
"""Share of the window's maximum above which the record is evaluated: its middle three fifths."""


@njit(cache=True, nogil=True, error_model="numpy")
def gather_band(spectrum: Array, centre: int, half: int, band: Array) -> None:
    """Write the lines within `half` of `centre` to `band` in the order of an inverse transform."""
    band[:] = 0.0
    for j in range(-half, half + 1):
        band[j % band.shape[0]] = spectrum[centre + j]


@njit(cache=True, nogil=True, error_model="numpy")
def describe_track(band: Array, window: Array, offset: float, seconds: float, out: Array) -> None:
    """Write drift, deviation, wander and variation of one demodulated fundamental.

    `band` (points,) is window times amplitude times e^(i phase), `window` (points,), `offset` distance of the supply
    above the centre of the band [lines]. Weights are the squared window.
    """
    points = band.shape[0]
    first = 0
    while window[first] < LEAST_WEIGHT:
        first += 1
    count = points - 2 * first + 1
    phase, weight, place = np.empty(count), np.empty(count), np.empty(count)
    amplitude = amplitude2 = total = 0.0
    previous = 0.0
    for i in range(count):
        m = first + i
        angle = math.atan2(band[m].imag, band[m].real) - 2.0 * math.pi * offset * m / points
        angle += 2.0 * math.pi * round((previous - angle) / (2.0 * math.pi))
        phase[i] = previous = angle
        place[i] = m / points - 0.5
        weight[i] = window[m] ** 2
        size = abs(band[m]) / window[m]
        total += weight[i]
        amplitude += weight[i] * size
        amplitude2 += weight[i] * size * size
    amplitude /= total
    out[VARIATION] = math.sqrt(max(0.0, amplitude2 / total - amplitude * amplitude)) / amplitude
    second = _remove_parabola(phase, weight, place)
    out[SUPPLY_DRIFT] = second / (math.pi * seconds)
    out[PHASE_WANDER] = math.sqrt((weight * phase * phase).sum() / total)
    steps = (phase[1:] - phase[:-1]) * points / (2.0 * math.pi * seconds)
    between = weight[1:] * weight[:-1]
    mean = (between * steps).sum() / between.sum()
    out[SUPPLY_DEVIATION] = math.sqrt((between * (steps - mean) ** 2).sum() / between.sum())


@njit(cache=True, nogil=True, error_model="numpy")
def _remove_parabola(phase: Array, weight: Array, place: Array) -> float:
    """Remove the weighted parabola from `phase` and return its second coefficient; positions are even about 0."""
    square = place * place
    s0, s2, s4 = weight.sum(), (weight * square).sum(), (weight * square * square).sum()
    y0, y1, y2 = (weight * phase).sum(), (weight * place * phase).sum(), (weight * square * phase).sum()
    second = (s0 * y2 - s2 * y0) / (s0 * s4 - s2 * s2)
    zeroth = (y0 - second * s2) / s0
    phase -= zeroth + y1 / s2 * place + second * square
    return float(second)
