"""Fit the trees of one member with LightGBM, at a size that depends on the number of lives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

TREES = 300  # chosen with the recipe by out-of-fold error on C-MAPSS training engines (docs/prognosis.md)
NEAR, CLOSE = 0.20, 0.08  # of the cap left: range over which the weight of rows rises
HEAVIEST = 3.0  # weight of a row about to fail, where others weigh 1
FEW_LIVES = 12  # failed lives below which trees are kept small
MANY_LIVES = 40  # failed lives from which on age and whole-life memory are inputs, and every band has a width
LONG_PARTS = ("age", "mean", "baseline", "ewma_1000", "slope_1000", "curvature_1000")  # parts that indicate the age


def fit_trees(
    columns: NDArray[np.float32], target: NDArray[np.float64], names: Sequence[str], *, failed: int, seed: int
) -> str:
    """Return the trees that predict a target from columns, as LightGBM's text.

    Parameters
    ----------
    columns : ndarray, shape (n, C)
    target : ndarray, shape (n,)
    names : sequence of str, length C
        Names of the columns.
    failed : int
        Lives of the fleet that ended in failure.
    seed : int
    """
    parameters = tree_parameters(len(target), failed, seed)
    if failed < MANY_LIVES:
        # Failed lives are the short ones: the model must not learn from few of them that age is wear.
        is_long = np.array([name == "age" or name.rpartition(".")[2] in LONG_PARTS for name in names])
        columns = np.where(is_long, np.float32(np.nan), columns)
    labels = [f"c{number}" for number in range(len(names))]
    data = lightgbm.Dataset(columns, target, weight=weigh(target), feature_name=labels, params=parameters)
    return str(lightgbm.train(parameters, data, num_boost_round=TREES).model_to_string())


def weigh(target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of rows by their target, shape (n,): 1, rising to 3 near failure.

    Rows near failure are few, and a relative error there costs most: of 125 cycles, weights rise from 25 to 10 left.
    The error over whole lives does not change.

    Parameters
    ----------
    target : ndarray, shape (n,)
        Square root of remaining life as a share of the cap.
    """
    nearness: NDArray[np.float64] = np.clip((NEAR - target**2) / (NEAR - CLOSE), 0.0, 1.0)
    return 1.0 + (HEAVIEST - 1.0) * nearness


def tree_parameters(rows: int, failed: int, seed: int) -> dict[str, Any]:
    """Return LightGBM's parameters for a fleet of this size: fewer lives, smaller trees."""
    leaves = 4 if failed < FEW_LIVES else 15 if failed < MANY_LIVES else 31
    return {
        "objective": "regression",
        "num_leaves": leaves,
        "learning_rate": 0.03,
        "feature_fraction": 0.15 if failed >= MANY_LIVES else 0.25,
        "min_data_in_leaf": int(np.clip(rows // (4 * leaves), 5, 80)),
        "lambda_l2": 1.0,
        "max_bin": 63,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
