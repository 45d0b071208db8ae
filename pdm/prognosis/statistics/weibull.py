"""Weibull life statistics of a fleet, by age alone, from failed and censored lives.

For a machine without degradation this is the only source, and the prognosis names it as such.

References
----------
[1] W. Meeker, L. Escobar, "Statistical Methods for Reliability Data", Wiley 1998, chapters 8 (likelihood with
    censoring), 11 (late entry) and 12 (prediction).
[2] J. Lawless, "Statistical Models and Methods for Lifetime Data", 2nd ed., Wiley 2003, section 5.2: log age is of a
    location-scale family, for which intervals with the prior 1/(shape scale) have exact coverage without censoring.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.statistics.conformal import WANTED_LEVEL, attainable_level, weighted_quantile

FEWEST_FAILURES = 4  # as for a fleet model: fewer do not give a level of 80 %
OLDER_THAN_ANY = "older-than-any-life-seen"
_SHAPES = (0.05, 200.0)  # search range; above it all lives are practically equal
_NODES = 64  # of the shape's posterior
_DEPTH = 14.0  # in log likelihood below its maximum, where the posterior is truncated

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Weibull:
    """Ages at failure of a fleet: `shape` [1] and `scale` [unit of age] of maximum likelihood, from `units` lives.

    `oldest` is the greatest observed age, failed or not. `nodes` are the posterior: shapes, their weights, and the
    logarithm of the exposure, the sum over lives of age to the power of the shape.
    """

    shape: float
    scale: float
    failures: int
    units: int
    oldest: float
    nodes: tuple[tuple[float, float, float], ...]

    def survival(self, age: Vector) -> Vector:
        """Return the survival probability at `age`, for the maximum-likelihood shape and scale."""
        share: Vector = np.exp(-((np.asarray(age, np.float64) / self.scale) ** self.shape))
        return share

    @property
    def shape_90(self) -> tuple[float, float]:
        """90 % interval of the shape: above 1 wear-out failures, below 1 early failures."""
        shape, weight, _ = np.array(self.nodes).T
        return weighted_quantile(shape, weight, 0.05), weighted_quantile(shape, weight, 0.95)


@dataclass(frozen=True)
class RemainingByAge:
    """Remaining life given that a machine has reached its age: median and interval [unit of age], and its level."""

    middle: float
    lower: float
    upper: float
    level: float
    reasons: tuple[str, ...] = ()


def fit_weibull(age: Vector, is_failure: NDArray[np.bool_], entry: Vector | None = None) -> Weibull:
    """Fit a Weibull distribution to the lives of a fleet by maximum likelihood, with censored lives.

    Parameters
    ----------
    age : ndarray, shape (n,)
        Age at failure or at the last observation of each life [any unit of time].
    is_failure : ndarray, shape (n,)
        False for a life that was replaced before failure or still runs.
    entry : ndarray, shape (n,), optional
        Age at which each life came under observation; 0 if not given. The likelihood takes into account that machines
        that failed before are not observed (left truncation).

    Raises
    ------
    RefusalError
        Fewer than four lives failed, or all failed at one age.
    InvalidInputError
        An age is not positive and finite, or before its entry.
    """
    age = np.asarray(age, np.float64)
    is_failure = np.asarray(is_failure, np.bool_)
    entry = np.zeros(len(age)) if entry is None else np.asarray(entry, np.float64)
    if not (len(age) == len(is_failure) == len(entry)):
        raise InvalidInputError(f"{len(age)} ages, {len(is_failure)} ends and {len(entry)} entries")
    if not (np.isfinite(age).all() and (entry >= 0).all() and (age > entry).all()):
        raise InvalidInputError("an age is not finite, or not after the entry of its life", field="age")
    failures = int(is_failure.sum())
    if failures < FEWEST_FAILURES:
        raise RefusalError(f"{failures} lives ended in failure; fleet statistics require at least {FEWEST_FAILURES}")
    unit = float(age.max())
    scaled, begun = age / unit, entry / unit
    if _score(_SHAPES[1], scaled, begun, is_failure) > 0 or _score(_SHAPES[0], scaled, begun, is_failure) < 0:
        raise RefusalError("the ages at failure do not fit a Weibull distribution: all equal, or without a scale")
    shape = float(brentq(_score, *_SHAPES, args=(scaled, begun, is_failure), xtol=1e-10))
    scale = unit * float(_exposure(shape, scaled, begun) / failures) ** (1.0 / shape)
    return Weibull(shape, scale, failures, len(age), unit, _posterior(scaled, begun, is_failure, unit))


def predict_by_age(fleet: Weibull, age: float, level: float = WANTED_LEVEL) -> RemainingByAge:
    """Return the remaining life of a machine that has reached `age`, uncertainty of the fit included.

    The conditional distribution is averaged over the posterior of shape and scale [2], given survival of this machine
    to its age; the machine should not be one of the lives. Few failures give wide intervals. The level is at most
    n/(n+1) for n failures.

    Raises
    ------
    InvalidInputError
        The age is negative or not finite.
    """
    if not (isfinite(age) and age >= 0):
        raise InvalidInputError(f"age must be positive and finite, not {age}", field="age")
    level = min(level, attainable_level(fleet.failures))
    lower, middle, upper = (_remaining(fleet, age, share) for share in ((1 - level) / 2, 0.5, (1 + level) / 2))
    return RemainingByAge(middle, lower, upper, level, (OLDER_THAN_ANY,) if age > fleet.oldest else ())


def failure_chance(fleet: Weibull, age: float, within: float) -> float:
    """Return the probability that a machine of age `age` fails `within` the following time."""
    shape, weight, exposure = np.array(fleet.nodes).T
    survived, to_come = (_lives_beyond(at, shape, exposure, fleet.failures) for at in (age, age + within))
    deepest = survived.max()
    return float(1.0 - (weight @ np.exp(to_come - deepest)) / (weight @ np.exp(survived - deepest)))


def _remaining(fleet: Weibull, age: float, share: float) -> float:
    """Solve for the time within which the share fails, by doubling and bisection."""
    high = fleet.scale
    while failure_chance(fleet, age, high) < share:
        high *= 2.0
    return float(brentq(lambda left: failure_chance(fleet, age, left) - share, 0.0, high, rtol=1e-9))


def _lives_beyond(age: float, shape: Vector, exposure: Vector, failures: int) -> Vector:
    """Return the log survival probability at an age per shape, with the scale integrated over its gamma posterior."""
    with np.errstate(divide="ignore"):
        ratio = shape * np.log(age) - exposure
    chance: Vector = -failures * np.logaddexp(0.0, ratio)
    return chance


def _posterior(
    age: Vector, entry: Vector, is_failure: NDArray[np.bool_], unit: float
) -> tuple[tuple[float, float, float], ...]:
    """Return shapes, weights and log exposures of the posterior of the shape, with ages given in `unit`."""
    failures, logs = int(is_failure.sum()), float(np.log(age[is_failure]).sum())

    def depth(shapes: Vector) -> tuple[Vector, Vector]:
        """Return the log posterior over log shape and the log exposure."""
        exposure = np.log([_exposure(shape, age, entry) for shape in shapes])
        return (failures - 1) * np.log(shapes) + shapes * logs - failures * exposure, exposure

    coarse = np.geomspace(_SHAPES[0], 2 * _SHAPES[1], 400)
    height, _ = depth(coarse)
    likely = coarse[height > height.max() - _DEPTH]
    shapes = np.geomspace(likely[0], likely[-1], _NODES)
    height, exposure = depth(shapes)
    weight = np.exp(height - height.max())
    exposure = exposure + shapes * log(unit)
    return tuple(zip(shapes.tolist(), (weight / weight.sum()).tolist(), exposure.tolist(), strict=True))


def _exposure(shape: float, age: Vector, entry: Vector) -> float:
    return float(np.sum(age**shape - entry**shape))


def _score(shape: float, age: Vector, entry: Vector, is_failure: NDArray[np.bool_]) -> float:
    """Return the slope of the log likelihood over the shape, with the best scale at that shape."""
    failures = int(is_failure.sum())
    log_entry = np.log(np.where(entry > 0, entry, 1.0))
    slope = np.sum(age**shape * np.log(age) - entry**shape * log_entry)
    return float(failures / shape + np.log(age[is_failure]).sum() - failures * slope / _exposure(shape, age, entry))
