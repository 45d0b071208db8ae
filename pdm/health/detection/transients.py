"""Transient detection: whether a machine is in steady operation, which health assessment requires.

A run-up is detected within an acquisition, by a start or a rising fundamental in its current, or between two
acquisitions shortly after each other, by their speeds. Two acquisitions far apart give no information.
"""

from __future__ import annotations

import math

import numpy as np

from features.catalogue import names
from pdm.health.detection.operating_states import OFF
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Machine
from pdm.measurements import OperatingContext

TRANSIENT = "transient"
UNJUDGED = (OFF, TRANSIENT)
"""Operating states without health assessment."""
_TRANSIENT_NAMES = frozenset({TRANSIENT, "run-up", "coast-down", "starting", "stopping"})
SPEED_STEP = 0.05
"""Change of speed between two acquisitions that is more than scatter, as a fraction of rated speed."""
LONGEST_RUN_UP = 60.0
"""Interval [s] between two acquisitions beyond which a change of speed is a change of state, not a run-up."""
MOST_VARIATION = 0.2
"""Standard deviation of the current's fundamental over its mean, above which the load varies in the record."""
_INRUSH, _VARIATION = (names("current", "channel").index(name) for name in ("inrush_ratio", "fundamental_variation"))


def is_transient(machine: Machine, snapshot: Snapshot, context: OperatingContext, before: tuple[float, float]) -> bool:
    """Return whether the machine was running up, coasting down or changing load during the measurement.

    Parameters
    ----------
    machine : Machine
    snapshot : Snapshot
    context : OperatingContext
        Operating conditions, as far as known.
    before : (float, float)
        Time [s] and speed [Hz] of the previous acquisition, NaN if unknown.
    """
    if context.state is not None and context.state.strip().lower() in _TRANSIENT_NAMES:
        return True
    return _changes_within(snapshot) or _changed_between(machine, snapshot, context, before)


def _changes_within(snapshot: Snapshot) -> bool:
    return any(
        not math.isnan(vector[_INRUSH]) or abs(vector[_VARIATION]) > MOST_VARIATION
        for vector in snapshot.current.values()
    )


def _changed_between(
    machine: Machine, snapshot: Snapshot, context: OperatingContext, before: tuple[float, float]
) -> bool:
    at, speed = before
    if context.speed is None or not snapshot.measured_at.timestamp() - at <= LONGEST_RUN_UP:
        return False
    reference = machine.rated_speed if machine.rated_speed is not None else max(speed, context.speed)
    return abs(context.speed - speed) > SPEED_STEP * reference


def context_of(machine: Machine, snapshot: Snapshot) -> OperatingContext:
    """Return the operating conditions: the sender's context, completed from the machine's scalar points.

    A speed point gives the speed; a power point, divided by the rated power, gives the load.
    """
    context = snapshot.context
    if not snapshot.scalars or (context.speed is not None and context.load is not None):
        return context
    speed = context.speed if context.speed is not None else _first(machine, snapshot, "speed")
    load = context.load
    if load is None and machine.rated_power is not None:
        power = _first(machine, snapshot, "power")
        load = None if power is None else power / machine.rated_power
    return OperatingContext(speed, load, context.state)


def _first(machine: Machine, snapshot: Snapshot, quantity: str) -> float | None:
    for point in machine.points:
        value = snapshot.scalars.get(point.key) if point.quantity == quantity else None
        if value is not None and np.isfinite(value):
            return float(value)
    return None
