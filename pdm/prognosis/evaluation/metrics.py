"""Metrics of remaining-life prediction as defined in the literature, with bootstrap intervals over the units.

References
----------
[1] A. Saxena, K. Goebel, D. Simon, N. Eklund, "Damage propagation modeling for aircraft engine run-to-failure
    simulation", PHM 2008: the NASA score.
[2] P. Nectoux et al., "PRONOSTIA: an experimental platform for bearings accelerated degradation tests", IEEE PHM
    2012: the score of the challenge.
[3] A. Saxena et al., "Metrics for offline evaluation of prognostic performance", IJPHM 1 (2010): alpha-lambda,
    relative accuracy, prognostic horizon.
[4] T. Gneiting, A. Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA 102 (2007): CRPS.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError

RESAMPLES = 2000  # of the bootstrap: interval ends are then known to 2 % of its width
CONFIDENCE = 0.95  # of the bootstrap's intervals

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]


def nasa_score(predicted: Vector, actual: Vector) -> Vector:
    """Return the NASA score of each prediction, shape (n,) [1]: late costs more than early; the total is the sum.

    Parameters
    ----------
    predicted, actual : ndarray, shape (n,)
        Remaining life [cycles]; the score has a fixed scale, so other units are not valid.
    """
    error = np.asarray(predicted - actual, np.float64)
    cost: Vector = np.where(error < 0.0, np.expm1(-np.minimum(error, 0.0) / 13.0), np.expm1(np.maximum(error, 0) / 10))
    return cost


def challenge_score(predicted: Vector, actual: Vector) -> Vector:
    """Return the PHM 2012 challenge score of each prediction, 0 to 1, shape (n,) [2]; the total is the mean.

    With the error in percent of the truth, positive where the prediction is early, it halves every 20 % early
    and every 5 % late.

    Raises
    ------
    InvalidInputError
        An actual remaining life is not positive: its relative error is undefined.
    """
    if not (actual > 0).all():
        raise InvalidInputError("the challenge score requires remaining life above zero", field="actual")
    error = 100.0 * (actual - predicted) / actual
    earned: Vector = np.exp(np.log(0.5) * np.where(error <= 0.0, -error / 5.0, error / 20.0))
    return earned


def relative_accuracy(predicted: Vector, actual: Vector) -> Vector:
    """Return 1 - |error| / truth of each prediction, shape (n,) [3]; NaN where the truth is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy: Vector = np.where(actual > 0, 1.0 - np.abs(predicted - actual) / actual, np.nan)
    return accuracy


def is_within_alpha(predicted: Vector, actual: Vector, alpha: float = 0.2) -> NDArray[np.bool_]:
    """Return whether each prediction lies within the share `alpha` of the truth, shape (n,) [3]."""
    return np.asarray(np.abs(predicted - actual) <= alpha * actual * (1 + 1e-12))


def prognostic_horizon(predicted: Vector, actual: Vector, life: float, alpha: float = 0.1) -> float:
    """Return the prognostic horizon: the remaining life from which all predictions are within `alpha` of the life [3].

    Reference [3] uses the first such prediction; here all later ones must be within `alpha` too, so that a chance hit
    does not count. 0 if the last prediction is not.

    Parameters
    ----------
    predicted, actual : ndarray, shape (n,)
        Of one life, in order of time.
    life : float
        Its length, in the same unit.
    """
    is_good = np.abs(predicted - actual) <= alpha * life * (1 + 1e-12)
    bad = np.flatnonzero(~is_good)
    first = int(bad[-1]) + 1 if len(bad) else 0
    return float(actual[first]) if first < len(actual) else 0.0


def pinball(quantile: Vector, actual: Vector, level: float) -> Vector:
    """Return the pinball loss of a quantile at `level`, shape (n,)."""
    gap = actual - quantile
    loss: Vector = np.maximum(level * gap, (level - 1.0) * gap)
    return loss


def crps(quantiles: Vector, actual: Vector) -> Vector:
    """Return the continuous ranked probability score of each distribution, shape (n,) [4]: less is better.

    Twice the mean pinball loss over the levels, which converges to it with the number of quantiles; for a point
    prediction it is the absolute error.

    Parameters
    ----------
    quantiles : ndarray, shape (n, Q)
        At the levels (i + 1/2) / Q, from low to high.
    actual : ndarray, shape (n,)
    """
    levels = (np.arange(quantiles.shape[1]) + 0.5) / quantiles.shape[1]
    gap = actual[:, None] - quantiles
    score: Vector = 2.0 * np.maximum(levels * gap, (levels - 1.0) * gap).mean(axis=1)
    return score


def mean_with_interval(
    values: Vector, unit: Integers, *, root: bool = False, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Return the mean over rows and its 95 % bootstrap interval, resampling units because their rows are correlated.

    Parameters
    ----------
    values : ndarray, shape (n,)
    unit : ndarray, shape (n,)
        Unit of each row.
    root : bool
        Return the square root of the mean, for squared errors.
    """
    _, unit = np.unique(unit, return_inverse=True)
    sums, sizes = np.bincount(unit, values), np.bincount(unit)
    draws = np.random.default_rng(seed).integers(0, len(sizes), (RESAMPLES, len(sizes)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    mean = float(sums.sum() / sizes.sum())
    low, high = ends(np.sqrt(means) if root else means)
    return (float(np.sqrt(mean)) if root else mean), (low, high)


def figure_with_interval(
    values: Vector, figure: Callable[[Vector], float], *, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Return a statistic of one value per unit, and its 95 % bootstrap interval over the units."""
    draws = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    return float(figure(values)), ends(np.array([figure(values[draw]) for draw in draws]))


def ends(draws: Vector) -> tuple[float, float]:
    """Return the ends of the central 95 % of bootstrap draws."""
    low, high = np.quantile(draws, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return float(low), float(high)
