"""The angle of a shaft and what repeats with it, where the speed may vary. It needs neither kernels nor a compiler."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.interpolate import PchipInterpolator

from features.errors import SignalError

LEAST_TURNS = 8.0
"""Turns under which nothing is averaged and no order is parted from its neighbours."""
FADE = 0.25
"""Turns over which an average fades in and out at least."""
_HALF_TAPS = 24
_KAISER = 10.0
_HYSTERESIS = 0.1
_IRREGULAR = 1.5
_UNSTEADY = 0.3
_LEAST_ENVELOPE = 0.2

Angles = NDArray[np.float64]


def shaft_angle_from_pulses(
    tachometer: NDArray[Any], sampling_rate: float, pulses_per_turn: int = 1, *, threshold: float | None = None
) -> Angles:
    """Return how far a shaft has turned at each sample, from the pulses of its tachometer.

    A pulse is where the signal rises through the threshold after it has been a tenth of its range below; its time
    is interpolated between samples. Between pulses the angle runs along a monotone cubic.

    Parameters
    ----------
    tachometer : (samples,) or (n, samples)
        Samples [any unit], taken together with the vibration.
    sampling_rate : float
        [Hz].
    pulses_per_turn : int
        Marks on the shaft.
    threshold : float, optional
        Level of a pulse [unit of `tachometer`]; by default the middle of each record's range.

    Returns
    -------
    angle : same shape
        [rad], 0 at the first pulse, growing.

    Raises
    ------
    SignalError
        Fewer than three pulses, or two neighbouring intervals that differ by more than half: a pulse was missed
        or is none.

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
    records = _records("tachometer", tachometer, sampling_rate)
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
    """Return the number of pulses passed at each sample; the end intervals' speed goes on outside."""
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
    """Return how far a shaft has turned at each sample, from the phase of one strong order of its vibration.

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
        [rad], from an unknown start, growing.

    Raises
    ------
    SignalError
        The band is not inside 0 to half the sampling rate, the record has fewer than eight turns, or the component
        does not stand out, or leaves the band because the speed varies too much.

    Notes
    -----
    The band's phase is that of the component where its envelope is steady, which is asked of all but the ends; over
    1 / `half_width` turns at either end the speed next to it goes on.
    F. Bonnardot et al., "Use of the acceleration signal of a gearbox in order to perform angular resampling (with
    limited speed fluctuation)", MSSP 19 (2005).

    Examples
    --------
    >>> time = np.arange(8000) / 1000
    >>> mesh = np.sin(2 * np.pi * 20 * (5 * time + 0.02 * np.sin(time)))
    >>> angle = shaft_angle_from_vibration(mesh, 1000.0, 5.0, order=20)
    >>> round(float((angle[-1] - angle[0]) / (2 * np.pi)), 1)
    40.0
    """
    records = _records("x", x, sampling_rate)
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
    """Return the analytic signals of the band under a raised cosine, which rings least."""
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


def synchronous_average(x: NDArray[Any], angle: NDArray[Any], samples_per_turn: int) -> tuple[Angles, int]:
    """Return the average turn of a shaft: what repeats with it stays, all else fades.

    The first and the last turns fade in and out, together as one turn: an even number of turns counts, and what
    repeats with the shaft is exact wherever the record begins.

    Parameters
    ----------
    x : (samples,) or (n, samples)
        Samples [any unit].
    angle : same shape
        How far the shaft has turned at each sample [rad], growing.
    samples_per_turn : int
        Of the answer; orders from half of it on are left out.

    Returns
    -------
    average : (samples_per_turn,) or (n, samples_per_turn)
        Beginning at angle 0, unit of `x`.
    turns : int
        How many counted, the fewest of the records'.

    Raises
    ------
    SignalError
        An angle that does not grow, fewer than eight turns, or fewer than four samples a turn.

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
    """Return how many turns count and the weight over the turns passed: flanks of a polynomial of degree 5."""
    counted = 2 * int((total - FADE) / 2)
    flank = total - counted

    def weight(passed: Angles) -> Angles:
        inside = np.clip(np.minimum(passed, total - passed) / flank, 0, 1)
        return np.asarray(inside**3 * (10 + inside * (6 * inside - 15)), np.float64)

    return counted, weight


def _limit(turn: Angles, samples: int) -> Angles:
    """Return the same turn in fewer samples, without the orders that they cannot hold."""
    orders = fft.rfft(turn)[: samples // 2 + 1] * (samples / len(turn))
    if samples % 2 == 0 and samples < len(turn):
        orders[-1] = 0
    return np.asarray(fft.irfft(orders, samples), np.float64)


def order_spectrum(
    x: NDArray[Any], sampling_rate: float, angle: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the amplitude spectrum over orders of a shaft: sharp lines although its speed varies.

    Mean removed, Hann window over the angle; orders reach to half the sampling rate at the fastest speed.

    Parameters
    ----------
    x : (samples,) or (n, samples)
        Samples [any unit].
    sampling_rate : float
        [Hz].
    angle : same shape
        How far the shaft has turned at each sample [rad], growing.

    Returns
    -------
    orders : (lines,)
        Multiples of shaft speed; of a batch those up to which every record reaches.
    amplitude : (lines,) or (n, lines)
        Unit of `x`. A sine of amplitude A on a line reads A; between two lines at least 0.85 A.

    Raises
    ------
    SignalError
        An angle that does not grow, fewer than eight turns.

    Notes
    -----
    K. R. Fyfe, E. D. S. Munck, "Analysis of computed order tracking", MSSP 11 (1997). The angular grid is at least
    as fine as the samples of the slowest turn, so resampling folds nothing.

    Examples
    --------
    >>> time = np.arange(4000) / 1000
    >>> angle = 2 * np.pi * (20 * time + 2 * time**2)
    >>> orders, amplitude = order_spectrum(np.sin(3 * angle), 1000.0, angle)
    >>> round(float(orders[amplitude.argmax()]), 2)
    3.0
    """
    _records("x", x, sampling_rate)
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


def _records(where: str, x: NDArray[Any], sampling_rate: float) -> Angles:
    """Return one record or a batch as (n, samples), checked."""
    if not 0 < sampling_rate < np.inf:
        raise SignalError("sampling_rate", f"{sampling_rate} Hz is not positive")
    samples = np.asarray(x, np.float64)
    if samples.ndim not in (1, 2) or samples.shape[-1] < 16 or samples.size == 0:
        raise SignalError(where, f"shape {samples.shape} is not (samples,) or (n, samples) of at least 16 samples")
    if not np.isfinite(samples).all():
        raise SignalError(where, "a sample is not a finite number")
    return np.atleast_2d(samples)


def _pair(x: NDArray[Any], angle: NDArray[Any]) -> tuple[Angles, Angles]:
    if np.shape(x) != np.shape(angle):
        raise SignalError("angle", f"shape {np.shape(angle)} is not that of x, {np.shape(x)}")
    return _records("x", x, 1.0), _records("angle", angle, 1.0)


def _turns(record: int, angle: Angles) -> Angles:
    """Return the turns passed at each sample."""
    passed = np.asarray(angle / (2 * np.pi), np.float64)
    if (np.diff(passed) <= 0).any():
        raise SignalError(f"angle, record {record}", "the shaft's angle does not grow")
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
