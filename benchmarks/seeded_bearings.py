"""Diagnosis of the seeded bearings of CWRU: one setting for all files, with geometry, speed and sampling rate only.

Recordings: CWRU Bearing Data Center; assessment of their diagnosability: W. A. Smith, R. B. Randall, MSSP 64-65
(2015).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from pdm.health.diagnosis.diagnose import diagnose
from pdm.health.diagnosis.model import Fault, RecordedChannel, Recording, Verdict
from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.units import STANDARD_GRAVITY
from pdm.measurements import OperatingContext

AT = datetime(2026, 1, 1, tzinfo=UTC)
SEEDED = {
    "IR": Fault.BEARING_INNER_RACE,
    "OR": Fault.BEARING_OUTER_RACE,
    "B": Fault.BEARING_ROLLING_ELEMENT,
}
NOMINAL_RPM = {0: 1797.0, 1: 1772.0, 2: 1750.0, 3: 1730.0}
"""CWRU's speeds by load [hp], for files without a stated speed."""
HEALTHY_PARTS = 10
DRIVE_END = MeasurementPoint("drive-end", "acceleration", "g", None, "radial", "drive-end-bearing")
CWRU = Machine(
    key="cwru",
    line="rig",
    site="cwru",
    components=(
        Component(
            "drive-end-bearing",
            ComponentKind.BEARING,
            BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0, "SKF 6205-2RS, CWRU Bearing Data Center"),
        ),
    ),
    points=(DRIVE_END,),
)
FAN_END = MeasurementPoint("fan-end", "acceleration", "g", None, "radial", "fan-end-bearing")
BOTH_ENDS = replace(
    CWRU,
    rated_speed=1770 / 60,
    supply_frequency=60.0,
    pole_pairs=2,
    components=(
        *CWRU.components,
        Component(
            "fan-end-bearing",
            ComponentKind.BEARING,
            BearingGeometry(8, 6.75e-3, 28.5e-3, 0.0, "SKF 6203-2RS, CWRU Bearing Data Center"),
        ),
    ),
    points=(DRIVE_END, FAN_END),
)


def _files(folder: Path) -> Iterator[tuple[str, Fault | None, Any]]:
    with (folder / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        yield row["name"], SEEDED.get(row["fault"]), np.load(folder / f"{row['name']}.npz")


def _acceleration(held: Any, end: str) -> Any:
    return (held[end] * (float(held[f"{end}_lsb"]) * STANDARD_GRAVITY)).astype(np.float32)


def _speed(held: Any) -> float:
    stated = float(held["rpm"])
    return (NOMINAL_RPM[int(held["load_hp"])] if np.isnan(stated) else stated) / 60


def cwru_recordings(folder: Path) -> Iterator[tuple[str, Fault | None, Recording]]:
    """Yield name, fault and recording of each file, the healthy one also in ten segments."""
    for name, truth, held in _files(folder):
        samples, speed = _acceleration(held, "DE"), _speed(held)
        parts = [samples]
        if truth is None:
            parts += list(samples[: len(samples) // HEALTHY_PARTS * HEALTHY_PARTS].reshape(HEALTHY_PARTS, -1))
        for part in parts:
            channel = RecordedChannel(DRIVE_END, part, float(held["fs"]))
            yield name, truth, Recording(AT, (channel,), OperatingContext(speed=speed))


def judge_cwru(folder: Path) -> dict[str, Any]:
    """Diagnose every recording with one setting; count first-ranked and supported faults."""
    ranked, supported, wrong, healthy = Counter[str](), Counter[str](), [], 0
    files = Counter[str]()
    print(f"{'recording':<34} {'truth':<24} {'verdict':<10} first (score, confidence)")
    for name, truth, recording in cwru_recordings(folder):
        answer = diagnose(CWRU, [recording])
        first = next(each for each in answer.findings if each.fault.value.startswith("bearing"))
        claimed = [each.fault for each in answer.findings if each.verdict is Verdict.SUPPORTED]
        label = "healthy" if truth is None else truth.value
        print(f"{name:<34} {label:<24} {answer.verdict:<10} {first.fault} {first.score:.1f} {first.confidence:.2f}")
        files[label] += 1
        ranked[label] += truth is not None and first.fault is truth
        supported[label] += truth in claimed
        if any(each is not truth for each in claimed):
            healthy += truth is None
            wrong += [name]
    return {
        "files": dict(files),
        "ranked_first_right": dict(ranked),
        "supported_right": dict(supported),
        "supported_wrong": wrong,
        "supported_healthy": healthy,
    }


def judge_both_ends(folder: Path) -> dict[str, Any]:
    """Diagnose the files with both ends recorded, without their speed: identify fault, end and speed."""
    files, located, misplaced, errors = 0, 0, [], []
    for name, truth, held in _files(folder):
        if "FE" not in held:
            continue
        rate, files = float(held["fs"]), files + 1
        channels = tuple(
            RecordedChannel(where, _acceleration(held, end), rate)
            for where, end in ((DRIVE_END, "DE"), (FAN_END, "FE"))
        )
        answer = diagnose(BOTH_ENDS, [Recording(AT, channels)])
        claimed = [(each.fault, each.component) for each in answer.findings if each.verdict is Verdict.SUPPORTED]
        located += (truth, "drive-end-bearing") in claimed
        misplaced += [name for each in claimed if each != (truth, "drive-end-bearing")]
        errors.append(abs((answer.speed or 0.0) / _speed(held) - 1.0))
    print(f"both ends, speed not told: {located} of {files} located, {len(misplaced)} misplaced")
    return {
        "files": files,
        "located": located,
        "misplaced": misplaced,
        "largest_error_of_speed": round(max(errors), 5),
    }
