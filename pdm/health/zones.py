"""Severity zones A-D of velocity RMS, by the limits cited for the machine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pdm.machines.model import SeverityLimits


def zone_of(limits: SeverityLimits | None, velocity_rms: NDArray[np.float64]) -> str | None:
    """Return the severity zone of the worst point (ISO 20816-1:2016, 6.2).

    Parameters
    ----------
    limits : SeverityLimits or None
        None where no standard's zones apply.
    velocity_rms : ndarray, shape (points,)
        Velocity RMS 10-1000 Hz [m/s], NaN where it could not be graded.

    Returns
    -------
    zone : str or None
        'A' to 'D'; None without limits or without a graded point.
    """
    if limits is None or not velocity_rms.size:
        return None
    worst = float(np.fmax.reduce(velocity_rms))
    if math.isnan(worst):
        return None
    return "ABCD"[(worst > limits.a_b) + (worst > limits.b_c) + (worst > limits.c_d)]
