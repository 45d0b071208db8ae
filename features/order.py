"""Synchronous average and order spectrum of a shaft of varying speed. It needs no compiler.

The shaft's angle is from `shaft_angle_from_pulses` or `shaft_angle_from_vibration`, also exported here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from features.errors import SignalError
from features.kernels.turns import FADE, LEAST_TURNS
from features.shaft_angle import (
    Angles,
    check_records,
    shaft_angle_from_pulses,
    shaft_angle_from_vibration,
)

__all__ = [
    "order_spectrum",
    "resample_by_angle",
    "shaft_angle_from_pulses",
    "shaft_angle_from_vibration",
    "synchronous_average",
]

_HALF_TAPS = 24
"""Samples on either side for an interpolated value."""
_KAISER = 10.0
"""Shape of the Kaiser window over them: chosen with the number of samples for an error of at most 1e-5 up to 0.4 of
the sampling rate, which a test checks."""


def synchronous_average(x: NDArray[Any], angle: NDArray[Any], samples_per_turn: int) -> tuple[Angles, int]:
    """Return the synchronous average of a shaft: components periodic with the shaft are kept, others are attenuated.

    The first and the last turns are faded in and out and count as one turn: an even number of turns is averaged, and
    components periodic with the shaft are exact for any start of the record.

    Parameters
    ----------
    x : (samples,) or (n, samples)
        Samples [any unit].
    angle : same shape
        Shaft angle at each sample [rad], increasing.
    samples_per_turn : int
        Of the result; orders from half of it on are removed.

    Returns
    -------
    average : (samples_per_turn,) or (n, samples_per_turn)
        Starts at angle 0, unit of `x`.
    turns : int
        Number of averaged turns, the fewest of the records'.

    Raises
    ------
    SignalError
        An angle that does not increase, fewer than eight turns, or fewer than four samples a turn.

    Notes
    -----
    P. D. McFadden, "A revised model for the extraction of periodic waveforms by time domain averaging", MSSP 1
    (1987). Interpolation: windowed sinc of 48 samples, error at most 1e-5 up to 0.4 of the sampling rate.

    Examples
    --------
    >>> angle = 2 * np.pi * np.arange(1000) / 97.3
    >>> average, turns = synchronous_average(np.cos(3 * angle), angle, 64)
    >>> turns, round(float(average[0]), 4)
    (10, 1.0)
    """
    records, angles = _pair(x, angle)
    if samples_per_turn < 4:
        raise SignalError("samples_per_turn", f"{samples_per_turn} is fewer than 4")
    average = np.empty((len(records), samples_per_turn))
    turns = []
    for record, (signal, turned) in enumerate(zip(records, angles, strict=True)):
        passed = _turns(record, turned)
        fine = _per_turn(passed, samples_per_turn)
        counted, weight = _fade(passed[-1] - passed[0])
        place = np.arange(np.ceil(passed[0] * fine), np.floor(passed[-1] * fine) + 1).astype(np.int64)
        values = _interpolate(signal, np.interp(place / fine, passed, np.arange(len(signal))))
        sums = np.bincount(place % fine, values * weight(place / fine - passed[0]), minlength=fine)
        average[record] = _limit(sums / counted, samples_per_turn)
        turns.append(counted)
    return average.reshape(*np.shape(x)[:-1], samples_per_turn), min(turns)


def _fade(total: float) -> tuple[int, Any]:
    """Return the number of averaged turns and the weight over the turns passed: flanks of a polynomial of degree 5."""
    counted = 2 * int((total - FADE) / 2)
    flank = total - counted

    def weight(passed: Angles) -> Angles:
        inside = np.clip(np.minimum(passed, total - passed) / flank, 0, 1)
        return np.asarray(inside**3 * (10 + inside * (6 * inside - 15)), np.float64)

    return counted, weight


def _limit(turn: Angles, samples: int) -> Angles:
    """Return the same turn in fewer samples, without the orders above their limit."""
    orders = fft.rfft(turn)[: samples // 2 + 1] * (samples / len(turn))
    if samples % 2 == 0 and samples < len(turn):
        orders[-1] = 0
    return np.asarray(fft.irfft(orders, samples), np.float64)


def order_spectrum(
    x: NDArray[Any], sampling_rate: float, angle: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the amplitude spectrum over shaft orders (order tracking): sharp lines at varying speed.

    Without the mean, Hann window over the angle; orders extend to half the sampling rate at the fastest speed.

    Parameters
    ----------
    x : (samples,) or (n, samples)
        Samples [any unit].
    sampling_rate : float
        [Hz].
    angle : same shape
        Shaft angle at each sample [rad], increasing.

    Returns
    -------
    orders : (lines,)
        Multiples of shaft speed; for a batch those that every record has.
    amplitude : (lines,) or (n, lines)
        Unit of `x`. A sine of amplitude A on a line gives A; between two lines at least 0.85 A.

    Raises
    ------
    SignalError
        An angle that does not increase, fewer than eight turns.

    Notes
    -----
    K. R. Fyfe, E. D. S. Munck, "Analysis of computed order tracking", MSSP 11 (1997). The angular grid is at least
    as fine as the samples of the slowest turn, so resampling causes no aliasing.

    Examples
    --------
    >>> time = np.arange(4000) / 1000
    >>> angle = 2 * np.pi * (20 * time + 2 * time**2)
    >>> orders, amplitude = order_spectrum(np.sin(3 * angle), 1000.0, angle)
    >>> round(float(orders[amplitude.argmax()]), 2)
    3.0
    """
    check_records("x", x, sampling_rate)
    records, angles = _pair(x, angle)
    passed = [_turns(record, turned) for record, turned in enumerate(angles)]
    turns = min(float(p[-1] - p[0]) for p in passed)
    fine = max(_per_turn(p, 4) for p in passed)
    highest = min(0.5 / float(np.diff(p).max()) for p in passed)
    place = np.arange(int(turns * fine)) / fine
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(place)) / len(place))
    amplitude = []
    for signal, p in zip(records, passed, strict=True):
        values = _interpolate(signal, np.interp(place + p[0], p, np.arange(len(signal))))
        spectrum = np.abs(fft.rfft((values - values.mean()) * window)) * (4 / len(place))
        amplitude.append(spectrum)
    orders = np.arange(len(amplitude[0])) * (fine / len(place))
    kept = orders <= highest
    lines = np.array(amplitude)[:, kept]
    lines[:, 0] /= 2
    shape = (*np.shape(x)[:-1], int(kept.sum()))
    return np.asarray(orders[kept], np.float64), np.asarray(lines.reshape(shape), np.float64)


def resample_by_angle(x: NDArray[Any], angle: NDArray[Any]) -> NDArray[np.float64]:
    """Return a record resampled at even steps of the shaft's angle, with the same number of samples.

    Parameters
    ----------
    x : (samples,)
        Samples [any unit].
    angle : (samples,)
        Shaft angle at each sample [rad], increasing.

    Returns
    -------
    even : (samples,)
        Components periodic with the shaft are at multiples of the mean speed.

    Raises
    ------
    SignalError
        An angle that does not increase, fewer than eight turns.

    Notes
    -----
    K. R. Fyfe, E. D. S. Munck, "Analysis of computed order tracking", MSSP 11 (1997).

    Examples
    --------
    >>> time = np.arange(4000) / 1000
    >>> angle = 2 * np.pi * (20 * time + 2 * time**2)
    >>> even = resample_by_angle(np.sin(3 * angle), angle)
    >>> int(np.abs(np.fft.rfft(even)).argmax()), round(3 * (angle[-1] - angle[0]) / (2 * np.pi))
    (336, 336)
    """
    records, angles = _pair(x, angle)
    passed = _turns(0, angles[0])
    at = np.interp(np.linspace(passed[0], passed[-1], len(passed)), passed, np.arange(len(passed)))
    return _interpolate(records[0], at)


def _pair(x: NDArray[Any], angle: NDArray[Any]) -> tuple[Angles, Angles]:
    if np.shape(x) != np.shape(angle):
        raise SignalError("angle", f"shape {np.shape(angle)} is not that of x, {np.shape(x)}")
    return check_records("x", x, 1.0), check_records("angle", angle, 1.0)


def _turns(record: int, angle: Angles) -> Angles:
    """Return the turns passed at each sample."""
    passed = np.asarray(angle / (2 * np.pi), np.float64)
    if (np.diff(passed) <= 0).any():
        raise SignalError(f"angle, record {record}", "the shaft's angle does not increase")
    if passed[-1] - passed[0] < LEAST_TURNS:
        turns = passed[-1] - passed[0]
        raise SignalError(f"angle, record {record}", f"{turns:.3g} turns are fewer than {LEAST_TURNS:g}")
    return passed


def _per_turn(passed: Angles, least: int) -> int:
    """Return an angular grid at least as fine as the samples of the slowest turn."""
    return int(fft.next_fast_len(max(least, int(np.ceil(1 / np.diff(passed).min()))), real=True))


def _interpolate(signal: Angles, at: Angles) -> Angles:
    """Return the signal between its samples, by a Kaiser-windowed sinc; its ends are mirrored."""
    padded = np.pad(signal, _HALF_TAPS, mode="reflect")
    values = np.empty(len(at))
    reach = np.arange(1 - _HALF_TAPS, _HALF_TAPS + 1)
    for start in range(0, len(at), 4096):
        part = at[start : start + 4096]
        whole = np.floor(part).astype(np.int64)
        distance = reach - (part - whole)[:, None]
        window = np.i0(_KAISER * np.sqrt(np.maximum(0, 1 - (distance / _HALF_TAPS) ** 2))) / np.i0(_KAISER)
        taps = padded[np.minimum(whole[:, None] + reach + _HALF_TAPS, len(padded) - 1)]
        values[start : start + 4096] = (taps * np.sinc(distance) * window).sum(axis=1)
    return values
