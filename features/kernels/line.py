# mypy: disable-error-code=assignment
"""Loops over rows of a block for single lines: envelope, orders, velocity, histogram."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.reasons import Reason
from features.catalogue.vibration_columns import (
    ENVELOPE_CREST,
    ENVELOPE_KURTOSIS,
    ENVELOPE_PEAK_FREQUENCY,
    ENVELOPE_PEAK_LEVEL,
    ENVELOPE_RMS,
    HIGH_FREQUENCY,
    HISTOGRAM_ENTROPY,
    KURTOSIS,
    MEAN,
    MINIMUM,
    ORDERS,
    PEAK_TO_PEAK,
    PROMINENCE,
    SIDEBANDS,
    VELOCITY,
    VELOCITY_LOW,
    VELOCITY_PEAK,
    VELOCITY_PEAK_FREQUENCY,
)
from features.kernels.cepstrum import strongest_line
from features.kernels.envelope import LEAST_LINE, SLIP, component, is_inside, strongest_near
from features.kernels.median import LANES, NEIGHBOURS, local_medians, median_of_lines
from features.kernels.time_domain import FLAGS, STRETCH, Array

LEAST_TURNS = 8.0
"""Least shaft turns in a record for resolving 0.5x from 1x under a Hann window."""
_PLACES = 24
"""Five harmonics of four faults and two pairs of sidebands."""
_UNRESOLVED = np.uint32(Reason.BEARING_UNRESOLVED)
_SHAFT = np.uint32(Reason.SHAFT_UNRESOLVED)
_NYQUIST = np.uint32(Reason.BAND_ABOVE_NYQUIST)


@njit(cache=True, nogil=True, error_model="numpy")
def bearing_prominence(
    power: Array,
    bits: Array,
    squared_bits: Array,
    out: Array,
    reasons: Array,
    speed: Array,
    orders: Array,
    samples: int,
    seconds: float,
) -> None:
    """Write prominences of bearing faults and their sidebands, and the strongest line of the envelope.

    `bits` are the patterns of `power`, `squared_bits` those of the squared envelope's `samples`, less their mean.
    """
    last = power.shape[1] - 1
    lines = np.empty(_PLACES, np.int64)
    floors = np.empty(_PLACES)
    windows = np.empty((2 * NEIGHBOURS + 1, LANES), np.int32)
    levels = np.empty(_PLACES)
    for r in range(speed.shape[0]):
        if math.isnan(out[r, ENVELOPE_KURTOSIS]):
            continue
        mean = float(out[r, ENVELOPE_RMS]) ** 2
        out[r, ENVELOPE_CREST] = math.sqrt((_highest(squared_bits[r], samples) + mean) / mean)
        if last >= 32:
            best = strongest_line(bits[r], 3, last)
            out[r, ENVELOPE_PEAK_FREQUENCY] = best / seconds
            floor = median_of_lines(bits[r], 3, last)
            out[r, ENVELOPE_PEAK_LEVEL] = 10.0 * math.log10(max(power[r, best], 1e-30) / max(floor, 1e-30))
        if math.isnan(speed[r]):
            continue
        shaft = speed[r] * seconds
        _choose_places(power[r], lines, orders[r], shaft)
        local_medians(bits[r], lines, _PLACES, last, windows, floors)
        for i in range(_PLACES):
            level = max(power[r, max(lines[i], 0)], 1e-30) / max(floors[i], 1e-30)
            levels[i] = 10.0 * math.log10(level) if lines[i] >= 0 else np.nan
        for fault in range(4):
            if not math.isnan(orders[r, fault]):
                out[r, PROMINENCE + fault] = _mean_known(levels[5 * fault : 5 * fault + 5])
                if math.isnan(out[r, PROMINENCE + fault]):
                    reasons[r] |= _UNRESOLVED
        for pair in range(2):
            side = levels[20 + 2 * pair : 22 + 2 * pair]
            if not math.isnan(orders[r, 1] if pair == 0 else orders[r, 2] + orders[r, 3]):
                out[r, SIDEBANDS + pair] = 0.5 * (side[0] + side[1])
                if math.isnan(out[r, SIDEBANDS + pair]):
                    reasons[r] |= _UNRESOLVED


@njit(cache=True, nogil=True, error_model="numpy")
def _choose_places(p: Array, lines: Array, orders: Array, shaft: float) -> None:
    """Write the strongest lines at five harmonics of four faults and two pairs of sidebands, -1 outside."""
    last = p.shape[0] - 1
    lines[:] = -1
    for fault in range(4):
        line = orders[fault] * shaft * (2.0 if fault == 2 else 1.0)
        if math.isnan(line) or not is_inside(line, SLIP, last):
            continue
        for i in range(5):
            if is_inside((i + 1) * line, SLIP, last):
                lines[5 * fault + i] = strongest_near(p, (i + 1) * line, SLIP)
    for pair in range(2):
        centre = (2.0 * orders[2] if pair else orders[1]) * shaft
        spacing = (orders[3] if pair else 1.0) * shaft
        if math.isnan(centre + spacing) or spacing < LEAST_LINE + max(1.0, SLIP * centre):
            continue
        if is_inside(centre - spacing, SLIP, last) and is_inside(centre + spacing, SLIP, last):
            lines[20 + 2 * pair] = strongest_near(p, centre - spacing, SLIP)
            lines[21 + 2 * pair] = strongest_near(p, centre + spacing, SLIP)


@njit(cache=True, nogil=True, error_model="numpy")
def _mean_known(levels: Array) -> float:
    total = 0.0
    known = 0
    for level in levels:
        if not math.isnan(level):
            total += level
            known += 1
    return total / known if known > 0 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _highest(bits: Array, count: int) -> float:
    """Return the largest of `count` values, if it is above 0: it then has the largest bit pattern."""
    pattern = np.zeros(1, np.int32)
    highest = np.int32(0)
    part = bits[:count]
    for i in range(part.shape[0]):
        highest = part[i] if part[i] > highest else highest
    pattern[0] = highest
    return float(pattern.view(np.float32)[0])


@njit(cache=True, nogil=True, error_model="numpy")
def velocity_and_orders(power: Array, out: Array, reasons: Array, speed: Array, seconds: float, limits: Array) -> None:
    """Write high-frequency rms, velocity rms and peak, and the harmonics of running speed.

    `limits` (3, 2): first and last line above 1 kHz, of 10-1000 Hz, of 2-1000 Hz; (1, 0) where refused.
    """
    last = power.shape[1] - 1
    line_speed = 2.0 * math.pi / seconds
    for r in range(speed.shape[0]):
        p = power[r]
        if limits[0, 1] >= limits[0, 0]:
            total = 0.0
            for k in range(limits[0, 0], limits[0, 1] + 1):
                total += p[k]
            out[r, HIGH_FREQUENCY] = math.sqrt(total)
        for band in range(1, 3):
            if limits[band, 1] < limits[band, 0]:
                continue
            total = highest = 0.0
            best = limits[band, 0]
            for k in range(limits[band, 0], limits[band, 1] + 1):
                v = p[k] / (line_speed * k) ** 2
                total += v
                if v > highest:
                    highest = v
                    best = k
            out[r, VELOCITY if band == 1 else VELOCITY_LOW] = math.sqrt(total)
            if band == 1:
                out[r, VELOCITY_PEAK] = math.sqrt(2.0 * component(p, best)) / (line_speed * best)
                out[r, VELOCITY_PEAK_FREQUENCY] = best / seconds
        if math.isnan(speed[r]):
            continue
        shaft = speed[r] * seconds
        if shaft < LEAST_TURNS:
            reasons[r] |= _SHAFT
            continue
        for i in range(4):
            centre = shaft * (0.5, 1.0, 2.0, 3.0)[i]
            if is_inside(centre, SLIP, last):
                best = strongest_near(p, centre, SLIP)
                out[r, ORDERS + i] = math.sqrt(2.0 * component(p, best)) / (line_speed * best)
            else:
                reasons[r] |= _NYQUIST


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def histogram_entropy(centred: Array, out: Array, rows: int, samples: int) -> None:
    """Write the entropy of 64 equal bins from minimum to maximum of each row's first `samples`."""
    # Four alternating tables of counts: with one table, equal neighbours would cause store-to-load stalls.
    counts = np.empty((4, 64), np.int32)
    bins = np.empty(STRETCH, np.int32)
    for r in range(rows):
        if math.isnan(out[r, KURTOSIS]):
            continue
        counts[:] = 0
        low = np.float32(out[r, MINIMUM] - out[r, MEAN])
        scale = np.float32(64.0) / out[r, PEAK_TO_PEAK]
        for start in range(0, samples, STRETCH):
            part = centred[r, start : min(start + STRETCH, samples)]
            size = part.shape[0]
            for i in range(size):
                b = np.int32((part[i] - low) * scale)
                b = b if b > 0 else np.int32(0)
                bins[i] = b if b < 63 else np.int32(63)
            for i in range(0, size - 3, 4):
                counts[0, bins[i]] += 1
                counts[1, bins[i + 1]] += 1
                counts[2, bins[i + 2]] += 1
                counts[3, bins[i + 3]] += 1
            for i in range(size // 4 * 4, size):
                counts[0, bins[i]] += 1
        entropy = 0.0
        for b in range(64):
            count = counts[0, b] + counts[1, b] + counts[2, b] + counts[3, b]
            if count > 0:
                share = count / samples
                entropy -= share * math.log(share)
        out[r, HISTOGRAM_ENTROPY] = entropy / math.log(64.0)
