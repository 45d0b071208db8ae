"""Detection of change on SKAB, against Hotelling's T-squared and an isolation forest: JSON lines, then a table.

Run it as `PDM_DATA=... python -m benchmarks.detection`; the forest takes part where scikit-learn is installed (`make
peers`). All learn from the first 400 rows of each file (SKAB's protocol) and evaluate every row by its label, without
point adjustment; the learning rows are evaluated too, as on SKAB's leaderboard, and excluded in the last two columns.
The first method is the service's assessment (`pdm.health.assess`), each recording as a machine with eight scalar
points, at its two default levels. `chosen` rows take each file's setting from the other files alone.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pdm.health.assess import assess, initial_state
from pdm.health.detection.state_detection import WARNING_SEVERITY
from pdm.health.detection.symptoms import LEAST_SEVERITY
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.units import si_conversion

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Detector = Callable[[Floats], Flags]

LEARNING_ROWS = 400
GROUPS = ("valve1", "valve2", "other")
SIGNALS = slice(1, 9)
CHANNELS = (
    ("accelerometer-1", "acceleration", "g"),
    ("accelerometer-2", "acceleration", "g"),
    ("current", "current", "A"),
    ("pressure", "pressure", "bar"),
    ("temperature", "temperature", "degC"),
    ("thermocouple", "temperature", "degC"),
    ("voltage", "voltage", "V"),
    ("flow", "flow", "l/min"),
)
BEGUN = datetime(2020, 1, 1, tzinfo=UTC)
LABEL = 9


def read_recordings(folder: Path) -> dict[str, tuple[Floats, Flags]]:
    """Return signals (n, 8) and labels (n,) of every labelled file."""
    recordings = {}
    for path in sorted(path for group in GROUPS for path in (folder / group).glob("*.csv")):
        with path.open(newline="") as lines:
            rows = list(csv.reader(lines, delimiter=";"))[1:]
        signals = np.array([[float(value) for value in row[SIGNALS]] for row in rows])
        recordings[f"{path.parent.name}/{path.stem}"] = signals, np.array([float(row[LABEL]) > 0 for row in rows])
    return recordings


def rig() -> Machine:
    """Return SKAB's test rig as a registered machine: eight scalar points on a pump."""
    points = (MeasurementPoint(key, quantity, unit, None, None, "pump") for key, quantity, unit in CHANNELS)
    return Machine(
        key="rig",
        line="rig",
        site="skab",
        baseline_acquisitions=LEARNING_ROWS,
        components=(Component("pump", ComponentKind.SHAFT),),
        points=tuple(points),
    )


def severities(signals: Floats) -> Floats:
    """Return the severity (n,) from the service's assessment, row by row; 0 while it learns."""
    machine = rig()
    conversions = [(key, *si_conversion(quantity, unit)) for key, quantity, unit in CHANNELS]
    state, found = initial_state(machine), []
    for place, row in enumerate(signals.tolist()):
        scalars = {key: factor * value + offset for (key, factor, offset), value in zip(conversions, row, strict=True)}
        state, assessment = assess(machine, state, Snapshot(BEGUN + timedelta(seconds=place), scalars=scalars))
        found.append(assessment.evidence["severity"] or 0.0)
    return np.array(found)


def service_runs(recordings: Mapping[str, tuple[Floats, Flags]]) -> dict[str, dict[str, Flags]]:
    """Return the detections of `pdm.health.assess` at its two levels: symptom, and warning."""
    known = {name: severities(signals) for name, (signals, _) in recordings.items()}
    levels = {"a symptom is named": LEAST_SEVERITY, "health below 0.6": WARNING_SEVERITY}
    return {
        f"{meaning} (severity {level:g})": {name: severity >= level for name, severity in known.items()}
        for meaning, level in levels.items()
    }


def t_squared_detector(confidence: float) -> Detector:
    """Return Hotelling's T-squared of single rows, with its limit for new rows (Montgomery 2013, 11.3)."""

    def detect(signals: Floats) -> Flags:
        learning = signals[:LEARNING_ROWS]
        count, size = learning.shape
        change = signals - learning.mean(axis=0)
        distance = np.einsum("ij,jk,ik->i", change, np.linalg.pinv(np.cov(learning.T)), change)
        factor = size * (count + 1) * (count - 1) / (count * (count - size))
        return np.asarray(distance > factor * stats.f.ppf(confidence, size, count - size))

    return detect


def forest_detector(contamination: float) -> Detector:
    """Return an isolation forest of scikit-learn."""
    from sklearn.ensemble import IsolationForest

    def detect(signals: Floats) -> Flags:
        forest = IsolationForest(contamination=contamination, random_state=0).fit(signals[:LEARNING_ROWS])
        return np.asarray(forest.predict(signals) < 0)

    return detect


def settings() -> dict[str, dict[str, Detector]]:
    """Return the compared settings of each method; the first is its default."""
    methods: dict[str, dict[str, Detector]] = {
        "T-squared": {f"confidence {q:g}": t_squared_detector(q) for q in (0.99, 0.995, 0.999, 0.9999)},
    }
    try:
        methods["isolation forest"] = {f"contamination {c:g}": forest_detector(c) for c in (0.005, 0.01, 0.05, 0.1)}
    except ImportError:
        sys.stderr.write("without scikit-learn the isolation forest is left out\n")
    return methods


def score(found: Mapping[str, Flags], truth: Mapping[str, Flags], *, skip: int = 0) -> tuple[float, float, float]:
    """Return F1, false-alarm rate and missed-alarm rate, over the rows of all files together."""
    flags = np.concatenate([found[name][skip:] for name in truth])
    labels = np.concatenate([label[skip:] for label in truth.values()])
    hits, false, missed = (int(np.sum(x)) for x in (flags & labels, flags & ~labels, ~flags & labels))
    return 2 * hits / (2 * hits + false + missed), false / int(np.sum(~labels)), missed / (hits + missed)


def choose_from_others(runs: Mapping[str, Mapping[str, Flags]], truth: Mapping[str, Flags]) -> dict[str, Flags]:
    """Return for each file the detections of the setting with the best F1 on the other files."""
    chosen = {}
    for name in truth:
        others = {other: label for other, label in truth.items() if other != name}
        best = max(runs, key=lambda setting: score(runs[setting], others)[0])
        chosen[name] = runs[best][name]
    return chosen


def main() -> None:
    """Print a JSON line for each method and setting, then the table."""
    recordings = read_recordings(Path(os.environ["PDM_DATA"]) / "skab")
    truth = {name: label for name, (_, label) in recordings.items()}
    lines = []
    methods = {"pdm.health.assess": service_runs(recordings)}
    for method, detectors in settings().items():
        methods[method] = {
            s: {n: detect(signals) for n, (signals, _) in recordings.items()} for s, detect in detectors.items()
        }
    for method, runs in methods.items():
        for setting, found in [*runs.items(), ("chosen from the other files", choose_from_others(runs, truth))]:
            lines.append((method, setting, *score(found, truth), *score(found, truth, skip=LEARNING_ROWS)[:2]))
    keys = ("method", "setting", "f1", "false_alarms", "missed", "f1_after_learning", "false_alarms_after_learning")
    for line in lines:
        print(json.dumps(dict(zip(keys, line, strict=True))))
    print("| method | setting | F1 | false alarms | missed | F1 after learning | false alarms after learning |")
    print("|---|---|---|---|---|---|---|")
    for method, setting, *values in lines:
        print(f"| {method} | {setting} | " + " | ".join(f"{value:.3f}" for value in values) + " |")


if __name__ == "__main__":
    main()
