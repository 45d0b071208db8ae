"""Why a model says what it says of a machine: what moved it, since when, and which past lives looked like this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pdm.prognosis.model.fleet_model import Columns, FleetModel

FARTHEST = 3.0
"""In the column's own spread: columns further apart count no more, and one that is known once only counts as this."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Contributor:
    """What one sensor, or the age, adds to remaining life [the fleet's unit]; `column` is its strongest part."""

    name: str
    amount: float
    column: str


@dataclass(frozen=True)
class Explanation:
    """Remaining life as a sum: `base`, what each contributor adds, and `limited`, what the model's range takes off."""

    predicted: float
    base: float
    limited: float
    contributors: tuple[Contributor, ...]


@dataclass(frozen=True)
class PastLife:
    """A life that ended in failure: the columns (n, C) of its records, their age and what remained then (n,)."""

    machine: str
    columns: Columns
    age: Vector
    remaining: Vector


@dataclass(frozen=True)
class Alike:
    """The moment of a past life that was most like now; `distance` 0 is the same in all that counts, 1 far apart."""

    machine: str
    age: float
    remaining: float
    distance: float


def explain(model: FleetModel, columns: Sequence[Columns]) -> Explanation:
    """Return why a model says what it says of one record, the largest contributor first.

    The trees' own SHAP values add up on the scale that they learn, the root of remaining life; each is given its share
    of remaining life itself by the difference of squares, so that the sum stays exact.

    Parameters
    ----------
    model : FleetModel
    columns : sequence of ndarray, shape (1, C)
        For each ensemble of the model.
    """
    start, found = model.contributions(columns)
    base = float(start[0])
    target = base + sum(float(moved[0]) for moved in found.values())
    worth = model.cap * (target + base)
    groups: dict[str, list[tuple[float, str]]] = {}
    for column, moved in found.items():
        groups.setdefault(column.rpartition(".")[0] or column, []).append((worth * float(moved[0]), column))
    contributors = [
        Contributor(name, sum(amount for amount, _ in parts), max(parts, key=lambda part: abs(part[0]))[1])
        for name, parts in groups.items()
    ]
    predicted = float(model.answer(model.target(columns))[0][0])
    ranked = sorted(contributors, key=lambda each: (-abs(each.amount), each.name))
    return Explanation(predicted, model.cap * base**2, predicted - model.cap * target**2, tuple(ranked))


def weigh_columns(model: FleetModel, columns: Sequence[Columns]) -> Vector:
    """Return how much each column of the first ensemble counts in one record's answer, shape (C,), summing to 1."""
    found = model.contributions(columns)[1]
    weight = np.array([abs(float(found[name][0])) for name in model.ensembles[0].columns])
    total = float(weight.sum())
    return weight / total if total > 0.0 else np.full(len(weight), 1.0 / len(weight))


def find_alike(now: Columns, lives: Sequence[PastLife], weight: Vector, most: int = 3) -> list[Alike]:
    """Return of each past life the moment most like now, the most alike lives first.

    Parameters
    ----------
    now : ndarray, shape (C,)
    lives : sequence of PastLife
    weight : ndarray, shape (C,)
        How much each column counts; they sum to 1.
    most : int
        So many lives at the most.
    """
    lives = [life for life in lives if len(life.columns)]
    if not lives:
        return []
    spread = _spread(np.concatenate([life.columns for life in lives]))
    found = []
    for life in lives:
        apart = np.abs(life.columns - now) / spread
        is_known = np.isfinite(life.columns)
        apart = np.where(is_known & np.isfinite(now), np.minimum(apart, FARTHEST), FARTHEST)
        apart[:, ~np.isfinite(now)] *= is_known[:, ~np.isfinite(now)]
        distance = np.sqrt(apart**2 @ weight) / FARTHEST
        best = int(np.argmin(distance))
        found.append(Alike(life.machine, float(life.age[best]), float(life.remaining[best]), float(distance[best])))
    return sorted(found, key=lambda each: (each.distance, each.machine))[:most]


def _spread(columns: Columns) -> Vector:
    """Return each column's inter-quartile range, 1 where it has none."""
    known = np.isfinite(columns).any(axis=0)
    spread = np.ones(columns.shape[1])
    low, high = np.nanquantile(columns[:, known].astype(np.float64), (0.25, 0.75), axis=0)
    spread[known] = np.where(high > low, high - low, 1.0)
    return spread
