"""Remaining life as a share of age, from times of past lives with similar growth of wear: for few lives.

Lives of one kind of bearing differ by a factor of five, so remaining life itself does not transfer from one to another.
The fraction of life that has passed does. A moment of a past life has two numbers: the growth of its level of wear over
the last part of its age, and its remaining life as a share of that age. The predictive distribution is the moments of
similar growth, weighted by a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.statistics.conformal import WANTED_LEVEL, attainable_level, weighted_quantile

FEWEST_LIVES = 4  # fewer give no interval of 0.8 (n / (n + 1))
BANDWIDTH = 0.5  # of the kernel, in standard deviations of growth over the moments
RECENT = 0.3  # of the age so far, over which growth is taken
SMOOTHING = 15.0  # records, time constant of the average over the level
BASELINE = 50  # first records whose median is the level as new
BEGIN, END = 0.5, 0.9  # of past lives, range of the moments
MOMENTS_A_LIFE = 41  # between BEGIN and END: every hundredth of life
_CANDIDATES = 99  # percentiles that are candidates for the best prediction

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]
Gain = Callable[[Vector, Vector], Vector]


@dataclass(frozen=True)
class WornLife:
    """A life, ended or not: `age` (n,) of its records, evenly apart, and the logarithm (n,) of its level of wear."""

    name: str
    age: Vector
    level: Vector

    def growth(self) -> Vector:
        """Return the growth of the smoothed level over the last 30 % of the age, after each record, (n,)."""
        smooth = _smoothed(self.level)
        return np.asarray(smooth - smooth[((1.0 - RECENT) * np.arange(len(smooth))).astype(np.int64)])


@dataclass(frozen=True)
class Moments:
    """Moments of past lives: `growth` (m,), remaining life as a `share` of age (m,), and index of the `life` (m,).

    `radius` is the logarithmic distance of the truth from the median on left-out lives, at `level`.
    """

    growth: Vector
    share: Vector
    life: Integers
    scale: float
    radius: float
    level: float

    def weights(self, growth: float) -> Vector:
        """Return the kernel weight of each moment for this growth, (m,)."""
        distance = ((self.growth - growth) / (BANDWIDTH * self.scale)) ** 2
        weight = np.exp(-0.5 * (distance - distance.min()))
        return np.asarray(weight / weight.sum())

    def quantile(self, growth: float, level: float) -> float:
        """Return a quantile of the remaining share of age at a moment of this growth."""
        return weighted_quantile(self.share, self.weights(growth), level)

    def predict(self, growth: float, age: float) -> tuple[float, float, float]:
        """Return remaining life and the ends of its interval, in the unit of `age`."""
        middle = age * self.quantile(growth, 0.5)
        reach = float(np.exp(self.radius))
        return middle, middle / reach, middle * reach

    def best(self, growth: float, age: float, gain: Gain) -> float:
        """Return the remaining life of greatest expected gain over the distribution.

        Parameters
        ----------
        growth, age : float
        gain : callable
            Gain of predictions (n,) for truths (n,), such as `metrics.challenge_score`.
        """
        weight, truth = self.weights(growth), age * self.share
        candidates = np.unique([age * self.quantile(growth, q) for q in np.linspace(0.01, 0.99, _CANDIDATES)])
        earned = [float(weight @ gain(np.full(len(truth), each), truth)) for each in candidates]
        return float(candidates[int(np.argmax(earned))])


def learn_moments(lives: Sequence[WornLife]) -> Moments:
    """Learn from lives that all ended in failure at their last record.

    The interval is calibrated by leave-one-life-out; the level with n lives is at most n/(n+1).

    Raises
    ------
    RefusalError
        Fewer than four lives, or the level of every life is constant.
    InvalidInputError
        A life is too short, or its records are not evenly apart or not finite.
    """
    if len(lives) < FEWEST_LIVES:
        raise RefusalError(f"{len(lives)} histories; at least {FEWEST_LIVES} are required")
    for each in lives:
        check(each)
    whole = _gather(lives)
    predicted, life = np.empty(len(whole.share)), whole.life
    for left_out in range(len(lives)):
        others = _gather([each for index, each in enumerate(lives) if index != left_out])
        own = life == left_out
        predicted[own] = [others.quantile(growth, 0.5) for growth in whole.growth[own].tolist()]
    level = min(WANTED_LEVEL, attainable_level(len(lives)))
    share = min(1.0, level * (len(lives) + 1) / len(lives))
    radius = weighted_quantile(np.abs(np.log(whole.share / predicted)), np.ones(len(predicted)), share)
    return Moments(whole.growth, whole.share, life, whole.scale, radius, level)


def check(life: WornLife) -> None:
    """Raise an error unless a life is usable for training and prediction.

    Raises
    ------
    InvalidInputError
        It is too short, or its records are not evenly apart or not finite.
    """
    if len(life.age) < BASELINE or life.age.shape != life.level.shape:
        raise InvalidInputError(f"{life.name}: {len(life.age)} records; at least {BASELINE} with a level are required")
    steps = np.diff(life.age)
    if not (np.isfinite(life.level).all() and (steps > 0).all() and steps.max() < 1.5 * np.median(steps)):
        raise InvalidInputError(f"{life.name}: levels must be finite and records evenly spaced")


def moments_of(life: WornLife, fractions: Vector) -> Integers:
    """Return the indices of the last records before these fractions of a life, (m,)."""
    return np.asarray(np.round(fractions * (len(life.age) - 1), 9), np.int64)


def _gather(lives: Sequence[WornLife]) -> Moments:
    growth, share, own = [], [], []
    for index, life in enumerate(lives):
        at = moments_of(life, np.linspace(BEGIN, END, MOMENTS_A_LIFE))
        growth.append(life.growth()[at])
        share.append((life.age[-1] - life.age[at]) / (life.age[at] - life.age[0]))
        own.append(np.full(len(at), index))
    together = np.concatenate(growth)
    scale = float(together.std())
    if scale <= 1e-9:
        raise RefusalError("the level is constant in every history")
    return Moments(together, np.concatenate(share), np.concatenate(own), scale, 0.0, 0.0)


def _smoothed(level: Vector) -> Vector:
    """Return the exponential average over the records so far, with bias correction at the start."""
    keep = float(np.exp(-1.0 / SMOOTHING))
    smooth, total, weight = np.empty(len(level)), 0.0, 0.0
    for index, value in enumerate(level.tolist()):
        total, weight = keep * total + value, keep * weight + 1.0
        smooth[index] = total / weight
    return smooth
