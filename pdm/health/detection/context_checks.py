"""Operating conditions that the signal, the learned states or their own size contradict.

Such a condition is not used: it makes no operating state, and its code is one of the reasons of the assessment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.baseline import Baseline
from pdm.health.detection.operating_states import SPEED_TOLERANCE
from pdm.measurements import OperatingContext

PERCENT, SPEED_UNIT, RUNS_WHILE_OFF = "load-percent", "speed-unit", "runs-while-off"
LARGEST_LOAD = 2.0  # of rated load, either direction: motors pull out between 1.6 and 3 times (IEC 60034-1:2022, 9.4)
_UNITS = (60.0, 100.0)  # rpm for Hz; counts of a hundredth
_RUNNING = np.log(2.0)  # a level down to half of the quietest learned state is that of running


def check_load(context: OperatingContext) -> tuple[OperatingContext, str | None]:
    """Return the conditions without a load that is no fraction of rated load, and the code of the doubt."""
    if context.load is None or abs(context.load) <= LARGEST_LOAD:
        return context, None
    return replace(context, load=None), PERCENT


def find_contradiction(
    context: OperatingContext,
    states: Sequence[Baseline],
    compared: NDArray[np.float64],
    activity: NDArray[np.intp],
    *,
    is_off: bool,
) -> str | None:
    """Return the code of a speed or standstill that the learned states contradict, None if there is none.

    Parameters
    ----------
    context : OperatingContext
    states : sequence of Baseline
    compared : ndarray, shape (M,)
        Compared features of the acquisition.
    activity : ndarray of int
        Columns that show whether the machine runs.
    is_off : bool
        The machine is at standstill by its conditions.
    """
    learned = [state for state in states if state.learned]
    suspicion = RUNS_WHILE_OFF if is_off else None
    if context.speed and _is_in_another_unit(context.speed, learned):
        suspicion = SPEED_UNIT
    return suspicion if suspicion and _is_running(learned, compared, activity) else None


def _is_running(learned: Sequence[Baseline], compared: NDArray[np.float64], activity: NDArray[np.intp]) -> bool:
    if not learned or not activity.size:
        return False
    quietest = min(float(state.location[activity].mean()) for state in learned)
    return bool(compared[activity].mean() >= quietest - _RUNNING)


def _is_in_another_unit(speed: float, learned: Sequence[Baseline]) -> bool:
    known = [state.speed for state in learned if not np.isnan(state.speed)]
    if any(_agree(speed, each) for each in known):
        return False
    return any(_agree(speed * factor, each) or _agree(speed / factor, each) for each in known for factor in _UNITS)


def _agree(speed: float, known: float) -> bool:
    return abs(speed - known) <= SPEED_TOLERANCE * known
