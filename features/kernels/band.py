# mypy: disable-error-code=assignment
"""Loops over bands of a block's rows: kurtosis by band, whitening, squared envelopes and their lines.

Complex arrays are passed as floats, with alternating real and imaginary parts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from features.catalogue.reasons import Reason
from features.catalogue.vibration_columns import (
    FINEST_FREQUENCY,
    FINEST_KURTOSIS,
    KURTOGRAM_BANDWIDTH,
    KURTOGRAM_CENTRE,
    KURTOGRAM_KURTOSIS,
)
from features.kernels.median import NEIGHBOURS, local_medians
from features.kernels.time_domain import FLAGS

Array = Any

SLIP = 0.01
"""Relative deviation of a fault frequency from the kinematic one, the same at all its harmonics.

Randall and Antoni (2011) state 1 to 2 % of slip; the lower end is chosen, because all harmonics have the same slip.
"""
LEAST_LINE = 3.0
"""Least distance in lines of a component from zero, for a Hann window to separate it from the mean."""
LEAST_SPACING = 4.0
"""Lines between a component and its sideband that a Hann window resolves."""
COMB = 3
"""Harmonics whose mean level determines the slip."""
HARMONICS = 5
"""Harmonics of each fault whose lines are features; chosen as for the fixed band."""
WEAKEST = 1e-9
"""Share of a record's power below which a band contains only rounding errors."""
COARSEST = 4  # as `kurtogram_bands` in features/bearing_bands.py begins
FINEST = 32
"""Bands of the coarsest and of the finest level."""
END_SHARE = 16
"""The fraction 1/n of a band's samples is excluded at either end, because of end transients."""
_UNRESOLVED = np.uint32(Reason.BEARING_UNRESOLVED)
_LEVELS, _LINES, _SLIPS, _SIDES = 0, 1, 2, 3
"""Indices in the `columns` of `fault_levels`."""


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def normalise_lines(spectrum: Array, lines: Array, white: Array, rows: int, count: int) -> None:
    """Write `count` lines of each row normalised to a mean square of 1, and whitened to magnitude 1.

    A row without power becomes zero.
    """
    for r in range(rows):
        s = spectrum[r]
        scaled = lines[r]
        unit = white[r]
        total = 0.0
        for start in range(0, count, 512):
            part = s[2 * start : 2 * min(start + 512, count)]
            a0 = np.float32(0)
            for i in range(part.shape[0]):
                a0 += part[i] * part[i]
            total += a0
        gain = np.float32(math.sqrt(count / total)) if total > 0.0 else np.float32(0)
        for k in range(count):
            re = s[2 * k] * gain
            im = s[2 * k + 1] * gain
            scaled[2 * k] = re
            scaled[2 * k + 1] = im
            inverse = np.float32(1) / np.sqrt(re * re + im * im + np.float32(1e-30))
            unit[2 * k] = re * inverse
            unit[2 * k + 1] = im * inverse
        unit[0] = unit[1] = scaled[0] = scaled[1] = np.float32(0)


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def band_kurtosis(analytic: Array, kurtosis: Array, first: int, rows: int, width: int, lines: int) -> None:
    """Write the kurtosis, less 2, of the complex signals of `bands` bands to kurtosis[:, first:], -2 without power.

    `analytic` (bands, rows, 2 pitch) has `width` samples each, of spectra with `lines` of mean square 1.
    """
    skipped = width // END_SHARE
    for band in range(analytic.shape[0]):
        for r in range(rows):
            z = analytic[band, r, 2 * skipped : 2 * (width - skipped)]
            m1 = m2 = 0.0
            for start in range(0, z.shape[0], 1024):
                part = z[start : start + 1024]
                a0 = a1 = np.float32(0)
                for i in range(part.shape[0] // 2):
                    v = part[2 * i] * part[2 * i] + part[2 * i + 1] * part[2 * i + 1]
                    a0 += v
                    a1 += v * v
                m1 += a0
                m2 += a1
            count = z.shape[0] // 2
            m1 /= count
            if m1 > WEAKEST * lines:
                kurtosis[r, first + band] = m2 / count / (m1 * m1) - 2.0
            else:
                kurtosis[r, first + band] = -2.0


@njit(cache=True, nogil=True, error_model="numpy")
def choose_band(kurtosis: Array, lines: Array, band: Array, out: Array, widths: Array, count: int, step: float) -> None:
    """Write kurtosis, centre and width of the most impulsive band and of the 32 bands' maximum.

    Columns of `kurtosis` (rows, 4 + 8 + ...) are 4 bands, 8 bands and so on of `count` lines `step` apart; the chosen
    band's lines are written to the start of `band`, their number to `widths`.
    """
    for r in range(out.shape[0]):
        best = 0
        for i in range(kurtosis.shape[1]):
            if kurtosis[r, i] > kurtosis[r, best]:
                best = i
        bands = COARSEST
        while best >= 2 * bands - COARSEST:
            bands *= 2
        index = best - (bands - COARSEST)
        width = count // bands
        widths[r] = width
        band[r, : 2 * width] = lines[r, 2 * index * width : 2 * (index + 1) * width]
        band[r, 2 * width : 2 * (count // COARSEST)] = np.float32(0)
        out[r, KURTOGRAM_KURTOSIS] = kurtosis[r, best]
        out[r, KURTOGRAM_CENTRE] = (index + 0.5) * width * step
        out[r, KURTOGRAM_BANDWIDTH] = width * step
        first = FINEST - COARSEST
        if kurtosis.shape[1] > first:
            best = first
            for i in range(first, kurtosis.shape[1]):
                if kurtosis[r, i] > kurtosis[r, best]:
                    best = i
            out[r, FINEST_KURTOSIS] = kurtosis[r, best]
            out[r, FINEST_FREQUENCY] = (best - first + 0.5) * (count // FINEST) * step


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def square_envelope(analytic: Array, squared: Array, rows: int, width: int) -> None:
    """Write |z|^2 over its mean, less 1, of `width` complex samples per row."""
    for r in range(rows):
        z = analytic[r]
        e = squared[r, :width]
        total = 0.0
        for start in range(0, width, 1024):
            a0 = np.float32(0)
            part = z[2 * start : 2 * min(start + 1024, width)]
            target = e[start : start + 1024]
            for i in range(target.shape[0]):
                v = part[2 * i] * part[2 * i] + part[2 * i + 1] * part[2 * i + 1]
                target[i] = v
                a0 += v
            total += a0
        inverse = np.float32(width / total) if total > 0.0 else np.float32(0)
        for i in range(e.shape[0]):
            e[i] = e[i] * inverse - np.float32(1)


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def hann_lines(transform: Array, power: Array, rows: int, samples: int) -> None:
    """Write lines 0 to samples // 2 - 1 of the mean square under a periodic Hann window, of a real FFT."""
    norm = np.float32(2.0 / (0.375 * float(samples) * float(samples)))
    half = np.float32(0.5)
    quarter = np.float32(0.25)
    for r in range(rows):
        s = transform[r]
        p = power[r]
        p[0] = half * norm * (half * (s[0] - s[2])) ** 2
        for k in range(1, samples // 2):
            re = half * s[2 * k] - quarter * (s[2 * k - 2] + s[2 * k + 2])
            im = half * s[2 * k + 1] - quarter * (s[2 * k - 1] + s[2 * k + 3])
            p[k] = norm * (re * re + im * im)


@njit(cache=True, nogil=True, error_model="numpy")
def _level(p: Array, position: float, floor: float) -> float:
    """Return the strongest of the three lines about `position`, over `floor`."""
    k = int(position + 0.5)
    return float(max(p[k - 1], p[k], p[k + 1]) / floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _decibel(ratio: float) -> float:
    return 10.0 * math.log10(max(ratio, 1e-30))


@njit(cache=True, nogil=True, error_model="numpy")
def fault_levels(
    power: Array,
    bits: Array,
    out: Array,
    reasons: Array,
    speed: Array,
    orders: Array,
    lasts: Array,
    seconds: float,
    columns: Array,
) -> None:
    """Write the prominence at the bearing's frequencies, each at one slip common to its harmonics.

    `columns`: first of mean levels, of harmonics, of slips (-1: not selected), of the two sidebands. Row r's
    lines end before lasts[r].
    """
    centres = np.empty(32, np.int64)
    floors = np.empty(32)
    windows = np.empty((2 * NEIGHBOURS + 1, 32), np.int32)
    for r in range(speed.shape[0]):
        p = power[r]
        last = lasts[r]
        shaft = speed[r] * seconds
        if math.isnan(shaft) or np.isnan(orders[r]).all():
            continue
        for fault in range(4):
            line = orders[r, fault] * shaft * (2.0 if fault == 2 else 1.0)
            for i in range(HARMONICS):
                centres[fault * HARMONICS + i] = _place((i + 1) * line, last)
        for side in range(12):
            fault = 1 + side // 6
            line = orders[r, fault] * shaft * (2.0 if fault == 2 else 1.0)
            spacing = shaft if fault == 1 else orders[r, 3] * shaft
            centres[20 + side] = _place((side % 6 // 2 + 1) * line + (2 * (side % 2) - 1) * spacing, last)
        local_medians(bits[r], centres, 32, last, windows, floors)
        for i in range(32):
            floors[i] = max(floors[i], 1e-30)
        for fault in range(4):
            line = orders[r, fault] * shaft * (2.0 if fault == 2 else 1.0)
            if math.isnan(line):
                continue
            inside = 0
            while inside < HARMONICS and line >= LEAST_LINE and (inside + 1) * line * (1.0 + SLIP) + 2.0 < last:
                inside += 1
            if inside < HARMONICS:
                reasons[r] |= _UNRESOLVED
            if inside == 0:
                continue
            own = floors[fault * HARMONICS :]
            slip, level = _common_slip(p, line, min(inside, COMB), own)
            out[r, columns[_LEVELS] + fault] = level
            if columns[_LINES] >= 0:
                out[r, columns[_SLIPS] + fault] = slip
                for i in range(inside):
                    position = (i + 1) * line * (1.0 + slip)
                    out[r, columns[_LINES] + fault * HARMONICS + i] = _decibel(_level(p, position, own[i]))
            if fault == 1 or fault == 2:
                spacing = shaft if fault == 1 else orders[r, 3] * shaft
                if math.isnan(spacing):
                    continue
                beside = floors[20 + 6 * (fault - 1) :]
                level = _sideband_level(p, line * (1.0 + slip), spacing, min(inside, COMB), beside, last)
                out[r, columns[_SIDES] + (fault - 1)] = level
                if math.isnan(level):
                    reasons[r] |= _UNRESOLVED


@njit(cache=True, nogil=True, error_model="numpy")
def _place(position: float, last: int) -> int:
    return int(position + 0.5) if 0.0 <= position < last else 0


@njit(cache=True, nogil=True, error_model="numpy")
def _common_slip(p: Array, line: float, count: int, floors: Array) -> tuple[float, float]:
    """Return the slip at which the first `count` harmonics are strongest, and their mean level [dB] there."""
    steps = math.ceil(2.0 * count * line * SLIP)
    best = -1.0
    slip = 0.0
    for i in range(2 * steps + 1):
        # From the kinematic frequency outwards, so that of equal levels the smaller slip is chosen.
        tried = SLIP * ((i + 1) // 2 if i % 2 == 1 else -(i // 2)) / steps
        product = 1.0
        for harmonic in range(count):
            product *= _level(p, (harmonic + 1) * line * (1.0 + tried), floors[harmonic])
        if product > best:
            best = product
            slip = tried
    return slip, _decibel(best) / count


@njit(cache=True, nogil=True, error_model="numpy")
def _sideband_level(p: Array, line: float, spacing: float, count: int, floors: Array, last: int) -> float:
    """Return the mean level [dB] at `spacing` from the first `count` harmonics, NaN if none is resolved."""
    if spacing < LEAST_SPACING:
        return np.nan
    total = 0.0
    used = 0
    for i in range(2 * count):
        position = (i // 2 + 1) * line + (2 * (i % 2) - 1) * spacing
        if position >= LEAST_LINE and position + 2.0 < last:
            total += _decibel(_level(p, position, floors[i]))
            used += 1
    return total / used if used > 0 else np.nan
