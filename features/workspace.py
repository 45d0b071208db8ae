"""The workspace of a block of rows, and the number of rows per block."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features import fft

_BLOCK_SAMPLES = 2**16
"""Size of a block of rows: its workspace then fits a core's second-level cache (2 MiB)."""
_GAP = 16
"""Padding between rows of a workspace."""
_ROWS_AT_ONCE = 4
"""Rows of single precision that SciPy's transforms process at once (128 bits); fewer take as long."""


@lru_cache(maxsize=256)
def envelope_band(samples: int) -> tuple[int, int, int]:
    """Return first line, number of lines and FFT length of the envelope band of a record.

    The band extends from 1/4 to 3/4 of half the sampling rate. The length is at least twice the lines: the
    squared envelope and the means of its powers are then free of aliasing.
    """
    lines = samples // 4
    return samples // 8, lines, fft.fast_length(2 * lines, real=True)


def rows_in_group(samples: int) -> int:
    """Return the number of rows of which padded FFTs of a record length are a multiple."""
    _, _, length = envelope_band(samples)
    return max(fft.group(samples, "rfft"), fft.group(length, "rfft", "irfft"))


def rows_in_block(samples: int) -> int:
    """Return the number of rows of a record length whose block fits the processor's cache."""
    least = max(rows_in_group(samples), _ROWS_AT_ONCE)
    return least * max(1, _BLOCK_SAMPLES // (least * samples))


@dataclass(frozen=True)
class Views:
    """Views of the workspace for a number of rows: for the FFTs, and of the same memory for the loops."""

    signal: NDArray[np.float32]
    spectrum: NDArray[np.complex64]
    spectrum_parts: NDArray[np.float32]
    band: NDArray[np.complex64]
    band_parts: NDArray[np.float32]
    analytic: NDArray[np.float32]
    analytic_rows: NDArray[np.float32]
    squared: NDArray[np.float32]
    envelope_spectrum: NDArray[np.complex64]


@dataclass(frozen=True)
class Workspace:
    """Arrays of one block; memory that is no longer used is reused by the next step.

    Rows are padded by a cache line, because distances that are powers of two thrash the cache; loops get whole rows and
    the length of the used part, because a slice has no known stride and prevents vectorisation.
    """

    rows: int
    samples: int
    group: int
    real: NDArray[np.float32]
    complex_buffer: NDArray[np.complex64]
    power: NDArray[np.float32]
    band: NDArray[np.complex64]
    envelope_power: NDArray[np.float32]
    views: dict[int, Views] = field(default_factory=dict)

    def of(self, rows: int) -> Views:
        """Return the views of the first rows, padded to whole groups for the transforms."""
        if rows not in self.views:
            _, _, length = envelope_band(self.samples)
            half, short, padded = self.samples // 2 + 1, length // 2 + 1, -(-rows // self.group) * self.group
            real, complex_buffer, pairs = (
                self.real[:padded],
                self.complex_buffer[:padded],
                -(-2 * rows // self.group) * self.group,
            )
            analytic = self.complex_buffer.view(np.float32).reshape(2 * self.rows, -1)
            self.views[rows] = Views(
                signal=real[:, : self.samples],
                spectrum=complex_buffer[:, :half],
                spectrum_parts=complex_buffer.view(np.float32),
                band=self.band[:pairs, :short],
                band_parts=self.band.view(np.float32),
                analytic=analytic[:pairs, :length],
                analytic_rows=analytic,
                squared=real[:, :length],
                envelope_spectrum=complex_buffer[:, :short],
            )
        return self.views[rows]


_kept = threading.local()


def workspace(rows: int, samples: int) -> Workspace:
    """Return a workspace of this thread for up to a block of rows.

    The last one is cached, because new pages cost more than the loops over them.
    """
    group = rows_in_group(samples)
    rows = min(rows_in_block(samples), -(-rows // group) * group)
    kept: Workspace | None = getattr(_kept, "workspace", None)
    if kept is None or (kept.samples, kept.group) != (samples, group) or kept.rows < rows:
        kept = _kept.workspace = _make(rows, samples, group)
    return kept


def _make(rows: int, samples: int, group: int) -> Workspace:
    _, _, length = envelope_band(samples)
    half, short = samples // 2 + 1, length // 2 + 1
    return Workspace(
        rows=rows,
        samples=samples,
        group=group,
        real=np.zeros((rows, max(samples, length) + _GAP), np.float32),
        complex_buffer=np.zeros((rows, max(half, length) + _GAP), np.complex64),
        power=np.zeros((rows, half), np.float32),
        band=np.zeros((2 * rows, short + _GAP), np.complex64),
        envelope_power=np.zeros((rows, short), np.float32),
    )
