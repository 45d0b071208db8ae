"""Severity zones A-D of velocity RMS, by the limits of the machine's standard."""

from __future__ import annotations

import math

from pdm.machines.model import SeverityLimits


def zone_of(limits: SeverityLimits | None, velocity_rms: float) -> str | None:
    """Return the severity zone of a point (ISO 20816-1:2016, 6.2).

    Parameters
    ----------
    limits : SeverityLimits or None
        None if no standard's zones apply.
    velocity_rms : float
        Velocity RMS 10-1000 Hz [m/s], NaN where it could not be graded.

    Returns
    -------
    zone : str or None
        'A' to 'D'; None without limits or for a point that could not be graded.
    """
    if limits is None or math.isnan(velocity_rms):
        return None
    return "ABCD"[(velocity_rms > limits.a_b) + (velocity_rms > limits.b_c) + (velocity_rms > limits.c_d)]
