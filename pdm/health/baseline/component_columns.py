"""The columns of a machine's tracked vector that belong to a component: those of the points mounted on it.

A column of a point on no component belongs to the machine. What the phases of a current share belongs to the component
on which all of them are mounted, else to the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.feature_layout import Layout, layout_of
from pdm.machines.model import Machine
from pdm.machines.work_events import LifeEnd, TurningPoint

T = TypeVar("T", bound=TurningPoint)
Flags = NDArray[np.bool_]
_SAMPLED = ("vibration", "current", "current_group")


@lru_cache(maxsize=4096)
def owners_of(machine: Machine) -> tuple[str | None, ...]:
    """Return the component that each column of a machine's layout belongs to, None for the machine itself."""
    layout = layout_of(machine)
    mounted = {point.key: point.component for point in machine.points}
    phases = {mounted[point] for point in layout.current_points}
    shared = next(iter(phases)) if len(phases) == 1 else None
    return tuple(shared if column.source == "current_group" else mounted[column.point] for column in layout.columns)


def columns_of(machine: Machine, component: str) -> Flags:
    """Flag the columns (M,) of a component."""
    return np.array([owner == component for owner in owners_of(machine)], dtype=bool)


def owns_all(machine: Machine, component: str) -> bool:
    """Return whether everything that is tracked on a machine belongs to one component."""
    owners = set(owners_of(machine))
    return owners == {component}


def resolved(machine: Machine, end: T) -> T:
    """Return the end of a life on a machine, with whether everything tracked on it is of the ended component."""
    if isinstance(end, LifeEnd) and end.component is not None:
        return replace(end, is_only=owns_all(machine, end.component))
    return end


def restarts_machine(machine: Machine, component: str | None) -> bool:
    """Return whether the end of a component's life ends that of the machine.

    It does where the machine has no other component, or where everything measured is of this one.
    """
    return component is None or {each.key for each in machine.components} == {component} or owns_all(machine, component)


def unmeasured(layout: Layout, left: Flags) -> Flags:
    """Flag the indicators (K,) to which none of the columns `left` (M,) contributes."""
    padded = np.append(left, False)
    return np.asarray(~padded[layout.indicator_columns].any(axis=1), dtype=bool)


def is_relearning(layout: Layout, fresh: NDArray[np.uint32]) -> bool:
    """Return whether every feature of waveforms that counts is being learned again, so that health is not known."""
    if not layout.has_waveforms or not len(fresh):
        return False
    counting = [
        place for place, column in enumerate(layout.columns) if column.source in _SAMPLED and layout.weight[place] > 0
    ]
    return bool(np.isin(counting, fresh).all())


def describe_fresh(machine: Machine, fresh: Sequence[int], features: Sequence[str]) -> list[str]:
    """Return the reasons for columns `fresh` that are being learned beside the others.

    A component of which every column is being learned again is named once, other columns by their `features`.
    """
    if not features:
        return []
    owners, chosen = owners_of(machine), set(fresh)
    known = {owner for place, owner in enumerate(owners) if place not in chosen}
    again = dict.fromkeys(owner for place in fresh if (owner := owners[place]) is not None and owner not in known)
    layout = layout_of(machine)
    others = {layout.columns[place].tracked.feature for place in fresh if owners[place] not in again}
    reasons = [f"learning-component:{component}" for component in again]
    return reasons + [f"learning-beside:{feature}" for feature in features if feature in others]
