"""Validation of the arguments of `extract`: shapes, ranges, and records that are not measurements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.catalogue.reasons import Reason
from features.errors import SignalError

LEAST_SAMPLES = 16
"""With fewer samples some of the eight bands of a spectrum have no line."""
LARGEST_SAMPLE = 1e8
"""Above it [SI] fourth powers exceed single precision; no sensor of vibration or current reaches it."""


def check_waveforms(waveforms: NDArray[Any]) -> NDArray[Any]:
    """Return the waveforms as (n, channels, samples)."""
    stacked = np.asarray(waveforms)
    if stacked.dtype not in (np.float32, np.float64, np.int16):
        raise SignalError("waveforms", f"{stacked.dtype} is not float32, float64 or int16")
    if stacked.ndim not in (2, 3):
        raise SignalError("waveforms", f"shape {stacked.shape} is not (n, samples) or (n, channels, samples)")
    if stacked.shape[-1] < LEAST_SAMPLES:
        raise SignalError("waveforms", f"{stacked.shape[-1]} samples are fewer than {LEAST_SAMPLES}")
    if stacked.ndim == 3 and stacked.shape[1] == 0:
        raise SignalError("waveforms", "there are no channels")
    return stacked if stacked.ndim == 3 else stacked[:, None, :]


def check_rate(sampling_rate: float) -> float:
    """Return the sampling rate [Hz]."""
    rate = float(sampling_rate)
    if not 0 < rate < np.inf:
        raise SignalError("sampling_rate", f"{rate} Hz is not positive")
    return rate


def per_row(where: str, value: ArrayLike | None, n: int, shape: tuple[int, ...] = ()) -> NDArray[np.float64]:
    """Return `value` per record, NaN where it is not given."""
    if value is None:
        return np.full((n, *shape), np.nan)
    given = np.asarray(value, np.float64)
    if given.shape == (n, *shape):
        return given
    if given.shape != shape:
        raise SignalError(where, f"shape {given.shape} is neither {shape} nor {(n, *shape)}")
    repeated = np.empty((n, *shape))
    repeated[...] = given
    return repeated


def at_least(
    where: str, value: Any, n: int, least: float, what: str, shape: tuple[int, ...] = ()
) -> NDArray[np.float64]:
    """Return `value` per record; infinite values and values below `least` are refused, NaN is unknown."""
    single = value if isinstance(value, float) and not shape else math.nan
    if least <= single < math.inf:
        return np.full(n, single)
    given = per_row(where, value, n, shape)
    if value is not None and ((given < least) | np.isinf(given)).any():
        raise SignalError(where, f"{what}; NaN is unknown")
    return given


def whole(where: str, value: ArrayLike | None, n: int, least: int, what: str) -> NDArray[np.float64]:
    """Return a count per record, as `at_least` does; a fraction is refused."""
    given = at_least(where, value, n, least, what)
    if value is not None and (given % 1 > 0).any():
        raise SignalError(where, f"{what}; NaN is unknown")
    return given


def check_angle(shaft_angle: ArrayLike | None, n: int, samples: int) -> NDArray[np.float64] | None:
    """Return the shaft angle (n, samples) [rad], finite."""
    if shaft_angle is None:
        return None
    angle = np.asarray(shaft_angle, np.float64)
    if angle.shape != (n, samples):
        raise SignalError("shaft_angle", f"shape {angle.shape} is not {(n, samples)}, one angle per sample")
    if not np.isfinite(angle).all():
        record = int(np.argmin(np.isfinite(angle).all(axis=1)))
        raise SignalError(f"shaft_angle, record {record}", "an angle is not a finite number")
    return angle


def in_si(rows: NDArray[Any], factor: NDArray[np.float64] | None) -> NDArray[np.float32]:
    """Return contiguous float32 in SI units; values beyond single precision become infinite."""
    if factor is None:
        if rows.dtype == np.float32:
            # Read-only or unaligned memory would need separately compiled kernels, whose results may differ in last
            # bits.
            return rows if rows.flags.carray else np.array(rows, order="C")
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(rows, np.float32)
    weight = factor.astype(np.float32).reshape(-1, *(1,) * (rows.ndim - 1))
    with np.errstate(over="ignore"):
        return np.asarray(np.multiply(rows, weight, dtype=np.float32, casting="unsafe"))


def flag_bad(stacked: NDArray[Any], factor: NDArray[np.float64] | None) -> tuple[NDArray[Any], NDArray[np.uint32]]:
    """Return the waveforms with bad channels set to 0, and the reason bits (n, channels); 0 is good."""
    largest = np.full(stacked.shape[:2], LARGEST_SAMPLE)
    if factor is not None:
        largest /= np.abs(factor)[:, None]
    magnitude = np.abs(stacked.astype(np.int32) if stacked.dtype == np.int16 else stacked)
    within = (magnitude <= largest[..., None]).all(axis=2)
    flags = np.zeros(stacked.shape[:2], np.uint32)
    if within.all():
        return stacked, flags
    flags[~within] = Reason.OUT_OF_RANGE
    flags[~np.isfinite(magnitude).all(axis=2)] = Reason.NOT_FINITE
    return np.where(within[..., None], stacked, stacked.dtype.type(0)), flags


def not_finite(row: NDArray[Any], index: int, channels: int) -> SignalError:
    """Return the error that names the first bad sample of a channel."""
    with np.errstate(over="ignore"):
        sample = int(np.argmin(np.isfinite(row.astype(np.float32))))
    return SignalError(
        f"waveforms, record {index // channels}, channel {index % channels}, sample {sample}",
        "not a finite number in single precision",
    )


def check_range(peaks: NDArray[np.float32], channels: int) -> None:
    """Refuse peaks (rows,) that no sensor reaches."""
    if len(peaks) and float(peaks.max()) > LARGEST_SAMPLE:
        index = int(np.argmax(peaks))
        raise SignalError(
            f"waveforms, record {index // channels}, channel {index % channels}",
            f"a sample of {peaks[index]:g} exceeds the limit of {LARGEST_SAMPLE:g}",
        )
