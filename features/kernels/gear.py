# mypy: disable-error-code=assignment
"""Loops over the orders of a synchronous average and over the gear signals derived from them."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.reasons import Reason
from features.catalogue.vibration_columns import (
    ENERGY_RATIO,
    FM0,
    FM4,
    M6A,
    M8A,
    MESH,
    MESH_ENVELOPE_KURTOSIS,
    MESH_ENVELOPE_VARIANCE,
    RESIDUAL_KURTOSIS,
    RESIDUAL_RMS,
    RESIDUAL_VARIANCE,
    SIDEBAND_INDEX,
    SIDEBAND_LEVEL,
    SYNCHRONOUS_RATIO,
    SYNCHRONOUS_RMS,
    TRACKED_ORDERS,
)
from features.kernels.time_domain import FLAGS, Array

_NO_TEETH = np.uint32(Reason.NO_TEETH)
_UNRESOLVED = np.uint32(Reason.MESH_UNRESOLVED)
_CONSTANT = np.uint32(Reason.CONSTANT)

SIGNALS = 5
"""A gear's average, residual, difference, and the two parts of the analytic signal around the mesh."""
LEAST_TEETH = 4
"""Least teeth for mesh sidebands apart from the shaft's first two orders."""
LEAST_SHARE = 1e-10
"""Share of the average's variance up to which a derived signal is rounding error."""


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def describe_orders(lines: Array, chosen: Array, highest: Array, totals: Array, inverse: Array, out: Array) -> None:
    """Make `lines` (rows, size // 2 + 1) the Fourier series over two turns; write amplitudes, rms and ratio."""
    for k in range(chosen.shape[0]):
        weight, variance = totals[k]
        if weight == 0.0:
            continue
        r = chosen[k]
        row = lines[k]
        scale = 1.0 / weight
        square = 0.0
        for order in range(1, 2 * highest[r] + 1):
            row[order] *= np.float32(inverse[order] * scale)
        for order in range(1, highest[r] + 1):
            line = row[2 * order]
            square += float(line.real * line.real + line.imag * line.imag)
        for column, order in enumerate((1, 2, 4, 6)):
            out[r, TRACKED_ORDERS + column] = 2.0 * abs(row[order])
        out[r, SYNCHRONOUS_RMS] = math.sqrt(2.0 * square)
        out[r, SYNCHRONOUS_RATIO] = 2.0 * square / variance


@njit(cache=True, nogil=True, error_model="numpy")
def find_gears(chosen: Array, highest: Array, totals: Array, teeth: Array, reasons: Array, gears: Array) -> int:
    """Write the indices in `chosen` of the rows with resolved mesh and first sidebands; return their number."""
    count = 0
    for k in range(chosen.shape[0]):
        r = chosen[k]
        if totals[k, 0] == 0.0 or math.isnan(teeth[r]):
            continue
        if teeth[r] < LEAST_TEETH or teeth[r] != np.floor(teeth[r]) or teeth[r] + 1 > highest[r]:
            reasons[r] |= _UNRESOLVED
            continue
        gears[count] = k
        count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def describe_mesh(
    lines: Array, chosen: Array, gears: Array, highest: Array, teeth: Array, spectra: Array, out: Array, reasons: Array
) -> None:
    """Write the order features of each gear, and the orders of its signals to `spectra` (5 per gear, orders)."""
    for g in range(gears.shape[0]):
        r = chosen[gears[g]]
        row = lines[gears[g]]
        last, mesh = highest[r], int(teeth[r])
        five = spectra[SIGNALS * g : SIGNALS * (g + 1)]
        harmonics = regular = residual = difference = 0.0
        for order in range(1, last + 1):
            line = row[2 * order]
            power = 2.0 * float(line.real * line.real + line.imag * line.imag)
            offset = (order + 1) % mesh
            five[0, order] = line
            if offset == 1:
                harmonics += math.sqrt(2.0 * power)
            elif order > 2:
                residual += power
                five[1, order] = line
            near = offset <= 2 and order > 2
            if near:
                regular += power
            elif order > 2:
                difference += power
                five[2, order] = line
        for order in range(max(1, mesh - (mesh - 1) // 2), min(last, mesh + (mesh - 1) // 2) + 1):
            line = row[2 * order]
            five[3, order] = line
            five[4, order] = np.complex64(complex(line.imag, -line.real))
        for h in range(1, 4):
            if h * mesh <= last:
                out[r, MESH + (h - 1)] = 2.0 * abs(row[2 * h * mesh])
            else:
                reasons[r] |= _UNRESOLVED
        sidebands = 2.0 * float(abs(row[2 * mesh - 2]) + abs(row[2 * mesh + 2]))
        out[r, SIDEBAND_INDEX] = sidebands / 2.0
        out[r, SIDEBAND_LEVEL] = (
            sidebands / float(out[r, SYNCHRONOUS_RMS]) if out[r, SYNCHRONOUS_RMS] > 0.0 else math.nan
        )
        out[r, ENERGY_RATIO] = math.sqrt(difference / regular) if regular > 0.0 else math.nan
        out[r, RESIDUAL_RMS] = math.sqrt(residual)
        out[r, RESIDUAL_VARIANCE] = residual
        out[r, FM0] = harmonics
        out[r, FM4] = difference


@njit(cache=True, nogil=True, error_model="numpy")
def describe_signals(signals: Array, chosen: Array, gears: Array, out: Array, reasons: Array, size: int) -> None:
    """Write the moments of each gear's signals (5 per gear, at least `size`); variances are already in `out`."""
    for g in range(gears.shape[0]):
        r = chosen[gears[g]]
        five = signals[SIGNALS * g : SIGNALS * (g + 1)]
        floor = LEAST_SHARE * float(out[r, SYNCHRONOUS_RMS]) ** 2
        harmonics = float(out[r, FM0])
        out[r, FM0] = _peak_to_peak(five[0, :size]) / harmonics if harmonics > 0.0 else math.nan
        _, fourth, _, _ = _moments(five[1, :size], 0.0)
        residual = float(out[r, RESIDUAL_VARIANCE])
        out[r, RESIDUAL_KURTOSIS] = fourth / residual**2 if residual > floor else math.nan
        difference = float(out[r, FM4])
        _, fourth, sixth, eighth = _moments(five[2, :size], 0.0)
        out[r, FM4] = fourth / difference**2 if difference > floor else math.nan
        out[r, M6A] = sixth / difference**3 if difference > floor else math.nan
        out[r, M8A] = eighth / difference**4 if difference > floor else math.nan
        mean = _envelope(five[3, :size], five[4, :size])
        second, fourth, _, _ = _moments(five[3, :size], mean)
        out[r, MESH_ENVELOPE_VARIANCE] = second
        out[r, MESH_ENVELOPE_KURTOSIS] = fourth / second**2 if second > floor else math.nan
        if min(residual, difference, second) <= floor or math.isnan(out[r, ENERGY_RATIO]):
            reasons[r] |= _CONSTANT


@njit(cache=True, nogil=True, error_model="numpy")
def _peak_to_peak(x: Array) -> float:
    """Return the peak-to-peak value of one turn, with parabolic interpolation of the extremes."""
    high = low = 0
    for i in range(x.shape[0]):
        if x[i] > x[high]:
            high = i
        if x[i] < x[low]:
            low = i
    return float(_top(x, high) - _top(x, low))


@njit(cache=True, nogil=True, error_model="numpy")
def _top(x: Array, i: int) -> float:
    n = x.shape[0]
    left, centre, right = float(x[i - 1]), float(x[i]), float(x[(i + 1) % n])
    bend = 2.0 * centre - left - right
    return centre + (right - left) ** 2 / (8.0 * bend) if bend != 0.0 else centre


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _moments(x: Array, centre: float) -> tuple[float, float, float, float]:
    """Return the mean second, fourth, sixth and eighth power about `centre`."""
    second = fourth = sixth = eighth = 0.0
    for i in range(x.shape[0]):
        value = np.float64(x[i]) - centre
        square = value * value
        second += square
        fourth += square * square
        sixth += square * square * square
        eighth += square * square * square * square
    n = x.shape[0]
    return second / n, fourth / n, sixth / n, eighth / n


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _envelope(real: Array, imaginary: Array) -> float:
    """Replace the real part of an analytic signal by its modulus; return the mean."""
    total = 0.0
    for i in range(real.shape[0]):
        real[i] = np.sqrt(real[i] * real[i] + imaginary[i] * imaginary[i])
        total += np.float64(real[i])
    return float(total / real.shape[0])
