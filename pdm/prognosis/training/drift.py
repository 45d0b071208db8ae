"""Drift detection of a model: drift of its inputs and of its residuals.

A healthier fleet than in training is not drift: a model extrapolates only outside the range of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

BEYOND_SHARE = 0.05  # of recent records: a greater share beyond a sensor's training range is drift of that sensor
FEWEST_RECORDS = 200  # BEYOND_SHARE of them are ten records
ERROR_GROWTH = 1.5  # times the validated error, on lives that ended since training
FEWEST_LIVES = 3  # ended since training; fewer are not significant


@dataclass(frozen=True)
class Drift:
    """One reason for retraining: 'features' or 'residuals', with the figures."""

    kind: str
    reason: str


def find_feature_drift(
    sensors: Sequence[str], deciles: Sequence[Sequence[float]], recent: NDArray[np.floating]
) -> Drift | None:
    """Return the drift of a model's inputs, or None.

    Parameters
    ----------
    sensors : sequence of str, length K
    deciles : sequence of sequence of float
        Of each sensor in training, the first and last are the range; empty for a sensor without values.
    recent : ndarray, shape (n, K)
        Recent values; NaN where absent.
    """
    found = []
    for name, bounds, values in zip(sensors, deciles, np.asarray(recent, np.float64).T, strict=True):
        known = values[np.isfinite(values)]
        if len(known) < FEWEST_RECORDS:
            continue
        if not bounds:
            found.append(f"{name} was not in the training data")
            continue
        share = float(np.mean((known < bounds[0]) | (known > bounds[-1])))
        if share > BEYOND_SHARE:
            found.append(
                f"{share:.0%} of {name} are outside {bounds[0]:.3g} to {bounds[-1]:.3g}, the range of the training data"
            )
    return Drift("features", "; ".join(found)) if found else None


def find_residual_drift(validated_rmse: float, squared_errors: Sequence[float]) -> Drift | None:
    """Return the drift of a model's error, or None.

    Parameters
    ----------
    validated_rmse : float
        Out-of-fold error at training.
    squared_errors : sequence of float
        Mean squared error of the predictions for each life that ended in failure since training.
    """
    if len(squared_errors) < FEWEST_LIVES:
        return None
    rmse = sqrt(float(np.mean(squared_errors)))
    if rmse <= ERROR_GROWTH * validated_rmse:
        return None
    return Drift(
        "residuals",
        f"error of {rmse:.4g} on {len(squared_errors)} histories that failed since,  {rmse / validated_rmse:.1f} times "
        f"the validated {validated_rmse:.4g}",
    )
