"""A fleet's remaining-life model: trees, calibration and metrics in one verifiable file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from pdm.errors import ModelError
from pdm.prognosis.calibration import Calibration, as_tuple

FORMAT = 1
AT_CAP = 0.98  # of the target's range: from here on a prediction says "at least"

Vector = NDArray[np.float64]


def to_target(remaining_s: Vector, cap_s: float) -> Vector:
    """Return what the trees learn: the square root of remaining life as a share of the cap [1]."""
    target: Vector = np.sqrt(np.clip(remaining_s / cap_s, 0.0, 1.0))
    return target


def to_seconds(target: Vector, cap_s: float) -> Vector:
    """Return remaining life [s] of a target."""
    seconds: Vector = cap_s * np.clip(target, 0.0, 1.0) ** 2
    return seconds


@dataclass(frozen=True)
class RemainingLifeModel:
    """What was learned from a fleet's lives; remaining life beyond `cap_s` is only said to be at least that."""

    indicator_version: str
    column_names: tuple[str, ...]
    cap_s: float
    longest_age_s: float
    calibration: Calibration
    trees: str
    metrics: dict[str, Any]
    trained_on: dict[str, Any]

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        return lightgbm.Booster(model_str=self.trees)

    def predict(self, columns: NDArray[np.float32]) -> tuple[Vector, Vector, Vector]:
        """Return remaining life and the ends of its interval, each (n,) [s]; the upper end is NaN for "at least".

        Parameters
        ----------
        columns : ndarray, shape (n, C)
            Life columns, as `life.advance` makes them.

        Raises
        ------
        ModelError
            C is not the number of columns the model was trained on.
        """
        if columns.ndim != 2 or columns.shape[1] != len(self.column_names):
            raise ModelError(f"columns of shape {columns.shape} where the model reads {len(self.column_names)}")
        target = np.clip(self._booster.predict(columns, num_threads=1), 0.0, 1.0)
        lower, upper = self.calibration.interval(target)
        at_least = upper >= AT_CAP
        return (
            to_seconds(target, self.cap_s),
            to_seconds(lower, self.cap_s),
            np.where(at_least, np.nan, to_seconds(upper, self.cap_s)),
        )

    def contributions(self, columns: NDArray[np.float32], most: int = 5) -> list[list[tuple[str, float]]]:
        """Return, a row, the columns that moved the prediction most and by how much of the target's range.

        Tree SHAP of LightGBM itself; some milliseconds a row, so it is for explaining, not for following.
        """
        shares = self._booster.predict(columns, num_threads=1, pred_contrib=True)[:, :-1]
        order = np.argsort(-np.abs(shares), axis=1, kind="stable")[:, :most]
        return [
            [(self.column_names[i], float(row[i])) for i in chosen] for row, chosen in zip(shares, order, strict=True)
        ]

    def to_bytes(self) -> bytes:
        """Return the model as JSON, the same for the same model."""
        body = {
            "format": FORMAT,
            "indicator_version": self.indicator_version,
            "column_names": self.column_names,
            "cap_s": self.cap_s,
            "longest_age_s": self.longest_age_s,
            "calibration": asdict(self.calibration),
            "metrics": self.metrics,
            "trained_on": self.trained_on,
            "trees": self.trees,
        }
        return json.dumps(body, sort_keys=True, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, body: bytes, *, sha256: bytes) -> RemainingLifeModel:
        """Read a model that was written by `to_bytes`, after its checksum has been verified.

        LightGBM takes most damaged models without a word, so nothing is parsed before that.

        Raises
        ------
        ModelError
            The checksum is not that of the bytes, or they are not such a model.
        """
        if hashlib.sha256(body).digest() != bytes(sha256):
            raise ModelError("the model's bytes do not have the checksum it was registered with")
        try:
            fields = json.loads(body)
            if fields.pop("format") != FORMAT:
                raise ModelError("the model is of another format")
            calibration = fields.pop("calibration")
            for name in ("centres", "below", "above"):
                calibration[name] = as_tuple(calibration[name])
            fields["column_names"] = tuple(fields["column_names"])
            model = cls(calibration=Calibration(**calibration), **fields)
            columns = model._booster.num_feature()
        except (ValueError, TypeError, KeyError, AttributeError, lightgbm.basic.LightGBMError) as error:
            raise ModelError(f"these bytes are not a remaining-life model: {error}") from error
        if columns != len(model.column_names):
            raise ModelError("the model's trees do not fit its columns")
        return model
