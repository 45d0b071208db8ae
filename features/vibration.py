"""Vibration features of many records at once: blocks of rows through shared FFTs and fused loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import ducc0
import numpy as np
from numpy.typing import NDArray

from features import _envelope_kernels, _kernels, _line_kernels
from features.catalogue import definitions, names
from features.reasons import Reason

COLUMNS = names("vibration", "channel")
CORE_COLUMNS = tuple(d.name for d in definitions("vibration", "channel") if d.core)
SIMD_ROWS = 16
"""Blocks are padded to multiples of this, so that a row's bits do not depend on its neighbours."""
_BLOCK_SAMPLES = 2**17

LoadRows = Callable[[int, int], NDArray[np.float32]]


def envelope_band(samples: int) -> tuple[int, int, int]:
    """Return first line, number of lines and FFT length of the envelope band of a record.

    The band reaches from 1/4 to 3/4 of half the sampling rate. The length is at least twice the lines: the
    squared envelope is then free of aliasing, and so are the means of its powers.
    """
    lines = samples // 4
    return samples // 8, lines, int(ducc0.fft.good_size(2 * lines, True))


@dataclass(frozen=True)
class _Workspace:
    """Arrays that one block passes through; what is dead by then gives its memory to the next."""

    centred: NDArray[np.float32]
    spectrum: NDArray[np.complex64]
    power: NDArray[np.float32]
    band: NDArray[np.complex64]
    analytic: NDArray[np.complex64]
    squared: NDArray[np.float32]
    envelope_spectrum: NDArray[np.complex64]
    envelope_power: NDArray[np.float32]


def _workspace(rows: int, samples: int) -> _Workspace:
    _, _, length = envelope_band(samples)
    real = np.zeros(rows * max(samples, length), np.float32)
    # Rows of the analytic signal stand a cache line apart from a power of two, which would thrash the cache.
    pitch = length + 8
    held = np.zeros(rows * max(samples // 2 + 1, pitch), np.complex64)
    return _Workspace(
        centred=real[: rows * samples].reshape(rows, samples),
        spectrum=held[: rows * (samples // 2 + 1)].reshape(rows, -1),
        power=np.empty((rows, samples // 2 + 1), np.float32),
        band=np.zeros((rows, length), np.complex64),
        analytic=held[: rows * pitch].reshape(rows, pitch),
        squared=real[: rows * length].reshape(rows, length),
        envelope_spectrum=held[: rows * (length // 2 + 1)].reshape(rows, -1),
        envelope_power=np.empty((rows, length // 2 + 1), np.float32),
    )


def rows_in_block(samples: int) -> int:
    """Return how many rows of a record length keep a block in the processor's cache."""
    return SIMD_ROWS * max(1, _BLOCK_SAMPLES // (SIMD_ROWS * samples))


def describe(
    load: LoadRows,
    values: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    sampling_rate: float,
    samples: int,
    speed: NDArray[np.float64],
    orders: NDArray[np.float64],
    *,
    core_only: bool,
) -> int:
    """Fill `values` (rows, features) and `reasons`; return the first row that is not finite, or -1.

    `load(start, stop)` gives rows as contiguous float32 in SI units.
    """
    rows = len(values)
    block = min(rows_in_block(samples), -(-rows // SIMD_ROWS) * SIMD_ROWS)
    space = _workspace(block, samples)
    for start in range(0, rows, block):
        part = slice(start, min(start + block, rows))
        padded = -(-(part.stop - start) // SIMD_ROWS) * SIMD_ROWS
        bad = _describe_block(
            load(part.start, part.stop),
            values[part],
            reasons[part],
            sampling_rate,
            speed[part],
            orders[part],
            space,
            padded,
            core_only,
        )
        if bad >= 0:
            return start + bad
    reasons[np.isnan(values[:, COLUMNS.index("kurtosis")])] |= np.uint32(Reason.CONSTANT)
    return -1


def _describe_block(
    x: NDArray[np.float32],
    out: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    sampling_rate: float,
    speed: NDArray[np.float64],
    orders: NDArray[np.float64],
    space: _Workspace,
    padded: int,
    core_only: bool,
) -> int:
    rows, samples = x.shape
    seconds = samples / sampling_rate
    bad: int = _kernels.centre_and_describe(x, x.view(np.int32), space.centred, out, sampling_rate)
    if bad >= 0:
        return bad
    spectrum = space.spectrum[:padded]
    ducc0.fft.r2c(space.centred[:padded], axes=(1,), out=spectrum, nthreads=1)
    _kernels.hann_power(spectrum.view(np.float32), space.power, rows, samples)
    _kernels.describe_spectrum(space.power, space.power.view(np.int32), out, rows, sampling_rate / samples)

    if not core_only:
        _line_kernels.histogram_entropy(space.centred, out, rows)
        _line_kernels.velocity_and_orders(
            space.power, out, reasons, speed, seconds, _band_limits(sampling_rate, samples)
        )
    # From here on the squared envelope takes the place of the signal, its analytic band that of the spectrum.
    first, lines, length = envelope_band(samples)
    space.band[:rows, :lines] = spectrum[:rows, first : first + lines]
    analytic = space.analytic[:padded]
    ducc0.fft.c2c(space.band[:padded], axes=(1,), forward=False, out=analytic[:, :length], nthreads=1)
    _envelope_kernels.square_envelope(analytic.view(np.float32), space.squared, out, rows, (2.0 / samples) ** 2)
    envelope = space.envelope_spectrum[:padded]
    ducc0.fft.r2c(space.squared[:padded], axes=(1,), out=envelope, nthreads=1)
    _kernels.hann_power(envelope.view(np.float32), space.envelope_power, rows, length)
    _envelope_kernels.bearing_lines(space.envelope_power, out, reasons, speed, orders, seconds)
    if not core_only:
        _line_kernels.bearing_prominence(space.envelope_power, space.squared, out, reasons, speed, orders, seconds)
    return -1


LEAST_CYCLES = 10.0
"""Cycles of the lowest frequency that a velocity rms needs: 1 s from 10 Hz, 5 s from 2 Hz."""
_VELOCITY_TOP = 1000.0
_HIGH_FREQUENCY = 1000.0


def _band_limits(sampling_rate: float, samples: int) -> NDArray[np.int64]:
    seconds = samples / sampling_rate
    last = samples // 2
    limits = np.array([(1, 0)] * 3)
    if sampling_rate > 2 * _HIGH_FREQUENCY and seconds * _HIGH_FREQUENCY >= LEAST_CYCLES:
        limits[0] = math.floor(_HIGH_FREQUENCY * seconds) + 1, last
    for row, lowest in ((1, 10.0), (2, 2.0)):
        # A line more than the band's top is needed on either side of its strongest line.
        if seconds * lowest >= LEAST_CYCLES - 1e-9 and _VELOCITY_TOP * seconds < last:
            limits[row] = math.ceil(lowest * seconds - 1e-9), math.floor(_VELOCITY_TOP * seconds + 1e-9)
    return limits


def record_reasons(
    sampling_rate: float, samples: int, speed: NDArray[np.float64], orders: NDArray[np.float64]
) -> NDArray[np.uint32]:
    """Return what the records' length, rate, speed (rows,) and orders (rows, 4) already rule out."""
    seconds = samples / sampling_rate
    common = Reason(0)
    if seconds * 2.0 < LEAST_CYCLES - 1e-9 or samples < 128:
        common |= Reason.RECORD_TOO_SHORT
    if _VELOCITY_TOP * seconds >= samples // 2:
        common |= Reason.BAND_ABOVE_NYQUIST
    reasons = np.full(len(speed), common, np.uint32)
    reasons[np.isnan(speed)] |= np.uint32(Reason.NO_SPEED)
    reasons[np.isnan(orders).any(axis=1)] |= np.uint32(Reason.NO_GEOMETRY)
    return reasons
