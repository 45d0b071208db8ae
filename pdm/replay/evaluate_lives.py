"""Evaluate the training recipe on a user's lives from a Parquet file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.evaluation.performance import ALPHA, PredictionSet, calibration_curve, describe_predictions
from pdm.prognosis.model.fleet_model import AT_CAP, to_remaining
from pdm.prognosis.model.lives import FleetLife
from pdm.prognosis.statistics.weibull import fit_weibull
from pdm.prognosis.training.train import train_fleet
from pdm.prognosis.training.validation import OutOfFold
from pdm.replay.evaluation_plots import plot_alpha_lambda, plot_calibration, plot_predictions

REQUIRED = ("machine", "time", "ended_by")
ENDS = ("failure", "replacement", "censored")
SETTING = "setting_"
_RESERVED = (*REQUIRED, "life", "ended_at")
_THRESHOLD_SHARE = 0.25  # of the cap: default threshold of the alert

Vector = NDArray[np.float64]


def read_lives(path: Path) -> tuple[list[FleetLife], tuple[str, ...]]:
    """Read lives from a Parquet file: one row per record.

    Columns: `machine` (text), `time` (number in any unit, or timestamp, read in hours), `ended_by` ('failure',
    'replacement' or 'censored', the same over a life); optionally `life` (number or text, if a machine has several
    lives) and `ended_at` (as `time`; the last record's time if absent). Columns whose names begin with `setting_` are
    operating settings; every other column is a sensor and must be a number, null where missing.

    Returns
    -------
    lives : list of FleetLife
    sensors : tuple of str

    Raises
    ------
    InvalidInputError
        The file cannot be read, a column is missing, of another type or contradicts itself; the message names
        the column and the life.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInputError(f"{path.name} cannot be read as Parquet: {error}", field="path") from error
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise InvalidInputError(
            f"{path.name} has no column {', '.join(missing)}; it needs {', '.join(REQUIRED)} and sensors", field="path"
        )
    if not table.num_rows:
        raise InvalidInputError(f"{path.name} has no rows", field="path")
    settings = tuple(name for name in table.column_names if name.startswith(SETTING))
    sensors = tuple(name for name in table.column_names if name not in (*_RESERVED, *settings))
    if not sensors:
        raise InvalidInputError(f"{path.name} has no sensor column", field="path")
    own = _texts(table, "machine")
    if "life" in table.column_names:
        own = [f"{machine}#{life}" for machine, life in zip(own, _texts(table, "life"), strict=True)]
    time = _numbers(table, "time")
    ended_at = _numbers(table, "ended_at") if "ended_at" in table.column_names else None
    ended_by = np.array(_texts(table, "ended_by"))
    values = np.column_stack([_numbers(table, name) for name in sensors])
    chosen = np.column_stack([_numbers(table, name) for name in settings]) if settings else np.empty((len(time), 0))
    lives = []
    names = np.array(own)
    for name in dict.fromkeys(own):
        rows = names == name
        end = _one(ended_at[rows], name, "ended_at") if ended_at is not None else float(time[rows][-1])
        kind = str(_one(ended_by[rows], name, "ended_by"))
        if kind not in ENDS:
            raise InvalidInputError(f"{name}: ended_by is {kind!r}; allowed: {', '.join(ENDS)}", field="ended_by")
        lives.append(FleetLife(name, time[rows], chosen[rows], values[rows], kind, float(end)))
    return lives, sensors


def evaluate_lives(
    path: Path,
    *,
    cap: float | None = None,
    threshold: float | None = None,
    seed: int = 0,
    plots: Path | None = None,
    kind: str = "png",
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """Train on grouped folds of the lives in a file and report the metrics of the held-out lives.

    Parameters
    ----------
    path : Path
        A file as for `read_lives`.
    cap : float, optional
        Remaining life beyond which lives are not distinguished [unit of `time`]; half the median life if not given.
    threshold : float, optional
        Remaining life at which an alert is raised; a quarter of the cap if not given.
    plots : Path, optional
        Folder for plots.
    kind : 'png' or 'svg'

    Raises
    ------
    InvalidInputError
        The file or a life in it cannot be used; the message names it and the reason.
    RefusalError
        Fewer than four lives failed, or no sensor varies.
    """
    lives, sensors = read_lives(path)
    model, seen = train_fleet(lives, sensors, cap=cap, seed=seed, progress=progress)
    predictions = predictions_of(seen, lives, model.cap, model.calibration.level)
    report: dict[str, Any] = {
        "file": path.name,
        "lives": len(lives),
        "failed_lives": sum(life.is_failed for life in lives),
        "sensors": list(sensors),
        "skill": model.metrics["skill"],
        "plain_guess_rmse": model.metrics["plain_guess_rmse"],
        "by_age_alone": _by_age_alone(lives),
        **describe_predictions(predictions, model.cap, threshold=threshold or _THRESHOLD_SHARE * model.cap, seed=seed),
    }
    if plots is not None:
        report["plots"] = [
            str(each)
            for each in draw(predictions, [lives[i].machine for i in predictions.unit], model.cap, plots, kind)
        ]
    return report


def predictions_of(seen: OutOfFold, lives: list[FleetLife], cap: float, level: float) -> PredictionSet:
    """Return the out-of-fold predictions with the ages of the lives."""
    age = np.array(
        [
            lives[life].life_time[record - 1] - lives[life].life_time[0]
            for life, record in zip(seen.life.tolist(), seen.record.tolist(), strict=True)
        ]
    )
    is_at_least = seen.upper >= to_remaining(np.array([AT_CAP]), cap)[0]
    upper = np.where(is_at_least, np.inf, seen.upper)
    return PredictionSet(seen.life, age, seen.actual, seen.predicted, seen.lower, upper, level)


def draw(
    predictions: PredictionSet, names: list[str], cap: float, folder: Path, kind: str, time_unit: str = "time"
) -> list[Path]:
    """Plot predictions against the truth, alpha-lambda and calibration; return the files written."""
    shown = predictions.capped(cap)
    written = [
        plot_predictions(
            names, shown.actual, shown.middle, shown.lower, shown.upper, folder, kind, time_unit=time_unit
        ),
        plot_alpha_lambda(shown.actual, shown.middle, cap, folder, kind, alpha=ALPHA, time_unit=time_unit),
    ]
    curve = calibration_curve(shown)
    if curve:
        levels, coverage = zip(*curve, strict=True)
        written.append(plot_calibration(levels, coverage, folder, kind))
    return written


def lives_text(report: dict[str, Any]) -> str:
    """Return the report as text."""
    cap = report["cap"]
    interval, alerts, over = report["interval"], report["alerts"], report["over_life"]
    lines = [
        f"{report['file']}: {report['lives']} lives, {report['failed_lives']} failed, {len(report['sensors'])} sensors",
        f"  {report['skill']:.0%} less error than the better constant estimate" if report["skill"] > 0
        else "  not better than a constant estimate",
    ]  # fmt: skip
    for name in (f"capped at {cap:g}", "uncapped"):
        figures = report[name]
        lines.append(
            f"  labels {name}: " + ", ".join(_figure(figures, key) for key in ("rmse", "crps") if key in figures)
        )
    lines += [
        f"  intervals ({interval['level']:.0%}): {_figure(interval, 'coverage')}, {_figure(interval, 'width')}",
        f"  {_figure(over, 'prognostic_horizon_median')}",
        f"  alerts at {alerts['threshold']:g}: {alerts['missed_failures']} missed, {alerts['needless_alerts']} "
        f"needless, {_figure(alerts, 'lead_p5')}, {_figure(alerts, 'lead_p50')}",
    ]
    return "\n".join(lines)


def _by_age_alone(lives: list[FleetLife]) -> dict[str, Any] | str:
    age = np.array([life.ended_at - life.life_time[0] for life in lives])
    try:
        found = fit_weibull(age, np.array([life.is_failed for life in lives]))
    except (RefusalError, InvalidInputError) as error:
        return error.message
    return {"weibull_shape": found.shape, "shape_90": list(found.shape_90), "weibull_scale": found.scale}


def _figure(figures: dict[str, Any], name: str) -> str:
    low, high = figures[name]["interval_95"]
    return f"{name.replace('_', ' ')} {figures[name]['value']:.4g} (95 %: {low:.4g}-{high:.4g})"


def _texts(table: pa.Table, name: str) -> list[str]:
    column = table.column(name)
    if column.null_count:
        raise InvalidInputError(f"column {name} has {column.null_count} nulls", field=name)
    return [str(value) for value in column.to_pylist()]


def _numbers(table: pa.Table, name: str) -> Vector:
    column = table.column(name)
    if pa.types.is_timestamp(column.type):
        column = pc.divide(pc.cast(pc.cast(column, pa.timestamp("us")), pa.int64()), 3.6e9)
    elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise InvalidInputError(f"column {name} is {column.type}, not a number", field=name)
    if column.null_count and name in _RESERVED:
        raise InvalidInputError(f"column {name} has {column.null_count} nulls", field=name)
    numbers: Vector = pc.cast(column, pa.float64()).to_numpy()
    return numbers


def _one(values: NDArray[Any], life: str, column: str) -> Any:
    if len(set(values.tolist())) != 1:
        raise InvalidInputError(f"{life}: {column} must be constant over the history", field=column)
    return values[0]
