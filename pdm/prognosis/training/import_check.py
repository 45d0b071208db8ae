"""The child process that checks an imported model: `python -m pdm.prognosis.training.import_check`.

It reads the bytes of the model on standard input and writes its card as JSON. A process that ends otherwise means that
the model is rejected. The process that starts this one sets the limits of memory, processor time and files.
"""

from __future__ import annotations

import hashlib
import json
from math import inf, isfinite
from typing import Any

import numpy as np

from pdm.child_process import answer
from pdm.errors import ModelError
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.inputs import ModelInputs
from pdm.prognosis.model.tree_text import check_trees


def read_card(body: bytes) -> dict[str, Any]:
    """Return the card of a model: the input version that it reads, its metrics, and on what it was trained.

    Raises
    ------
    ModelError
        The bytes are not a valid model of this version.
    """
    try:
        fields = json.loads(body, parse_constant=_refuse, object_pairs_hook=_each_once)
        for ensemble in fields["ensembles"]:
            columns = ModelInputs(tuple(str(name) for name in ensemble["channels"]["names"])).columns
            check_trees(ensemble["trees"], len(columns), len(ensemble["folds"]) * int(ensemble["trees_each"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"these bytes are not a remaining-life model: {error}") from error
    model = FleetModel.from_bytes(body, sha256=hashlib.sha256(body).digest())
    try:
        _check_numbers(model)
        _try_out(model)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise ModelError(f"the model contains invalid numbers: {error}") from error
    card = {"reads": model.reads, "metrics": model.metrics, "trained_on": model.trained_on}
    try:
        json.dumps(card, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise ModelError(f"the card of the model is not valid JSON: {error}") from error
    return card


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an ensemble member occurs twice")
    return found


def _check_numbers(model: FleetModel) -> None:
    """Raise ModelError if a figure that predictions or decisions depend on is impossible."""
    calibration = model.calibration
    centres, below, above = calibration.centres, calibration.below, calibration.above
    is_sound = (
        isinstance(model.reads, str)
        and all(isfinite(value) and value > 0 for value in (model.cap, model.longest_age))
        and 0.0 < calibration.level < 1.0
        and isfinite(calibration.radius)
        and calibration.radius >= 0
        and len(centres) == len(below) == len(above) > 0
        and list(centres) == sorted(centres)
        and all(value > 0 for value in (*below, *above))
        and list(calibration.signed) == sorted(calibration.signed)
        and all(isfinite(float(model.metrics[name])) for name in ("skill", "coverage", "rmse", "mean_width"))
        and len(model.deciles) == len(model.sensors) == len(set(model.sensors))
        and all(list(row) == sorted(row) and len(row) in (0, 11) for row in model.deciles)
        and all(0 <= row[1] <= row[2] <= row[3] < inf and 0 < row[4] < 1 for row in model.by_age)
        and [row[0] for row in model.by_age] == sorted({row[0] for row in model.by_age})
        and isinstance(model.trained_on, dict)
        and isinstance(model.folds, dict)
        and all(type(fold) is int for fold in model.folds.values())
    )
    if not is_sound:
        raise ModelError("the metrics of the model are not possible")


def _try_out(model: FleetModel) -> None:
    """Predict random lives with the model; raises ModelError if a prediction is not valid."""
    random = np.random.default_rng(0)
    settings = len(model.ensembles[0].channels.regimes.scale)
    values = random.normal(0.0, 10.0, (40, len(model.sensors)))
    values[random.uniform(size=values.shape) < 0.1] = np.nan
    middle, lower, upper = model.predict(np.arange(40.0), random.normal(0.0, 10.0, (40, settings)), values)
    if not (np.isfinite(middle).all() and (lower <= middle).all() and not (upper < middle).any()):
        raise ModelError("the predictions of the model are not possible")


if __name__ == "__main__":
    answer(read_card)
