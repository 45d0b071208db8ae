"""Shaft angle at each sample: from a tachometer, or from one strong order of the vibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.interpolate import PchipInterpolator

from features.errors import SignalError
from features.kernels.turns import LEAST_TURNS

# All four are chosen, not fitted to recordings.
_HYSTERESIS = 0.1
"""Hysteresis of the pulse threshold, as a share of the tachometer's range, against false pulses from noise."""
_IRREGULAR = 1.5
"""Ratio of neighbouring intervals beyond which a pulse is missing (which gives 2) or superfluous."""
_UNSTEADY = 0.3
"""Spread of the envelope over its mean up to which a component is alone in its band; noise alone has 0.52."""
_LEAST_ENVELOPE = 0.2
"""Share of the mean below which the envelope is near zero, so that its phase may slip by a whole turn."""

Angles = NDArray[np.float64]


def shaft_angle_from_pulses(
    tachometer: NDArray[Any], sampling_rate: float, pulses_per_turn: int = 1, *, threshold: float | None = None
) -> Angles:
    """Return the shaft angle at each sample, from the pulses of a tachometer.

    A pulse is a rise through the threshold after the signal was a tenth of its range below; its time is interpolated
    between samples. Between pulses the angle is a monotone cubic.

    Parameters
    ----------
    tachometer : (samples,) or (n, samples)
        Samples [any unit], simultaneous with the vibration.
    sampling_rate : float
        [Hz].
    pulses_per_turn : int
        Marks on the shaft.
    threshold : float, optional
        Level of a pulse [unit of `tachometer`]; by default the middle of each record's range.

    Returns
    -------
    angle : same shape
        [rad], 0 at the first pulse, increasing.

    Raises
    ------
    SignalError
        Fewer than three pulses, or two neighbouring intervals that differ by more than half: a pulse is missing or
        false.

    Notes
    -----
    K. R. Fyfe, E. D. S. Munck, "Analysis of computed order tracking", MSSP 11 (1997).

    Examples
    --------
    >>> time = np.arange(4000) / 1000
    >>> angle = shaft_angle_from_pulses(np.sin(2 * np.pi * 5 * time), 1000.0)
    >>> round(float((angle[-1] - angle[0]) / (2 * np.pi)), 3)
    19.995
    """
    records = check_records("tachometer", tachometer, sampling_rate)
    if pulses_per_turn < 1:
        raise SignalError("pulses_per_turn", f"{pulses_per_turn} is less than one")
    angle = np.empty_like(records)
    for record, signal in enumerate(records):
        where = f"tachometer, record {record}"
        at = _crossings(where, signal, threshold)
        _check_intervals(where, at, sampling_rate)
        angle[record] = _through(at, signal.size) * (2 * np.pi / pulses_per_turn)
    return angle.reshape(np.shape(tachometer))


def _crossings(where: str, signal: Angles, threshold: float | None) -> Angles:
    low, high = signal.min(), signal.max()
    level = (low + high) / 2 if threshold is None else float(threshold)
    armed = signal < level - _HYSTERESIS * (high - low)
    over = signal >= level
    # A sample over the level is a pulse's first if the last sample that was armed or over before it was armed.
    marked = np.flatnonzero(armed | over)
    first = marked[1:][over[marked[1:]] & armed[marked[:-1]]]
    if len(first) < 3:
        raise SignalError(where, f"{len(first)} pulses through {level:g} are fewer than 3")
    before, after = signal[first - 1], signal[first]
    return np.asarray(first - 1 + (level - before) / (after - before), np.float64)


def _check_intervals(where: str, at: Angles, sampling_rate: float) -> None:
    interval = np.diff(at)
    ratio = interval[1:] / interval[:-1]
    bad = (ratio > _IRREGULAR) | (ratio < 1 / _IRREGULAR)
    if bad.any():
        seconds = at[int(np.argmax(bad)) + 1] / sampling_rate
        raise SignalError(where, f"pulses are irregular at {seconds:.4g} s: one is missing or one too many")


def _through(at: Angles, samples: int) -> Angles:
    """Return the number of pulses passed at each sample, extrapolated with the speed of the end intervals."""
    time = np.arange(samples, dtype=np.float64)
    count = np.arange(len(at), dtype=np.float64)
    passed = np.asarray(PchipInterpolator(at, count, extrapolate=True)(time), np.float64)
    early, late = time < at[0], time > at[-1]
    passed[early] = (time[early] - at[0]) / (at[1] - at[0])
    passed[late] = count[-1] + (time[late] - at[-1]) / (at[-1] - at[-2])
    return passed


def shaft_angle_from_vibration(
    x: NDArray[Any], sampling_rate: float, speed: float, *, order: float = 1.0, half_width: float = 0.5
) -> Angles:
    """Return the shaft angle at each sample, from the phase of one strong order of the vibration.

    Parameters
    ----------
    x : (samples,) or (n, samples)
        Acceleration [any unit].
    sampling_rate : float
        [Hz].
    speed : float
        Mean shaft speed [Hz].
    order : float
        Of the component, as a multiple of shaft speed: a gear mesh has its number of teeth.
    half_width : float
        Of the band around it, in multiples of shaft speed; the next strong component lies outside.

    Returns
    -------
    angle : same shape
        [rad], from an unknown start, increasing.

    Raises
    ------
    SignalError
        The band is not inside 0 to half the sampling rate, the record has fewer than eight turns, or the component is
        not prominent, or leaves the band because the speed varies too much.

    Notes
    -----
    The band's phase is that of the component if its envelope is steady, which is required except at the ends; over 1 /
    `half_width` turns at either end the adjacent speed is extrapolated. F. Bonnardot et al., "Use of the acceleration
    signal of a gearbox in order to perform angular resampling (with limited speed fluctuation)", MSSP 19 (2005).

    Examples
    --------
    >>> time = np.arange(8000) / 1000
    >>> mesh = np.sin(2 * np.pi * 20 * (5 * time + 0.02 * np.sin(time)))
    >>> angle = shaft_angle_from_vibration(mesh, 1000.0, 5.0, order=20)
    >>> round(float((angle[-1] - angle[0]) / (2 * np.pi)), 1)
    40.0
    """
    records = check_records("x", x, sampling_rate)
    if not 0 < speed < np.inf:
        raise SignalError("speed", f"{speed} Hz is not positive")
    low, high = (order - half_width) * speed, (order + half_width) * speed
    if not half_width > 0 or not 0 <= low < high < sampling_rate / 2:
        raise SignalError("order", f"its band, {low:g} to {high:g} Hz, is not inside 0 to {sampling_rate / 2:g} Hz")
    turns = records.shape[1] * speed / sampling_rate
    if turns < LEAST_TURNS:
        raise SignalError("x", f"{turns:.3g} turns are fewer than {LEAST_TURNS:g}")
    analytic = _analytic(records, sampling_rate, low, high)
    edge = round(min(turns / 4, 1 / half_width) * sampling_rate / speed)
    phase = np.empty_like(records)
    for record, signal in enumerate(analytic):
        phase[record] = _phase(f"x, record {record}", signal, edge, sampling_rate, (low, high))
    return (phase / order).reshape(np.shape(x))


def _analytic(records: Angles, sampling_rate: float, low: float, high: float) -> NDArray[np.complex128]:
    """Return the analytic signals of the band under a raised cosine, which has the least transients."""
    samples = records.shape[1]
    spectrum = fft.fft(records - records.mean(axis=1, keepdims=True), axis=1)
    frequency = np.arange(samples) * (sampling_rate / samples)
    place = np.clip((2 * frequency - low - high) / (high - low), -1, 1)
    return np.asarray(fft.ifft(spectrum * np.cos(np.pi / 2 * place) ** 2, axis=1), np.complex128)


def _phase(
    where: str, analytic: NDArray[np.complex128], edge: int, sampling_rate: float, band: tuple[float, float]
) -> Angles:
    inner = slice(edge, len(analytic) - edge)
    envelope = np.abs(analytic[inner])
    mean = envelope.mean()
    if mean == 0 or envelope.std() > _UNSTEADY * mean or envelope.min() < _LEAST_ENVELOPE * mean:
        raise SignalError(where, f"no steady component stands out between {band[0]:g} and {band[1]:g} Hz")
    phase = np.unwrap(np.angle(analytic[inner]))
    step = np.diff(phase)
    margin = 0.1 * (band[1] - band[0])
    lowest, highest = (float(v) * sampling_rate / (2 * np.pi) for v in (step.min(), step.max()))
    if lowest < band[0] + margin or highest > band[1] - margin:
        raise SignalError(where, f"the component runs from {lowest:g} to {highest:g} Hz and leaves its band")
    whole = np.empty(len(analytic))
    whole[inner] = phase
    whole[:edge] = phase[0] - _slope(phase[: edge + 1]) * np.arange(edge, 0, -1)
    whole[len(whole) - edge :] = phase[-1] + _slope(phase[-edge - 1 :]) * np.arange(1, edge + 1)
    return whole


def _slope(phase: Angles) -> float:
    return float(phase[-1] - phase[0]) / max(1, len(phase) - 1)


def check_records(where: str, x: NDArray[Any], sampling_rate: float) -> Angles:
    """Return one record or a batch as (n, samples), checked."""
    if not 0 < sampling_rate < np.inf:
        raise SignalError("sampling_rate", f"{sampling_rate} Hz is not positive")
    samples = np.asarray(x, np.float64)
    if samples.ndim not in (1, 2) or samples.shape[-1] < 16 or samples.size == 0:
        raise SignalError(where, f"shape {samples.shape} is not (samples,) or (n, samples) of at least 16 samples")
    if not np.isfinite(samples).all():
        raise SignalError(where, "a sample is not a finite number")
    return np.atleast_2d(samples)
