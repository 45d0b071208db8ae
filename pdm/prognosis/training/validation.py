"""Out-of-fold validation of a fleet model, relative to predictions without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.prognosis.model.lives import FleetLife
from pdm.prognosis.statistics.conformal import weighted_quantile

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions, rows of failed lives only, each array (n,).

    `record` counts from 1 within the life. The interval is calibrated on the other folds' lives, so that its coverage
    is evaluated on other rows than those of its calibration. `upper` is the cap for "at least".
    """

    life: Integers
    record: Integers
    actual: Vector
    predicted: Vector
    lower: Vector
    upper: Vector

    def select(self, chosen: NDArray[np.bool_]) -> OutOfFold:
        """Return some of the rows."""
        return OutOfFold(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def describe(seen: OutOfFold, lives: Sequence[FleetLife], fold: Integers, cap: float, level: float) -> dict[str, Any]:
    """Return the metrics of a grouped validation, with equal weight per life, on remaining life up to `cap`.

    `skill` is the relative reduction of the error against the better of two reference predictions: the other folds'
    median remaining life, and their median life less the age.
    """
    actual = np.minimum(seen.actual, cap)
    weight = _equal_lives(seen.life)
    constant, by_age = _guesses(seen, lives, fold)
    plain = {
        "constant": _rmse(np.minimum(constant, cap) - actual, weight),
        "median_life_less_age": _rmse(np.minimum(by_age, cap) - actual, weight),
    }
    error = seen.predicted - actual
    is_covered = (seen.lower <= actual) & (actual <= seen.upper)
    rmse = _rmse(error, weight)
    by_life = {}
    for life in np.unique(seen.life).tolist():
        its = seen.life == life
        by_life[lives[life].key] = {"rmse": _rmse(error[its], weight[its]), "coverage": float(is_covered[its].mean())}
    return {
        "cap": cap,
        "rows": len(actual),
        "lives": len(by_life),
        "rmse": rmse,
        "mae": float(np.average(np.abs(error), weights=weight)),
        "bias": float(np.average(error, weights=weight)),
        "plain_guess_rmse": plain,
        "skill": 1.0 - rmse / max(min(plain.values()), 1e-9),
        "level": level,
        "coverage": float(np.average(is_covered, weights=weight)),
        "mean_width": float(np.average(seen.upper - seen.lower, weights=weight)),
        "by_life": by_life,
    }


def _guesses(seen: OutOfFold, lives: Sequence[FleetLife], fold: Integers) -> tuple[Vector, Vector]:
    """Return the two reference predictions of each row, from the other folds' lives."""
    constant, by_age = np.empty(len(seen.life)), np.empty(len(seen.life))
    weight = _equal_lives(seen.life)
    length = np.array([life.ended_at - life.life_time[0] for life in lives])
    is_failed = np.array([life.is_failed for life in lives])
    age = np.array(
        [
            lives[life].life_time[record - 1] - lives[life].life_time[0]
            for life, record in zip(seen.life.tolist(), seen.record.tolist(), strict=True)
        ]
    )
    for left_out in np.unique(fold[seen.life]):
        is_left_out = fold[seen.life] == left_out
        constant[is_left_out] = weighted_quantile(seen.actual[~is_left_out], weight[~is_left_out], 0.5)
        typical = float(np.median(length[is_failed & (fold != left_out)]))
        by_age[is_left_out] = np.maximum(typical - age[is_left_out], 0.0)
    return constant, by_age


def _equal_lives(life: Integers) -> Vector:
    _, index, sizes = np.unique(life, return_inverse=True, return_counts=True)
    weight: Vector = 1.0 / sizes[index]
    return weight


def _rmse(error: Vector, weight: Vector) -> float:
    return float(np.sqrt(np.average(error**2, weights=weight)))
