"""How good a remaining-life model is on lives it has not seen, beside what anyone could say without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Validation:
    """Out-of-fold rows with known remaining life, every array of shape (n,), times in s.

    `constant` and `by_age` are what the training lives of each row's fold alone suggest: their median
    remaining life, and their median life less the row's age.
    """

    life: NDArray[np.int64]
    actual: Vector
    predicted: Vector
    lower: Vector
    upper: Vector  # the cap where the answer is "at least"
    constant: Vector
    by_age: Vector


def describe(validation: Validation, names: Mapping[int, str], cap_s: float, level: float) -> dict[str, Any]:
    """Return the metrics of a grouped validation; errors in s on remaining life up to `cap_s`."""
    actual = np.minimum(validation.actual, cap_s)
    weight = _equal_lives(validation.life)
    is_covered = (validation.lower <= actual) & (actual <= validation.upper)
    baselines = {
        "constant": _rmse(np.minimum(validation.constant, cap_s) - actual, weight),
        "median_life_less_age": _rmse(np.minimum(validation.by_age, cap_s) - actual, weight),
    }
    error = validation.predicted - actual
    rmse = _rmse(error, weight)
    return {
        "cap_s": cap_s,
        "rows": len(actual),
        "lives": len(np.unique(validation.life)),
        "rmse_s": rmse,
        "mae_s": float(np.average(np.abs(error), weights=weight)),
        "bias_s": float(np.average(error, weights=weight)),
        "baseline_rmse_s": baselines,
        "skill": 1.0 - rmse / max(min(baselines.values()), 1e-9),
        "level": level,
        "coverage": float(np.average(is_covered, weights=weight)),
        "mean_width_s": float(np.average(validation.upper - validation.lower, weights=weight)),
        "by_life": {
            names[int(life)]: {
                "rmse_s": _rmse(error[validation.life == life], weight[validation.life == life]),
                "coverage": float(np.mean(is_covered[validation.life == life])),
            }
            for life in np.unique(validation.life)
        },
    }


def is_better(challenger: Mapping[str, Any], champion: Mapping[str, Any] | None) -> tuple[bool, str]:
    """Say whether a challenger should serve in the champion's place, and why.

    Compared is `skill`: the share of the error that a model takes off the better of two guesses made
    without it, on lives it had not seen. It needs no common set of lives nor a common cap.
    """
    skill = float(challenger["skill"])
    said = _describe_skill(skill)
    if champion is None:
        return True, f"the first model of its fleet; on lives it had not seen it is {said}"
    old = float(champion["skill"])
    verdict = "better than" if skill > old else "not better than"
    return skill > old, f"{verdict} the champion: {said}, the champion {_describe_skill(old)}"


def _describe_skill(skill: float) -> str:
    if skill > 0:
        return f"{skill:.1%} less in error than the better plain guess"
    return f"no better than the better plain guess (error larger by {-skill:.1%})"


def _equal_lives(life: NDArray[np.int64]) -> Vector:
    _, index, sizes = np.unique(life, return_inverse=True, return_counts=True)
    weight: Vector = 1.0 / sizes[index]
    return weight


def _rmse(error: Vector, weight: Vector) -> float:
    return float(np.sqrt(np.average(error**2, weights=weight)))
