"""`pdm evaluate lives`: a user's own lives in, every figure out, and what cannot be used refused by name."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import norm
from typer.testing import CliRunner

from pdm.cli.app import app
from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.evaluation.performance import (
    PredictionSet,
    calibration_curve,
    describe_errors,
    describe_interval,
    describe_notice,
    describe_over_life,
    describe_predictions,
    spread,
)
from pdm.replay.evaluate_lives import evaluate_lives, read_lives


def table(lives=8, seed=0, **other):
    random = np.random.default_rng(seed)
    columns = {"machine": [], "time": [], "ended_by": [], "setting_load": [], "wear": [], "noise": []}
    for number in range(lives):
        length = int(random.integers(80, 140))
        share = np.arange(length) / (length - 1)
        columns["machine"] += [f"m{number}"] * length
        columns["time"] += np.arange(length, dtype=float).tolist()
        columns["ended_by"] += ["censored" if number == 0 else "failure"] * length
        columns["setting_load"] += [1.0] * length
        columns["wear"] += (share**3 + random.normal(0, 0.02, length)).tolist()
        columns["noise"] += random.normal(0, 1, length).tolist()
    return {**columns, **other}


def write(path: Path, columns) -> Path:
    pq.write_table(pa.table({name: values for name, values in columns.items() if values is not None}), path)
    return path


def test_every_figure_comes_out_with_its_interval_and_pictures_are_drawn(tmp_path):
    file = write(tmp_path / "lives.parquet", table())
    done = CliRunner().invoke(app, ["evaluate", "lives", str(file), "--plots", str(tmp_path / "p"), "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["lives"], report["failed_lives"]) == (8, 7)
    assert report["sensors"] == ["wear", "noise"]
    assert report["skill"] > 0
    assert report["by_age_alone"]["weibull_shape"] > 1
    capped = report[f"capped at {report['cap']:g}"]
    for figures, names in (
        (capped, ("rmse", "mae", "bias", "nasa_score_a_row", "crps")),
        (report["interval"], ("coverage", "width")),
        (report["over_life"], ("prognostic_horizon_median", "cumulative_relative_accuracy")),
        (report["alerts"], ("lead_p5", "lead_p50", "lead_p95")),
    ):
        for name in names:
            low, high = figures[name]["interval_95"]
            assert low <= figures[name]["value"] <= high, name
    assert capped["crps"]["value"] < capped["mae"]["value"]
    assert {Path(each).name for each in report["plots"]} == {"told.png", "alpha_lambda.png", "calibration.png"}
    plain = CliRunner().invoke(app, ["evaluate", "lives", str(file), "--plots", str(tmp_path / "p"), "--svg"])
    assert "7 failed" in plain.stdout
    assert (tmp_path / "p" / "told.svg").read_text().startswith("<?xml")


def test_timestamps_several_lives_of_a_machine_and_missing_values_are_read(tmp_path):
    columns = table(4)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    columns["life"] = columns["machine"]
    columns["machine"] = ["pump"] * len(columns["time"])
    columns["ended_at"] = [begun + timedelta(hours=1000)] * len(columns["time"])
    columns["time"] = [begun + timedelta(hours=hour) for hour in columns["time"]]
    columns["wear"][3] = None
    lives, sensors = read_lives(write(tmp_path / "a.parquet", columns))
    assert [life.machine for life in lives] == ["pump#m0", "pump#m1", "pump#m2", "pump#m3"]
    assert np.diff(lives[0].life_time) == pytest.approx(1.0)
    assert lives[0].ended_at - lives[0].life_time[0] == pytest.approx(1000.0)
    assert np.isnan(lives[0].values[3, sensors.index("wear")])
    assert lives[0].settings.shape[1] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ended_by": None}, "no column ended_by"),
        ({"wear": None, "noise": None}, "no sensor column"),
        ({"wear": "text"}, "column wear is string, not a number"),
        ({"time": "null"}, "column time has 1 nulls"),
        ({"ended_by": "other"}, "ended_by is 'scrapped'"),
        ({"ended_by": "mixed"}, "m0: ended_by must be constant"),
        ({"time": "back"}, "m0: life time decreases"),
        ({"time": "repeated"}, "m0: life time decreases, repeats"),
    ],
)
def test_files_that_cannot_be_used_are_refused_by_column_and_life(tmp_path, change, message):
    columns = table(6)
    count = len(columns["time"])
    made = {
        "text": ["high"] * count,
        "null": [None, *columns["time"][1:]],
        "other": ["scrapped"] * count,
        "mixed": ["failure", *columns["ended_by"][1:]],
        "back": [50.0, *columns["time"][1:]],
        "repeated": [1.0, *columns["time"][1:]],
    }
    columns |= {name: made.get(kind) if kind else None for name, kind in change.items()}
    with pytest.raises(InvalidInputError, match=message):
        evaluate_lives(write(tmp_path / "bad.parquet", columns))


def test_too_few_failures_empty_files_and_files_of_another_kind_are_refused(tmp_path):
    with pytest.raises(RefusalError, match="3 run-to-failure"):
        evaluate_lives(write(tmp_path / "few.parquet", table(4)))
    with pytest.raises(InvalidInputError, match="no rows"):
        read_lives(write(tmp_path / "empty.parquet", {name: [] for name in table(1)}))
    (tmp_path / "text.parquet").write_text("machine,time\n")
    with pytest.raises(InvalidInputError, match=r"text\.parquet cannot be read"):
        read_lives(tmp_path / "text.parquet")


def predictions(units=200, rows=100, error=10.0, reach=1.0, seed=0, level=0.9):
    """Told rows with normal errors and intervals of `reach` times what would be right."""
    random = np.random.default_rng(seed)
    actual = np.tile(np.arange(rows, 0, -1.0), units)
    middle = actual + random.normal(0, error, len(actual))
    half = reach * error * norm.ppf(0.5 + level / 2)
    age = np.tile(np.arange(rows, dtype=float), units)
    return PredictionSet(np.repeat(np.arange(units), rows), age, actual, middle, middle - half, middle + half, level)


def test_errors_coverage_and_crps_are_those_of_the_normal_distribution():
    made = predictions()
    figures = describe_errors(made)
    assert figures["rmse"]["value"] == pytest.approx(10.0, rel=0.02)
    assert figures["mae"]["value"] == pytest.approx(10.0 * np.sqrt(2 / np.pi), rel=0.02)
    assert figures["crps"]["value"] == pytest.approx(10.0 / np.sqrt(np.pi), rel=0.02)
    interval = describe_interval(made, 1e3)
    assert interval["coverage"]["value"] == pytest.approx(0.9, abs=0.01)
    assert interval["width"]["value"] == pytest.approx(2 * 10.0 * norm.ppf(0.95))


def test_quantiles_and_calibration_come_right_although_the_intervals_are_half_as_wide_as_they_should_be():
    made = predictions(reach=0.5)
    assert describe_interval(made, 1e3)["coverage"]["value"] < 0.65
    for level, share in calibration_curve(made):
        assert share == pytest.approx(level, abs=0.02)
    quantiles = spread(made)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    below = (made.actual[:, None] <= quantiles).mean(axis=0)
    assert below == pytest.approx((np.arange(20) + 0.5) / 20, abs=0.02)


def test_figures_over_a_life_are_those_of_their_definitions():
    actual = np.arange(100.0, 0.0, -1.0)
    unit, age = np.zeros(100, np.int64), np.arange(100.0)
    made = PredictionSet(unit, age, actual, 1.1 * actual, 0.9 * actual, 1.2 * actual, 0.9)
    over = describe_over_life(made)
    assert over["cumulative_relative_accuracy"]["value"] == pytest.approx(0.9)
    assert [over["alpha_lambda"][key]["value"] for key in ("0.25", "0.5", "0.75", "0.9")] == [1.0] * 4
    assert over["prognostic_horizon_median"]["value"] == 100.0
    late = PredictionSet(unit, age, actual, 1.3 * actual, 0.9 * actual, 1.5 * actual, 0.9)
    over = describe_over_life(late)
    assert over["alpha_lambda"]["0.5"]["value"] == 0.0
    assert over["prognostic_horizon_median"]["value"] == 33.0  # 0.3 of 33 is just within 0.1 of 100


def test_notice_counts_misses_and_needless_alerts():
    actual = np.tile(np.arange(99.0, -1.0, -1.0), 3)
    unit, age = np.repeat(np.arange(3), 100), np.tile(np.arange(100.0), 3)
    middle = actual + np.repeat([5.0, -50.0, 40.0], 100)
    found = describe_notice(PredictionSet(unit, age, actual, middle, middle, middle, 0.9), 30.0)
    assert (found["missed_failures"], found["needless_alerts"]) == (1, 1)
    assert found["lead_p50"]["value"] == 25.0
    assert found["needless_per_1000_time_units"] == pytest.approx(1000 / 297)


def test_the_two_label_conventions_differ_by_what_lies_beyond_the_cap():
    report = describe_predictions(predictions(20), 60.0, threshold=10.0)
    assert report["uncapped"]["rmse"]["value"] == pytest.approx(10.0, rel=0.05)
    assert report["capped at 60"]["rmse"]["value"] > 15.0


def test_predictions_must_be_complete():
    one = np.ones(3)
    with pytest.raises(InvalidInputError, match="different length"):
        PredictionSet(np.zeros(2, np.int64), one, one, one, one, one, 0.9)
    with pytest.raises(InvalidInputError, match="not finite"):
        PredictionSet(np.zeros(3, np.int64), one, one, one * np.nan, one, one, 0.9)
    with pytest.raises(InvalidInputError, match="one unit alone"):
        spread(PredictionSet(np.zeros(3, np.int64), one, one, one, one, one, 0.9))
