"""Calibration of a fleet model's intervals on the out-of-fold predictions of its members, per life."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pdm.prognosis.model.fleet_model import to_target
from pdm.prognosis.model.tree_fitting import MANY_LIVES
from pdm.prognosis.statistics.conformal import Calibration, calibrate

BANDS = 12  # of predictions in a fleet of many lives
TELLING = 1.2  # of the cap: rows with more left agree with any prediction near the cap and are excluded

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]


def calibrate_fleet(predicted: Vector, remaining: Vector, life: Integers, cap: float) -> Calibration:
    """Calibrate on out-of-fold predictions (n,) [target] with the true remaining life (n,) [unit of the cap]."""
    lives = len(np.unique(life))
    if lives < 0.75 * MANY_LIVES:  # the number in the other folds of a fleet of many lives
        return calibrate(predicted, to_target(remaining, cap), life)
    telling = remaining <= TELLING * cap
    truth = to_target(remaining[telling], cap)
    return calibrate(predicted[telling], truth, life[telling], most_bands=BANDS, each_band_holds=True)


def cross_calibrated(
    predicted: Vector, remaining: Vector, life: Integers, fold: Integers, cap: float
) -> tuple[Vector, Vector]:
    """Return the ends of intervals each calibrated on the other folds' lives alone, (n,) each [target]."""
    lower, upper = np.empty(len(predicted)), np.empty(len(predicted))
    for left_out in np.unique(fold[life]):
        is_left_out = fold[life] == left_out
        calibration = calibrate_fleet(predicted[~is_left_out], remaining[~is_left_out], life[~is_left_out], cap)
        lower[is_left_out], upper[is_left_out] = calibration.interval(predicted[is_left_out])
    return lower, upper
