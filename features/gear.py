"""Gears and orders of many records at once: folded onto the shaft's angle, transformed together, described."""

from __future__ import annotations

from functools import lru_cache

import ducc0
import numpy as np
from numpy.typing import NDArray

from features import _gear_kernels, _order_kernels
from features.reasons import Reason

_NO_ANGLE = np.empty((0, 0))
_LARGEST_SIMD = 16


@lru_cache(maxsize=64)
def _inverse_gain(size: int) -> NDArray[np.float64]:
    return np.asarray(1.0 / _order_kernels.spreading_gain(size), np.float64)


@lru_cache(maxsize=64)
def _simd_rows(size: int) -> int:
    """Return the number of rows to a multiple of which FFTs of `size` are padded, lest last bits differ."""
    noise = np.random.default_rng(0).normal(size=(_LARGEST_SIMD, size + 2)).astype(np.float32)
    half = noise.view(np.complex64)
    whole = _lines(noise[:, :size]), _signals(half, size)
    for rows in (4, 8):
        parts = _lines(noise[:rows, :size]), _signals(half[:rows], size)
        if all(np.array_equal(part, full[:rows]) for part, full in zip(parts, whole, strict=True)):
            return rows
    return _LARGEST_SIMD


def _lines(circles: NDArray[np.float32]) -> NDArray[np.complex64]:
    return np.asarray(ducc0.fft.r2c(circles, axes=(1,), nthreads=1), np.complex64)


def _signals(spectra: NDArray[np.complex64], size: int) -> NDArray[np.float32]:
    return np.asarray(ducc0.fft.c2r(spectra, axes=(1,), lastsize=size, forward=False, nthreads=1), np.float32)


def circle_size(orders: int) -> int:
    """Return the points of a circle of two turns: a power of two beyond eight times the highest order.

    Up to twice that many lines are read, so it is oversampled at least twice; and the eighth power of a turn's
    signal folds nothing into its mean.
    """
    return 1 << (8 * orders).bit_length()


def describe(
    x: NDArray[np.float32],
    out: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    speed: NDArray[np.float64],
    teeth: NDArray[np.float64],
    shaft_angle: NDArray[np.float64] | None,
    sampling_rate: float,
) -> None:
    """Fill `out` (n, features of `GEAR`) and add to `reasons` why some stay NaN.

    Without an angle the shaft turns at `speed`, corrected where its mesh or its first order stands out and says
    otherwise, slower than a turn: a mesh of 20 teeth follows 10 % over a record, a strong first order 80 %; what is
    seen to vary more is refused. Where nothing stands out, nothing is seen: `speed` counts.

    Parameters
    ----------
    x : (n, samples)
        Acceleration [m/s2].
    out : (n, features)
        NaN beforehand.
    reasons : (n,)
        Bits of `Reason`.
    speed : (n,)
        Shaft speed [Hz], NaN unknown.
    teeth : (n,)
        Of the gear on that shaft, NaN unknown.
    shaft_angle : (n, samples), optional
        How far the shaft has turned at each sample [rad].
    sampling_rate : float
        [Hz].
    """
    n = len(x)
    reasons[np.isnan(teeth)] |= np.uint32(Reason.NO_TEETH)
    angle = _NO_ANGLE if shaft_angle is None else shaft_angle
    highest, moments = np.zeros(n, np.int64), np.empty((n, 2))
    if not _order_kernels.survey(x, speed, angle, sampling_rate, moments, reasons, highest):
        return
    sizes = [circle_size(int(orders)) if orders else 0 for orders in highest]
    for size in sorted(set(sizes) - {0}):
        chosen = np.array([row for row in range(n) if sizes[row] == size])
        simd = _simd_rows(size)
        circles = np.zeros((-(-len(chosen) // simd) * simd, size), np.float32)
        totals = np.empty((len(chosen), 2))
        _order_kernels.fold(x, chosen, speed, teeth, angle, sampling_rate, moments, reasons, circles, totals)
        lines = _lines(circles)
        _gear_kernels.describe_orders(lines, chosen, highest, totals, _inverse_gain(size), out)
        _describe_gears(lines, chosen, highest, totals, teeth, out, reasons, size, simd)


def _describe_gears(
    lines: NDArray[np.complex64],
    chosen: NDArray[np.int64],
    highest: NDArray[np.int64],
    totals: NDArray[np.float64],
    teeth: NDArray[np.float64],
    out: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    size: int,
    simd: int,
) -> None:
    gears = np.empty(len(chosen), np.int64)
    gears = gears[: _gear_kernels.find_gears(chosen, highest, totals, teeth, reasons, gears)]
    if not len(gears):
        return
    rows = -(-len(gears) * _gear_kernels.SIGNALS // simd) * simd
    spectra = np.zeros((rows, size // 2 + 1), np.complex64)
    _gear_kernels.describe_mesh(lines, chosen, gears, highest, teeth, spectra, out, reasons)
    _gear_kernels.describe_signals(_signals(spectra, size), chosen, gears, out, reasons, size)
