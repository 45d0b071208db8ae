"""Offline evaluation of remaining-life prediction with the stages of the service; one JSON line per figure.

    python -m benchmarks.prognosis pronostia [--path DIR]     each of the six bearings held out in turn
    python -m benchmarks.prognosis twin [--seeds 1 2]         simulated fleets: train on the past, follow the present
    python -m benchmarks.prognosis cmapss [--path DIR]        out-of-fold figures of turbofan fleets, cost, loading
    python -m benchmarks.prognosis speed                      cost of an acquisition, of training and of loading

Default: speed, and the bearings if they are available. Series of indicators are cached in --cache, because features are
the slow part; clear it when features or health change.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import features
from features.catalogue import names
from pdm.health.assess import assess, initial_state
from pdm.health.baseline.indicators import INDICATOR_VERSION, INDICATORS
from pdm.health.snapshot import Snapshot
from pdm.ingest.cmapss import SENSORS, read_engines
from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.work_events import WorkEvent
from pdm.measurements import Acquisition, OperatingContext
from pdm.prognosis.evaluation.fleet_evaluation import alpha_lambda, describe_out_of_fold
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.life_state import advance, begin_life
from pdm.prognosis.predict import LifeStep, prognose_batch
from pdm.prognosis.training.train import FleetLife, train_fleet
from pdm.replay.evaluate import CAP

POINTS_OF_LIFE = (0.5, 0.75, 0.9)
PRONOSTIA_GEOMETRY = BearingGeometry(13, 3.5e-3, 25.6e-3, 0.0, "Nectoux et al. 2012")
STANDARD_GRAVITY = 9.80665  # m/s2, BIPM SI brochure


@dataclass(frozen=True)
class Course:
    """One life: times [s], indicators (n, K), health (NaN where unknown), and how it ended."""

    name: str
    times: NDArray[np.float64]
    indicators: NDArray[np.float32]
    health: NDArray[np.float64]
    ended_by: str
    ended_at_s: float

    def life(self) -> FleetLife:
        """Return the life as input of training."""
        values, settings = self.indicators.astype(np.float64), np.empty((len(self.times), 0))
        return FleetLife(self.name, self.times, settings, values, self.ended_by, self.ended_at_s, INDICATOR_VERSION)


def train(lives: Sequence[FleetLife]) -> FleetModel:
    """Train as in service."""
    return train_fleet(lives, [indicator.name for indicator in INDICATORS], are_relative=True)[0]


def answers(model: FleetModel, course: Course) -> tuple[NDArray[np.float64], ...]:
    """Return the predictions over a life: median, lower and upper ends."""
    life = course.life()
    return model.predict(life.life_time, life.settings, life.values)


def follow(machine: Machine, snapshots: Iterable[Snapshot]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Assess a life from new; return indicators (n, K) and health (n,)."""
    state = initial_state(machine)
    indicators, health = [], []
    for snapshot in snapshots:
        state, assessment = assess(machine, state, snapshot)
        indicators.append(assessment.indicators)
        health.append(np.nan if assessment.health is None else assessment.health)
    return np.array(indicators, np.float32).reshape(-1, len(INDICATORS)), np.array(health)


def pronostia_course(path: Path) -> Course:
    """Read one bearing of the PRONOSTIA learning set, compute its features and assess it."""
    with np.load(path) as stored:
        axes = []
        for axis in "hv":
            counts = stored[axis].astype(np.int32)
            counts.ravel()[stored[f"{axis}_ovf_idx"]] = stored[f"{axis}_ovf_val"]
            axes.append((counts * (1e-3 * STANDARD_GRAVITY)).astype(np.float32))
        speed = int(stored["rpm"]) / 60.0
    points = tuple(MeasurementPoint(key, "acceleration", "g", 25600.0, component="bearing") for key in ("h", "v"))
    bearing = Component("bearing", ComponentKind.BEARING, PRONOSTIA_GEOMETRY)
    machine = Machine(path.stem.lower(), "rig", "femto", rated_speed=speed, components=(bearing,), points=points)
    geometry = features.BearingGeometry(13, 3.5e-3, 25.6e-3, 0.0).orders()
    orders = np.array([geometry.bpfo, geometry.bpfi, geometry.bsf, geometry.ftf])
    tables = [features.extract(x, 25600.0, speed=speed, bearing_orders=orders).values[:, 0] for x in axes]
    begun = datetime(2012, 1, 1, tzinfo=UTC)
    times = 10.0 * np.arange(len(axes[0]))
    indicators, health = follow(
        machine,
        (
            Snapshot(begun + timedelta(seconds=at), OperatingContext(speed), {"h": h, "v": v})
            for at, h, v in zip(times.tolist(), *tables, strict=True)
        ),
    )
    return Course(path.stem, times, indicators, health, "failure", float(times[-1]))


def evaluate_pronostia(folder: Path, cache: Path) -> None:
    """Run leave-one-bearing-out cross-validation and compare with the training lives' median constant."""
    courses = [cached(cache / f"{path.stem}.npz", lambda p=path: [pronostia_course(p)])[0] for path in lives_in(folder)]
    better = np.zeros((len(courses), len(POINTS_OF_LIFE)), bool)
    mean_better = 0
    for row, held in enumerate(courses):
        others = [course.life() for course in courses if course is not held]
        model = train(others)
        middle, lower, upper = answers(model, held)
        actual = held.ended_at_s - held.times
        constant = float(np.median([(1 - p) * life.ended_at for life in others for p in POINTS_OF_LIFE]))
        at = np.searchsorted(held.times, [p * held.ended_at_s for p in POINTS_OF_LIFE])
        error, plain = np.abs(middle[at] - actual[at]), np.abs(constant - actual[at])
        better[row] = error < plain
        mean_better += bool(error.mean() < plain.mean())
        is_known = np.isfinite(held.health)
        highest = np.where(np.isnan(upper), np.inf, upper)
        show(
            figure="pronostia_leave_one_out",
            held=held.name,
            true_rul_s=actual[at].tolist(),
            rul_s=middle[at].round().tolist(),
            lower_s=lower[at].round().tolist(),
            error_s=error.round().tolist(),
            constant_error_s=plain.round().tolist(),
            level=round(model.calibration.level, 3),
            coverage=round(float(np.mean((lower <= actual)[is_known] & (actual <= highest)[is_known])), 3),
            width_share_of_cap=round(float(np.mean(np.fmin(highest, model.cap) - lower)) / model.cap, 3),
            health_at=[round(float(held.health[i]), 2) for i in at],
            skill=round(model.metrics["skill"], 3),
        )
    show(
        figure="pronostia_bearings_better_than_constant",
        points_of_life=POINTS_OF_LIFE,
        bearings=better.sum(axis=0).tolist(),
        mean_over_points=mean_better,
    )


def twin_courses(seed: int) -> list[Course]:
    """Simulate every life of a fleet, compute features and assess; the present life is the last of each machine."""
    from pdm.twin.fleet import demo_fleet

    fleet = demo_fleet(seed, datetime(2026, 11, 1, tzinfo=UTC))
    courses = []
    for machine in fleet.machines:
        gathered: list[Acquisition] = []
        for item in fleet.history(machine.key):
            if isinstance(item, Acquisition):
                gathered.append(item)
            elif gathered and item.kind.value in ("failure", "replacement"):
                courses.append(twin_course(machine, gathered, item))
                gathered = []
        present = list(fleet.present(machine.key))
        failed_at = fleet.truth(machine.key).failed_at
        end = WorkEvent(machine.key, "failure", failed_at) if failed_at else None
        courses.append(twin_course(machine, present, end, present=True))
    return courses


def twin_course(machine: Machine, gathered: list[Acquisition], end: WorkEvent | None, present: bool = False) -> Course:
    """Compute features of one simulated life and assess it."""
    times = np.array([a.measured_at.timestamp() for a in gathered])
    indicators, health = follow(machine, twin_snapshots(machine, gathered))
    ended_at = end.occurred_at.timestamp() if end else float(times[-1])
    kind = str(getattr(end.kind, "value", end.kind)) if end else "censored"
    name = machine.key + (":present" if present else "")
    return Course(name, times, indicators, health, kind, ended_at)


def twin_snapshots(machine: Machine, gathered: list[Acquisition]) -> Iterator[Snapshot]:
    """Compute features of simulated acquisitions as in service."""
    from pdm.service.analysis.feature_extraction import CURRENT_COLUMNS, FeatureChannel, current_rows, vibration_rows

    points = {point.key: (number, point) for number, point in enumerate(machine.points)}
    channels: dict[str, list[FeatureChannel]] = {"acceleration": [], "current": []}
    for a in gathered:
        for w in a.waveforms:
            number, point = points[w.point]
            factor = STANDARD_GRAVITY if point.unit == "g" else 1.0
            samples = (w.samples * np.float32((w.scale or 1.0) * factor)).astype(np.float32)
            channels[point.quantity].append(
                FeatureChannel(number, a.measured_at, point, machine, a.context.speed, samples, w.sampling_rate, None)
            )
    rows = {"acceleration": vibration_rows(channels["acceleration"]), "current": current_rows(channels["current"])}
    found: dict[str, dict[datetime, dict[str, NDArray[np.float32]]]] = {"acceleration": {}, "current": {}}
    keys = [point.key for point in machine.points]
    for quantity, table in rows.items():
        for number, at, values in zip(table.point_ids, table.measured_at, table.values, strict=True):
            found[quantity].setdefault(at, {})[keys[number]] = values
    phase_columns = len(names("current", "channel"))
    for a in gathered:
        current = found["current"].get(a.measured_at, {})
        group = next((v[phase_columns : len(CURRENT_COLUMNS)] for v in current.values()), None)
        yield Snapshot(
            a.measured_at,
            a.context,
            found["acceleration"].get(a.measured_at, {}),
            {key: values[:phase_columns] for key, values in current.items()},
            group,
            {s.point: s.value + 273.15 for s in a.scalars},
        )


def evaluate_twin(seeds: list[int], cache: Path) -> None:
    """Train on a simulated fleet's past and predict its present: notice, and false lower bounds."""
    for seed in seeds:
        courses = cached(cache / f"twin{seed}.npz", lambda s=seed: twin_courses(s))
        past = [course for course in courses if not course.name.endswith(":present")]
        started = time.process_time()
        model = train([course.life() for course in past])
        seconds = time.process_time() - started
        horizon = 5 * 86400.0  # of the simulated machines
        for present in (course for course in courses if course.name.endswith(":present")):
            show(seed=seed, **follow_present(model, present, horizon))
        show(
            figure="twin_validation",
            seed=seed,
            train_cpu_s=round(seconds, 2),
            failed_lives=model.trained_on["failed_lives"],
            lives=model.trained_on["lives"],
            **{key: round(model.metrics[key] / 86400, 2) for key in ("cap", "rmse", "mae", "mean_width")},
            **{key: round(model.metrics[key], 3) for key in ("skill", "level", "coverage")},
        )


def follow_present(model: FleetModel, course: Course, horizon_s: float) -> dict[str, object]:
    """Describe the predictions over a present life [days]."""
    middle, lower, upper = answers(model, course)
    is_known = np.isfinite(course.health)
    is_short = is_known & (lower < horizon_s)
    left = (course.ended_at_s - course.times) / 86400
    failed = course.ended_by == "failure"
    error = np.abs(middle - np.minimum(left * 86400, model.cap))
    is_right = (lower <= left * 86400) & ~(upper < left * 86400)
    return {
        "figure": "twin_present",
        "machine": course.name,
        "fails": failed,
        "share_below_horizon_needlessly": round(
            float(np.mean(is_short[left > 10] if failed else is_short)) if len(left) else 0.0, 3
        ),
        "notice_days": round(float(left[is_short].max()), 1) if failed and is_short.any() else None,
        "smallest_lower_days": round(float(lower[is_known].min()) / 86400, 1) if is_known.any() else None,
        "coverage": round(float(np.mean(is_right[is_known])), 3) if failed else None,
        "mae_days": round(float(np.mean(error)) / 86400, 2) if failed else None,
    }


def measure_speed() -> None:
    """Measure an acquisition's cost in batches of 64, training and loading on 16 synthetic lives."""
    random = np.random.default_rng(0)
    lives = []
    for number in range(16):
        count = int(random.integers(150, 400))
        growth = 20 * np.exp(6 * (np.arange(count) / count - 1))[:, None] * random.uniform(0.2, 1, len(INDICATORS))
        values = (growth + random.normal(0, 1, growth.shape)).astype(np.float32)
        lives.append(Course(f"m{number}", 3600.0 * np.arange(count), values, np.ones(count), "failure", 3600.0 * count))
    started = time.process_time()
    model = train([course.life() for course in lives])
    show(figure="train_cpu_s", lives=16, value=round(time.process_time() - started, 2))
    body = model.to_bytes()
    started = time.perf_counter()
    model = FleetModel.from_bytes(body, sha256=hashlib.sha256(body).digest())
    show(figure="load_ms", value=round(1e3 * (time.perf_counter() - started), 1), bytes=len(body))
    machine = Machine("m", "l", "s")
    from pdm.health.assessment import Assessment

    best = {"advance_us": np.inf, "prognose_us": np.inf}
    for _ in range(10):
        life, steps = begin_life(), []
        started = time.perf_counter()
        for at, values in zip(lives[0].times[:64].tolist(), lives[0].indicators, strict=False):
            when = datetime.fromtimestamp(at, UTC)
            life, columns = advance(life, at, values, 0.5)
            verdict = Assessment(when, 0.5, 1.0, "1", None, None, None, None, values, {})
            steps.append(LifeStep.of(life, columns, verdict))
        middle = time.perf_counter()
        prognose_batch(model, 1, machine.fleet, steps)
        best["advance_us"] = min(best["advance_us"], (middle - started) / 64 * 1e6)
        best["prognose_us"] = min(best["prognose_us"], (time.perf_counter() - middle) / 64 * 1e6)
    show(figure="cost_an_acquisition", batch=64, **{key: round(value, 1) for key, value in best.items()})


def evaluate_turbofans(folder: Path, subsets: Sequence[str]) -> None:
    """Train on the training engines of C-MAPSS; out-of-fold figures only, the test engines are not used."""
    for subset in subsets:
        path = folder / f"train_{subset}.txt"
        if not path.is_file():
            continue
        engines = read_engines(path)
        lives = [FleetLife(str(e.unit), e.cycle, e.settings, e.sensors, "failure", e.cycle[-1]) for e in engines]
        started = time.process_time()
        model, seen = train_fleet(lives, SENSORS, cap=CAP)
        train_cpu_s = time.process_time() - started
        body = model.to_bytes()
        started = time.perf_counter()
        model = FleetModel.from_bytes(body, sha256=hashlib.sha256(body).digest())
        load_ms = 1e3 * (time.perf_counter() - started)
        streamed_us = stream_cost_us(model, lives)
        figures = describe_out_of_fold(seen, CAP)
        show(
            figure="cmapss_out_of_fold",
            subset=subset,
            rmse=round(figures["rmse"], 2),
            rmse_95=[round(end, 2) for end in figures["rmse_95"]],
            coverage=round(figures["interval"]["coverage"], 3),
            mean_width=round(figures["interval"]["mean_width"], 1),
            alpha_lambda_at_10=round(alpha_lambda(seen, 10.0), 2),
            train_cpu_s=round(train_cpu_s, 1),
            bytes=len(body),
            load_ms=round(load_ms, 1),
            advance_and_predict_us_a_record=round(streamed_us, 1),
        )


def stream_cost_us(model: FleetModel, lives: Sequence[FleetLife], machines: int = 64) -> float:
    """Return the cost of one record of one machine [us], with many machines advanced together."""
    chosen = lives[:machines]
    states, best = [model.begin() for _ in chosen], np.inf
    for record in range(40):
        rows = [(life.life_time[record], life.settings[record], life.values[record]) for life in chosen]
        times, settings, values = zip(*rows, strict=True)
        started = time.perf_counter()
        states, _ = model.advance(states, times, np.array(settings), np.array(values))
        best = min(best, time.perf_counter() - started)
    return best / len(chosen) * 1e6


def lives_in(folder: Path) -> list[Path]:
    """Return the recorded lives of a folder; exits if there are none."""
    found = sorted(folder.glob("Bearing*.npz"))
    if not found:
        sys.exit(f"no Bearing*.npz in {folder}")
    return found


def cached(path: Path, make) -> list[Course]:  # type: ignore[no-untyped-def]
    """Return lives from a file, which is created if it does not exist."""
    if not path.exists():
        courses = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        fields = {f"{i}:{f}": getattr(c, f) for i, c in enumerate(courses) for f in Course.__dataclass_fields__}
        np.savez(path, **fields)
    with np.load(path) as stored:
        count = 1 + max(int(name.split(":")[0]) for name in stored.files)
        return [
            Course(
                str(stored[f"{i}:name"]),
                stored[f"{i}:times"],
                stored[f"{i}:indicators"],
                stored[f"{i}:health"],
                str(stored[f"{i}:ended_by"]),
                float(stored[f"{i}:ended_at_s"]),
            )
            for i in range(count)
        ]


def show(**figure: object) -> None:
    """Print one figure as a JSON line."""
    print(json.dumps(figure), flush=True)


def main() -> None:
    """Run the chosen evaluation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("pronostia", "twin", "cmapss", "speed"))
    parser.add_argument("--path", type=Path)
    parser.add_argument("--subsets", nargs="+", default=["FD001", "FD003", "FD002"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "pdm-prognosis-courses")
    chosen = parser.parse_args()
    recordings = Path(os.environ.get("PDM_DATA", "../shared/data"))
    bearings = chosen.path or recordings / "pronostia"
    if chosen.what in (None, "speed"):
        measure_speed()
    if chosen.what == "pronostia" or (chosen.what is None and bearings.is_dir()):
        evaluate_pronostia(bearings, chosen.cache)
    if chosen.what == "twin":
        evaluate_twin(chosen.seeds, chosen.cache)
    if chosen.what == "cmapss":
        evaluate_turbofans(chosen.path or recordings / "cmapss", chosen.subsets)


if __name__ == "__main__":
    main()
