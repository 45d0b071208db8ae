"""Vibration features of many records at once: blocks of rows through shared FFTs and fused loops."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ducc0
import numpy as np
from numpy.typing import NDArray

from features import _envelope_kernels, _kernels, _line_kernels
from features.catalogue import definitions, names
from features.reasons import Reason
from features.tables import bearing, gear, vibration

COLUMNS = names("vibration", "channel")
CORE_COLUMNS = tuple(d.name for d in definitions("vibration", "channel") if d.core)
PEAK = COLUMNS.index("peak")
_KURTOSIS = COLUMNS.index("kurtosis")

FAMILIES = {
    name: frozenset(row[0] for row in rows)
    for name, rows in (("more", vibration.MORE), ("bearing", bearing.BEARING), ("gear", gear.GEAR))
}
"""What is computed beyond the core set only if it is asked for."""
ALL_FAMILIES = frozenset(FAMILIES)
_BEARING_START = len(vibration.CORE) + len(vibration.MORE)
_GEAR_START = _BEARING_START + len(bearing.BEARING)

_BLOCK_SAMPLES = 2**16
"""Of a block of rows: what it passes through then fits a core's second cache (2 MiB)."""

_GAP = 16
"""Values between rows of a workspace."""

LoadRows = Callable[[int, int], NDArray[np.float32]]


def families_of(chosen: Iterable[str]) -> frozenset[str]:
    """Return the families in which the chosen features lie."""
    return frozenset(family for family, members in FAMILIES.items() if not members.isdisjoint(chosen))


@dataclass(frozen=True)
class Shafts:
    """What is known of each row: sampling rate [Hz], samples, shaft speed [Hz], bearing orders, teeth, angle [rad].

    `angle` is of records; row r belongs to record r // channels, counted from `first_row`. NaN is unknown.
    """

    sampling_rate: float
    samples: int
    speed: NDArray[np.float64]
    orders: NDArray[np.float64]
    teeth: NDArray[np.float64]
    angle: NDArray[np.float64] | None
    channels: int = 1
    first_row: int = 0

    def repeat(self, channels: int) -> Shafts:
        """Return the same of rows, from that of records of so many channels."""
        if channels == 1:
            return self
        speed, orders, teeth = (np.repeat(known, channels, axis=0) for known in (self.speed, self.orders, self.teeth))
        return Shafts(self.sampling_rate, self.samples, speed, orders, teeth, self.angle, channels)

    def of(self, part: slice) -> Shafts:
        """Return the same of some rows."""
        return Shafts(
            self.sampling_rate, self.samples, self.speed[part], self.orders[part], self.teeth[part],
            self.angle, self.channels, self.first_row + part.start,
        )  # fmt: skip

    def angles(self) -> NDArray[np.float64] | None:
        """Return the angle of each row (rows, samples), None if it was not measured."""
        if self.angle is None:
            return None
        return self.angle[(self.first_row + np.arange(len(self.speed))) // self.channels]


@lru_cache(maxsize=256)
def envelope_band(samples: int) -> tuple[int, int, int]:
    """Return first line, number of lines and FFT length of the envelope band of a record.

    The band reaches from 1/4 to 3/4 of half the sampling rate. The length is at least twice the lines: the
    squared envelope is then free of aliasing, and so are the means of its powers.
    """
    lines = samples // 4
    return samples // 8, lines, int(ducc0.fft.good_size(2 * lines, True))


@lru_cache(maxsize=256)
def simd_rows(samples: int) -> int:
    """Return the number of rows to a multiple of which FFTs of a record length are padded.

    The library treats rows in groups, and a row in a broken group has other last bits. How many make a group
    depends on the length and on how the library was built, so it is looked at once a length.
    """
    _, _, length = envelope_band(samples)
    noise = np.random.default_rng(0).normal(size=(16, 2 * (samples + length))).astype(np.float32)
    half = noise[:, : length // 2 * 2 + 2].view(np.complex64)
    transforms: tuple[Callable[[int], NDArray[Any]], ...] = (
        lambda rows: ducc0.fft.r2c(noise[:rows, :samples], axes=(1,), nthreads=1),
        lambda rows: ducc0.fft.r2c(noise[:rows, :length], axes=(1,), nthreads=1),
        lambda rows: ducc0.fft.c2r(half[:rows], axes=(1,), lastsize=length, forward=False, nthreads=1),
    )
    whole = [transform(16) for transform in transforms]
    for rows in (4, 8):
        if all(np.array_equal(f(rows), full[:rows]) for f, full in zip(transforms, whole, strict=True)):
            return rows
    return 16


@dataclass(frozen=True)
class _Workspace:
    """Arrays that one block passes through; what is dead by then gives its memory to the next.

    Rows stand a cache line apart from a power of two, which would thrash the cache; loops get whole rows, of
    which they know the used part, because a cut array has no known stride and no vector loop.
    """

    key: tuple[int, int]
    real: NDArray[np.float32]
    held: NDArray[np.complex64]
    power: NDArray[np.float32]
    band: NDArray[np.complex64]
    envelope_power: NDArray[np.float32]

    @property
    def analytic(self) -> NDArray[np.float32]:
        """Real and imaginary parts of the band's analytic signal in rows of their own."""
        return self.held.view(np.float32).reshape(2 * len(self.held), -1)


_kept = threading.local()


def _workspace(rows: int, samples: int) -> _Workspace:
    """Return this thread's workspace; new pages cost more than the loops over them, so the last one is kept."""
    kept: _Workspace | None = getattr(_kept, "workspace", None)
    if kept is None or kept.key != (rows, samples):
        kept = _kept.workspace = _new_workspace(rows, samples)
    return kept


def _new_workspace(rows: int, samples: int) -> _Workspace:
    _, _, length = envelope_band(samples)
    half, short = samples // 2 + 1, length // 2 + 1
    return _Workspace(
        key=(rows, samples),
        real=np.zeros((rows, max(samples, length) + _GAP), np.float32),
        held=np.zeros((rows, max(half, length) + _GAP), np.complex64),
        power=np.zeros((rows, half), np.float32),
        band=np.zeros((2 * rows, short + _GAP), np.complex64),
        envelope_power=np.zeros((rows, short), np.float32),
    )


@lru_cache(maxsize=256)
def rows_in_block(samples: int) -> int:
    """Return how many rows of a record length keep a block in the processor's cache."""
    simd = simd_rows(samples)
    return simd * max(1, _BLOCK_SAMPLES // (simd * samples))


def describe(
    load: LoadRows,
    values: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    shafts: Shafts,
    families: frozenset[str],
) -> int:
    """Fill `values` (rows, features) and `reasons`; return the first row that is not finite, or -1.

    `load(start, stop)` gives rows as contiguous float32 in SI units.
    """
    rows, samples = len(values), shafts.samples
    simd, block = simd_rows(samples), rows_in_block(samples)
    space = _workspace(min(block, -(-rows // simd) * simd), samples)
    for start in range(0, rows, block):
        part = slice(start, min(start + block, rows))
        x = load(part.start, part.stop)
        padded = -(-len(x) // simd) * simd
        bad = _describe_block(x, values[part], reasons[part], shafts.of(part), space, padded, families)
        if bad >= 0:
            return start + bad
    reasons[np.isnan(values[:, _KURTOSIS])] |= np.uint32(Reason.CONSTANT)
    return -1


def _describe_block(
    x: NDArray[np.float32],
    out: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    shafts: Shafts,
    space: _Workspace,
    padded: int,
    families: frozenset[str],
) -> int:
    rows, samples = x.shape
    sampling_rate, seconds = shafts.sampling_rate, samples / shafts.sampling_rate
    bad: int = _kernels.centre_and_describe(x, x.view(np.int32), space.real, out, sampling_rate)
    if bad >= 0:
        return bad
    first, lines, length = envelope_band(samples)
    half, short = samples // 2 + 1, length // 2 + 1
    spectrum = space.held[:padded]
    ducc0.fft.r2c(space.real[:padded, :samples], axes=(1,), out=spectrum[:, :half], nthreads=1)
    _kernels.describe_transform(
        spectrum.view(np.float32), space.power, space.power.view(np.int32), space.band.view(np.float32),
        out, samples, first, lines, sampling_rate / samples,
    )  # fmt: skip
    if "more" in families:
        _line_kernels.histogram_entropy(space.real[:rows, :samples], out, rows)
        _line_kernels.velocity_and_orders(
            space.power, out, reasons, shafts.speed, seconds, _band_limits(sampling_rate, samples)
        )
    # From here on the squared envelope takes the place of the signal, its analytic band that of the spectrum.
    analytic, band = space.analytic, space.band[: 2 * padded, :short]
    ducc0.fft.c2r(band, axes=(1,), lastsize=length, forward=False, out=analytic[: 2 * padded, :length], nthreads=1)
    _envelope_kernels.square_envelope(analytic, space.real, out, length, 1.0 / samples**2)
    ducc0.fft.r2c(space.real[:padded, :length], axes=(1,), out=spectrum[:, :short], nthreads=1)
    _envelope_kernels.bearing_lines(
        spectrum.view(np.float32), space.envelope_power, out, reasons, shafts.speed, shafts.orders, length, seconds
    )
    if "more" in families:
        _line_kernels.bearing_prominence(
            space.envelope_power, space.real[:rows, :length], out, reasons, shafts.speed, shafts.orders, seconds
        )
    return -1


LEAST_CYCLES = 10.0
"""Cycles of the lowest frequency that a velocity rms needs: 1 s from 10 Hz, 5 s from 2 Hz."""
_VELOCITY_TOP = 1000.0
_HIGH_FREQUENCY = 1000.0


@lru_cache(maxsize=256)
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


def record_reasons(shafts: Shafts) -> NDArray[np.uint32]:
    """Return what the records' length, rate, speed and bearing orders already rule out (rows,)."""
    seconds = shafts.samples / shafts.sampling_rate
    common = Reason(0)
    if seconds * 2.0 < LEAST_CYCLES - 1e-9 or shafts.samples < 128:
        common |= Reason.RECORD_TOO_SHORT
    if _VELOCITY_TOP * seconds >= shafts.samples // 2:
        common |= Reason.BAND_ABOVE_NYQUIST
    reasons = np.full(len(shafts.speed), int(common), np.uint32)
    reasons[np.isnan(shafts.speed)] |= np.uint32(Reason.NO_SPEED)
    reasons[np.isnan(shafts.orders).any(axis=1)] |= np.uint32(Reason.NO_GEOMETRY)
    return reasons
