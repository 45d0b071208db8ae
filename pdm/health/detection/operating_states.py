"""Operating states: the sender's own names, else few stable bins of speed and load.

A change is news only against what is normal in the same state. A state is recognised by its centre: speed
within 5 %, load within 0.15 of rated load. What was never met is a new state, to be learned, not an alarm.
A machine that runs at too many speeds and loads for that, as by a converter, gets wider states until they are few,
and what speed and load explain within one is compensated (`pdm.health.baseline.covariates`).
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
"""The state of a machine of which neither state, speed nor load is known."""

# of the state's speed; chosen by hand on the simulated fleet (`pdm demo`, seeds 1 to 8), not fitted
SPEED_TOLERANCE = 0.05
LOAD_TOLERANCE = 0.15  # of rated load; chosen by hand on the simulated fleet (`pdm demo`, seeds 1 to 8), not fitted
MOST_STATES = 8  # bounds the state that is stored a machine
MOST_LEARNING = 4  # half of them: learned states are not crowded out
WIDEST = 8.0
"""How many times as wide as above states become before the one longest unseen makes room."""
_OFF_NAMES = frozenset({"off", "stopped", "standstill"})
_OFF_SPEED = 0.05  # of rated speed
_OFF_SPEED_UNRATED = 0.5  # Hz
_OFF_ACTIVITY = np.log(10.0)  # a machine at a tenth of its quietest known state stands still


def is_off(
    machine: Machine,
    context: OperatingContext,
    states: Sequence[Baseline],
    compared: NDArray[np.float64],
    activity: NDArray[np.intp],
) -> bool:
    """Say whether the machine stands still: by its name, its speed, or signals near nothing.

    Parameters
    ----------
    compared : ndarray, shape (M,)
        Compared features of the acquisition.
    activity : ndarray of int
        Columns whose fall to a tenth of every learned state means standstill.
    """
    if context.state is not None and context.state.strip().lower() in _OFF_NAMES:
        return True
    if context.speed is not None:
        limit = _OFF_SPEED * machine.rated_speed if machine.rated_speed is not None else _OFF_SPEED_UNRATED
        return context.speed < limit
    if not activity.size:
        return False
    learned = [float(state.location[activity].mean()) for state in states if state.learned]
    if not learned:
        return False
    return bool(compared[activity].mean() < min(learned) - _OFF_ACTIVITY)


def find_state(context: OperatingContext, states: Sequence[Baseline], width: float = 1.0) -> int | None:
    """Return the index of the known state the machine is in, None if it is a new one.

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
    """Say whether there is no room for another state: `MOST_STATES`, or `MOST_LEARNING` that are learning."""
    return sum(not state.learned for state in states) >= MOST_LEARNING or len(states) >= MOST_STATES


def widen(states: list[Baseline], width: float) -> float:
    """Make states of bins of speed and load wider, so that they are fewer; returns the new width.

    Of two that now lie in each other's reach the one that is learned stays, or the one met more often.
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
    """Add the state of this context; returns its index and the name of a state that made room for it.

    At most `MOST_STATES` are kept, `MOST_LEARNING` of them learning: the one longest unseen makes room.
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
    """Return what is known of each state, as data: its ranges of speed [Hz] and load [1], and how far it is learned."""
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
    """Move a learning state's centre to the mean of what was met in it; a learned state's stands."""
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
    """Return how far a context lies from a state's centre; 1 is the edge, inf another kind."""
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
