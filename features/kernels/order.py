# mypy: disable-error-code=assignment
"""Loops that fold a record onto its shaft's angle, and follow that angle by the phase of one strong order.

Samples are spread onto a fine circle of two turns, from which one FFT per row gives every half order: a non-uniform FFT
(A. Dutt, V. Rokhlin, SIAM J. Sci. Comput. 14, 1993), exact to 1e-6 at every order kept. Oracles in the tests.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.polynomial import chebyshev

from features.catalogue.reasons import Reason
from features.kernels.follow import WORK_ROWS, follow_shaft
from features.kernels.time_domain import FLAGS, LEAST_DEVIATION, Array
from features.kernels.turns import FADE, LEAST_TURNS

TAPS = 8
"""Grid points per spread sample."""
_BETA = 2.3 * TAPS
"""Of the bump exp(beta (sqrt(1 - d^2) - 1)): A. Barnett, J. Magland, L. af Klinteberg, SIAM J. Sci. Comput. 41
(2019), which gives 2.30 per tap at an oversampling of two."""
_DEGREE = 10
"""Degree of the polynomials of each tap: chosen so that all orders kept are exact to 1e-6, which tests check."""
_CONSTANT = np.uint32(Reason.CONSTANT)
_NO_SPEED = np.uint32(Reason.NO_SPEED)
_FEW_TURNS = np.uint32(Reason.FEW_TURNS)
_VARIES = np.uint32(Reason.SPEED_VARIES)
_NYQUIST = np.uint32(Reason.BAND_ABOVE_NYQUIST)

REACH = 0.45
"""Highest order over the fewest samples per turn: nine tenths of half the sampling rate."""
_LEAST_ORDERS = 4
"""Least highest order of a record: the features have orders up to 3, and a mesh needs one more."""


def _bump(distance: Array) -> Array:
    """Return exp(beta (sqrt(1 - d^2) - 1)), d the distance over half the taps."""
    return np.exp(_BETA * (np.sqrt(np.maximum(0.0, 1 - (2 * distance / TAPS) ** 2)) - 1))


def _fit_taps() -> Array:
    """Return (degree + 1, taps): polynomials in the position between grid points, -0.5 to 0.5."""
    nodes = np.cos(np.pi * (np.arange(64) + 0.5) / 64) / 2
    columns = [
        chebyshev.cheb2poly(chebyshev.chebfit(2 * nodes, _bump(tap - TAPS / 2 + 0.5 - nodes), _DEGREE))
        * 2.0 ** np.arange(_DEGREE + 1)
        for tap in range(TAPS)
    ]
    return np.array(columns).T.astype(np.float32)


_TAPS = _fit_taps()


def spreading_gain(size: int) -> Array:
    """Return the gain of spreading onto a circle of `size` points on its lines 0 to size // 4."""
    places, weights = np.polynomial.legendre.leggauss(48)
    half = TAPS / 2
    lines = np.arange(size // 4 + 1)
    return np.cos(np.outer(lines, places) * (2 * np.pi * half / size)) @ (half * weights * _bump(places * half))


@njit(cache=True, nogil=True, error_model="numpy")
def survey(
    x: Array, speed: Array, angle: Array, sampling_rate: float, deviation: Array, reasons: Array, highest: Array
) -> int:
    """Write the highest order of each row, 0 with a reason if there is none; return the highest of all.

    `angle` has no rows if it was not measured. `deviation` (rows, 2) becomes mean and standard deviation.
    """
    largest = 0
    n = x.shape[1]
    for r in range(x.shape[0]):
        highest[r] = 0
        if angle.shape[0] == 0:
            if math.isnan(speed[r]):
                reasons[r] |= _NO_SPEED
                continue
            fastest = speed[r] / sampling_rate
            turns = (n - 1) * fastest
        else:
            turns = abs(angle[r, n - 1] - angle[r, 0]) / (2 * math.pi)
            fastest = _fastest(angle[r])
            if fastest < 0:
                reasons[r] |= _VARIES
                continue
        if turns < LEAST_TURNS:
            reasons[r] |= _FEW_TURNS
            continue
        orders = int(REACH / fastest)
        if orders < _LEAST_ORDERS:
            reasons[r] |= _NYQUIST
            continue
        _moments(x[r], deviation[r])
        if deviation[r, 1] <= max(LEAST_DEVIATION, 1e-6 * abs(deviation[r, 0])):
            reasons[r] |= _CONSTANT
            continue
        highest[r] = orders
        largest = max(largest, orders)
    return largest


@njit(cache=True, nogil=True, error_model="numpy")
def _fastest(angle: Array) -> float:
    """Return the largest step [turns per sample], -1 if the shaft is at standstill or reverses."""
    sign = 1.0 if angle[-1] > angle[0] else -1.0
    least, largest = math.inf, 0.0
    for i in range(angle.shape[0] - 1):
        step = sign * (angle[i + 1] - angle[i])
        least = min(least, step)
        largest = max(largest, step)
    return largest / (2 * math.pi) if least > 0 else -1.0


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _moments(x: Array, pair: Array) -> None:
    n = x.shape[0]
    total = square = 0.0
    for i in range(n):
        total += np.float64(x[i])
    mean = total / n
    for i in range(n):
        centred = np.float64(x[i]) - mean
        square += centred * centred
    pair[0] = mean
    pair[1] = math.sqrt(square / n)


@njit(cache=True, nogil=True, error_model="numpy")
def fold(
    x: Array, chosen: Array, speed: Array, teeth: Array, angle: Array, sampling_rate: float, moments: Array,
    reasons: Array, circle: Array, totals: Array,
) -> None:  # fmt: skip
    """Spread the rows `chosen` onto `circle` (rows, size); `totals` (rows, 2) becomes weight and weighted variance.

    A weight of 0 means that the row's speed varies and cannot be followed.
    """
    n = x.shape[1]
    y = np.empty(n, np.float32)
    turn, step = np.empty(n), np.empty(n)
    work = np.empty((WORK_ROWS, n), np.float32)
    whole, part, taps = np.empty(n, np.int32), np.empty(n, np.float32), np.empty((TAPS, n), np.float32)
    padded = np.empty(circle.shape[1] + TAPS, np.float32)
    for k in range(chosen.shape[0]):
        r = chosen[k]
        _centre(x[r], moments[r, 0], y)
        if angle.shape[0] > 0:
            _given_turns(angle[r], turn)
        else:
            _even_turns(speed[r] / sampling_rate, turn)
            if not follow_shaft(y, turn, teeth[r], work):
                reasons[r] |= _VARIES
                totals[k, 0] = 0.0
                circle[k] = 0.0
                continue
        _weigh(y, turn, step, totals[k])
        _spread(y, turn, whole, part, taps, padded, circle[k])


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _centre(x: Array, mean: float, y: Array) -> None:
    centre = np.float32(mean)
    for i in range(x.shape[0]):
        y[i] = x[i] - centre


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _given_turns(angle: Array, turn: Array) -> None:
    sign = 1.0 if angle[-1] > angle[0] else -1.0
    for i in range(angle.shape[0]):
        turn[i] = angle[i] * (sign / (2 * math.pi))


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _even_turns(step: float, turn: Array) -> None:
    for i in range(turn.shape[0]):
        turn[i] = step * i


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _weigh(y: Array, turn: Array, step: Array, totals: Array) -> None:
    """Weight by the turn of each sample and the fade at the ends; write weight and weighted variance."""
    n = y.shape[0]
    first, last = turn[0], turn[n - 1]
    span = last - first
    flank = span - 2 * int((span - FADE) / 2)
    head = tail = 0
    while turn[head] - first < flank:
        head += 1
    while last - turn[n - 1 - tail] < flank:
        tail += 1
    for i in range(1, n - 1):
        step[i] = (turn[i + 1] - turn[i - 1]) * 0.5
    step[0] = step[n - 1] = 0.0
    for i in range(head):
        t = (turn[i] - first) / flank
        step[i] *= t * t * t * (10.0 + t * (6.0 * t - 15.0))
    for i in range(n - tail, n):
        t = (last - turn[i]) / flank
        step[i] *= t * t * t * (10.0 + t * (6.0 * t - 15.0))
    weight = total = square = 0.0
    for i in range(n):
        value = np.float64(y[i])
        weighted = step[i] * value
        weight += step[i]
        total += weighted
        square += weighted * value
        y[i] = np.float32(weighted)
    totals[0] = weight
    totals[1] = square / weight - (total / weight) ** 2


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _spread(y: Array, turn: Array, whole: Array, part: Array, taps: Array, padded: Array, circle: Array) -> None:
    size = circle.shape[0]
    for i in range(y.shape[0]):
        half = turn[i] * 0.5
        place = (half - np.floor(half)) * size
        floor = np.floor(place)
        whole[i] = np.int32(floor)
        part[i] = np.float32(place - floor) - np.float32(0.5)
    for tap in range(TAPS // 2):
        _bumps(y, part, _TAPS[:, tap], taps[tap], taps[TAPS - 1 - tap])
    padded[:] = 0
    t0, t1, t2, t3, t4, t5, t6, t7 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6], taps[7]
    for i in range(y.shape[0]):
        g = np.uint32(whole[i])
        padded[g] += t0[i]
        padded[g + 1] += t1[i]
        padded[g + 2] += t2[i]
        padded[g + 3] += t3[i]
        padded[g + 4] += t4[i]
        padded[g + 5] += t5[i]
        padded[g + 6] += t6[i]
        padded[g + 7] += t7[i]
    before = TAPS // 2 - 1
    for g in range(size):
        circle[g] = padded[g + before]
    for g in range(before):
        circle[size - before + g] += padded[g]
    for g in range(padded.shape[0] - size - before):
        circle[g] += padded[size + before + g]


@njit(cache=True, nogil=True, fastmath=FLAGS, error_model="numpy")
def _bumps(y: Array, part: Array, c: Array, early: Array, late: Array) -> None:
    """Write the contribution of each sample at one tap before it and at the mirrored tap behind it."""
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10]
    for i in range(y.shape[0]):
        p = part[i]
        square = p * p
        even = c0 + square * (c2 + square * (c4 + square * (c6 + square * (c8 + square * c10))))
        odd = p * (c1 + square * (c3 + square * (c5 + square * (c7 + square * c9))))
        early[i] = (even + odd) * y[i]
        late[i] = (even - odd) * y[i]
