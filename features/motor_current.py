"""Motor current features of one or three phases sampled together, in double precision.

Every record is transformed separately, three phases and the modulus of their Park vector in one call: the result does
not depend on other records, and working memory does not grow with the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features import fft
from features.catalogue.current_columns import GROUP as GROUP_COLUMNS
from features.catalogue.current_columns import PHASE as COLUMNS
from features.catalogue.reasons import Reason
from features.kernels import current_record as kernels
from features.kernels.current_rotor import LEAST_PERIODS

# Four-term Blackman-Harris: side lobes 92 dB down, so that a sideband of -60 dB is prominent eight lines from the
# supply. F. J. Harris, "On the use of windows for harmonic analysis", Proc. IEEE 66 (1978), table 1.
_BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)
_KEPT_WINDOWS = 8
"""Number of lengths with cached windows: a few recording plans, and their demodulated bands."""


@lru_cache(maxsize=_KEPT_WINDOWS)
def _window(samples: int) -> NDArray[np.float64]:
    phase = 2 * np.pi * np.arange(samples) / samples
    window = np.asarray(sum(a * np.cos(k * phase) for k, a in enumerate(_BLACKMAN_HARRIS)))
    window.setflags(write=False)
    return window


def describe(
    currents: NDArray[np.float32],
    sampling_rate: float,
    speed: NDArray[np.float64],
    orders: NDArray[np.float64],
    supply_frequency: float | None,
    pole_pairs: NDArray[np.float64],
    rotor_slots: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint32]]:
    """Return features (n, phases, F), features of all phases together (n, G) and reasons (n, phases).

    Parameters
    ----------
    currents : (n, phases, samples)
        [A].
    sampling_rate : float
        [Hz].
    speed : (n,)
        Shaft speed [Hz]; NaN, here and below, is unknown.
    orders : (n, 4)
        BPFO, BPFI, BSF and FTF as multiples of shaft speed.
    supply_frequency : float, optional
        Nominal [Hz].
    pole_pairs, rotor_slots : (n,)
        Of the motor.

    References
    ----------
    ISO 20958:2013, Condition monitoring and diagnostics of machine systems - Electrical signature analysis of
    three-phase induction motors; the source of each feature is in the catalogue.
    """
    n, phases, samples = currents.shape
    values = np.full((n, phases, len(COLUMNS)), np.nan, np.float64)
    group = np.full((n, len(GROUP_COLUMNS)), np.nan, np.float64)
    reasons = np.zeros((n, phases), np.uint32)
    reasons[np.isnan(speed)] |= np.uint32(Reason.NO_SPEED)
    reasons[np.isnan(orders).any(axis=1)] |= np.uint32(Reason.NO_GEOMETRY)
    reasons[np.isnan(pole_pairs)] |= np.uint32(Reason.NO_POLE_PAIRS)
    reasons[np.isnan(rotor_slots)] |= np.uint32(Reason.NO_SLOTS)
    if phases != 3:
        reasons |= np.uint32(Reason.SINGLE_PHASE)
    nominal = math.nan if supply_frequency is None else supply_frequency
    motors = np.column_stack((speed, pole_pairs, rotor_slots, orders))
    work = _Workspace.of(phases, samples, sampling_rate, nominal)
    for row in range(n):
        _describe_record(np.ascontiguousarray(currents[row]), work, motors[row], values[row], group[row], reasons[row])
    return values.astype(np.float32), group.astype(np.float32), reasons


@dataclass(frozen=True)
class _Workspace:
    """Memory for one record, and the parameters that all records of a batch share."""

    seconds: float
    scales: NDArray[np.float64]
    window: NDArray[np.float64]
    windowed: NDArray[np.float64]
    spectrum: NDArray[np.complex128]
    power: NDArray[np.float64]
    variance: NDArray[np.float64]
    supplies: NDArray[np.float64]
    half_band: int
    bands: NDArray[np.complex128]

    @classmethod
    def of(cls, phases: int, samples: int, sampling_rate: float, nominal: float) -> _Workspace:
        rows = 4 if phases == 3 else phases
        window = _window(samples)
        squares = float(np.square(window).mean())
        seconds = samples / sampling_rate
        half_band = 0 if math.isnan(nominal) else int(min(nominal * seconds / 4, samples))
        points = fft.fast_length(2 * half_band + 1, real=False)
        scale, share = 2.0 / (squares * samples**2), 2.0 * squares / float(window.mean()) ** 2
        return cls(
            seconds=seconds,
            scales=np.array((sampling_rate, nominal, scale, share)),
            window=window,
            windowed=np.empty((rows, samples)),
            spectrum=np.empty((rows, samples // 2 + 1), np.complex128),
            power=np.empty((rows, samples // 2 + 1)),
            variance=np.empty(phases),
            supplies=np.empty(phases),
            half_band=half_band,
            bands=np.empty((phases, points), np.complex128),
        )


def _describe_record(
    currents: NDArray[np.float32],
    work: _Workspace,
    motor: NDArray[np.float64],
    values: NDArray[np.float64],
    group: NDArray[np.float64],
    reasons: NDArray[np.uint32],
) -> None:
    kernels.prepare(currents, work.window, work.windowed, work.variance, values, group, reasons)
    fft.rfft(work.windowed, work.spectrum)
    kernels.describe_spectra(
        currents, work.spectrum, work.power, work.variance, work.scales, motor, values, group, reasons, work.supplies
    )
    _track(work, values, reasons)


def _track(work: _Workspace, values: NDArray[np.float64], reasons: NDArray[np.uint32]) -> None:
    """Demodulate each phase's fundamental from a quarter of the supply frequency either side."""
    found = ~np.isnan(work.supplies)
    if work.half_band < LEAST_PERIODS / 4:
        reasons[found] |= np.uint32(Reason.RECORD_TOO_SHORT)
        return
    outside = work.supplies + work.half_band >= work.spectrum.shape[1] - 1
    reasons[outside] |= np.uint32(Reason.BAND_ABOVE_NYQUIST)
    work.supplies[outside] = np.nan
    kernels.gather_bands(work.spectrum, work.supplies, work.half_band, work.bands)
    fft.ifft(work.bands, work.bands)
    kernels.describe_tracks(work.bands, _window(work.bands.shape[1]), work.supplies, work.seconds, values)
