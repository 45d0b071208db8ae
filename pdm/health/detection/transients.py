"""Whether a machine runs steadily enough to be judged: what stands still or runs up is neither sick nor sound.

A run-up is seen within an acquisition, by the start in its current or a fundamental that swells, or between two
acquisitions shortly after each other, by their speeds. Two far apart say nothing of what lay between.
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
"""Operating states in which nothing is judged."""
_TRANSIENT_NAMES = frozenset({TRANSIENT, "run-up", "coast-down", "starting", "stopping"})
SPEED_STEP = 0.05
"""Change of speed, of rated speed, between two acquisitions that is no scatter."""
LONGEST_RUN_UP = 60.0
"""Seconds between two acquisitions beyond which a change of speed is a change of state and not a run-up."""
MOST_VARIATION = 0.2
"""Standard deviation of the current's fundamental over its mean: above it the load swells or fades in the record."""
_INRUSH, _VARIATION = (names("current", "channel").index(name) for name in ("inrush_ratio", "fundamental_variation"))


def is_transient(machine: Machine, snapshot: Snapshot, context: OperatingContext, before: tuple[float, float]) -> bool:
    """Say whether the machine was running up, coasting down or changing load while it was measured.

    Parameters
    ----------
    machine : Machine
    snapshot : Snapshot
    context : OperatingContext
        How it ran, as far as known.
    before : (float, float)
        When the acquisition before was made [s] and at which speed [Hz], NaN if unknown.
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
    """Return how the machine ran, with what its scalar points tell where the sender's context does not.

    A point of speed is the speed; a point of power, over the rated power, is the load.
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
