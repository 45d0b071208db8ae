"""Conformal prediction intervals, calibrated with the life, not the row, as the unit.

Rows of one life are correlated, so n lives are n observations, whatever their number of rows. All lives have equal
weight, and one share is reserved for the future life (hierarchical conformal prediction, Lee, Barber & Willett 2023,
arXiv:2306.06342): with n exchangeable lives the coverage of an interval is at most n / (n + 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WANTED_LEVEL = 0.9  # of the interval, as every interval of this service
LIVES_A_BAND = 6  # lives per band of predictions with a separate width
MOST_BANDS = 4  # more bands would have too few lives each
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)  # reported ones: interval ends of 0.9, 0.8 and 0.5, and the median
_SMALLEST_SCALE = 0.02  # of the target's range: lower limit of a scale
_SMALLEST_RADIUS = 0.1  # in scales: lower limit for a band whose calibration rows have no error

Vector = NDArray[np.float64]


def attainable_level(lives: int) -> float:
    """Return the attainable coverage of an interval that is calibrated on this many lives."""
    return min(WANTED_LEVEL, lives / (lives + 1))


@dataclass(frozen=True)
class Calibration:
    """The calibrated distribution of the truth around predictions, by predicted value.

    `centres` are predicted values (increasing), `below` and `above` the scales there; the interval extends `radius`
    scales to either side and was calibrated on `lives` lives for coverage `level`. `signed` are the `QUANTILES` of the
    signed distance of the truth from predictions in scales, negative below.
    """

    level: float
    radius: float
    lives: int
    centres: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]
    signed: tuple[float, ...]

    def quantiles(self, predicted: Vector) -> Vector:
        """Return the `QUANTILES` of the target around predictions (n,), shape (n, Q); they never cross."""
        below = np.interp(predicted, self.centres, self.below)[:, None]
        above = np.interp(predicted, self.centres, self.above)[:, None]
        signed = np.array(self.signed)
        quantiles: Vector = predicted[:, None] + np.where(signed < 0.0, below, above) * signed
        return quantiles

    def interval(self, predicted: Vector) -> tuple[Vector, Vector]:
        """Return lower and upper ends of the interval around predictions of the target."""
        below = np.interp(predicted, self.centres, self.below)
        above = np.interp(predicted, self.centres, self.above)
        return predicted - self.radius * below, predicted + self.radius * above


def calibrate(
    predicted: Vector,
    actual: Vector,
    life: NDArray[np.int64],
    *,
    most_bands: int = MOST_BANDS,
    each_band_holds: bool = False,
) -> Calibration:
    """Calibrate on out-of-fold predictions of the target; `life` is the life of each row.

    There are at most `most_bands` bands of predictions, fewer if lives are few. With `each_band_holds` the coverage is
    valid within every band (Mondrian conformal prediction), for fleets with enough lives.
    """
    _, life, sizes = np.unique(life, return_inverse=True, return_counts=True)
    weight = 1.0 / sizes[life]
    lives = len(sizes)
    bands = int(np.clip(lives // LIVES_A_BAND, 1, most_bands))
    edges = [weighted_quantile(predicted, weight, share) for share in np.linspace(0, 1, bands + 1)[1:-1]]
    band = np.searchsorted(np.unique(edges), predicted, side="right")
    scales = [_scales(predicted[band == b], actual[band == b], weight[band == b]) for b in np.unique(band)]
    level = attainable_level(lives)
    centres, below, above = (tuple(column) for column in zip(*sorted(scales), strict=True))
    unit = Calibration(level, 1.0, lives, centres, below, above, ())
    share = min(1.0, level * (lives + 1) / lives)
    if each_band_holds:
        score = _score(unit, predicted, actual)
        quantiles = [weighted_quantile(score[band == b], weight[band == b], share) for b in np.unique(band)]
        radii = np.maximum(quantiles, _SMALLEST_RADIUS)[np.argsort([scale[0] for scale in scales])]
        below, above = (tuple(np.multiply(scale, radii).tolist()) for scale in (below, above))
        unit = Calibration(level, 1.0, lives, centres, below, above, ())
    radius = max(0.0, weighted_quantile(_score(unit, predicted, actual), weight, share))
    distance = np.where(actual < predicted, -1.0, 1.0) * np.abs(_score(unit, predicted, actual))
    signed = tuple(weighted_quantile(distance, weight, at) for at in QUANTILES)
    return Calibration(level, radius, lives, centres, below, above, signed)


def _score(unit: Calibration, predicted: Vector, actual: Vector) -> Vector:
    """Return the distance of the truth from predictions in scales."""
    lower, upper = unit.interval(predicted)
    score: Vector = np.maximum((predicted - actual) / (predicted - lower), (actual - predicted) / (upper - predicted))
    return score


def weighted_quantile(values: Vector, weight: Vector, share: float) -> float:
    """Return the weighted quantile: the smallest value at or below which at least `share` of the weight lies."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weight[order])
    index = int(np.searchsorted(cumulative, share * cumulative[-1] * (1 - 1e-9)))
    return float(values[order][min(index, len(values) - 1)])


def _scales(predicted: Vector, actual: Vector, weight: Vector) -> tuple[float, float, float]:
    residual = actual - predicted
    centre = float(np.average(predicted, weights=weight))
    below = float(np.sqrt(np.average(np.minimum(residual, 0.0) ** 2, weights=weight)))
    above = float(np.sqrt(np.average(np.maximum(residual, 0.0) ** 2, weights=weight)))
    return centre, max(below, _SMALLEST_SCALE), max(above, _SMALLEST_SCALE)


def as_tuple(values: Sequence[float]) -> tuple[float, ...]:
    """Return the numbers of a JSON list as a tuple of floats."""
    return tuple(float(value) for value in values)
