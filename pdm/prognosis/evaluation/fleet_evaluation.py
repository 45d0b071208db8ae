"""Metrics of remaining-life prediction as defined in the literature: error, score, intervals, alerts.

References
----------
[1] A. Saxena, K. Goebel, D. Simon, N. Eklund, "Damage propagation modeling for aircraft engine run-to-failure
    simulation", PHM 2008: the score.
[2] A. Saxena et al., "Metrics for offline evaluation of prognostic performance", IJPHM 1 (2010): alpha-lambda.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.prognosis.evaluation.metrics import nasa_score
from pdm.prognosis.training.validation import OutOfFold

RESAMPLES = 2000  # of the bootstrap: interval ends are then known to 2 % of its width
BANDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the cap
FEWEST_RECORDS = 25  # first record of a life whose row is evaluated, and
NEAREST, FURTHEST = 0.04, 1.2  # of the cap: 5 and 150 cycles of 125

Vector = NDArray[np.float64]


def describe_errors(predicted: Vector, actual: Vector, *, seed: int = 0) -> dict[str, Any]:
    """Return error metrics of one prediction per machine, with 95 % bootstrap intervals over the machines.

    Parameters
    ----------
    predicted, actual : ndarray, shape (n,)
        Remaining life [cycles].
    """
    error = predicted - actual
    draws = np.random.default_rng(seed).integers(0, len(error), (RESAMPLES, len(error)))
    roots = np.sqrt(np.mean(error[draws] ** 2, axis=1))
    scores = np.array([_score(predicted[draw], actual[draw]) for draw in draws])
    return {
        "machines": len(error),
        "rmse": _rmse(error),
        "rmse_95": _ends(roots),
        "score": _score(predicted, actual),
        "score_95": _ends(scores),
        "mae": float(np.mean(np.abs(error))),
        "bias": float(np.mean(error)),
    }


def describe_out_of_fold(seen: OutOfFold, cap: float, *, seed: int = 0) -> dict[str, Any]:
    """Return the metrics of out-of-fold predictions, capped at `cap`.

    Rows are evaluated from the 25th record on, with 4 % to 120 % of the cap left: 5 to 150 of 125 cycles. The bootstrap
    resamples lives, because the errors of one life's rows are correlated.
    """
    counts = (seen.record >= FEWEST_RECORDS) & (seen.actual >= NEAREST * cap) & (seen.actual <= FURTHEST * cap)
    rows = seen.select(counts)
    actual = np.minimum(rows.actual, cap)
    error = rows.predicted - actual
    _, life = np.unique(rows.life, return_inverse=True)
    squares, sizes = np.bincount(life, error**2), np.bincount(life)
    draws = np.random.default_rng(seed).integers(0, len(sizes), (RESAMPLES, len(sizes)))
    roots = np.sqrt(squares[draws].sum(axis=1) / sizes[draws].sum(axis=1))
    return {
        "rows": len(error),
        "lives": len(sizes),
        "rmse": _rmse(error),
        "rmse_95": _ends(roots),
        "mae": float(np.mean(np.abs(error))),
        "bias": float(np.mean(error)),
        "rmse_by_band": _by_band(actual, cap, np.abs(error), _rmse),
        "interval": describe_intervals(rows, cap),
    }


def describe_intervals(rows: OutOfFold, cap: float) -> dict[str, Any]:
    """Return coverage and width of the intervals: overall, per life, and per band of the prediction."""
    actual = np.minimum(rows.actual, cap)
    is_covered = ((rows.lower <= actual) & (actual <= rows.upper)).astype(np.float64)
    width = rows.upper - rows.lower
    by_life = [float(is_covered[rows.life == life].mean()) for life in np.unique(rows.life)]
    return {
        "coverage": float(is_covered.mean()),
        "mean_width": float(width.mean()),
        "coverage_mean_of_lives": float(np.mean(by_life)),
        "coverage_p5_of_lives": float(np.quantile(by_life, 0.05)),
        "coverage_by_predicted_band": _by_band(rows.predicted, cap, is_covered, np.mean),
        "coverage_by_actual_band": _by_band(actual, cap, is_covered, np.mean),
        "width_by_predicted_band": _by_band(rows.predicted, cap, width, np.mean),
    }


def alpha_lambda(seen: OutOfFold, left: float, alpha: float = 0.2) -> float:
    """Return the share of lives whose prediction at remaining life `left` is within alpha [2]; NaN without rows."""
    rows = seen.select(seen.actual == left)
    return float(np.mean(np.abs(rows.predicted - left) <= alpha * left)) if len(rows.actual) else float("nan")


@dataclass(frozen=True)
class AlertRule:
    """Alert when predicted remaining life is at most `threshold`; a false alert if more than `needless` remains."""

    threshold: float
    needless: float


def describe_alerts(seen: OutOfFold, rule: AlertRule) -> dict[str, Any]:
    """Return the performance of a rule over whole lives: notice, missed failures, false alerts.

    A failure is missed if no alert was raised before the last record.
    """
    leads, missed, needless = [], 0, 0
    lives = np.unique(seen.life)
    for life in lives:
        rows = seen.select(seen.life == life)
        called = np.flatnonzero(rows.predicted <= rule.threshold)
        lead = float(rows.actual[called[0]]) if len(called) else 0.0
        missed += lead <= 0.0
        needless += lead > rule.needless
        leads.append(lead)
    return {
        "threshold": rule.threshold,
        "lives": len(lives),
        "missed_failures": missed,
        "needless_calls": needless,
        "needless_share": needless / len(lives),
        "lead_p5_p50_p95": [float(value) for value in np.quantile(leads, (0.05, 0.5, 0.95))],
    }


def _by_band(by: Vector, cap: float, values: Vector, figure: Any) -> dict[str, float]:
    found = {}
    for low, high in itertools.pairwise(BANDS):
        is_in = (by >= low * cap) & ((by < high * cap) | (high == BANDS[-1]))
        if is_in.any():
            found[f"{low * cap:g}-{high * cap:g}"] = float(figure(values[is_in]))
    return found


def _score(predicted: Vector, actual: Vector) -> float:
    return float(nasa_score(predicted, actual).sum())


def _rmse(error: Vector) -> float:
    return float(np.sqrt(np.mean(error**2)))


def _ends(draws: Vector) -> list[float]:
    return [float(value) for value in np.quantile(draws, (0.025, 0.975))]
