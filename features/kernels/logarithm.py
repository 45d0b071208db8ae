"""The natural logarithm for vector loops, because a call of libm prevents vectorisation."""

from __future__ import annotations

import numpy as np
from numba import njit

from features.kernels.time_domain import FLAGS

_MANTISSA = np.int32(0x007FFFFF)  # IEEE 754: the lowest 23 bits of a single
_LN_2 = 0.6931471805599453  # natural logarithm of 2
_LOG = (
    0.40546510389877344,
    0.666666669227256,
    -0.22222138191380744,
    0.09876492094997835,
    -0.049409342797515875,
    0.026353642953822743,
    -0.0143401132996928,
    0.008183676685121096,
    -0.0061479172403778645,
    0.0036622422099753748,
)
"""ln(1.5 + f) for |f| <= 0.5: Chebyshev interpolation of degree 9, error 4e-9."""


@njit(inline="always", fastmath=FLAGS, error_model="numpy")
def natural_log(bits: np.int32) -> np.float32:
    """Return ln(x) of a positive, normal float32 x given by its bit pattern."""
    f = np.float32(np.int32(bits & _MANTISSA)) * np.float32(2.0**-23) - np.float32(0.5)
    s = np.float32(_LOG[9])
    s = s * f + np.float32(_LOG[8])
    s = s * f + np.float32(_LOG[7])
    s = s * f + np.float32(_LOG[6])
    s = s * f + np.float32(_LOG[5])
    s = s * f + np.float32(_LOG[4])
    s = s * f + np.float32(_LOG[3])
    s = s * f + np.float32(_LOG[2])
    s = s * f + np.float32(_LOG[1])
    s = s * f + np.float32(_LOG[0])
    return s + (np.float32(np.int32(bits >> 23)) - np.float32(127)) * np.float32(_LN_2)
