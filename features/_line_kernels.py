# mypy: disable-error-code=assignment
"""Loops over rows of a block that look at single lines: envelope, orders, velocity, histogram."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features._envelope_kernels import LEAST_LINE, SLIP, component, is_inside, strongest_near
from features._kernels import Array
from features.reasons import Reason

LEAST_TURNS = 8.0
"""Shaft turns in a record that part 0.5x from 1x under a Hann window."""
NEIGHBOURS = 32
"""Lines either side whose median is the local noise floor."""
_UNRESOLVED = np.uint32(Reason.BEARING_UNRESOLVED)
_SHAFT = np.uint32(Reason.SHAFT_UNRESOLVED)
_NYQUIST = np.uint32(Reason.BAND_ABOVE_NYQUIST)


@njit(cache=True, nogil=True, error_model="numpy")
def _prominence(p: Array, centre: float, scratch: Array) -> float:
    """Return line over local median [dB] at `centre`, which lies inside."""
    last = p.shape[0] - 1
    best = strongest_near(p, centre, SLIP)
    low = max(2, best - NEIGHBOURS)
    high = min(last - 1, best + NEIGHBOURS)
    for k in range(low, high + 1):
        scratch[k - low] = p[k]
    floor = np.median(scratch[: high - low + 1])
    return 10.0 * math.log10(max(p[best], 1e-30) / max(floor, 1e-30))


@njit(cache=True, nogil=True, error_model="numpy")
def _mean_prominence(p: Array, centre: float, spacing: float, count: int, scratch: Array) -> float:
    """Return the mean prominence of the lines inside among centre, centre + spacing, ...; NaN if the first is not."""
    last = p.shape[0] - 1
    if not is_inside(centre, SLIP, last):
        return np.nan
    total = 0.0
    used = 0
    for i in range(count):
        if is_inside(centre + i * spacing, SLIP, last):
            total += _prominence(p, centre + i * spacing, scratch)
            used += 1
    return total / used


@njit(cache=True, nogil=True, error_model="numpy")
def bearing_prominence(
    power: Array, squared: Array, out: Array, reasons: Array, speed: Array, orders: Array, seconds: float
) -> None:
    """Write prominences of bearing faults and their sidebands, and the envelope's own strongest line."""
    last = power.shape[1] - 1
    scratch = np.empty(2 * NEIGHBOURS + 1, np.float32)
    for r in range(speed.shape[0]):
        p = power[r]
        if math.isnan(out[r, 50]):
            continue
        highest = np.float32(0)
        for i in range(squared.shape[1]):
            highest = max(highest, squared[r, i])
        mean = float(out[r, 49]) ** 2
        out[r, 69] = math.sqrt((float(highest) + mean) / mean)
        if last >= 32:
            best = 3
            for k in range(3, last):
                if p[k] > p[best]:
                    best = k
            out[r, 70] = best / seconds
            floor = np.median(p[3:last])
            out[r, 71] = 10.0 * math.log10(max(p[best], 1e-30) / max(floor, 1e-30))
        if math.isnan(speed[r]):
            continue
        shaft = speed[r] * seconds
        for fault in range(4):
            line = orders[r, fault] * shaft * (2.0 if fault == 2 else 1.0)
            if math.isnan(line):
                continue
            out[r, 63 + fault] = _mean_prominence(p, line, line, 5, scratch)
            if math.isnan(out[r, 63 + fault]):
                reasons[r] |= _UNRESOLVED
        _sideband(p, out, reasons, r, 67, orders[r, 1] * shaft, shaft, scratch)
        _sideband(p, out, reasons, r, 68, 2.0 * orders[r, 2] * shaft, orders[r, 3] * shaft, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def _sideband(
    p: Array, out: Array, reasons: Array, r: int, column: int, centre: float, spacing: float, scratch: Array
) -> None:
    if math.isnan(centre + spacing):
        return
    width = max(1.0, SLIP * centre)
    last = p.shape[0] - 1
    fits = is_inside(centre - spacing, SLIP, last) and is_inside(centre + spacing, SLIP, last)
    if spacing < LEAST_LINE + width or not fits:
        reasons[r] |= _UNRESOLVED
    else:
        out[r, column] = _mean_prominence(p, centre - spacing, 2.0 * spacing, 2, scratch)


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
            out[r, 53] = math.sqrt(total)
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
            out[r, 54 + band] = math.sqrt(total)
            if band == 1:
                out[r, 57] = math.sqrt(2.0 * component(p, best)) / (line_speed * best)
                out[r, 58] = best / seconds
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
                out[r, 59 + i] = math.sqrt(2.0 * component(p, best)) / (line_speed * best)
            else:
                reasons[r] |= _NYQUIST


@njit(cache=True, nogil=True, error_model="numpy")
def histogram_entropy(centred: Array, out: Array, rows: int) -> None:
    """Write the entropy of 64 equal bins from minimum to maximum."""
    n = centred.shape[1]
    counts = np.empty(64, np.int64)
    for r in range(rows):
        if math.isnan(out[r, 5]):
            continue
        counts[:] = 0
        low = np.float32(out[r, 7] - out[r, 0])
        scale = np.float32(64.0) / out[r, 8]
        for i in range(n):
            counts[min(max(int((centred[r, i] - low) * scale), 0), 63)] += 1
        entropy = 0.0
        for b in range(64):
            if counts[b] > 0:
                share = counts[b] / n
                entropy -= share * math.log(share)
        out[r, 54] = entropy / math.log(64.0)
