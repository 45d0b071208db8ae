"""Gear and order features of many records: folded onto the shaft's angle and transformed together."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features import fft
from features.catalogue.reasons import Reason
from features.kernels import gear as gear_kernels
from features.kernels import order as order_kernels

_NO_ANGLE = np.empty((0, 0))  # no rows: the kernels follow the shaft themselves


@lru_cache(maxsize=64)
def _inverse_gain(size: int) -> NDArray[np.float64]:
    return np.asarray(1.0 / order_kernels.spreading_gain(size), np.float64)


def circle_size(orders: int) -> int:
    """Return the points of a circle of two turns: a power of two above eight times the highest order.

    Lines up to twice that order are used, so it is oversampled at least twice, and the mean of the eighth power of a
    turn's signal is free of aliasing.
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
    """Fill `out` (n, features of `GEAR`) and add the reasons of NaN to `reasons`.

    Without an angle the shaft turns at `speed`, corrected by the phase of a prominent mesh or first order, for changes
    slower than a turn: a mesh of 20 teeth follows 10 % over a record, a strong first order 80 %; a record of greater
    detected variation is refused. Without a prominent component `speed` is used.

    Parameters
    ----------
    x : (n, samples)
        Acceleration [m/s2].
    out : (n, features)
        NaN before the call.
    reasons : (n,)
        Bits of `Reason`.
    speed : (n,)
        Shaft speed [Hz], NaN unknown.
    teeth : (n,)
        Of the gear on that shaft, NaN unknown.
    shaft_angle : (n, samples), optional
        Shaft angle at each sample [rad].
    sampling_rate : float
        [Hz].
    """
    n = len(x)
    reasons[np.isnan(teeth)] |= np.uint32(Reason.NO_TEETH)
    angle = _NO_ANGLE if shaft_angle is None else shaft_angle
    highest, moments = np.zeros(n, np.int64), np.empty((n, 2))
    if not order_kernels.survey(x, speed, angle, sampling_rate, moments, reasons, highest):
        return
    sizes = [circle_size(int(orders)) if orders else 0 for orders in highest]
    for size in sorted(set(sizes) - {0}):
        chosen = np.array([row for row in range(n) if sizes[row] == size])
        group = fft.group(size, "rfft", "irfft")
        circles = np.zeros((-(-len(chosen) // group) * group, size), np.float32)
        totals = np.empty((len(chosen), 2))
        order_kernels.fold(x, chosen, speed, teeth, angle, sampling_rate, moments, reasons, circles, totals)
        lines = fft.rfft(circles)
        gear_kernels.describe_orders(lines, chosen, highest, totals, _inverse_gain(size), out)
        _describe_gears(lines, chosen, highest, totals, teeth, out, reasons, size, group)


def _describe_gears(
    lines: NDArray[np.complex64],
    chosen: NDArray[np.int64],
    highest: NDArray[np.int64],
    totals: NDArray[np.float64],
    teeth: NDArray[np.float64],
    out: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    size: int,
    group: int,
) -> None:
    gears = np.empty(len(chosen), np.int64)
    gears = gears[: gear_kernels.find_gears(chosen, highest, totals, teeth, reasons, gears)]
    if not len(gears):
        return
    rows = -(-len(gears) * gear_kernels.SIGNALS // group) * group
    spectra = np.zeros((rows, size // 2 + 1), np.complex64)
    gear_kernels.describe_mesh(lines, chosen, gears, highest, teeth, spectra, out, reasons)
    gear_kernels.describe_signals(fft.irfft(spectra, size), chosen, gears, out, reasons, size)
