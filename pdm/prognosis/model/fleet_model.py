"""The remaining-life model of a fleet: members of grouped folds, calibration and metrics in one verifiable file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from pdm.errors import ModelError
from pdm.prognosis.model.age_table import Table
from pdm.prognosis.model.channels import Channels
from pdm.prognosis.model.inputs import ModelInputs
from pdm.prognosis.model.life_state import LifeState, advance_each, begin_life, life_columns
from pdm.prognosis.statistics.conformal import Calibration, as_tuple

FORMAT = "fleet-3"
AT_CAP = 0.98  # of the target's range: from here on a prediction means "at least"

Vector = NDArray[np.float64]
Columns = NDArray[np.float32]
Answers = tuple[Vector, Vector, Vector]


def to_target(remaining: Vector, cap: float) -> Vector:
    """Return the target of the trees: the square root of remaining life as a share of the cap [1]."""
    target: Vector = np.sqrt(np.clip(remaining / cap, 0.0, 1.0))
    return target


def to_remaining(target: Vector, cap: float) -> Vector:
    """Return the remaining life of a target [unit of the cap]."""
    remaining: Vector = cap * np.clip(target, 0.0, 1.0) ** 2
    return remaining


@dataclass(frozen=True)
class Ensemble:
    """Members that read the same channels, as one LightGBM model whose prediction is their mean.

    `folds` is the held-out fold of each member, in the order of the trees, `trees_each` per member.
    """

    channels: Channels
    columns: tuple[str, ...]
    folds: tuple[int, ...]
    trees_each: int
    trees: str

    @cached_property
    def booster(self) -> lightgbm.Booster:
        """The trees, read once."""
        return lightgbm.Booster(model_str=self.trees)

    def target(self, columns: Columns) -> Vector:
        """Return the predicted target of rows of columns, 0 to 1, shape (n,)."""
        if columns.ndim != 2 or columns.shape[1] != len(self.columns):
            raise ModelError(f"columns have shape {columns.shape}; the model uses {len(self.columns)} columns")
        target: Vector = np.clip(self.booster.predict(columns, num_threads=1), 0.0, 1.0)
        return target

    def target_of(self, fold: int, columns: Columns) -> Vector:
        """Return the target from the member with held-out fold `fold`, shape (n,)."""
        first = self.folds.index(fold) * self.trees_each
        predicted = self.booster.predict(columns, start_iteration=first, num_iteration=self.trees_each, num_threads=1)
        target: Vector = np.clip(len(self.folds) * predicted, 0.0, 1.0)
        return target


@dataclass(frozen=True)
class FleetState:
    """The state of one machine's life for a model: one recursive memory per ensemble."""

    lives: tuple[LifeState, ...]


@dataclass(frozen=True)
class FleetModel:
    """A trained model of a fleet; all times in the fleet's unit of life time (cycles, seconds, hours).

    Remaining life beyond `cap` is reported as "at least". `reads` is the version of the inputs, `sensors` their names;
    `deciles` (K, 11) are theirs over all training records, for drift detection; `by_age` is the table of remaining life
    by age alone; `folds` is the held-out fold of each training life.
    """

    reads: str
    sensors: tuple[str, ...]
    cap: float
    longest_age: float
    ensembles: tuple[Ensemble, ...]
    calibration: Calibration
    deciles: tuple[tuple[float, ...], ...]
    by_age: Table
    folds: Mapping[str, int]
    metrics: dict[str, Any]
    trained_on: dict[str, Any]

    def predict(self, life_time: Vector, settings: Vector, values: Vector) -> Answers:
        """Return remaining life after each record of a life, and the ends of its interval, each (n,).

        Every prediction is causal: it depends on its record and those before. The upper end is NaN for "at least the
        lower end".

        Parameters
        ----------
        life_time : ndarray, shape (n,)
            Increasing, from the life's first record on [the fleet's unit].
        settings : ndarray, shape (n, S)
        values : ndarray, shape (n, sensors)

        Raises
        ------
        InvalidInputError
            Time does not increase, or the shapes differ from those of training.
        """
        columns = [life_columns(life_time, e.channels.of(settings, values)) for e in self.ensembles]
        predicted = self.answer(self.target(columns))
        return _widened(predicted, self.know(settings))

    def know(self, settings: Vector) -> NDArray[np.bool_]:
        """Return which rows of settings (n, S) are operating states of the training data, shape (n,).

        In any other, `predict` and `advance` return an uninformative interval: 0 to NaN around the median.
        """
        own = [e.channels.regimes.know(settings) for e in self.ensembles if not e.channels.are_relative]
        return np.logical_and.reduce(own) if own else np.ones(len(settings), np.bool_)

    def predict_unseen(self, key: str, life_time: Vector, settings: Vector, values: Vector) -> Vector:
        """Return the prediction for a life by the members not trained on it, shape (n,): all for an unknown life."""
        fold = self.folds.get(key)
        if fold is None:
            return self.predict(life_time, settings, values)[0]
        own = next(ensemble for ensemble in self.ensembles if fold in ensemble.folds)
        columns = life_columns(life_time, own.channels.of(settings, values))
        return to_remaining(own.target_of(fold, columns), self.cap)

    def begin(self) -> FleetState:
        """Return the initial state of a machine without records."""
        return FleetState(tuple(begin_life() for _ in self.ensembles))

    def advance(
        self, states: Sequence[FleetState], life_time: Sequence[float], settings: Vector, values: Vector
    ) -> tuple[list[FleetState], Answers]:
        """Process the next record of each of many machines and predict their remaining life.

        The predictions are bit-identical to `predict` over the machine's whole life, at a cost independent of its
        length.

        Parameters
        ----------
        states : sequence of FleetState, length n
        life_time : sequence of float, length n
        settings : ndarray, shape (n, S)
        values : ndarray, shape (n, sensors)

        Raises
        ------
        InvalidInputError
            A record is not later than the machine's last one, or the shapes differ from those of the model.
        """
        lives, columns = [], []
        for index, ensemble in enumerate(self.ensembles):
            before = [state.lives[index] for state in states]
            after, made = advance_each(before, life_time, ensemble.channels.of(settings, values))
            lives.append(after)
            columns.append(made)
        return [FleetState(each) for each in zip(*lives, strict=True)], _widened(
            self.answer(self.target(columns)), self.know(settings)
        )

    def target(self, columns: Sequence[Columns]) -> Vector:
        """Return the predicted target, 0 to 1, shape (n,), of columns (n, C) for each ensemble."""
        if len(self.ensembles) == 1:
            return self.ensembles[0].target(columns[0])
        members = [len(ensemble.folds) for ensemble in self.ensembles]
        predicted = [ensemble.target(own) for ensemble, own in zip(self.ensembles, columns, strict=True)]
        return np.average(predicted, axis=0, weights=members)

    def answer(self, target: Vector) -> Answers:
        """Return remaining life and the ends of its interval, each (n,), of predicted targets."""
        lower, upper = self.calibration.interval(target)
        return (
            to_remaining(target, self.cap),
            to_remaining(lower, self.cap),
            np.where(upper >= AT_CAP, np.nan, to_remaining(upper, self.cap)),
        )

    def quantiles(self, target: Vector) -> Vector:
        """Return remaining life at the `calibration.QUANTILES`, shape (n, Q): increasing in each row, capped."""
        return to_remaining(self.calibration.quantiles(target), self.cap)

    def contributions(self, columns: Sequence[Columns]) -> tuple[Vector, dict[str, Vector]]:
        """Return the trees' base value (n,), and the contribution of each column to the target, (n,) per column.

        Tree SHAP of LightGBM; the sum is the target before it is limited to its range. It takes some milliseconds per
        row, so it is for explanations, not for every record.
        """
        found: dict[str, Vector] = {}
        base = np.zeros(len(columns[0]))
        total = sum(len(ensemble.folds) for ensemble in self.ensembles)
        for ensemble, own in zip(self.ensembles, columns, strict=True):
            weight = len(ensemble.folds) / total
            shares = weight * ensemble.booster.predict(own, num_threads=1, pred_contrib=True)
            base += shares[:, -1]
            for name, share in zip(ensemble.columns, shares.T, strict=False):
                found[name] = found.get(name, 0.0) + share
        return base, found

    def to_bytes(self) -> bytes:
        """Return the model as JSON, the same for the same model."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields["ensembles"] = [
            {"channels": e.channels.to_document(), "folds": e.folds, "trees_each": e.trees_each, "trees": e.trees}
            for e in self.ensembles
        ]
        fields["calibration"] = asdict(self.calibration)
        return json.dumps({"format": FORMAT, **fields}, sort_keys=True, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, body: bytes, *, sha256: bytes) -> FleetModel:
        """Read a model that was written by `to_bytes`, after its checksum has been verified.

        LightGBM accepts most damaged models without an error, so nothing is parsed before verification.

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
                raise ModelError("unknown model format")
            calibration = fields.pop("calibration")
            for name in ("centres", "below", "above", "signed"):
                calibration[name] = as_tuple(calibration[name])
            fields["ensembles"] = tuple(_ensemble(document) for document in fields["ensembles"])
            fields["deciles"] = tuple(as_tuple(row) for row in fields["deciles"])
            fields["by_age"] = tuple(_row_by_age(row) for row in fields["by_age"])
            fields["sensors"] = tuple(fields["sensors"])
            model = cls(calibration=Calibration(**calibration), **fields)
            _check(model)
        except (ValueError, TypeError, KeyError, AttributeError, lightgbm.basic.LightGBMError) as error:
            raise ModelError(f"these bytes are not a remaining-life model: {error}") from error
        return model


def _widened(predicted: Answers, is_known: NDArray[np.bool_]) -> Answers:
    middle, lower, upper = predicted
    return middle, np.where(is_known, lower, 0.0), np.where(is_known, upper, np.nan)


def _row_by_age(row: Sequence[float]) -> tuple[float, float, float, float, float]:
    age, lower, middle, upper, level = as_tuple(row)
    return age, lower, middle, upper, level


def _ensemble(document: dict[str, Any]) -> Ensemble:
    channels = Channels.from_document(document["channels"])
    columns = ModelInputs(channels.names).columns
    return Ensemble(channels, columns, tuple(document["folds"]), int(document["trees_each"]), str(document["trees"]))


def _check(model: FleetModel) -> None:
    for ensemble in model.ensembles:
        if ensemble.booster.num_feature() != len(ensemble.columns):
            raise ModelError("the model's trees do not fit its columns")
        if ensemble.booster.num_trees() != len(ensemble.folds) * ensemble.trees_each or not ensemble.folds:
            raise ModelError("the number of trees differs from the header of the model")
    if not model.ensembles:
        raise ModelError("the model has no trees")
