"""The end of a component's life: only what was learned at the points mounted on it is forgotten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdm.health.assess import initial_state
from pdm.health.baseline.component_columns import columns_of
from pdm.health.baseline.feature_layout import Layout, layout_of
from pdm.health.component_health import Parts, parts_of
from pdm.health.detection.control_charts import Charts
from pdm.health.refit import forget_columns, refit, relearn_columns
from pdm.health.state import HealthState
from pdm.machines.model import Machine

Flags = NDArray[np.bool_]


def end_component(machine: Machine, state: HealthState, component: str | None) -> HealthState:
    """Return the state after a failure or replacement of a component, None: of the whole machine.

    Parameters
    ----------
    machine : Machine
    state : HealthState
        It is modified in place and must not be used again.
    component : str or None

    Returns
    -------
    state : HealthState
        The columns of the component's points are learned again beside the others, which keep baseline and evidence.
        Evidence for a fault of the component at other points is 0 again; their baselines are kept.
    """
    if component is None:
        return initial_state(machine)
    layout = layout_of(machine)
    if state.identity != layout.identity and refit(state, layout) is None:
        return state  # other points: the next assessment starts from nothing
    own = columns_of(machine, component)
    if own.any() and not (~own & (layout.weight > 0)).any():
        return initial_state(machine)
    _clear_evidence(state, own | _concerning(machine, layout, component))
    if own.any():
        forget_columns(state, layout, own)
    return state


def replace_sensor(machine: Machine, state: HealthState, point: str) -> HealthState:
    """Return the state after another sensor has taken the place of that of a point, in place.

    The features of the point are learned again beside the others, on the degradation known so far; evidence is kept.
    """
    layout = layout_of(machine)
    if state.identity != layout.identity and refit(state, layout) is None:
        return state
    is_phase = point in layout.current_points
    which = [c.point == point or (is_phase and c.source == "current_group") for c in layout.columns]
    if any(which):
        relearn_columns(state, layout, np.array(which, dtype=bool))
    return state


def _concerning(machine: Machine, layout: Layout, component: str) -> Flags:
    """Flag the columns, at any point, whose kind of fault concerns a component: an unbalance that of the shaft."""
    parts: Parts = parts_of(machine)
    flags = np.zeros(len(layout.columns) + 1, bool)
    if component in parts.components:
        flags[parts.columns[len(parts.points) + parts.components.index(component)]] = True
    return flags[:-1]


def _clear_evidence(state: HealthState, which: Flags) -> None:
    state.smoothed = np.where(which, np.float32(0.0), state.smoothed).astype(np.float32)
    sums = np.where(which, np.float32(0.0), state.charts.sums).astype(np.float32)
    state.charts = Charts(sums, state.charts.since)
