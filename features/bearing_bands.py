"""Bearing features outside the fixed band: kurtogram, whitened envelope, cepstrum; by blocks of rows."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import fft
from features.catalogue.reasons import Reason
from features.catalogue.vibration_columns import (
    KURTOGRAM_PROMINENCE,
    KURTOGRAM_SIDEBANDS,
    WHITENED_LINES,
    WHITENED_PROMINENCE,
    WHITENED_SIDEBANDS,
    WHITENED_SLIP,
)
from features.kernels import band as band_kernels
from features.kernels import cepstrum as cepstrum_kernels

LEAST_BAND_LINES = 32
"""Least lines, and so samples of its signal, of a band of the kurtogram."""
LEAST_SAMPLES = 256
"""Least samples of a record for these features, except for the peak of its spectrum."""
_GAP = 16
"""Padding between rows of a workspace, so that the distance of rows is not a power of two."""
_WHITENED = np.array([WHITENED_PROMINENCE, WHITENED_LINES, WHITENED_SLIP, WHITENED_SIDEBANDS])
_KURTOGRAM = np.array([KURTOGRAM_PROMINENCE, -1, -1, KURTOGRAM_SIDEBANDS])  # -1: not a feature of this band


def kurtogram_bands(samples: int) -> tuple[int, ...]:
    """Return the number of bands of each level of a record's kurtogram."""
    return tuple(n for n in (4, 8, 16, 32) if samples // 2 // n >= LEAST_BAND_LINES)


def _padded(rows: int, length: int, each: int = 1) -> int:
    """Return the number of rows after padding `each` transforms of a length to whole groups."""
    group = fft.group(length, "rfft", "ifft")
    group //= math.gcd(group, each)
    return -(-rows // group) * group


@dataclass(frozen=True)
class _BandWorkspace:
    """Arrays of one block; rows are padded, because distances that are powers of two thrash the cache."""

    count: int
    lines: NDArray[np.complex64]
    white: NDArray[np.complex64]
    signal: NDArray[np.complex64]
    squared: NDArray[np.float32]
    transform: NDArray[np.complex64]
    power: NDArray[np.float32]
    kurtosis: NDArray[np.float64]
    widths: NDArray[np.int64]

    def of(self, rows: int) -> _BandWorkspace:
        """Return the same memory for the first rows only."""
        return _BandWorkspace(
            self.count, self.lines[:rows], self.white[:rows], self.signal, self.squared[:rows], self.transform[:rows],
            self.power[:rows], self.kurtosis[:rows], self.widths[:rows],
        )  # fmt: skip


_kept = threading.local()


def _workspace(rows: int, count: int) -> _BandWorkspace:
    """Return a workspace of this thread; the last one is cached, because new pages cost more than the loops."""
    kept: _BandWorkspace | None = getattr(_kept, "workspace", None)
    if kept is None or kept.count != count or len(kept.lines) < rows:
        bands = kurtogram_bands(2 * count)
        kept = _kept.workspace = _BandWorkspace(
            count=count,
            lines=np.zeros((rows, count + _GAP), np.complex64),
            white=np.zeros((rows, count + _GAP), np.complex64),
            signal=np.zeros(rows * (count + 8 * max(bands, default=1)), np.complex64),
            squared=np.zeros((rows, count + _GAP), np.float32),
            transform=np.zeros((rows, count // 2 + 1 + _GAP), np.complex64),
            power=np.zeros((rows, count // 2 + _GAP), np.float32),
            kurtosis=np.zeros((rows, sum(bands)), np.float64),
            widths=np.zeros(rows, np.int64),
        )
    return kept if len(kept.lines) == rows else kept.of(rows)


def describe(
    parts: NDArray[np.float32],
    power: NDArray[np.float32],
    out: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    speed: NDArray[np.float64],
    orders: NDArray[np.float64],
    sampling_rate: float,
    samples: int,
    *,
    only_whitened: bool = False,
) -> None:
    """Fill the columns `out` (n, features of `BEARING`) of a block and add to `reasons` (n,).

    Parameters
    ----------
    parts : (>= n, >= 2 (samples // 2 + 1)) float32
        Alternating real and imaginary parts of the un-windowed real FFT of the centred rows.
    power : (>= n, samples // 2 + 1) float32
        Mean square per line under a Hann window [(m/s2)^2].
    speed, orders : (n,), (n, 4)
        Shaft speed [Hz]; BPFO, BPFI, BSF, FTF in multiples of it; NaN is unknown.
    """
    lines = samples // 2
    block = _Block(out, reasons, speed, orders, len(out), lines, samples / sampling_rate)
    cepstrum_kernels.interpolated_peak(power, power.view(np.int32), out, sampling_rate / samples)
    if samples < LEAST_SAMPLES:
        reasons |= np.uint32(Reason.RECORD_TOO_SHORT)
        return
    padded = _padded(block.rows, lines)
    space = _workspace(max(padded, _padded(block.rows, lines // band_kernels.COARSEST)), lines)
    whole = space if len(space.lines) == padded else space.of(padded)
    band_kernels.normalise_lines(parts, space.lines.view(np.float32), space.white.view(np.float32), block.rows, lines)
    _whitened(block, whole)
    if not only_whitened:
        _cepstrum(block, power, whole)
        _kurtogram(block, space)


@dataclass(frozen=True)
class _Block:
    """Output columns of a block's rows, their parameters, number of lines and length in seconds."""

    out: NDArray[np.float32]
    reasons: NDArray[np.uint32]
    speed: NDArray[np.float64]
    orders: NDArray[np.float64]
    rows: int
    lines: int
    seconds: float


def _cepstrum(block: _Block, power: NDArray[np.float32], space: _BandWorkspace) -> None:
    """Compute the cepstrum: the transform of the logarithmic spectrum shows families of equally spaced lines."""
    share = space.white.view(np.float32)
    cepstrum_kernels.log_lines(power, space.squared, share, share.view(np.int32), block.rows)
    _transform(space, block.rows, block.lines)
    cepstrum_kernels.describe_cepstrum(
        space.power, space.power.view(np.int32), block.out, block.reasons, block.speed, block.lines, block.seconds
    )


def _whitened(block: _Block, space: _BandWorkspace) -> None:
    _envelope_spectrum(block, space, block.lines)
    space.widths[:] = block.lines // 2
    _levels(block, space, _WHITENED)


def _kurtogram(block: _Block, space: _BandWorkspace) -> None:
    rows, lines = block.rows, block.lines
    first = 0
    for bands in kurtogram_bands(2 * lines):
        width = lines // bands
        padded = _padded(rows, width, bands)
        parted = _parted(space.lines[:padded], bands, width)
        signals = _rows_of(space.signal, bands * padded, width).reshape(bands, padded, -1)
        fft.ifft(parted, signals[:, :, :width])
        band_kernels.band_kurtosis(signals.view(np.float32), space.kurtosis, first, rows, width, lines)
        first += bands
    if first <= band_kernels.FINEST - band_kernels.COARSEST:
        block.reasons[:] |= np.uint32(Reason.RECORD_TOO_SHORT)
    band_kernels.choose_band(
        space.kurtosis, space.lines.view(np.float32), space.white.view(np.float32), block.out, space.widths, lines,
        1.0 / block.seconds,
    )  # fmt: skip
    widest = lines // band_kernels.COARSEST
    _envelope_spectrum(block, space, widest)
    np.minimum(space.widths, widest // 2, out=space.widths)
    _levels(block, space, _KURTOGRAM)


def _envelope_spectrum(block: _Block, space: _BandWorkspace, width: int) -> None:
    """Compute the power spectrum of the squared envelope of the band with lines in `space.white`."""
    analytic = _rows_of(space.signal, len(space.lines), width)
    fft.ifft(space.white[:, :width], analytic[:, :width])
    band_kernels.square_envelope(analytic.view(np.float32), space.squared, block.rows, width)
    _transform(space, block.rows, width)


def _levels(block: _Block, space: _BandWorkspace, columns: NDArray[Any]) -> None:
    band_kernels.fault_levels(
        space.power, space.power.view(np.int32), block.out, block.reasons, block.speed, block.orders, space.widths,
        block.seconds, columns,
    )  # fmt: skip


def _transform(space: _BandWorkspace, rows: int, samples: int) -> None:
    """Compute the Hann-windowed power spectrum of `samples` values of each row of `space.squared`."""
    fft.rfft(space.squared[:, :samples], space.transform[:, : samples // 2 + 1])
    band_kernels.hann_lines(space.transform.view(np.float32), space.power, rows, samples)


def _rows_of(buffer: NDArray[np.complex64], count: int, width: int) -> NDArray[np.complex64]:
    """Return `count` rows of at least `width` samples in `buffer`, at a distance that is not a power of two."""
    pitch = width + 8
    return buffer[: count * pitch].reshape(count, pitch)


def _parted(lines: NDArray[np.complex64], bands: int, width: int) -> NDArray[np.complex64]:
    """Return the lines (rows, >= bands x width) as (bands, rows, width), without copying."""
    row, line = lines.strides
    return np.lib.stride_tricks.as_strided(lines, (bands, len(lines), width), (width * line, row, line))
