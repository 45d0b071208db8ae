"""Learn any fleet's remaining life from scalars of its past lives: one recipe, whatever the machines are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.calibration import Calibration, attainable_level, calibrate
from pdm.prognosis.channels import Channels, learn_channels
from pdm.prognosis.fleet_model import FleetModel, Member
from pdm.prognosis.memory import Memory, usual_interval
from pdm.prognosis.model import to_seconds, to_target
from pdm.prognosis.train import CAP_SHARE, FEW_LIVES, FEWEST_FAILED_LIVES, FOLDS, MANY_LIVES

ROWS_A_LIFE = 600  # a longer life is thinned evenly
TREES = 300
BANDS = 12  # of predictions, each with an interval of its own width
TELLING = 1.2  # of the cap: rows with more left are right whatever is said near the cap, and calibrate nothing
LONG_PARTS = ("age", "mean", "baseline", "ewma_1000", "slope_1000", "curvature_1000")  # they tell how long it has run

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class FleetLife:
    """One life: records at `life_time` (n,) with `settings` (n, S) and sensor `values` (n, K), and its end.

    `ended_by` is 'failure' where the remaining life is known, anything else where it is only known to have
    been at least what was seen. Life time is in the fleet's own unit.
    """

    machine: str
    life_time: Vector
    settings: Vector
    values: Vector
    ended_by: str
    ended_at: float


@dataclass(frozen=True)
class OutOfFold:
    """What was said of lives by members that had not seen them, rows of failed lives only, each (n,).

    `record` counts from 1 within the life. The interval was calibrated on the other folds' lives, so that
    its coverage is not that of the rows it was made from. `upper` is the cap for "at least".
    """

    life: Integers
    record: Integers
    actual: Vector
    predicted: Vector
    lower: Vector
    upper: Vector

    def select(self, chosen: NDArray[np.bool_]) -> OutOfFold:
        """Return some of the rows."""
        return OutOfFold(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class _Rows:
    """Thinned rows of all lives, life by life."""

    life: Integers
    record: Integers
    remaining: Vector
    is_failed: NDArray[np.bool_]
    is_usable: NDArray[np.bool_]  # failed, or known to have had the cap before it


def train_fleet(
    lives: Sequence[FleetLife],
    sensors: Sequence[str],
    *,
    cap: float | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[FleetModel, OutOfFold]:
    """Train a fleet's remaining-life model and say how it does on lives it has not seen.

    Lives are dealt over grouped folds; regimes, standardisation, health index and trees of a fold are all
    learned from the other folds' lives. The model is the mean of the folds' members, and their predictions
    of the lives they have not seen calibrate its intervals with the life as the unit.

    Parameters
    ----------
    lives : sequence of FleetLife
    sensors : sequence of str, length K
        Names of the sensors.
    cap : float, optional
        Remaining life beyond which lives are not told apart; half the median failed life if not given.
    folds : int
    seed : int
        The same lives and seed give the same model.
    progress : callable, optional
        Told the stage and the share done.

    Raises
    ------
    RefusalError
        Fewer than four lives ended in failure, or no sensor varies within a regime.
    InvalidInputError
        A life's times fall, its shapes do not agree, or the cap is not positive.
    """
    tell = progress or (lambda _stage, _share: None)
    failed = [index for index, life in enumerate(lives) if life.ended_by == "failure"]
    _check(lives, failed, len(sensors))
    if cap is None:
        cap = CAP_SHARE * float(np.median([lives[i].ended_at - lives[i].life_time[0] for i in failed]))
    if not 0.0 < cap < np.inf:
        raise InvalidInputError(f"a cap of {cap} is not a positive time", field="cap")
    interval = usual_interval([life.life_time for life in lives])
    rows = _rows(lives, cap)
    fold = _deal(len(lives), failed, min(folds, len(failed)), np.random.default_rng(seed))
    members, target = [], np.full(len(rows.life), np.nan)
    count = int(fold.max()) + 1
    for held in range(count):
        tell("fitting", held / count)
        members.append(_fit_member(lives, sensors, rows, fold, held, cap, interval, len(failed), seed, target))
    known = rows.is_failed
    said, remaining, life = target[known], rows.remaining[known], rows.life[known]
    tell("calibrating", 0.95)
    lower, upper = _cross_calibrated(said, remaining, life, fold, cap)
    model = FleetModel(
        sensors=tuple(sensors),
        cap=cap,
        interval=interval,
        longest_age=max(float(life.life_time[-1] - life.life_time[0]) for life in lives),
        members=tuple(members),
        calibration=_calibration(said, remaining, life, cap),
        metrics={},
        trained_on=_describe(lives, failed, seed),
    )
    seen = OutOfFold(
        life,
        rows.record[known],
        remaining,
        to_seconds(said, cap),
        to_seconds(lower, cap),
        to_seconds(upper, cap),
    )
    tell("done", 1.0)
    return replace(model, metrics=_metrics(seen, model)), seen


def _check(lives: Sequence[FleetLife], failed: Sequence[int], sensors: int) -> None:
    if len(failed) < FEWEST_FAILED_LIVES:
        raise RefusalError(
            f"{len(failed)} lives of this fleet ended in failure; at least {FEWEST_FAILED_LIVES} are needed: "
            f"with n lives no interval can claim more than n/(n+1), here {attainable_level(len(failed)):.0%}"
        )
    for life in lives:
        count = len(life.life_time)
        if count == 0 or life.values.shape != (count, sensors) or life.settings.shape[:1] != (count,):
            raise InvalidInputError(
                f"{life.machine}: {count} times beside values of shape {life.values.shape} and settings of shape "
                f"{life.settings.shape}, with {sensors} sensors"
            )
        if not np.isfinite(life.life_time).all() or (np.diff(life.life_time) < 0).any():
            raise InvalidInputError(f"{life.machine}: life time goes back or is not finite", field="life_time")
        if life.ended_at < life.life_time[-1]:
            raise InvalidInputError(f"{life.machine}: there are records after the end of the life", field="ended_at")


def _rows(lives: Sequence[FleetLife], cap: float) -> _Rows:
    parts = []
    for index, life in enumerate(lives):
        count = len(life.life_time)
        chosen = np.unique(np.linspace(0, count - 1, min(ROWS_A_LIFE, count)).round().astype(np.int64))
        remaining = life.ended_at - life.life_time[chosen]
        is_failed = np.full(len(chosen), life.ended_by == "failure")
        parts.append((np.full(len(chosen), index), chosen + 1, remaining, is_failed, is_failed | (remaining >= cap)))
    return _Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _deal(lives: int, failed: Sequence[int], folds: int, random: np.random.Generator) -> Integers:
    """Deal failed and other lives over the folds, evenly."""
    fold = np.empty(lives, np.int64)
    for group in (np.array(failed, np.int64), np.setdiff1d(np.arange(lives), failed)):
        fold[random.permutation(group)] = np.arange(len(group)) % folds
    return fold


def _fit_member(
    lives: Sequence[FleetLife],
    sensors: Sequence[str],
    rows: _Rows,
    fold: Integers,
    held: int,
    cap: float,
    interval: float,
    failed: int,
    seed: int,
    target: Vector,
) -> Member:
    """Fit the member that has not seen the lives of fold `held`, and fill in what it says of them."""
    own = [life for life, its in zip(lives, fold, strict=True) if its != held]
    remaining = [life.ended_at - life.life_time + (0.0 if life.ended_by == "failure" else np.nan) for life in own]
    settings, values = (np.concatenate([getattr(life, name) for life in own]) for name in ("settings", "values"))
    channels = learn_channels(settings, values, np.concatenate(remaining), cap, sensors)
    columns = _columns(lives, channels, interval, rows)
    is_own = (fold[rows.life] != held) & rows.is_usable
    names = Memory(channels.names, interval).columns
    booster = _fit(columns[is_own], to_target(rows.remaining[is_own], cap), names, failed, seed + held)
    member = Member(channels, names, booster.model_to_string())
    is_held = fold[rows.life] == held
    target[is_held] = member.target(columns[is_held])
    return member


def _columns(lives: Sequence[FleetLife], channels: Channels, interval: float, rows: _Rows) -> NDArray[np.float32]:
    memory = Memory(channels.names, interval)
    parts = []
    for index, life in enumerate(lives):
        made = memory.of(life.life_time, channels.of(life.settings, life.values))
        parts.append(made[rows.record[rows.life == index] - 1])
    return np.concatenate(parts)


def _fit(
    columns: NDArray[np.float32], target: Vector, names: Sequence[str], failed: int, seed: int
) -> lightgbm.Booster:
    parameters = tree_parameters(len(target), failed, seed)
    if failed < MANY_LIVES:
        # Lives that failed are those that did not grow old: few of them must not teach that age is wear.
        is_long = np.array([name == "age" or name.rpartition(".")[2] in LONG_PARTS for name in names])
        columns = np.where(is_long, np.float32(np.nan), columns)
    labels = [f"c{number}" for number in range(len(names))]
    data = lightgbm.Dataset(columns, target, feature_name=labels, params=parameters)
    return lightgbm.train(parameters, data, num_boost_round=TREES)


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


def _calibration(said: Vector, remaining: Vector, life: Integers, cap: float) -> Calibration:
    telling = remaining <= TELLING * cap
    truth = to_target(remaining[telling], cap)
    return calibrate(said[telling], truth, life[telling], most_bands=BANDS, each_band_holds=True)


def _cross_calibrated(
    said: Vector, remaining: Vector, life: Integers, fold: Integers, cap: float
) -> tuple[Vector, Vector]:
    lower, upper = np.empty(len(said)), np.empty(len(said))
    for held in np.unique(fold[life]):
        is_held = fold[life] == held
        calibration = _calibration(said[~is_held], remaining[~is_held], life[~is_held], cap)
        lower[is_held], upper[is_held] = calibration.interval(said[is_held])
    return lower, upper


def _metrics(seen: OutOfFold, model: FleetModel) -> dict[str, Any]:
    actual = np.minimum(seen.actual, model.cap)
    return {
        "lives": len(np.unique(seen.life)),
        "rows": len(actual),
        "rmse": float(np.sqrt(np.mean((seen.predicted - actual) ** 2))),
        "bias": float(np.mean(seen.predicted - actual)),
        "level": model.calibration.level,
        "coverage": float(np.mean((seen.lower <= actual) & (actual <= seen.upper))),
        "mean_width": float(np.mean(seen.upper - seen.lower)),
    }


def _describe(lives: Sequence[FleetLife], failed: Sequence[int], seed: int) -> dict[str, Any]:
    return {
        "lives": len(lives),
        "failed_lives": len(failed),
        "records": sum(len(life.life_time) for life in lives),
        "machines": sorted({life.machine for life in lives}),
        "seed": seed,
    }
