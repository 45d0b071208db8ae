"""Health of the points and components of a machine, in addition to that of the machine, each with its contributors.

All use the same weights on the same evidence: of the features of the point, of those of the component, and of all.
The evidence of each part counts for the machine, so the machine is never healthier than its worst part, and it is less
healthy than each part where several agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.feature_layout import Column, Layout, layout_of
from pdm.health.detection.state_detection import WEIGHTS, health_of
from pdm.health.detection.symptoms import find_component
from pdm.health.roll_up import ORDER, UnitCondition, Urgency
from pdm.machines.model import Machine

Floats = NDArray[np.float64]

_CONTRIBUTORS = 2  # features named as main evidence a component
_NOTHING, _ABSENT = np.zeros(1), np.ones(1, bool)  # the last place, to which paddings of a part point: no evidence
_LEAST_DEVIATION = 1.0  # contributors below it are scatter
_BEARING = ("bpf", "bsf", "ftf", "bearing_sideband", "high_frequency", "envelope", "kurtosis", "crest_factor")
_SYMPTOMS = (  # beginning of a feature's name, and a symptom of the component that it belongs to
    *((name, "bearing_wear") for name in _BEARING),
    ("order_0", "looseness"),
    ("order_1", "unbalance"),
    ("order_", "misalignment"),
    ("broken_bar", "broken_rotor_bar"),
    ("eccentricity", "eccentricity"),
)


@dataclass(frozen=True)
class Parts:
    """The columns of each point and component: padded with M, the index of a column without evidence."""

    points: tuple[str, ...]
    components: tuple[str, ...]
    columns: NDArray[np.intp]
    component_of_point: tuple[str | None, ...]
    vibration: tuple[int, ...]


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
    parts : dict
        `points` and `components`, each with health, severity, urgency and contributors.
    """
    padded = np.concatenate((np.maximum(evidence, 0.0), _NOTHING))[parts.columns]
    largest = np.sort(np.partition(padded, padded.shape[1] - 3, axis=1)[:, -3:], axis=1)
    healths = [round(health_of(severity), 4) for severity in (largest @ WEIGHTS).tolist()]
    absent = np.concatenate((np.isnan(raw), _ABSENT))[parts.columns]
    heard = np.logical_not(np.all(absent, axis=1)).tolist()
    listed = [
        {
            "health": health if is_heard else None,
            "severity": round(1.0 - health, 4) if is_heard else None,
            "urgency": "none",
            "contributors": _contributors(layout, parts, padded, row) if most >= _LEAST_DEVIATION else [],
        }
        for row, (health, is_heard, most) in enumerate(zip(healths, heard, largest[:, -1].tolist(), strict=True))
    ]
    count = len(parts.points)
    points = [{"point": key, **one, "zone": None} for key, one in zip(parts.points, listed[:count], strict=True)]
    components = [{"component": key, **one} for key, one in zip(parts.components, listed[count:], strict=True)]
    for place, zone in zip(parts.vibration, velocity_zones, strict=True):
        points[place]["zone"] = zone
    if due or any(zone is not None and zone > "B" for zone in velocity_zones):
        _tell_urgency(layout, parts, points, components, due)
    return {"points": points, "components": components}


def _tell_urgency(
    layout: Layout,
    parts: Parts,
    points: list[dict[str, Any]],
    components: list[dict[str, Any]],
    due: dict[str, float],
) -> None:
    """Write the urgency: of a point from its zone and trend, of a component from its points."""
    urgencies: dict[str | None, Urgency] = {}
    for document, component in zip(points, parts.component_of_point, strict=True):
        key = document["point"]
        standing = UnitCondition(
            key, document["health"], document["zone"], due.get(key), layout.machine.planning_horizon
        )
        document["urgency"] = standing.urgency.value
        urgencies[component] = min(urgencies.get(component, Urgency.NONE), standing.urgency, key=ORDER.__getitem__)
    for document in components:
        document["urgency"] = urgencies.get(document["component"], Urgency.NONE).value


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


@lru_cache(maxsize=4096)
def parts_of(machine: Machine) -> Parts:
    """Return the columns of the layout of a machine for each point and component."""
    layout = layout_of(machine)
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
        vibration=tuple(points.index(point) for point in layout.vibration_points),
    )


def _is_of(column: Column, point: str, layout: Layout) -> bool:
    """Return whether a column belongs to a point; what the phases share belongs to each phase."""
    return column.point == point or (column.source == "current_group" and point in layout.current_points)


def _component(machine: Machine, column: Column) -> str | None:
    """Return the component that a feature belongs to: by its kind of fault, else by where the point is mounted."""
    feature = column.tracked.feature
    if column.source in ("temperature", "scalar"):
        return find_component(machine, "overall_vibration", column.point)
    if column.source == "current_group":
        return find_component(machine, "supply_unbalance", "")
    symptom = next((symptom for name, symptom in _SYMPTOMS if feature.startswith(name)), None)
    if symptom is None:
        symptom = "supply_unbalance" if column.source == "current" else "overall_vibration"
    return find_component(machine, symptom, column.point)
