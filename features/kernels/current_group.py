"""Features of three phases together: symmetrical components and the ripple of the Park vector."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.catalogue.current_columns import (
    ANGLE,
    BAR_LOWER,
    FUNDAMENTAL_UNBALANCE,
    KURTOSIS,
    MODULUS,
    NEGATIVE,
    NEGATIVE_ANGLE,
    RIPPLE_2F,
    RIPPLE_2SF,
    RIPPLE_SHAFT,
    RMS,
    SLIP,
    SUPPLY,
    ZERO,
)
from features.catalogue.reasons import Reason
from features.kernels.current import LEAST_DISTANCE, amplitude_at, is_free, strongest
from features.kernels.time_domain import Array

_THIRD = complex(-0.5, math.sqrt(0.75))  # a third of a turn: exp(2 pi i / 3), of the symmetrical components
_SUPPLY_REASONS = np.uint32(Reason.SUPPLY_NOT_FOUND | Reason.RECORD_TOO_SHORT)
_NYQUIST = np.uint32(Reason.BAND_ABOVE_NYQUIST)
_SHAFT_UNRESOLVED = np.uint32(Reason.SHAFT_UNRESOLVED)


@njit(cache=True, nogil=True, error_model="numpy")
def describe_together(
    spectrum: Array, ripple: Array, share: float, values: Array, group: Array, reasons: Array, speed: float,
    seconds: float,
) -> None:  # fmt: skip
    """Write sequences and ripples; `ripple` (lines,) is the power of the modulus, `share` a line's part of a sine."""
    # The strongest phase gives the supply most precisely, also if a phase is lost.
    phase = int(np.argmax(values[:, RMS]))
    supply = values[phase, SUPPLY]
    if math.isnan(supply):
        for other in range(3):
            reasons[other] |= reasons[phase] & _SUPPLY_REASONS
        return
    _sequences(spectrum[:, round(supply * seconds)], values, group)
    modulus = group[MODULUS]
    group[RIPPLE_2F] = _near(ripple, 2.0 * supply * seconds, share) / modulus
    if math.isnan(group[RIPPLE_2F]):
        reasons[0] |= _NYQUIST
    slip = values[phase, SLIP]
    if not math.isnan(slip) and not math.isnan(values[phase, BAR_LOWER]):
        group[RIPPLE_2SF] = _near(ripple, 2.0 * slip * supply * seconds, share) / modulus
    else:
        reasons[0] |= reasons[phase]
    shaft = speed * seconds
    if math.isnan(shaft):
        return
    if shaft >= LEAST_DISTANCE and is_free(shaft, 2.0 * supply * seconds, ripple.shape[0] - 1):
        group[RIPPLE_SHAFT] = amplitude_at(ripple, strongest(ripple, shaft - 2.0, shaft + 2.0)) / modulus
    else:
        reasons[0] |= _SHAFT_UNRESOLVED


@njit(cache=True, nogil=True, error_model="numpy")
def _sequences(phasors: Array, values: Array, group: Array) -> None:
    """Write negative and zero over positive sequence; the larger rotation is the positive one."""
    a, b, c = phasors[0], phasors[1], phasors[2]
    sizes = np.abs(phasors)
    group[FUNDAMENTAL_UNBALANCE] = np.abs(sizes - sizes.mean()).max() / sizes.mean()
    turn = _THIRD
    positive = a + turn * b + turn.conjugate() * c
    negative = a + turn.conjugate() * b + turn * c
    if abs(negative) > abs(positive):
        positive, negative = negative, positive
        turn = turn.conjugate()
    size = abs(positive)
    group[NEGATIVE] = abs(negative) / size
    group[ZERO] = abs(a + b + c) / size
    group[NEGATIVE_ANGLE] = _angle(negative * positive.conjugate())
    for phase, phasor in ((0, a), (1, turn * b), (2, turn.conjugate() * c)):
        if not math.isnan(values[phase, KURTOSIS]):
            values[phase, ANGLE] = _angle(phasor * positive.conjugate())


@njit(cache=True, nogil=True, error_model="numpy")
def _angle(z: complex) -> float:
    return math.atan2(z.imag, z.real)


@njit(cache=True, nogil=True, error_model="numpy")
def _near(power: Array, line: float, share: float) -> float:
    """Return the largest amplitude within two lines, NaN beyond the spectrum."""
    middle = round(line)
    if middle + 2 >= power.shape[0]:
        return math.nan
    return math.sqrt(share * power[max(1, middle - 2) : middle + 3].max())
