"""Published benchmarks of remaining-life prediction, with the training recipe of the service."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pdm.errors import InvalidInputError
from pdm.ingest.cmapss import SENSORS, Engine, read_engines, read_remaining
from pdm.prognosis.evaluation.fleet_evaluation import (
    AlertRule,
    alpha_lambda,
    describe_alerts,
    describe_errors,
    describe_out_of_fold,
)
from pdm.prognosis.evaluation.performance import describe_over_life
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.training.train import FleetLife, OutOfFold, train_fleet
from pdm.replay.evaluate_lives import draw, predictions_of

CAP = 125.0  # cycles; the label convention of nearly all published results
ALERT = AlertRule(threshold=30.0, needless=60.0)
LEFT = (10.0, 25.0, 50.0)  # remaining cycles at which alpha-lambda is reported


def evaluate_cmapss(
    folder: Path,
    subset: str,
    *,
    predictions: Path | None = None,
    plots: Path | None = None,
    kind: str = "png",
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """Train on `train_<subset>.txt`, predict `test_<subset>.txt`, and report the metrics.

    Out-of-fold figures are from training engines alone. Test figures are added if the test file exists, errors if
    `RUL_<subset>.txt` exists too, under both label conventions: remaining life capped at 125 cycles, and as published.

    Parameters
    ----------
    folder : Path
    subset : str
        FD001 to FD004, or another name in the file names.
    predictions : Path, optional
        CSV file for the predictions of each test engine; without a test file, the out-of-fold predictions of the
        training engines' rows.
    plots : Path, optional
        Folder for plots of the out-of-fold predictions.
    kind : 'png' or 'svg'
    seed : int
    progress : callable, optional
        Called with the stage and the completed share.

    Raises
    ------
    InvalidInputError
        The training file is missing, or a file is not C-MAPSS.
    """
    train, test, truth = (folder / f"{kind}_{subset}.txt" for kind in ("train", "test", "RUL"))
    if not train.is_file():
        raise InvalidInputError(f"{train} is missing", field="path")
    engines = read_engines(train)
    started = time.process_time()
    lives = [FleetLife(str(e.unit), e.cycle, e.settings, e.sensors, "failure", float(e.cycle[-1])) for e in engines]
    model, seen = train_fleet(lives, SENSORS, cap=CAP, seed=seed, progress=progress)
    report: dict[str, Any] = {
        "subset": subset,
        "cap": CAP,
        "seed": seed,
        "train_engines": len(engines),
        "regimes": model.ensembles[0].channels.regimes.count,
        "channels": list(model.ensembles[0].channels.names),
        "train_cpu_s": round(time.process_time() - started, 2),
        "model_bytes": len(model.to_bytes()),
        "out_of_fold": _out_of_fold(seen),
        "test": None,
    }
    out_of_fold = predictions_of(seen, lives, CAP, model.calibration.level)
    report["over_life"] = describe_over_life(out_of_fold.capped(CAP))
    if plots is not None:
        names = [f"engine {lives[life].machine}" for life in out_of_fold.unit.tolist()]
        report["plots"] = [str(each) for each in draw(out_of_fold, names, CAP, plots, kind, time_unit="cycles")]
    rows = _out_of_fold_rows(seen, engines)
    if test.is_file():
        tested = read_engines(test)
        remaining = read_remaining(truth, len(tested)) if truth.is_file() else None
        rows, report["test"] = _test(model, tested, remaining)
    if predictions is not None:
        _write(predictions, rows)
        report["predictions"] = str(predictions)
    return report


def evaluation_text(report: dict[str, Any]) -> str:
    """Return the report as lines for a terminal."""
    out, interval, alerts = (report["out_of_fold"], *(report["out_of_fold"][k] for k in ("interval", "alerts")))
    lines = [
        f"{report['subset']}: {report['train_engines']} training engines, {report['regimes']} regime(s), trained in "
        f"{report['train_cpu_s']} CPU s",
        f"out of fold, capped at {report['cap']:g}: RMSE {_with_ends(out, 'rmse')} over {out['rows']} rows",
        f"  90 % intervals: coverage {interval['coverage']:.3f}, mean width {interval['mean_width']:.1f} cycles",
        f"  within 20 % at 10 cycles to go: {out['alpha_lambda_20']['10']:.0%} of engines",
        f"  alerts at {alerts['threshold']:g} cycles: {alerts['missed_failures']} missed, {alerts['needless_calls']} "
        f"needless, notice p5 {alerts['lead_p5_p50_p95'][0]:.0f} cycles",
    ]
    if report["test"] is None:
        lines.append("no test file")
    for name, figures in ((report["test"] or {}).get("errors") or {}).items():
        lines.append(f"test, labels {name}: RMSE {_with_ends(figures, 'rmse')}, score {_with_ends(figures, 'score')}")
    return "\n".join(lines)


def _with_ends(figures: dict[str, Any], name: str) -> str:
    low, high = figures[f"{name}_95"]
    return f"{figures[name]:.2f} ({low:.2f}-{high:.2f})"


def _out_of_fold(seen: OutOfFold) -> dict[str, Any]:
    return {
        "labels": f"capped at {CAP:g}",
        **describe_out_of_fold(seen, CAP),
        "alpha_lambda_20": {f"{left:g}": alpha_lambda(seen, left) for left in LEFT},
        "alerts": describe_alerts(seen, ALERT),
    }


def _test(
    model: FleetModel, engines: Sequence[Engine], remaining: np.ndarray[Any, np.dtype[np.float64]] | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    predicted = [[part[-1] for part in model.predict(e.cycle, e.settings, e.sensors)] for e in engines]
    middle, lower, upper = np.array(predicted).T
    rows = [
        {"unit": e.unit, "cycle": int(e.cycle[-1]), "rul": m, "rul_lower": low, "rul_upper": None if up != up else up}
        for e, m, low, up in zip(engines, middle.tolist(), lower.tolist(), upper.tolist(), strict=True)
    ]
    report: dict[str, Any] = {"engines": len(engines), "errors": None}
    if remaining is not None:
        for row, actual in zip(rows, remaining.tolist(), strict=True):
            row["actual"] = actual
        capped = np.minimum(remaining, CAP)
        is_covered = (lower <= capped) & ~(upper < capped)
        report["errors"] = {
            f"capped at {CAP:g}": describe_errors(middle, capped),
            "uncapped": describe_errors(middle, remaining),
        }
        report["interval"] = {
            "coverage": float(is_covered.mean()),
            "mean_width": float(np.mean(np.where(np.isnan(upper), CAP, upper) - lower)),
        }
    return rows, report


def _out_of_fold_rows(seen: OutOfFold, engines: Sequence[Engine]) -> list[dict[str, Any]]:
    columns = zip(*(getattr(seen, name).tolist() for name in seen.__dataclass_fields__), strict=True)
    return [
        {
            "unit": engines[life].unit,
            "cycle": record,
            "rul": middle,
            "rul_lower": lower,
            "rul_upper": None if upper >= CAP else upper,
            "actual": actual,
        }
        for life, record, actual, middle, lower, upper in columns
    ]


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
