"""Explanation of a model's prediction: contributors, their onset, and similar past lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pdm.prognosis.model.fleet_model import Columns, FleetModel

FARTHEST = 3.0
"""Limit of a column's distance, in its spread; also the distance of a column that is known on one side only."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Contributor:
    """Contribution of one sensor, or the age, to remaining life [the fleet's unit]; `column` is its largest."""

    name: str
    amount: float
    column: str


@dataclass(frozen=True)
class Explanation:
    """Remaining life as a sum: `base`, the contributions, and `limited`, the correction to the model's range."""

    predicted: float
    base: float
    limited: float
    contributors: tuple[Contributor, ...]


@dataclass(frozen=True)
class PastLife:
    """A life that ended in failure: the columns (n, C) of its records, their age and remaining life (n,)."""

    machine: str
    columns: Columns
    age: Vector
    remaining: Vector


@dataclass(frozen=True)
class Alike:
    """The most similar time of a past life; `distance` 0 is equal in all weighted columns, 1 far apart."""

    machine: str
    age: float
    remaining: float
    distance: float


def explain(model: FleetModel, columns: Sequence[Columns]) -> Explanation:
    """Return the explanation of a model's prediction for one record, the largest contributor first.

    SHAP values are additive on the scale of the trees, the square root of remaining life; each is converted to
    remaining life by the difference of squares, so that the sum is exact.

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
    """Return the weight of each column of the first ensemble in one record's prediction, shape (C,), of sum 1."""
    found = model.contributions(columns)[1]
    weight = np.array([abs(float(found[name][0])) for name in model.ensembles[0].columns])
    total = float(weight.sum())
    return weight / total if total > 0.0 else np.full(len(weight), 1.0 / len(weight))


def find_alike(now: Columns, lives: Sequence[PastLife], weight: Vector, most: int = 3) -> list[Alike]:
    """Return the most similar time of each past life, the most similar lives first.

    Parameters
    ----------
    now : ndarray, shape (C,)
    lives : sequence of PastLife
    weight : ndarray, shape (C,)
        Weight of each column, of sum 1.
    most : int
        Greatest number of lives.
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
    """Return each column's inter-quartile range, 1 where it is 0."""
    known = np.isfinite(columns).any(axis=0)
    spread = np.ones(columns.shape[1])
    low, high = np.nanquantile(columns[:, known].astype(np.float64), (0.25, 0.75), axis=0)
    spread[known] = np.where(high > low, high - low, 1.0)
    return spread
