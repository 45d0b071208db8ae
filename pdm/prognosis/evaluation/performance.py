"""Performance of remaining-life prediction over whole lives, in the metrics of the literature.

References are in `pdm.prognosis.evaluation.metrics`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.prognosis.evaluation.metrics import (
    crps,
    figure_with_interval,
    is_within_alpha,
    mean_with_interval,
    nasa_score,
    prognostic_horizon,
    relative_accuracy,
)

ALPHA = 0.2  # alpha-lambda: share of the truth
HORIZON_ALPHA = 0.1  # prognostic horizon: share of the life
LAMBDAS = (0.25, 0.5, 0.75, 0.9)  # shares of a life at which alpha-lambda is reported
BANDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the cap
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)  # of the calibration curve
SPREAD = 20  # quantiles that represent the distribution

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PredictionSet:
    """Predictions for units that were not in training, every array (n,), rows of a unit in order of time.

    `age` is the time since the start of the unit's life, `actual` the true remaining life, `upper` infinite for "at
    least"; all in one unit of time. `level` is the nominal coverage of the interval.
    """

    unit: Integers
    age: Vector
    actual: Vector
    middle: Vector
    lower: Vector
    upper: Vector
    level: float

    def __post_init__(self) -> None:
        """Refuse arrays of different length or with values that are not finite."""
        columns = (self.unit, self.age, self.actual, self.middle, self.lower, self.upper)
        if len({len(column) for column in columns}) != 1 or not len(self.unit):
            raise InvalidInputError("the predictions have no rows, or columns of different length")
        if not all(np.isfinite(column).all() for column in columns[:-1]) or np.isnan(self.upper).any():
            raise InvalidInputError("the predictions are not finite")

    def select(self, chosen: NDArray[np.bool_]) -> PredictionSet:
        """Return some of the rows."""
        return PredictionSet(
            self.unit[chosen],
            self.age[chosen],
            self.actual[chosen],
            self.middle[chosen],
            self.lower[chosen],
            self.upper[chosen],
            self.level,
        )

    def capped(self, cap: float) -> PredictionSet:
        """Return the predictions with remaining life limited to `cap`."""
        actual, upper = np.minimum(self.actual, cap), np.minimum(self.upper, cap)
        return PredictionSet(self.unit, self.age, actual, self.middle, self.lower, upper, self.level)


def describe_predictions(predictions: PredictionSet, cap: float, *, threshold: float, seed: int = 0) -> dict[str, Any]:
    """Return every metric with and without the cap, with 95 % bootstrap intervals over the units.

    Parameters
    ----------
    predictions : PredictionSet
    cap : float
        Upper limit of remaining life and of interval ends in the capped convention.
    threshold : float
        An alert is raised when predicted remaining life first falls to this value.
    seed : int
        Seed of the bootstrap.
    """
    return {
        "rows": len(predictions.unit),
        "units": len(np.unique(predictions.unit)),
        "cap": cap,
        f"capped at {cap:g}": describe_errors(predictions.capped(cap), seed=seed),
        "uncapped": describe_errors(predictions, seed=seed),
        "interval": describe_interval(predictions.capped(cap), cap, seed=seed),
        "over_life": describe_over_life(predictions.capped(cap), seed=seed),
        "alerts": describe_notice(predictions, threshold, seed=seed),
    }


def describe_errors(predictions: PredictionSet, *, seed: int = 0) -> dict[str, Any]:
    """Return RMSE, MAE, bias, the NASA score per row, and the CRPS of a distribution calibrated on the other units."""
    error = predictions.middle - predictions.actual
    figures = {
        "rmse": mean_with_interval(error**2, predictions.unit, root=True, seed=seed),
        "mae": mean_with_interval(np.abs(error), predictions.unit, seed=seed),
        "bias": mean_with_interval(error, predictions.unit, seed=seed),
        "nasa_score_a_row": mean_with_interval(
            np.minimum(nasa_score(predictions.middle, predictions.actual), 1e9), predictions.unit
        ),
    }
    if len(np.unique(predictions.unit)) > 1:
        figures["crps"] = mean_with_interval(crps(spread(predictions), predictions.actual), predictions.unit, seed=seed)
    return _named(figures)


def describe_interval(predictions: PredictionSet, cap: float, *, seed: int = 0) -> dict[str, Any]:
    """Return coverage and width of the intervals: overall, per unit, and per band of true remaining life."""
    is_covered = ((predictions.lower <= predictions.actual) & (predictions.actual <= predictions.upper)).astype(
        np.float64
    )
    width = np.minimum(predictions.upper, cap) - predictions.lower
    by_unit = np.array([is_covered[predictions.unit == unit].mean() for unit in np.unique(predictions.unit)])
    return {
        "level": predictions.level,
        **_named(
            {
                "coverage": mean_with_interval(is_covered, predictions.unit, seed=seed),
                "coverage_mean_of_units": figure_with_interval(by_unit, lambda x: float(x.mean()), seed=seed),
                "width": mean_with_interval(width, predictions.unit, seed=seed),
            }
        ),
        "coverage_p5_of_units": float(np.quantile(by_unit, 0.05)),
        "coverage_by_band": by_band(predictions.actual, cap, is_covered),
        "coverage_by_band_told": by_band(predictions.middle, cap, is_covered),
        "width_by_band": by_band(predictions.actual, cap, width),
        "calibration": calibration_curve(predictions),
    }


def describe_over_life(predictions: PredictionSet, *, seed: int = 0) -> dict[str, Any]:
    """Return alpha-lambda, cumulative relative accuracy and the prognostic horizon, one value per unit."""
    units = [predictions.select(predictions.unit == unit) for unit in np.unique(predictions.unit)]
    found: dict[str, Any] = {"alpha": ALPHA, "alpha_lambda": {}}
    for share in LAMBDAS:
        good = [_at_share(unit, share) for unit in units]
        known = np.array([value for value in good if value is not None], np.float64)
        if len(known):
            found["alpha_lambda"][f"{share:g}"] = _pair(
                figure_with_interval(known, lambda x: float(x.mean()), seed=seed)
            )
    accuracy = [relative_accuracy(unit.middle, unit.actual)[unit.actual > 0] for unit in units]
    means = np.array([each.mean() for each in accuracy if len(each)])
    horizon = np.array(
        [
            prognostic_horizon(unit.middle, unit.actual, float(unit.age[-1] + unit.actual[-1]), HORIZON_ALPHA)
            for unit in units
        ]
    )
    figures = {"prognostic_horizon_median": figure_with_interval(horizon, _median, seed=seed)}
    if len(means):
        figures["cumulative_relative_accuracy"] = figure_with_interval(means, lambda x: float(x.mean()), seed=seed)
    return {**found, "horizon_alpha": HORIZON_ALPHA, **_named(figures)}


def describe_notice(predictions: PredictionSet, threshold: float, *, seed: int = 0) -> dict[str, Any]:
    """Return the notice of an alert at `threshold`, missed failures and false alerts.

    The alert is raised at the first row whose prediction is at most the threshold. A failure is missed without an alert
    before the end; an alert is false if the true remaining life is more than twice the threshold.
    """
    leads = []
    for unit in np.unique(predictions.unit):
        rows = predictions.unit == unit
        called = np.flatnonzero(predictions.middle[rows] <= threshold)
        leads.append(float(predictions.actual[rows][called[0]]) if len(called) else 0.0)
    lead = np.array(leads)
    quantiles = {
        f"lead_p{share * 100:g}": figure_with_interval(lead, partial(_quantile, share=share), seed=seed)
        for share in (0.05, 0.5, 0.95)
    }
    life = float(
        np.sum(
            [
                predictions.age[predictions.unit == u][-1] + predictions.actual[predictions.unit == u][-1]
                for u in np.unique(predictions.unit)
            ]
        )
    )
    return {
        "threshold": threshold,
        **_named(quantiles),
        "missed_failures": int((lead <= 0).sum()),
        "needless_alerts": int((lead > 2 * threshold).sum()),
        "needless_per_1000_time_units": float(1000.0 * (lead > 2 * threshold).sum() / life),
        "wasted_life_mean": float(lead.mean()),
    }


def spread(predictions: PredictionSet) -> Vector:
    """Return quantiles of each row at (i + 1/2) / 20, shape (n, 20), calibrated on the other units' rows alone.

    The interval's width, to either side, is scaled so that the share of the other units' truths below each quantile
    equals its level; quantiles never cross.

    Raises
    ------
    InvalidInputError
        There is only one unit.
    """
    units = np.unique(predictions.unit)
    if len(units) < 2:
        raise InvalidInputError("one unit alone cannot be calibrated on others")
    levels = (np.arange(SPREAD) + 0.5) / SPREAD
    below, above = _sides(predictions)
    error = predictions.actual - predictions.middle
    signed = np.where(error < 0, error / below, error / above)
    quantiles = np.empty((len(error), SPREAD))
    for left_out, at in _quantiles_of_others(signed, predictions.unit, levels):
        side = np.where(at < 0, below[left_out][:, None], above[left_out][:, None])
        quantiles[left_out] = predictions.middle[left_out][:, None] + at * side
    return quantiles


def calibration_curve(predictions: PredictionSet) -> list[tuple[float, float]]:
    """Return (level, coverage) of intervals scaled to each level on the other units; empty for one unit."""
    if len(np.unique(predictions.unit)) < 2:
        return []
    below, above = _sides(predictions)
    error = predictions.actual - predictions.middle
    distance = np.where(error < 0, -error / below, error / above)
    is_covered = np.empty((len(error), len(LEVELS)))
    for left_out, at in _quantiles_of_others(distance, predictions.unit, np.array(LEVELS)):
        is_covered[left_out] = distance[left_out][:, None] <= at
    return list(zip(LEVELS, is_covered.mean(axis=0).tolist(), strict=True))


def by_band(by: Vector, cap: float, values: Vector) -> dict[str, float]:
    """Return the mean of values by fifths of the cap."""
    found = {}
    for low, high in itertools.pairwise(BANDS):
        is_in = (by >= low * cap) & ((by < high * cap) | (high == BANDS[-1]))
        if is_in.any():
            found[f"{low * cap:g}-{high * cap:g}"] = float(values[is_in].mean())
    return found


def _quantiles_of_others(values: Vector, unit: Integers, levels: Vector) -> Iterator[tuple[NDArray[np.bool_], Vector]]:
    """Yield per unit its rows and the quantiles of all other units' values, with equal weight per unit."""
    _, own, sizes = np.unique(unit, return_inverse=True, return_counts=True)
    order = np.argsort(values, kind="stable")
    ranked, ranked_own, ranked_weight = values[order], own[order], (1.0 / sizes[own])[order]
    for left_out in range(len(sizes)):
        is_other = ranked_own != left_out
        cumulative = np.cumsum(ranked_weight[is_other])
        at = np.searchsorted(cumulative, levels * cumulative[-1] * (1 - 1e-9))
        yield own == left_out, ranked[is_other][np.minimum(at, len(cumulative) - 1)]


def _sides(predictions: PredictionSet) -> tuple[Vector, Vector]:
    """Return the half-widths of the interval below and above the median, always positive."""
    finite = np.where(
        np.isfinite(predictions.upper), predictions.upper, predictions.middle + (predictions.middle - predictions.lower)
    )
    least = 1e-3 * max(float(np.abs(predictions.actual).max()), 1e-9)
    return np.maximum(predictions.middle - predictions.lower, least), np.maximum(finite - predictions.middle, least)


def _at_share(unit: PredictionSet, share: float) -> float | None:
    """Return whether the last row at or before this share of a life is within alpha, None without such a row."""
    life = float(unit.age[-1] + unit.actual[-1])
    before = np.flatnonzero(unit.age <= share * life * (1 + 1e-12))
    if not len(before):
        return None
    at = before[-1:]
    return float(is_within_alpha(unit.middle[at], unit.actual[at], ALPHA)[0])


def _quantile(values: Vector, share: float) -> float:
    return float(np.quantile(values, share))


def _median(values: Vector) -> float:
    return float(np.median(values))


def _pair(found: tuple[float, tuple[float, float]]) -> dict[str, Any]:
    return {"value": found[0], "interval_95": list(found[1])}


def _named(figures: dict[str, tuple[float, tuple[float, float]]]) -> dict[str, Any]:
    return {name: _pair(found) for name, found in figures.items()}
