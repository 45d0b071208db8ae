"""Learn a fleet's remaining life from its past lives: rows, grouped folds, ensemble, calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import lightgbm
import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError, RefusalError
from pdm.health.indicators import INDICATORS
from pdm.prognosis.calibration import attainable_level, calibrate, weighted_quantile
from pdm.prognosis.evaluation import Validation, describe
from pdm.prognosis.life import COLUMN_VERSION, column_names, life_columns
from pdm.prognosis.model import RemainingLifeModel, to_seconds, to_target
from pdm.prognosis.trees import mean_of_boosters

FEWEST_FAILED_LIVES = 4
FOLDS = 5
ROWS_A_LIFE = 200
CAP_SHARE = 0.5  # of the median failed life: remaining life beyond it is "at least"
TREES = 250
FEW_LIVES = 12  # failed lives below which trees are kept small
MANY_LIVES = 40  # failed lives from which on age and whole-life memory are read too
RECENT_PARTS = (  # of the life columns: what tells how far a machine is, but not how long it has run
    *("ew5", "ew15", "ew50", "slope5", "slope15", "slope50", "short_less_long", "curvature", "deviation"),
)

Vector = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Life:
    """One life of a machine: its indicators (n, K) at times (n,) [s] and how it ended.

    `ended_by` is 'failure' where the remaining life is known, 'replacement' or 'censored' where it is only
    known to have been at least what was seen.
    """

    machine: str
    component: str | None
    measured_at_s: Vector
    indicators: NDArray[np.float32]
    ended_by: Literal["failure", "replacement", "censored"] | str
    ended_at_s: float


@dataclass(frozen=True)
class _Table:
    """Rows of all lives: columns, remaining life [s] (a lower bound where not failed), age, life, weight."""

    columns: NDArray[np.float32]
    remaining: Vector
    age: Vector
    life: Rows
    is_failed: NDArray[np.bool_]
    weight: Vector

    def select(self, chosen: NDArray[Any]) -> _Table:
        """Return some of the rows."""
        return _Table(
            self.columns[chosen],
            self.remaining[chosen],
            self.age[chosen],
            self.life[chosen],
            self.is_failed[chosen],
            self.weight[chosen],
        )


def train(
    lives: Sequence[Life], *, seed: int = 0, progress: Callable[[str, float], None] | None = None
) -> RemainingLifeModel:
    """Train the remaining-life model of a fleet.

    Lives that ended in failure carry labels; of the others those rows are used that are known to have had
    at least the cap before them. Each life weighs the same. The model is the mean of grouped folds' models,
    and their predictions of the lives they have not seen calibrate the interval and the metrics.

    Parameters
    ----------
    lives : sequence of Life
    seed : int
        The same lives and seed give the same model.
    progress : callable, optional
        Told the stage and the share done.

    Raises
    ------
    RefusalError
        Fewer than four lives ended in failure, or no indicator varies.
    InvalidInputError
        A life's times are not strictly rising, or its shapes do not agree.
    """
    tell = progress or (lambda _stage, _share: None)
    lives = [life for life in lives if len(life.measured_at_s)]
    failed = [index for index, life in enumerate(lives) if life.ended_by == "failure"]
    _refuse_too_few(len(failed))
    width = _common_width(lives)
    tell("remembering lives", 0.0)
    names = _names(width)
    durations = {i: lives[i].ended_at_s - float(lives[i].measured_at_s[0]) for i in failed}
    cap = CAP_SHARE * float(np.median(list(durations.values())))
    table = _table(lives, cap)
    _refuse_unusable(table)
    fold = _folds(len(lives), failed, np.random.default_rng(seed))
    boosters, out_of_fold = [], np.full(len(table.life), np.nan)
    constant, by_age = out_of_fold.copy(), out_of_fold.copy()
    folds = int(fold.max()) + 1
    for k in range(folds):
        tell("fitting", 0.1 + 0.8 * k / folds)
        is_held = fold[table.life] == k
        seen = table.select(~is_held)
        booster = _fit(seen, cap, names, len(failed), seed + k)
        boosters.append(booster)
        out_of_fold[is_held] = booster.predict(table.columns[is_held], num_threads=1)
        is_known = seen.is_failed
        constant[is_held] = weighted_quantile(seen.remaining[is_known], seen.weight[is_known], 0.5)
        typical = float(np.median([length for i, length in durations.items() if fold[i] != k]))
        by_age[is_held] = np.maximum(typical - table.age[is_held], 0.0)
    tell("calibrating", 0.9)
    known = table.is_failed
    shown = table.select(known)
    predicted = np.clip(out_of_fold[known], 0.0, 1.0)
    calibration = calibrate(predicted, to_target(shown.remaining, cap), shown.life)
    lower, upper = calibration.interval(predicted)
    validation = Validation(
        shown.life,
        shown.remaining,
        to_seconds(predicted, cap),
        to_seconds(lower, cap),
        to_seconds(upper, cap),
        constant[known],
        by_age[known],
    )
    labels = {i: f"{life.machine}#{i}" for i, life in enumerate(lives)}
    tell("done", 1.0)
    return RemainingLifeModel(
        indicator_version=COLUMN_VERSION,
        column_names=names,
        cap_s=cap,
        longest_age_s=float(table.age.max()),
        calibration=calibration,
        trees=mean_of_boosters([booster.model_to_string() for booster in boosters]),
        metrics=describe(validation, labels, cap, calibration.level),
        trained_on=_describe_lives(lives, failed, seed),
    )


def _refuse_too_few(failed: int) -> None:
    if failed < FEWEST_FAILED_LIVES:
        raise RefusalError(
            f"{failed} lives of this fleet ended in failure; at least {FEWEST_FAILED_LIVES} are needed: "
            f"with n lives no interval can claim more than n/(n+1), here {attainable_level(failed):.0%}"
        )


def _common_width(lives: Sequence[Life]) -> int:
    widths = {life.indicators.shape[1] if life.indicators.ndim == 2 else -1 for life in lives}
    if len(widths) != 1 or -1 in widths:
        raise InvalidInputError("the lives do not have the same indicators")
    return widths.pop()


def _names(width: int) -> tuple[str, ...]:
    known = tuple(indicator.name for indicator in INDICATORS)
    return column_names(known if len(known) == width else (f"indicator{i}" for i in range(width)))


def _refuse_unusable(table: _Table) -> None:
    if not table.is_failed.any():
        raise RefusalError("no life that ended in failure has an acquisition with known indicators")
    if len(np.unique(table.life[table.is_failed])) < FEWEST_FAILED_LIVES:
        raise RefusalError(f"fewer than {FEWEST_FAILED_LIVES} failed lives have acquisitions with known indicators")
    spread = np.nanmax(table.columns[:, 2:], axis=0, initial=-np.inf) - np.nanmin(
        table.columns[:, 2:], axis=0, initial=np.inf
    )
    if not (spread > 0).any():
        raise RefusalError("no indicator varies over any of the lives")


def _table(lives: Sequence[Life], cap: float) -> _Table:
    parts = []
    for index, life in enumerate(lives):
        is_failed = life.ended_by == "failure"
        remaining = life.ended_at_s - np.asarray(life.measured_at_s, np.float64)
        is_usable = np.isfinite(life.indicators).any(axis=1) & (remaining >= (0.0 if is_failed else cap))
        rows = np.flatnonzero(is_usable)
        if len(rows) == 0:
            continue
        rows = np.unique(rows[np.linspace(0, len(rows) - 1, min(ROWS_A_LIFE, len(rows))).round().astype(int)])
        columns = life_columns(np.asarray(life.measured_at_s, np.float64), life.indicators)
        count = len(rows)
        parts.append(
            _Table(
                columns[rows],
                remaining[rows],
                np.asarray(life.measured_at_s)[rows] - life.measured_at_s[0],
                np.full(count, index),
                np.full(count, is_failed),
                np.full(count, 1.0 / count),
            )
        )
    if not parts:
        raise RefusalError("no life has an acquisition with known indicators")
    return _Table(*(np.concatenate([getattr(p, name) for p in parts]) for name in _Table.__dataclass_fields__))


def _folds(lives: int, failed: Sequence[int], random: np.random.Generator) -> Rows:
    """Deal failed and other lives over the folds, the same number of failed ones in each."""
    folds = min(FOLDS, len(failed))
    fold = np.empty(lives, np.int64)
    others = [index for index in range(lives) if index not in set(failed)]
    for group in (failed, others):
        fold[random.permutation(np.array(group, np.int64))] = np.arange(len(group)) % folds
    return fold


def _fit(table: _Table, cap: float, names: Sequence[str], failed: int, seed: int) -> lightgbm.Booster:
    rows = len(table.life)
    is_few = failed < FEW_LIVES
    is_read = np.array([failed >= MANY_LIVES or name.rpartition(".")[2] in RECENT_PARTS for name in names])
    columns = np.where(is_read, table.columns, np.float32(np.nan))
    parameters = {
        "objective": "regression",
        "num_leaves": 4 if is_few else 15,
        "learning_rate": 0.03,
        "feature_fraction": 0.25,
        "min_data_in_leaf": max(rows // 10, 5) if is_few else int(np.clip(rows // 40, 5, 150)),
        "lambda_l2": 1.0,
        "max_bin": 63,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        columns,
        to_target(table.remaining, cap),
        weight=table.weight / table.weight.mean(),
        feature_name=[name.replace(".", "_") for name in names],
        params=parameters,
    )
    return lightgbm.train(parameters, data, num_boost_round=TREES)


def _describe_lives(lives: Sequence[Life], failed: Sequence[int], seed: int) -> dict[str, Any]:
    return {
        "lives": len(lives),
        "failed_lives": len(failed),
        "acquisitions": sum(len(life.measured_at_s) for life in lives),
        "from_s": min(float(life.measured_at_s[0]) for life in lives),
        "to_s": max(float(life.measured_at_s[-1]) for life in lives),
        "machines": sorted({life.machine for life in lives}),
        "seed": seed,
    }
