"""The health of a machine's points and components, beside the machine's own, each with what makes it so.

All are the same weighing of the same evidence, over the features of the point, over those that speak of the component,
and over all: what is found anywhere is found in the whole, so the machine is never better than its worst part, and
worse than each of them where several agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.health.layout import Column, Layout
from pdm.health.roll_up import Standing
from pdm.health.state_detection import health_of
from pdm.health.symptoms import find_component
from pdm.machines.model import Machine

Floats = NDArray[np.float64]

_CONTRIBUTORS = 2
_LEAST_DEVIATION = 1.0  # contributors below it are scatter
_BEARING = ("bpf", "bsf", "ftf", "bearing_sideband", "high_frequency", "envelope", "kurtosis", "crest_factor")
_SYMPTOMS = (  # beginning of a feature's name, and a symptom of the component that it speaks of
    *((name, "bearing_wear") for name in _BEARING),
    ("order_0", "looseness"),
    ("order_1", "unbalance"),
    ("order_", "misalignment"),
    ("broken_bar", "broken_rotor_bar"),
    ("eccentricity", "eccentricity"),
)


@dataclass(frozen=True)
class Parts:
    """Which columns speak of which point and component: padded with M, the place of a column that says nothing."""

    points: tuple[str, ...]
    components: tuple[str, ...]
    columns: NDArray[np.intp]
    component_of_point: tuple[str | None, ...]
    velocity_of: tuple[int | None, ...]


def assess_parts(
    layout: Layout, parts: Parts, evidence: Floats, raw: Floats, velocity_zones: list[str | None], due: dict[str, float]
) -> dict[str, list[dict[str, Any]]]:
    """Return the health of points and components.

    Parameters
    ----------
    layout : Layout
    parts : Parts
        As `parts_of` the machine.
    evidence : ndarray, shape (M,)
        What each feature contributes [robust standard deviations].
    raw : ndarray, shape (M,)
        Tracked features; a point of which all are absent is not listed.
    velocity_zones : list of str or None
        Severity zone of each vibration point, in the layout's order.
    due : dict
        By point, when its vibration may at the earliest reach zone C or D [s].

    Returns
    -------
    told : dict
        `points` and `components`, each with health, severity, urgency and contributors.
    """
    padded = np.append(np.maximum(evidence, 0.0), 0.0)[parts.columns]
    largest = np.sort(np.partition(padded, padded.shape[1] - 3, axis=1)[:, -3:], axis=1)
    severities = (largest @ np.array([0.2, 0.3, 0.5])).tolist()
    heard = np.any(~np.isnan(np.append(raw, np.nan)[parts.columns]), axis=1).tolist()
    strong = (largest[:, -1] >= _LEAST_DEVIATION).tolist()
    horizon = layout.machine.planning_horizon
    told: list[dict[str, Any]] = []
    standings: dict[str, Standing] = {}
    for row, point in enumerate(parts.points):
        place = parts.velocity_of[row]
        zone = velocity_zones[place] if place is not None else None
        standings[point] = Standing(point, health_of(severities[row]), zone, due.get(point), horizon)
    for row, key in enumerate(parts.points + parts.components):
        is_point = row < len(parts.points)
        if is_point:
            own = [standings[key]]
        else:
            own = [standings[p] for p, of in zip(parts.points, parts.component_of_point, strict=True) if of == key]
        entry: dict[str, Any] = {
            "point" if is_point else "component": key,
            "health": round(health_of(severities[row]), 4) if heard[row] else None,
            "severity": round(severities[row], 3) if heard[row] else None,
            "urgency": min((each.urgency for each in own), key=_URGENCIES.__getitem__, default="none"),
            "contributors": _contributors(layout, parts, padded, row) if strong[row] else [],
        }
        if is_point:
            entry["zone"] = standings[key].zone
        told.append(entry)
    return {"points": told[: len(parts.points)], "components": told[len(parts.points) :]}


_URGENCIES = {"immediate": 0, "within-horizon": 1, "later": 2, "none": 3}


def _contributors(layout: Layout, parts: Parts, padded: Floats, row: int) -> list[dict[str, Any]]:
    found = []
    for place in np.argsort(padded[row], kind="stable")[::-1][:_CONTRIBUTORS].tolist():
        if padded[row, place] < _LEAST_DEVIATION:
            break
        column = layout.columns[parts.columns[row, place]]
        found.append(
            {
                "indicator": column.tracked.feature,
                "point": column.point or None,
                "deviation": round(float(padded[row, place]), 3),
            }
        )
    return found


def parts_of(layout: Layout) -> Parts:
    """Return which columns speak of which point and component of a machine."""
    machine = layout.machine
    points = (
        *layout.vibration_points,
        *layout.current_points,
        *layout.temperature_points,
        *layout.scalar_points,
    )
    spoken = [_component(machine, column) for column in layout.columns]
    components = tuple(c.key for c in machine.components if c.key in spoken)
    groups = [[i for i, c in enumerate(layout.columns) if _is_of(c, point, layout)] for point in points]
    groups += [[i for i, key in enumerate(spoken) if key == component] for component in components]
    most = max(3, *(len(group) for group in groups)) if groups else 3
    columns = np.full((len(groups), most), len(layout.columns), np.intp)
    for row, group in enumerate(groups):
        columns[row, : len(group)] = group
    mounted = {p.key: p.component for p in machine.points}
    return Parts(
        points=points,
        components=components,
        columns=columns,
        component_of_point=tuple(mounted[p] for p in points),
        velocity_of=tuple(layout.vibration_points.index(p) if p in layout.vibration_points else None for p in points),
    )


def _is_of(column: Column, point: str, layout: Layout) -> bool:
    """Say whether a column is a point's; what the phases share is each phase's."""
    return column.point == point or (column.source == "current_group" and point in layout.current_points)


def _component(machine: Machine, column: Column) -> str | None:
    """Return the component that a feature speaks of: by its kind of fault, else where the point is mounted."""
    feature = column.tracked.feature
    if column.source in ("temperature", "scalar"):
        return find_component(machine, "overall_vibration", column.point)
    if column.source == "current_group":
        return find_component(machine, "supply_unbalance", "")
    symptom = next((symptom for name, symptom in _SYMPTOMS if feature.startswith(name)), None)
    if symptom is None:
        symptom = "supply_unbalance" if column.source == "current" else "overall_vibration"
    return find_component(machine, symptom, column.point)
