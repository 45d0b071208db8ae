"""Vibration features of many records at once: blocks of rows through shared FFTs and fused loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features import bearing_bands, fft
from features.catalogue import bearing, definitions, gear, names, vibration
from features.catalogue.reasons import Reason
from features.catalogue.vibration_columns import KURTOSIS
from features.gear import describe as describe_gears
from features.kernels import envelope as envelope_kernels
from features.kernels import line as line_kernels
from features.kernels import spectrum as spectrum_kernels
from features.kernels import time_domain
from features.workspace import Workspace, envelope_band, rows_in_block, workspace

COLUMNS = names("vibration", "channel")
CORE_COLUMNS = tuple(d.name for d in definitions("vibration", "channel") if d.core)

_VELOCITY = ("high_frequency_rms", "velocity", "order_")
_NOT_CORE = {row[0] for row in vibration.MORE}  # names
FAMILIES = {
    "spectrum": {row[0] for row in vibration.SPECTRUM} | {"rolloff_95", "spectral_flatness"},
    "histogram": {"histogram_entropy"},
    "velocity": {name for name in _NOT_CORE if name.startswith(_VELOCITY)},
    "envelope": {row[0] for row in vibration.ENVELOPE},
    "prominence": {name for name in _NOT_CORE if name.endswith("prominence") or name.startswith("envelope")},
    "whitened": {row[0] for row in bearing.BEARING if row[0].startswith("whitened")},
    "bands": {row[0] for row in bearing.BEARING if not row[0].startswith("whitened")},
    "gear": {row[0] for row in gear.GEAR},
}
"""Families outside the time domain, computed only if one of their features is selected."""
ALL_FAMILIES = frozenset(FAMILIES)
_OF_SPECTRUM = frozenset({"spectrum", "velocity", "envelope", "prominence", "whitened", "bands"})
_OF_BANDS = frozenset({"whitened", "bands"})
_OF_ENVELOPE = frozenset({"envelope", "prominence"})
_BEARING_START = len(vibration.CORE) + len(vibration.MORE)
_GEAR_START = _BEARING_START + len(bearing.BEARING)

LoadRows = Callable[[int, int], NDArray[np.float32]]


def width(families: frozenset[str]) -> int:
    """Return the number of columns of the families."""
    return len(COLUMNS) if families & {"whitened", "bands", "gear"} else _BEARING_START


def families_of(chosen: Iterable[str]) -> frozenset[str]:
    """Return the families of the chosen features."""
    return frozenset(family for family, members in FAMILIES.items() if not members.isdisjoint(chosen))


@dataclass(frozen=True)
class Shafts:
    """Parameters of each row: sampling rate [Hz], samples, shaft speed [Hz], bearing orders, teeth, angle [rad].

    `angle` is per record; row r belongs to record r // channels, counted from `first_row`. NaN is unknown.
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
        """Return the parameters per row, from those per record of a number of channels."""
        if channels == 1:
            return self
        speed, orders, teeth = (np.repeat(known, channels, axis=0) for known in (self.speed, self.orders, self.teeth))
        return Shafts(self.sampling_rate, self.samples, speed, orders, teeth, self.angle, channels)

    def of(self, part: slice) -> Shafts:
        """Return the parameters of some rows."""
        return Shafts(
            self.sampling_rate, self.samples, self.speed[part], self.orders[part], self.teeth[part],
            self.angle, self.channels, self.first_row + part.start,
        )  # fmt: skip

    def angles(self) -> NDArray[np.float64] | None:
        """Return the angle of each row (rows, samples), None if it was not measured."""
        if self.angle is None:
            return None
        return self.angle[(self.first_row + np.arange(len(self.speed))) // self.channels]


def describe(
    load: LoadRows,
    values: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    shafts: Shafts,
    families: frozenset[str],
) -> int:
    """Fill `values` (rows, features) and `reasons`; return the first row with a value that is not finite, or -1.

    `load(start, stop)` gives rows as contiguous float32 in SI units.
    """
    rows, samples = len(values), shafts.samples
    block, space = rows_in_block(samples), workspace(rows, samples)
    if rows <= block:
        return _describe_block(load(0, rows), values, reasons, shafts, space, families)
    for start in range(0, rows, block):
        part = slice(start, min(start + block, rows))
        x = load(part.start, part.stop)
        bad = _describe_block(x, values[part], reasons[part], shafts.of(part), space, families)
        if bad >= 0:
            return start + bad
    return -1


def _describe_block(
    x: NDArray[np.float32],
    out: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    shafts: Shafts,
    space: Workspace,
    families: frozenset[str],
) -> int:
    rows, samples = x.shape
    sampling_rate, seconds = shafts.sampling_rate, samples / shafts.sampling_rate
    bad: int = time_domain.centre_and_describe(x, space.real, out, sampling_rate)
    if bad >= 0:
        return bad
    if "gear" in families:
        describe_gears(x, out[:, _GEAR_START:], reasons, shafts.speed, shafts.teeth, shafts.angles(), sampling_rate)
    if "histogram" in families:
        line_kernels.histogram_entropy(space.real, out, rows, samples)
    if _OF_SPECTRUM.isdisjoint(families):
        _say_what_is_unknown(out, reasons, shafts)
        return -1
    first, lines, length = envelope_band(samples)
    views = space.of(rows)
    fft.rfft(views.signal, views.spectrum)
    spectrum_kernels.describe_transform(
        views.spectrum_parts, space.power, views.band_parts, out, samples, first, lines,
        sampling_rate / samples,
    )  # fmt: skip
    if "velocity" in families:
        line_kernels.velocity_and_orders(
            space.power, out, reasons, shafts.speed, seconds, _band_limits(sampling_rate, samples)
        )
    if not _OF_BANDS.isdisjoint(families):
        bearing_bands.describe(
            views.spectrum_parts, space.power, out[:, _BEARING_START:_GEAR_START], reasons, shafts.speed,
            shafts.orders, sampling_rate, samples, only_whitened="bands" not in families,
        )  # fmt: skip
        out[np.isnan(out[:, KURTOSIS]), _BEARING_START:_GEAR_START] = np.nan
    if _OF_ENVELOPE.isdisjoint(families):
        _say_what_is_unknown(out, reasons, shafts)
        return -1
    # From here on the squared envelope replaces the signal, and its analytic band replaces the spectrum.
    fft.irfft(views.band, length, views.analytic)
    envelope_kernels.square_envelope(views.analytic_rows, space.real, out, length, 1.0 / samples**2)
    fft.rfft(views.squared, views.envelope_spectrum)
    envelope_kernels.bearing_lines(
        views.spectrum_parts, space.envelope_power, out, reasons, shafts.speed, shafts.orders, length, seconds
    )
    if "prominence" in families:
        line_kernels.bearing_prominence(
            space.envelope_power, space.envelope_power.view(np.int32), space.real.view(np.int32), out, reasons,
            shafts.speed, shafts.orders, length, seconds,
        )  # fmt: skip
    return -1


def _say_what_is_unknown(out: NDArray[np.float32], reasons: NDArray[np.uint32], shafts: Shafts) -> None:
    """Add the reasons that apply to all features, as the last loop of the whole catalogue does."""
    reasons[np.isnan(out[:, KURTOSIS])] |= np.uint32(Reason.CONSTANT)
    reasons[np.isnan(shafts.speed)] |= np.uint32(Reason.NO_SPEED)
    reasons[np.isnan(shafts.orders).any(axis=1)] |= np.uint32(Reason.NO_GEOMETRY)


LEAST_CYCLES = 10.0
"""Least cycles of the lowest frequency for a velocity rms: 1 s from 10 Hz, 5 s from 2 Hz."""
_VELOCITY_TOP = 1000.0
"""[Hz], upper end of the velocity band of ISO 20816."""
_HIGH_FREQUENCY = 1000.0
"""[Hz], lower end of the band of `high_frequency_rms`, which is the upper end of the velocity band."""


@lru_cache(maxsize=256)
def _band_limits(sampling_rate: float, samples: int) -> NDArray[np.int64]:
    seconds = samples / sampling_rate
    last = samples // 2
    limits = np.array([(1, 0)] * 3)
    if sampling_rate > 2 * _HIGH_FREQUENCY and seconds * _HIGH_FREQUENCY >= LEAST_CYCLES:
        limits[0] = math.floor(_HIGH_FREQUENCY * seconds) + 1, last
    for row, lowest in ((1, 10.0), (2, 2.0)):
        # One line beyond the band is needed on either side of its strongest line.
        if seconds * lowest >= LEAST_CYCLES - 1e-9 and _VELOCITY_TOP * seconds < last:
            limits[row] = math.ceil(lowest * seconds - 1e-9), math.floor(_VELOCITY_TOP * seconds + 1e-9)
    return limits


@lru_cache(maxsize=256)
def record_reasons(sampling_rate: float, samples: int) -> int:
    """Return the reason bits from a record's length and rate."""
    seconds = samples / sampling_rate
    reasons = Reason(0)
    if seconds * 2.0 < LEAST_CYCLES - 1e-9 or samples < 128:
        reasons |= Reason.RECORD_TOO_SHORT
    if _VELOCITY_TOP * seconds >= samples // 2:
        reasons |= Reason.BAND_ABOVE_NYQUIST
    return int(reasons)
