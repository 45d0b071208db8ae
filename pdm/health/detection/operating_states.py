"""Operating states: names declared by the sender, else a few stable bins of speed and load.

A change is evaluated only against the baseline of the same state. A state is recognised by its centre: speed within
5 %, load within 0.15 of rated load. A condition outside all states is a new state, to be learned, not an alarm. If a
machine runs at too many speeds and loads, as with a converter, its states are widened until there are few, and the
effect of speed and load within a state is compensated (`pdm.health.baseline.covariates`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.baseline import Baseline, begin_baseline
from pdm.machines.model import Machine
from pdm.measurements import OperatingContext

OFF = "off"
UNKNOWN = "unknown"
"""The operating state of a machine without known state, speed or load."""

# of the state's speed; chosen by hand on the simulated fleet (`pdm demo`, seeds 1 to 8), not fitted
SPEED_TOLERANCE = 0.05
LOAD_TOLERANCE = 0.15  # of rated load; chosen by hand on the simulated fleet (`pdm demo`, seeds 1 to 8), not fitted
MOST_STATES = 8  # bounds the stored state of a machine
MOST_LEARNING = 4  # half of them: learning states do not displace learned ones
WIDEST = 8.0
"""Greatest factor on the tolerances; beyond it the least recently used state is removed."""
_OFF_NAMES = frozenset({"off", "stopped", "standstill"})
_OFF_SPEED = 0.05  # of rated speed
_OFF_SPEED_UNRATED = 0.5  # Hz
_OFF_ACTIVITY = np.log(10.0)  # a machine at a tenth of its quietest known state is at standstill


def is_off(
    machine: Machine,
    context: OperatingContext,
    states: Sequence[Baseline],
    compared: NDArray[np.float64],
    activity: NDArray[np.intp],
) -> bool:
    """Return whether the machine is at standstill: by its state name, its speed, or signals near 0.

    Parameters
    ----------
    compared : ndarray, shape (M,)
        Compared features of the acquisition.
    activity : ndarray of int
        Columns whose fall to a tenth of every learned state indicates standstill.
    """
    if is_stopped(machine, context):
        return True
    if context.speed is not None or not activity.size:
        return False
    falls = []
    for state in states:
        known = activity[np.isfinite(state.location[activity])] if state.learned else activity[:0]
        if known.size:
            falls.append(float(state.location[known].mean() - compared[known].mean()))
    return bool(falls) and min(falls) > _OFF_ACTIVITY


def is_stopped(machine: Machine, context: OperatingContext) -> bool:
    """Return whether the machine is at standstill by its state name or its speed."""
    if context.state is not None and context.state.strip().lower() in _OFF_NAMES:
        return True
    if context.speed is None:
        return False
    limit = _OFF_SPEED * machine.rated_speed if machine.rated_speed is not None else _OFF_SPEED_UNRATED
    return context.speed < limit


def find_state(context: OperatingContext, states: Sequence[Baseline], width: float = 1.0) -> int | None:
    """Return the index of the machine's present state among the known states, None if it is new.

    `width` multiplies the tolerances.
    """
    if context.state is not None:
        for index, state in enumerate(states):
            if state.declared and state.name == context.state:
                return index
        return None
    best, nearest = None, width
    for index, state in enumerate(states):
        if state.declared:
            continue
        distance = _distance(context, state)
        if distance <= nearest:
            best, nearest = index, distance
    return best


def is_crowded(states: Sequence[Baseline]) -> bool:
    """Return whether the number of states is at its limit: `MOST_STATES`, or `MOST_LEARNING` learning states."""
    return sum(not state.learned for state in states) >= MOST_LEARNING or len(states) >= MOST_STATES


def widen(states: list[Baseline], width: float) -> float:
    """Widen states that are bins of speed and load, so that they are fewer; return the new width.

    Of two states that now overlap, the learned one is kept, or the one with more acquisitions.
    """
    width = min(2.0 * width, WIDEST)
    kept: list[Baseline] = []
    for state in sorted(states, key=lambda known: (not known.learned, -known.seen)):
        context = OperatingContext(_known(state.speed), _known(state.load))
        if state.declared or find_state(context, kept, width) is None:
            kept.append(state)
    states[:] = [state for state in states if any(state is one for one in kept)]
    return width


def meet_state(
    context: OperatingContext, states: list[Baseline], carry: NDArray[np.float32], covariates: int = 2
) -> tuple[int, str | None]:
    """Add the state of this context; return its index and the name of the state that was removed for it.

    At most `MOST_STATES` are kept, `MOST_LEARNING` of them learning: the least recently used state is removed.
    """
    learning = [state for state in states if not state.learned]
    crowd = learning if len(learning) >= MOST_LEARNING else states if len(states) >= MOST_STATES else []
    forgotten = min(crowd, key=lambda state: state.last_seen).name if crowd else None
    if crowd:
        states[:] = [state for state in states if state.name != forgotten]
    states.append(
        begin_baseline(
            context.state if context.state is not None else _name(context, states),
            declared=context.state is not None,
            speed=np.nan if context.speed is None else context.speed,
            load=np.nan if context.load is None else context.load,
            carry=carry,
            covariates=covariates,
        )
    )
    return len(states) - 1, forgotten


def describe_states(states: Sequence[Baseline]) -> list[dict[str, Any]]:
    """Return a description of each state: its ranges of speed [Hz] and load [1], and its learning progress."""
    for state in states:
        if state.described is None or not state.learned or not state.described["learned"]:
            state.described = _describe(state)
    return [state.described for state in states if state.described is not None]


def _describe(state: Baseline) -> dict[str, Any]:
    return {
        "name": state.name,
        "declared": state.declared,
        "learned": state.learned,
        "acquisitions": state.seen,
        "speed_hz": _range(state.ranges[:, 0]),
        "load": _range(state.ranges[:, 1]),
        "doubts": state.doubt_names,
        "seasons": list(state.season.found),
    }


def _range(ends: NDArray[np.float32]) -> list[float] | None:
    low, high = ends.tolist()
    return None if np.isnan(low) else [round(low, 4), round(high, 4)]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def settle(context: OperatingContext, state: Baseline) -> None:
    """Update a learning state's centre to the mean of its contexts; a learned state's centre is fixed."""
    if state.learned:
        return
    weight = 1.0 / (state.seen + 1)
    if context.speed is not None:
        state.speed = _towards(state.speed, context.speed, weight)
    if context.load is not None:
        state.load = _towards(state.load, context.load, weight)


def _towards(centre: float, value: float, weight: float) -> float:
    return value if np.isnan(centre) else centre + weight * (value - centre)


def _distance(context: OperatingContext, state: Baseline) -> float:
    """Return the distance of a context from a state's centre; 1 is the tolerance, inf another kind of state."""
    by_speed = _part(context.speed, state.speed, SPEED_TOLERANCE * state.speed)
    return max(by_speed, _part(context.load, state.load, LOAD_TOLERANCE))


def _part(value: float | None, centre: float, tolerance: float) -> float:
    if value is None or np.isnan(centre):
        return 0.0 if value is None and np.isnan(centre) else np.inf
    return abs(value - centre) / tolerance


def _name(context: OperatingContext, states: Sequence[Baseline]) -> str:
    """Return a name of speed and load that no other state has."""
    parts = [] if context.speed is None else [f"{context.speed * 60:.0f} rpm"]
    parts += [] if context.load is None else [f"load {context.load:.0%}"]
    name = ", ".join(parts) or UNKNOWN
    taken = {state.name for state in states}
    numbered = (name, *(f"{name} ({number})" for number in range(2, MOST_STATES + 2)))
    return next(each for each in numbered if each not in taken)
