# mypy: disable-error-code=assignment
"""Loops that correct the turns of a shaft by the phase of its own order or of its gear's mesh.

The phase of a component is measured under Hann windows two parts of a turn wide, one part apart: components at a
distance of a whole number of parts vanish. F. Bonnardot et al., MSSP 19 (2005), use a filter for the same purpose.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.kernels.time_domain import FLAGS, Array

# Thresholds here are chosen, not fitted to recordings; tests/unit/test_features_gear.py and test_features_order.py
# define which signals are followed and which are refused.
WORK_ROWS = 4
"""Rows of scratch memory for `follow_shaft`."""
COHERENT = 0.8
"""Mean resultant of the second differences of a component's phase from which it is detected."""
STEADY = 0.3
"""Relative spread of its amplitude up to which it is followed."""
SCATTERED = 0.7
"""Mean resultant of the first differences below which an intermittently detected component has varying speed."""
LEAST_PARTS = 24
"""Least parts for that decision."""
LARGEST_STEP = 0.8 * math.pi
"""Phase step between parts of a turn beyond which the whole cycles are ambiguous."""
SIGNIFICANT = 3.0
"""Standard errors by which the record must contradict the given speed."""
WANDER = 0.002
"""Mean square phase about a straight line [rad^2], beyond four times its noise, that is varying speed."""
_COARSE = 4
"""Parts of a turn for the first pass of a mesh: its phase changes less per part than per turn."""
_COARSE_TEETH = 8.0
"""Least teeth for two periods of the mesh in each such part."""
_SMOOTHED = 9
"""Turns over which a parabola smooths the phase of the shaft's own order, whose errors the mesh would multiply."""
_UNSEEN, _FOLLOWED, _GUESS = 0, 1, 2
"""Results of `_follow`: not detected, followed, detected but its speed cannot be followed."""


def _fit_smoothing() -> Array:
    """Return (points, points): the least-squares parabola through `points` points, at each of them."""
    powers = np.vander(np.arange(float(_SMOOTHED)) - _SMOOTHED // 2, 3)
    return powers @ np.linalg.pinv(powers)


_SMOOTHING = _fit_smoothing()


def _fit_rotation(odd: bool) -> tuple[float, ...]:
    """Return the polynomial in p^2, |p| <= 0.5, of cos(2 pi p), or of sin(2 pi p) / p."""
    square = (np.cos(np.pi * (np.arange(64) + 0.5) / 64) + 1) / 8
    p = np.sqrt(square)
    values = np.sin(2 * np.pi * p) / p if odd else np.cos(2 * np.pi * p)
    return tuple(float(c) for c in np.polynomial.Polynomial.fit(square, values, 6).convert().coef)


_COSINE, _SINE = _fit_rotation(False), _fit_rotation(True)


@njit(cache=True, nogil=True, error_model="numpy")
def follow_shaft(y: Array, turn: Array, teeth: float, work: Array) -> bool:
    """Correct the turns by the mesh, else by the shaft's own order; False if the speed varies too much.

    `work` (4, samples) is overwritten.
    """
    if math.isnan(teeth):
        return bool(_follow(y, turn, 1.0, 1, work) != _GUESS)
    parts = _COARSE if teeth >= _COARSE_TEETH else 1
    if _follow(y, turn, teeth, parts, work) != _FOLLOWED and (
        _follow(y, turn, 1.0, 1, work) == _GUESS or _follow(y, turn, teeth, parts, work) == _GUESS
    ):
        return False
    return bool(parts == 1 or _follow(y, turn, teeth, 1, work) != _GUESS)


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(y: Array, turn: Array, order: float, parts: int, work: Array) -> int:
    """Correct the turns by the phase of `order` over parts of a turn; return whether it was detected and followed.

    Turns that agree with the component are not changed.
    """
    turns = int(turn[-1] - turn[0]) - 1
    phase = np.empty((turns + 1) * parts - 1)
    seen: int = _phases(y, turn, order, parts, work, phase)
    if seen != _FOLLOWED:
        return seen
    for k in range(phase.shape[0] - 1):
        if abs(phase[k + 1] - phase[k]) > LARGEST_STEP:
            return _GUESS
    for b in range(turns):
        mean = 0.0
        for part in range(parts):
            mean += phase[b * parts + part]
        phase[b] = mean / parts
    slope, about, noise = _line(phase[:turns])
    if about > 4.0 * noise + WANDER:
        if order == 1.0:
            _smooth(phase[:turns])
        _bend(turn, phase[:turns], 0.5 * (parts + 1) / parts, order)
    elif abs(slope) > SIGNIFICANT * math.sqrt(12.0 * noise / turns**3):
        first, stretch = turn[0], 1.0 + slope / (2 * math.pi * order)
        for i in range(turn.shape[0]):
            turn[i] = first + (turn[i] - first) * stretch
    return _FOLLOWED


@njit(cache=True, nogil=True, error_model="numpy")
def _phases(y: Array, turn: Array, order: float, parts: int, work: Array, phase: Array) -> int:
    """Write the unwrapped phase of a component under each window; return whether it is detected and steady."""
    count = phase.shape[0]
    real, imaginary = np.empty(count), np.empty(count)
    _windowed_sums(y, turn, order, parts, work, real, imaginary)
    total = square = 0.0
    for b in range(count):
        power = real[b] * real[b] + imaginary[b] * imaginary[b]
        total += math.sqrt(power)
        square += power
    if total == 0.0:
        return _UNSEEN
    cosines = sines = 0.0
    first, second = 0.0 + 0.0j, 0.0 + 0.0j
    weights = 0.0
    last = 0.0 + 0.0j
    for b in range(1, count):
        step = complex(real[b], imaginary[b]) * complex(real[b - 1], -imaginary[b - 1])
        phase[b] = math.atan2(step.imag, step.real)
        first += step
        weights += abs(step)
        if b > 1:
            cosines += math.cos(phase[b] - phase[b - 1])
            sines += math.sin(phase[b] - phase[b - 1])
            size = math.sqrt(abs(step) * abs(last))
            if size > 0.0:
                second += step * last.conjugate() / size
        last = step
    mean = total / count
    steady = square / count - mean * mean <= (STEADY * mean) ** 2
    if steady and math.hypot(cosines, sines) >= COHERENT * (count - 2):
        _sum_steps(phase)
        return _FOLLOWED
    is_varying = abs(second) >= COHERENT * weights and abs(first) < SCATTERED * weights
    return _GUESS if is_varying and count >= LEAST_PARTS else _UNSEEN


@njit(cache=True, nogil=True, error_model="numpy")
def _windowed_sums(y: Array, turn: Array, order: float, parts: int, work: Array, real: Array, imaginary: Array) -> None:
    """Write a component's complex amplitude under Hann windows two parts wide: sin^2 and cos^2 of one angle."""
    window, cosine, sine = work[0], work[1], work[2]
    _rotate(turn, turn[0], 0.5 * parts, window, work[3])
    _rotate(turn, turn[0], order, cosine, sine)
    start = 0
    for part in range(real.shape[0] + 1):
        stop = start
        while stop < y.shape[0] and (turn[stop] - turn[0]) * parts < part + 1:
            stop += 1
        now = slice(start, stop)
        whole, whole_late = _dots(y[now], cosine[now], window[now])
        other, other_late = _dots(y[now], sine[now], window[now])
        sign = 1.0 if part % 2 == 0 else -1.0
        if part < real.shape[0]:
            real[part] = 0.5 * (whole - sign * whole_late)
            imaginary[part] = -0.5 * (other - sign * other_late)
        if part > 0:
            real[part - 1] += 0.5 * (whole + sign * whole_late)
            imaginary[part - 1] -= 0.5 * (other + sign * other_late)
        start = stop


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _dots(y: Array, wave: Array, window: Array) -> tuple[float, float]:
    total = late = np.float32(0)
    for i in range(y.shape[0]):
        product = y[i] * wave[i]
        total += product
        late += product * window[i]
    return float(total), float(late)


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_steps(phase: Array) -> None:
    """Replace steps, known modulo whole cycles, by their cumulative sum; they change little and have a small mean."""
    count = phase.shape[0]
    mean = 0.0
    for b in range(1, count):
        if b > 1:
            phase[b] -= 2 * math.pi * np.rint((phase[b] - phase[b - 1]) / (2 * math.pi))
        mean += phase[b] / (count - 1)
    whole = 2 * math.pi * np.rint(mean / (2 * math.pi))
    phase[0] = 0.0
    for b in range(1, count):
        phase[b] += phase[b - 1] - whole


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _rotate(turn: Array, start: float, order: float, cosine: Array, sine: Array) -> None:
    """Write cosine and sine of the component's angle, by polynomials that vectorise (error 1e-6)."""
    for i in range(turn.shape[0]):
        cycles = (turn[i] - start) * order
        part = np.float32(cycles - np.rint(cycles))
        square = part * part
        c = np.float32(_COSINE[6])
        s = np.float32(_SINE[6])
        for k in range(5, -1, -1):
            c = c * square + np.float32(_COSINE[k])
            s = s * square + np.float32(_SINE[k])
        cosine[i] = c
        sine[i] = s * part


@njit(cache=True, nogil=True, error_model="numpy")
def _line(phase: Array) -> tuple[float, float, float]:
    """Return slope, mean square about the straight line, and mean square of the noise of a phase per turn."""
    n = phase.shape[0]
    mean = product = 0.0
    for b in range(n):
        mean += phase[b] / n
        product += phase[b] * (b - (n - 1) / 2)
    slope = product * 12.0 / (n * (n * n - 1.0))
    about = bend = square = 0.0
    for b in range(n):
        about += (phase[b] - mean - slope * (b - (n - 1) / 2)) ** 2 / n
        if b > 1:
            second = phase[b] - 2 * phase[b - 1] + phase[b - 2]
            bend += second / (n - 2)
            square += second * second / (n - 2)
    return slope, about, max(0.0, square - bend * bend) / 6.0


@njit(cache=True, nogil=True, error_model="numpy")
def _smooth(phase: Array) -> None:
    """Smooth by moving parabolas (A. Savitzky, M. J. E. Golay, Analytical Chemistry 36, 1964)."""
    n = phase.shape[0]
    if n < _SMOOTHED:
        return
    given = phase.copy()
    for b in range(n):
        start = min(max(b - _SMOOTHED // 2, 0), n - _SMOOTHED)
        total = 0.0
        for k in range(_SMOOTHED):
            total += _SMOOTHING[b - start, k] * given[start + k]
        phase[b] = total


@njit(cache=True, nogil=True, error_model="numpy")
def _bend(turn: Array, phase: Array, middle: float, order: float) -> None:
    """Add phases at intervals of one turn, the first at `middle`, linearly interpolated, to the turns."""
    first, last = turn[0], phase.shape[0] - 1
    for i in range(turn.shape[0]):
        place = turn[i] - first - middle
        b = min(max(int(place), 0), last - 1)
        turn[i] += (phase[b] + (place - b) * (phase[b + 1] - phase[b])) / (2 * math.pi * order)
