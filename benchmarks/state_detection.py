"""State detection: false alarms on sound machines, onset on real bearings, and cost. JSON lines.

    python -m benchmarks.state_detection healthy [--machines 20]     simulated machines that stay healthy, three months
    python -m benchmarks.state_detection fleet [--seeds 21 22]       simulated fleets: failures and lead times
    PDM_DATA=... python -m benchmarks.state_detection pronostia      six bearing lives, setting by leave-one-bearing-out
    PDM_DATA=... python -m benchmarks.state_detection cost           microseconds per acquisition, and of its features

Default: all of them. A warning is health below a threshold in m of n consecutive acquisitions.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import features
from features.catalogue import names
from pdm.health.assess import assess, initial_state
from pdm.health.detection.state_detection import WARNING_SEVERITY, health_of
from pdm.health.snapshot import Snapshot
from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.units import STANDARD_GRAVITY
from pdm.measurements import Acquisition, OperatingContext
from pdm.service.analysis.feature_extraction import CURRENT_COLUMNS, current_rows, vibration_rows
from pdm.service.analysis.shaft_lookup import FeatureChannel
from pdm.twin.fleet import demo_fleet
from pdm.twin.physics import OperatingState, Physics, draw_physics
from pdm.twin.plant import BEARINGS, plan_machine
from pdm.twin.simulate import Life, schedule_states, schedule_times, simulate_acquisition, simulate_life

Floats = NDArray[np.float64]

MONTH_DAYS = 365.25 / 12
STATES = (OperatingState("low", 0.45), OperatingState("normal", 0.7), OperatingState("full", 0.95))
SPACING = timedelta(hours=8)
NOISE = {"as simulated": 1.0, "a week of +2 dB a month": 1.26, "a week of +6 dB a month": 2.0}
"""Background noise in every fourth week, times that of a quiet day; the simulator's bursts are added."""
RIG_SPEED_OF_END = 0.9  # "before the last 10 %"
EARLY_IN_TRUTH = ("2_1", "2_2")
BASELINES = (30, 60, 120)
LASTING = ((3, 5), (8, 12), (15, 20))


@dataclass(frozen=True)
class Setting:
    """Number of learning acquisitions, and the m of n acquisitions that must exceed a severity."""

    baseline: int
    least: int
    among: int
    severity: float


def show(**values: Any) -> None:
    """Print one figure."""
    print(json.dumps(values), flush=True)


def snapshots_of(machine: Machine, acquisitions: Sequence[Acquisition]) -> Iterator[Snapshot]:
    """Compute features of acquisitions as in service."""
    points = {point.key: (number, point) for number, point in enumerate(machine.points)}
    keys = [point.key for point in machine.points]
    channels: dict[str, list[FeatureChannel]] = {"acceleration": [], "current": []}
    for a in acquisitions:
        for w in a.waveforms:
            number, point = points[w.point]
            channels[point.quantity].append(
                FeatureChannel(
                    number, a.measured_at, point, machine, a.context.speed, w.samples, w.sampling_rate, w.scale
                )
            )
    found: dict[str, dict[datetime, dict[str, NDArray[np.float32]]]] = {}
    for quantity, rows in (
        ("acceleration", vibration_rows(channels["acceleration"])),
        ("current", current_rows(channels["current"])),
    ):
        vectors = found.setdefault(quantity, {})
        for number, at, values in zip(rows.point_ids, rows.measured_at, rows.values, strict=True):
            vectors.setdefault(at, {})[keys[number]] = values
    size = len(names("current", "channel"))
    for a in acquisitions:
        current = found["current"].get(a.measured_at, {})
        group = next((values[size : len(CURRENT_COLUMNS)] for values in current.values()), None)
        yield Snapshot(
            a.measured_at,
            a.context,
            found["acceleration"].get(a.measured_at, {}),
            {key: values[:size] for key, values in current.items()},
            group,
            {s.point: s.value + 273.15 for s in a.scalars},
        )


def healthy_life(number: int, noise: float, months: int) -> tuple[Machine, list[Snapshot]]:
    """Simulate a machine that stays healthy, in three operating states."""
    rng = np.random.default_rng([7, number])
    machine = plan_machine(number, rng)
    physics = draw_physics(rng, BEARINGS[number % len(BEARINGS)], machine.rated_power or 0.0, STATES)
    count = round(months * MONTH_DAYS * 86400 / SPACING.total_seconds())
    times = schedule_times(datetime(2026, 11, 1, tzinfo=UTC), count, SPACING, rng)
    life = Life(0, times, schedule_states(count, len(STATES), rng), None)
    made = []
    for place in range(count):
        is_noisy = place // 21 % 4 == 3  # a week of three acquisitions per day
        shaken: Physics = replace(physics, background=physics.background * noise) if is_noisy else physics
        made.append(simulate_acquisition(machine, shaken, life, place, (7, number)))
    return machine, list(snapshots_of(machine, made))


def lasting(severity: Floats, least: int, among: int) -> Floats:
    """Return the severity (n,) reached by `least` of the last `among` acquisitions."""
    padded = np.concatenate((np.zeros(among - 1), np.nan_to_num(severity)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, among)
    found: Floats = np.sort(windows, axis=1)[:, among - least]
    return found


def run(machine: Machine, snapshots: Sequence[Snapshot]) -> tuple[Floats, int]:
    """Return the severity of every acquisition (n,), NaN without assessment, and the number of charts that signal."""
    state, found, signals = initial_state(machine), [], 0
    for snapshot in snapshots:
        state, assessment = assess(machine, state, snapshot)
        severity = assessment.evidence["severity"]
        found.append(np.nan if severity is None else severity)
        signals += assessment.evidence.get("change") is not None
    return np.array(found), signals


def measure_healthy(machines: int, months: int = 3) -> None:
    """Count false warnings and chart signals of machines that stay healthy."""
    for noise, factor in NOISE.items():
        judged, warned, charted, lowest, raised = 0, 0, 0, 1.0, 0
        for number in range(machines):
            severity, signals = run(*healthy_life(number, factor, months))
            above = lasting(severity, 3, 5) >= WARNING_SEVERITY
            raised += int(np.sum(above[1:] & ~above[:-1]))
            warned += bool(above.any())
            charted += signals > 0
            judged += int(np.sum(np.isfinite(severity)))
            lowest = min(lowest, health_of(float(np.nanmax(severity))))
        show(
            figure="healthy",
            noise=noise,
            machines=machines,
            machine_months=machines * months,
            judged=judged,
            warnings=raised,
            warnings_per_machine_month=round(raised / (machines * months), 4),
            upper_95=round((3.0 if raised == 0 else raised + 2 * np.sqrt(raised) + 2) / (machines * months), 3),
            machines_warned=warned,
            machines_with_a_chart_that_signals=charted,
            lowest_health=round(lowest, 3),
        )


def measure_fleet(seeds: Sequence[int]) -> None:
    """Assess every life of simulated fleets: warned failures, lead times, and times of chart signals."""
    warned, charted, missed, false = [], [], 0, 0
    sound = failing = 0
    for seed in seeds:
        fleet = demo_fleet(seed, datetime(2026, 11, 1, tzinfo=UTC))
        for machine in fleet.machines:
            for life in fleet.simulated[machine.key].lives:
                made = list(simulate_life(machine, fleet.simulated[machine.key].physics, life, (seed, 1)))
                state, severity, first_chart = initial_state(machine), [], None
                for snapshot in snapshots_of(machine, made):
                    state, assessment = assess(machine, state, snapshot)
                    severity.append(assessment.evidence["severity"] or 0.0)
                    if first_chart is None and assessment.evidence.get("change") is not None:
                        first_chart = snapshot.measured_at
                above = lasting(np.array(severity), 3, 5) >= WARNING_SEVERITY
                if life.degradation is None:
                    sound += 1
                    false += bool(above.any())
                    continue
                failing += 1
                missed += not above.any()
                if above.any():
                    at = life.measured_at[int(np.argmax(above))]
                    warned.append((life.degradation.failed_at - at).total_seconds() / 86400)
                if first_chart is not None:
                    charted.append((life.degradation.failed_at - first_chart).total_seconds() / 86400)
    show(
        figure="fleet",
        seeds=list(seeds),
        sound_lives=sound,
        sound_lives_warned=false,
        failing_lives=failing,
        missed=missed,
        lead_time_days_0_5_50=np.quantile(warned, (0, 0.05, 0.5)).round(1).tolist(),
        charts_lead_days_0_5_50=np.quantile(charted, (0, 0.05, 0.5)).round(1).tolist(),
    )


def bearing_life(path: Path) -> tuple[Machine, list[Snapshot]]:
    """Compute features of one whole life of the PRONOSTIA learning set."""
    with np.load(path) as stored:
        axes = []
        for axis in "hv":
            counts = stored[axis].astype(np.int32)
            counts.ravel()[stored[f"{axis}_ovf_idx"]] = stored[f"{axis}_ovf_val"]
            axes.append((counts * (1e-3 * STANDARD_GRAVITY)).astype(np.float32))
        speed = int(stored["rpm"]) / 60.0
    geometry = BearingGeometry(13, 3.5e-3, 25.6e-3, 0.0, "Nectoux et al. 2012")
    orders = features.BearingGeometry(13, 3.5e-3, 25.6e-3, 0.0).orders()
    lines = np.array([orders.bpfo, orders.bpfi, orders.bsf, orders.ftf])
    machine = Machine(
        key=path.stem.lower(),
        line="rig",
        site="femto",
        rated_speed=speed,
        components=(Component("bearing", ComponentKind.BEARING, geometry),),
        points=tuple(MeasurementPoint(key, "acceleration", "g", 25600.0, component="bearing") for key in "hv"),
    )
    tables = [features.extract(x, 25600.0, speed=speed, bearing_orders=lines).values[:, 0] for x in axes]
    begun = datetime(2012, 1, 1, tzinfo=UTC)
    return machine, [
        Snapshot(begun + timedelta(seconds=10 * place), OperatingContext(speed), {"h": h, "v": v})
        for place, (h, v) in enumerate(zip(*tables, strict=True))
    ]


def choose(traces: Mapping[str, Mapping[int, Floats]]) -> Setting:
    """Return the setting of widest margin on these lives.

    For every baseline and duration there is a range of severities that gives no warning in the first half of a life
    that does not change early, and warns before the last 10 % in at least three lives. The result is the centre of the
    widest of these ranges, by the ratio of its ends.
    """
    best, widest = Setting(30, 3, 5, WARNING_SEVERITY), 0.0
    for baseline in BASELINES:
        for least, among in LASTING:
            reached = {life: lasting(trace[baseline], least, among) for life, trace in traces.items()}
            low = max(float(r[: len(r) // 2].max()) for life, r in reached.items() if life not in EARLY_IN_TRUTH)
            highs = sorted((float(r[: int(RIG_SPEED_OF_END * len(r))].max()) for r in reached.values()), reverse=True)
            ratio = highs[2] / max(low, 1.0)
            if ratio > widest:
                widest, best = ratio, Setting(baseline, least, among, (low + highs[2]) / 2)
    return best


def onset(trace: Mapping[int, Floats], setting: Setting) -> float:
    """Return the fraction of a life [1] at the first lasting warning; 1 if there is none."""
    above = lasting(trace[setting.baseline], setting.least, setting.among) >= setting.severity
    return float(np.argmax(above) / len(above)) if above.any() else 1.0


def measure_pronostia(folder: Path) -> None:
    """Choose the setting on five lives and apply it to the sixth, six times; compare with the service's default."""
    traces = {}
    for path in sorted(folder.glob("Bearing*.npz")):
        machine, snapshots = bearing_life(path)
        traces[path.stem.removeprefix("Bearing")] = {
            count: run(replace(machine, baseline_acquisitions=count), snapshots)[0] for count in BASELINES
        }
    ways = {
        "left out": {
            life: choose({other: trace for other, trace in traces.items() if other != life}) for life in traces
        },
        "default": dict.fromkeys(traces, Setting(30, 3, 5, WARNING_SEVERITY)),
    }
    for way, settings in ways.items():
        places = {life: onset(trace, settings[life]) for life, trace in traces.items()}
        for life, place in places.items():
            count, used = len(traces[life][30]), settings[life]
            show(
                figure="pronostia_onset",
                setting=way,
                life=life,
                onset=round(place, 3),
                lead_time_s=round((1 - place) * count * 10),
                baseline=used.baseline,
                lasting=f"{used.least} of {used.among}",
                severity=round(used.severity, 2),
                health=round(health_of(used.severity), 2),
            )
        show(
            figure="pronostia_gates",
            setting=way,
            before_the_end=sum(place < 1.0 for place in places.values()),
            before_the_last_tenth=sum(place < RIG_SPEED_OF_END for place in places.values()),
            in_the_first_half=[x for x, place in places.items() if place < 0.5 and x not in EARLY_IN_TRUTH],
        )


def measure_cost(folder: Path, count: int = 900) -> None:
    """Compare the cost of an acquisition in state detection and in features, two points of 2,560 samples."""
    machine, snapshots = bearing_life(folder / "Bearing1_1.npz")
    best = float("inf")
    for _ in range(5):
        state, begun = initial_state(machine), time.process_time()
        for snapshot in snapshots[:count]:
            state, _ = assess(machine, state, snapshot)
        best = min(best, (time.process_time() - begun) / count)
    samples = np.random.default_rng(0).standard_normal((128, 2560), dtype=np.float32)
    fastest = float("inf")
    for _ in range(6):
        begun = time.process_time()
        features.extract(samples, 25600.0, speed=30.0, bearing_orders=[5.6, 7.4, 3.6, 0.43])
        fastest = min(fastest, (time.process_time() - begun) / 64)
    show(
        figure="cost_us_per_acquisition",
        state_detection=round(best * 1e6, 1),
        features_in_batches_of_64=round(fastest * 1e6, 1),
        ratio=round(best / fastest, 2),
        state_bytes=len(state.to_bytes()),
    )


def main() -> None:
    """Run the selected benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("what", nargs="?", choices=("healthy", "fleet", "pronostia", "cost"))
    arguments.add_argument("--seeds", type=int, nargs="+", default=[21, 22])
    arguments.add_argument("--machines", type=int, default=20)
    chosen = arguments.parse_args()
    folder = Path(os.environ.get("PDM_DATA", "")) / "pronostia"
    if chosen.what in (None, "healthy"):
        measure_healthy(chosen.machines)
    if chosen.what in (None, "fleet"):
        measure_fleet(chosen.seeds)
    if chosen.what in (None, "pronostia") and folder.is_dir():
        measure_pronostia(folder)
    if chosen.what in (None, "cost") and folder.is_dir():
        measure_cost(folder)


if __name__ == "__main__":
    main()
