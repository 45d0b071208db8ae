"""Motor current features of one or three phases sampled together, in double precision.

Every record is transformed by itself, three phases and the modulus of their Park vector in one call: its bits
cannot depend on its neighbours, and memory does not grow with the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import ducc0
import numpy as np
from numpy.typing import NDArray

from features import _current_group_kernels as group_kernels
from features import _current_kernels as kernels
from features import _current_rotor_kernels as rotor_kernels
from features import _current_slip_kernels as slip_kernels
from features import _current_time_kernels as time_kernels
from features import _current_track_kernels as track_kernels
from features._current_columns import GROUP as GROUP_COLUMNS
from features._current_columns import PHASE as COLUMNS
from features.reasons import Reason

# Four-term Blackman-Harris: side lobes 92 dB down, so that a sideband of -60 dB stands out eight lines from
# the supply. F. J. Harris, "On the use of windows for harmonic analysis", Proc. IEEE 66 (1978), table 1.
_BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)
_KEPT_WINDOWS = 8


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
    rotor_slots: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint32]]:
    """Return features (n, phases, F), of the phases together (n, G) and reasons (n, phases).

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
    """
    n, phases, samples = currents.shape
    values = np.full((n, phases, len(COLUMNS)), np.nan, np.float64)
    group = np.full((n, len(GROUP_COLUMNS)), np.nan, np.float64)
    slots = np.full(n, np.nan) if rotor_slots is None else rotor_slots
    reasons = np.zeros((n, phases), np.uint32)
    reasons[np.isnan(speed)] |= np.uint32(Reason.NO_SPEED)
    reasons[np.isnan(orders).any(axis=1)] |= np.uint32(Reason.NO_GEOMETRY)
    reasons[np.isnan(pole_pairs)] |= np.uint32(Reason.NO_POLE_PAIRS)
    reasons[np.isnan(slots)] |= np.uint32(Reason.NO_SLOTS)
    if phases != 3:
        reasons |= np.uint32(Reason.SINGLE_PHASE)
    nominal = math.nan if supply_frequency is None else supply_frequency
    work = _Workspace.of(phases, samples, sampling_rate, nominal)
    for row in range(n):
        motor = _Motor(float(speed[row]), orders[row], float(pole_pairs[row]), float(slots[row]))
        _describe_record(np.ascontiguousarray(currents[row]), work, motor, values[row], group[row], reasons[row])
    return values.astype(np.float32), group.astype(np.float32), reasons


@dataclass(frozen=True)
class _Motor:
    speed: float
    orders: NDArray[np.float64]
    pole_pairs: float
    slots: float


@dataclass(frozen=True)
class _Workspace:
    """Memory for one record and what all records of a batch share."""

    sampling_rate: float
    seconds: float
    nominal: float
    window: NDArray[np.float64]
    windowed: NDArray[np.float64]
    spectrum: NDArray[np.complex128]
    power: NDArray[np.float64]
    variance: NDArray[np.float64]
    scale: float
    share: float
    half_band: int
    band: NDArray[np.complex128]

    @classmethod
    def of(cls, phases: int, samples: int, sampling_rate: float, nominal: float) -> _Workspace:
        rows = 4 if phases == 3 else phases
        window = _window(samples)
        squares = float(np.square(window).mean())
        seconds = samples / sampling_rate
        half_band = 0 if math.isnan(nominal) else int(min(nominal * seconds / 4, samples))
        points = ducc0.fft.good_size(2 * half_band + 1)
        return cls(
            sampling_rate, seconds, nominal, window,
            windowed=np.empty((rows, samples)),
            spectrum=np.empty((rows, samples // 2 + 1), np.complex128),
            power=np.empty((rows, samples // 2 + 1)),
            variance=np.empty(phases),
            scale=2.0 / (squares * samples**2),
            share=2.0 * squares / float(window.mean()) ** 2,
            half_band=half_band,
            band=np.zeros((phases, points), np.complex128),
        )  # fmt: skip


def _describe_record(
    currents: NDArray[np.float32],
    work: _Workspace,
    motor: _Motor,
    values: NDArray[np.float64],
    group: NDArray[np.float64],
    reasons: NDArray[np.uint32],
) -> None:
    phases = len(currents)
    time_kernels.describe_samples(currents, work.window, work.windowed, work.variance, values, reasons)
    if phases == 3:
        time_kernels.describe_park(currents, work.window, work.windowed[3], values, reasons, group)
    ducc0.fft.r2c(work.windowed, axes=(1,), nthreads=1, out=work.spectrum)
    kernels.write_power(work.spectrum, work.scale, work.power)
    supplies = np.empty(phases)
    period = work.sampling_rate / work.nominal
    for phase in range(phases):
        supplies[phase] = _describe_phase(
            work.power[phase], work.variance[phase], work, motor, values[phase], reasons[phase : phase + 1]
        )
        time_kernels.describe_start(
            currents[phase], period, work.sampling_rate, values[phase], reasons[phase : phase + 1]
        )
    _track(supplies, work, values, reasons)
    if phases == 3:
        group_kernels.describe_together(
            work.spectrum[:3], work.power[3], work.share, values, group, reasons, motor.speed, work.seconds
        )


def _describe_phase(
    power: NDArray[np.float64],
    variance: float,
    work: _Workspace,
    motor: _Motor,
    out: NDArray[np.float64],
    reasons: NDArray[np.uint32],
) -> float:
    """Write what the power spectrum of one phase says and return the supply's place [lines], NaN if absent."""
    supply = float(kernels.find_supply(power, variance, work.nominal, work.seconds, out, reasons))
    if not math.isnan(supply):
        kernels.describe_lines(power, supply, out, reasons, motor.speed, motor.pole_pairs, motor.orders, work.seconds)
        rotor_kernels.noise_floor(power, supply, out, reasons)
        if not math.isnan(motor.speed):
            rotor_kernels.describe_rotor(
                power, supply, out, reasons, motor.speed * work.seconds, motor.pole_pairs, motor.slots
            )
        slip_kernels.estimate_slip(power, supply, out, reasons, motor.pole_pairs, motor.slots)
    return supply


def _track(
    supplies: NDArray[np.float64], work: _Workspace, values: NDArray[np.float64], reasons: NDArray[np.uint32]
) -> None:
    """Demodulate each phase's fundamental from a quarter of the supply frequency either side."""
    found = ~np.isnan(supplies)
    too_short = work.half_band < rotor_kernels.LEAST_PERIODS / 4
    inside = supplies + work.half_band < work.spectrum.shape[1] - 1
    reasons[found & too_short] |= np.uint32(Reason.RECORD_TOO_SHORT)
    reasons[found & ~inside] |= np.uint32(Reason.BAND_ABOVE_NYQUIST)
    heard = np.flatnonzero(inside & (not too_short))
    for phase in heard:
        track_kernels.gather_band(work.spectrum[phase], round(supplies[phase]), work.half_band, work.band[phase])
    if len(heard) == 0:
        return
    tracks = ducc0.fft.c2c(work.band, axes=(1,), forward=False, nthreads=1)
    window = _window(work.band.shape[1])
    for phase in heard:
        offset = supplies[phase] - round(supplies[phase])
        track_kernels.describe_track(tracks[phase], window, offset, work.seconds, values[phase])
