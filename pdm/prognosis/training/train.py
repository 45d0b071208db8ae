"""Train a remaining-life model on the past lives of a fleet: one recipe for all kinds of machines."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.model.age_table import learn_by_age
from pdm.prognosis.model.channels import Channels, learn_channels
from pdm.prognosis.model.fleet_model import Ensemble, FleetModel, to_remaining, to_target
from pdm.prognosis.model.input_version import MEMORY_VERSION
from pdm.prognosis.model.inputs import ModelInputs
from pdm.prognosis.model.life_state import life_columns
from pdm.prognosis.model.lives import FleetLife as FleetLife
from pdm.prognosis.model.lives import check_lives, fingerprint
from pdm.prognosis.model.tree_fitting import TREES, fit_trees
from pdm.prognosis.model.trees import mean_of_boosters
from pdm.prognosis.training.fleet_calibration import calibrate_fleet, cross_calibrated
from pdm.prognosis.training.validation import OutOfFold as OutOfFold
from pdm.prognosis.training.validation import describe

RECIPE = "recipe-4"  # version of everything that determines the model from given lives and seed
FOLDS = 5  # of whole lives: cost grows with their number; a fleet has few lives
CAP_SHARE = 0.5  # of the median failed life: remaining life beyond it is "at least"
ROWS_A_LIFE = 600  # longer lives are thinned evenly
_DECILES = np.linspace(0.0, 1.0, 11)  # of each channel, for drift detection

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class _Rows:
    """Thinned rows of all lives, life by life."""

    life: Integers
    record: Integers
    remaining: Vector
    is_failed: NDArray[np.bool_]
    is_certain: NDArray[np.bool_]  # failed, or remaining life known to be at least the cap; and with values


@dataclass(frozen=True)
class _Training:
    """The inputs that all folds share."""

    lives: Sequence[FleetLife]
    sensors: Sequence[str]
    are_relative: bool
    cap: float
    seed: int
    failed: int
    rows: _Rows
    fold: Integers


def train_fleet(
    lives: Sequence[FleetLife],
    sensors: Sequence[str],
    *,
    are_relative: bool = False,
    cap: float | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    progress: Progress | None = None,
    kept: MutableMapping[str, bytes] | None = None,
) -> tuple[FleetModel, OutOfFold]:
    """Train a fleet's remaining-life model and evaluate it on held-out lives.

    Lives are distributed over grouped folds; regimes, standardisation, health index and trees of a fold are learned
    from the other folds' lives. The model is the mean of the folds' members, and their out-of-fold predictions
    calibrate its intervals with the life as the unit.

    Parameters
    ----------
    lives : sequence of FleetLife
    sensors : sequence of str, length K
        Names of the sensors.
    are_relative : bool
        The values are relative to each machine's baseline in its operating state, so they are the channels without
        standardisation, and the memory of a life serves every model of the fleet.
    cap : float, optional
        Remaining life beyond which lives are not distinguished; half the median failed life if not given.
    folds : int
    seed : int
        The same lives and seed give the same model.
    progress : callable, optional
        Called with the stage and the completed share.
    kept : mutable mapping, optional
        Store of finished members, by a key of these lives, seed and recipe; stored members are not fitted again, so
        that an interrupted training resumes.

    Raises
    ------
    RefusalError
        Fewer than four lives ended in failure or have values, or no sensor varies.
    InvalidInputError
        As `lives.check_lives`, or the cap is not positive.
    """
    tell = progress or (lambda _stage, _share: None)
    check_lives(lives, sensors, are_relative=are_relative)
    failed = [index for index, life in enumerate(lives) if life.is_failed]
    if cap is None:
        cap = CAP_SHARE * float(np.median([lives[i].ended_at - lives[i].life_time[0] for i in failed]))
    if not 0.0 < cap < np.inf:
        raise InvalidInputError(f"a cap of {cap} is not a positive time", field="cap")
    tell("fitting", 0.0)
    rows = _rows(lives, cap)
    _refuse_unusable(lives, rows)
    fold = _deal(len(lives), failed, min(folds, len(failed)), np.random.default_rng(seed))
    training = _Training(lives, sensors, are_relative, cap, seed, len(failed), rows, fold)
    ensembles, target = _fit_members(training, tell, kept if kept is not None else {})
    tell("calibrating", 0.95)
    known = rows.is_failed & rows.is_certain
    predicted, remaining, life = target[known], rows.remaining[known], rows.life[known]
    lower, upper = cross_calibrated(predicted, remaining, life, fold, cap)
    seen = OutOfFold(
        life,
        rows.record[known],
        remaining,
        to_remaining(predicted, cap),
        to_remaining(lower, cap),
        to_remaining(upper, cap),
    )
    model = FleetModel(
        reads=f"{lives[0].reads} {MEMORY_VERSION}".strip(),
        sensors=tuple(sensors),
        cap=cap,
        longest_age=max(float(life.life_time[-1] - life.life_time[0]) for life in lives),
        ensembles=ensembles,
        calibration=calibrate_fleet(predicted, remaining, life, cap),
        deciles=_deciles(lives),
        by_age=learn_by_age(lives),
        folds={life.key: int(its) for life, its in zip(lives, fold, strict=True)},
        metrics={},
        trained_on=_describe(lives, failed, seed),
    )
    tell("done", 1.0)
    return replace(model, metrics=describe(seen, lives, fold, cap, model.calibration.level)), seen


def _rows(lives: Sequence[FleetLife], cap: float) -> _Rows:
    parts = []
    for index, life in enumerate(lives):
        count = len(life.life_time)
        chosen = np.unique(np.linspace(0, count - 1, min(ROWS_A_LIFE, count)).round().astype(np.int64))
        remaining = life.ended_at - life.life_time[chosen]
        is_failed = np.full(len(chosen), life.is_failed)
        is_certain = np.isfinite(life.values[chosen]).any(axis=1) & (is_failed | (remaining >= cap))
        parts.append((np.full(len(chosen), index), chosen + 1, remaining, is_failed, is_certain))
    return _Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _refuse_unusable(lives: Sequence[FleetLife], rows: _Rows) -> None:
    seen = len(np.unique(rows.life[rows.is_failed & rows.is_certain]))
    if seen < min(4, sum(life.is_failed for life in lives)):
        raise RefusalError(f"only {seen} run-to-failure histories have records with values")
    values = np.concatenate([life.values for life in lives])
    low, high = (end(values, axis=0, initial=edge) for end, edge in ((np.nanmin, np.inf), (np.nanmax, -np.inf)))
    if not (high > low).any():
        raise RefusalError("no sensor varies in any history")


def _deal(lives: int, failed: Sequence[int], folds: int, random: np.random.Generator) -> Integers:
    """Distribute failed and other lives evenly over the folds."""
    fold = np.empty(lives, np.int64)
    for group in (np.array(failed, np.int64), np.setdiff1d(np.arange(lives), failed)):
        fold[random.permutation(group)] = np.arange(len(group)) % folds
    return fold


def _fit_members(
    training: _Training, tell: Progress, kept: MutableMapping[str, bytes]
) -> tuple[tuple[Ensemble, ...], Vector]:
    """Return the members, and the prediction of each for the rows of its held-out fold."""
    name = fingerprint(
        training.lives, RECIPE, tuple(training.sensors), training.are_relative, training.cap, training.seed,
        training.fold.tolist(),
    )  # fmt: skip
    count = int(training.fold.max()) + 1
    rows, predicted = training.rows, np.full(len(training.rows.life), np.nan)
    target = to_target(rows.remaining, training.cap)
    relative = Channels.of_relative(training.sensors) if training.are_relative else None
    columns = _columns(training, relative) if relative else None
    members: list[tuple[Channels, str]] = []
    for left_out in range(count):
        stored = kept.get(f"{name}/{left_out}")
        channels = relative or (_channels_in(stored) if stored else _learn(training, left_out))
        own = columns if columns is not None else _columns(training, channels)
        is_left_out = training.fold[rows.life] == left_out
        if stored is None:
            is_own = ~is_left_out & rows.is_certain
            names = ModelInputs(channels.names).columns
            trees = fit_trees(own[is_own], target[is_own], names, failed=training.failed, seed=training.seed + left_out)
            kept[f"{name}/{left_out}"] = json.dumps({"channels": channels.to_document(), "trees": trees}).encode()
        else:
            trees = str(json.loads(stored)["trees"])
        predicted[is_left_out] = _ensemble([(channels, trees)], [left_out]).target(own[is_left_out])
        members.append((channels, trees))
        tell("fitting", 0.95 * (left_out + 1) / count)
    if relative:
        return (_ensemble(members, range(count)),), predicted
    return tuple(_ensemble([member], [left_out]) for left_out, member in enumerate(members)), predicted


def _channels_in(stored: bytes) -> Channels:
    return Channels.from_document(json.loads(stored)["channels"])


def _ensemble(members: Sequence[tuple[Channels, str]], folds: Sequence[int]) -> Ensemble:
    channels = members[0][0]
    trees = mean_of_boosters([trees for _, trees in members])
    return Ensemble(channels, ModelInputs(channels.names).columns, tuple(folds), TREES, trees)


def _learn(training: _Training, left_out: int) -> Channels:
    own = [life for life, its in zip(training.lives, training.fold, strict=True) if its != left_out]
    remaining = [life.ended_at - life.life_time + (0.0 if life.is_failed else np.nan) for life in own]
    settings, values = (np.concatenate([getattr(life, name) for life in own]) for name in ("settings", "values"))
    return learn_channels(settings, values, np.concatenate(remaining), training.cap, training.sensors)


def _columns(training: _Training, channels: Channels) -> NDArray[np.float32]:
    parts = []
    for index, life in enumerate(training.lives):
        made = life_columns(life.life_time, channels.of(life.settings, life.values))
        parts.append(made[training.rows.record[training.rows.life == index] - 1])
    return np.concatenate(parts)


def _deciles(lives: Sequence[FleetLife]) -> tuple[tuple[float, ...], ...]:
    """Return the deciles of each sensor over the lives, with equal weight per life; empty without values."""
    found: list[tuple[float, ...]] = []
    for sensor in range(lives[0].values.shape[1]):
        parts = [life.values[np.isfinite(life.values[:, sensor]), sensor] for life in lives]
        drawn = [part[np.linspace(0, len(part) - 1, 100).round().astype(int)] for part in parts if len(part)]
        found.append(tuple(np.quantile(np.concatenate(drawn), _DECILES).tolist()) if drawn else ())
    return tuple(found)


def _describe(lives: Sequence[FleetLife], failed: Sequence[int], seed: int) -> dict[str, Any]:
    return {
        "recipe": RECIPE,
        "lives": len(lives),
        "failed_lives": len(failed),
        "records": sum(len(life.life_time) for life in lives),
        "from": min(float(life.life_time[0]) for life in lives),
        "to": max(float(life.life_time[-1]) for life in lives),
        "machines": sorted({life.machine for life in lives}),
        "seed": seed,
    }
