"""Hold diagnosis to known faults: the seeded bearings of CWRU, and a simulated fleet whose truth is hidden.

Prints tables, then a line of JSON. Run with `python -m benchmarks.diagnosis [cwru] [twin] [--machines N] [--fit]`.
CWRU's recordings (benchmarks/seeded_bearings.py) are looked for in the folder that PDM_DATA names. `--fit` prints
the constants of `pdm.health.diagnosis.confidence`, fitted on other machines than those that are judged.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.seeded_bearings import judge_both_ends, judge_cwru
from pdm.health.diagnosis.confidence import LARGEST_MARGIN, RULES
from pdm.health.diagnosis.diagnose import diagnose, leads
from pdm.health.diagnosis.model import Diagnosis, Fault, RecordedChannel, Recording, Verdict
from pdm.machines.model import Component, Machine, MeasurementPoint
from pdm.machines.units import STANDARD_GRAVITY
from pdm.measurements import OperatingContext
from pdm.twin.faults import FaultKind
from pdm.twin.motor_current import current_scale, simulate_current
from pdm.twin.physics import ACCELERATION_SCALE, CURRENT_RATE, VIBRATION_RATE, OperatingState, draw_physics
from pdm.twin.plant import BEARINGS, plan_machine
from pdm.twin.simulate import CURRENT_POINTS, VIBRATION_POINTS
from pdm.twin.vibration import simulate_vibration

AT = datetime(2026, 1, 1, tzinfo=UTC)
SIMULATED = {
    FaultKind.OUTER_RACE: Fault.BEARING_OUTER_RACE,
    FaultKind.INNER_RACE: Fault.BEARING_INNER_RACE,
    FaultKind.BALL: Fault.BEARING_ROLLING_ELEMENT,
    FaultKind.CAGE: Fault.BEARING_CAGE,
    FaultKind.UNBALANCE: Fault.UNBALANCE,
    FaultKind.MISALIGNMENT: Fault.MISALIGNMENT,
    FaultKind.LOOSENESS: Fault.LOOSENESS,
    FaultKind.BROKEN_BARS: Fault.BROKEN_ROTOR_BAR,
}
SEVERITIES = (0.2, 0.4, 0.8)
MODES = {
    "vibration": VIBRATION_POINTS,
    "current": CURRENT_POINTS,
    "both": (*VIBRATION_POINTS, *CURRENT_POINTS),
}
JUDGED_SEED, FITTED_SEED = 20_000, 40_000


@dataclass(frozen=True)
class Case:
    """A simulated machine, measured once: what is really wrong with it and how far."""

    machine: Machine
    recording: Recording
    truth: Fault | None
    severity: float


def simulate_cases(machines: int, seed: int) -> Iterator[Case]:
    """Yield each machine healthy and with one fault at three severities.

    Diagnosis is given a geometry off by up to 1 % and a speed off by up to 0.5 %; transfer paths, strength of the
    fault and load differ from machine to machine and are not told.
    """
    for number in range(machines):
        rng = np.random.default_rng((seed, number))
        machine = plan_machine(number, rng)
        load = float(rng.uniform(0.45, 1.0))
        physics = draw_physics(
            rng, BEARINGS[number % len(BEARINGS)], machine.rated_power or 0.0, (OperatingState("run", load),)
        )
        machine = replace(machine, components=tuple(_blurred(each, rng) for each in machine.components))
        fault = list(SIMULATED)[number % len(SIMULATED)]
        for severity in (0.0, *SEVERITIES):
            running = physics.run(load, physics.supply_frequency * (1 + 3e-4 * rng.standard_normal()))
            wrong = {fault: severity} if severity else {}
            vibration = simulate_vibration(physics, running, wrong, rng)
            current = simulate_current(physics, running, wrong, rng)
            points = {point.key: point for point in machine.points}
            scale = ACCELERATION_SCALE * STANDARD_GRAVITY
            channels = (
                *_channels(points, VIBRATION_POINTS, vibration, VIBRATION_RATE, scale),
                *_channels(points, CURRENT_POINTS, current, CURRENT_RATE, current_scale(physics)),
            )
            context = OperatingContext(speed=running.speed * (1 + rng.uniform(-0.005, 0.005)), load=load)
            recording = Recording(AT, channels, context)
            yield Case(machine, recording, SIMULATED[fault] if severity else None, severity)


def _blurred(component: Component, rng: np.random.Generator) -> Component:
    if component.bearing is None:
        return component
    ratio = 1 + 0.01 * rng.uniform(-1, 1)
    geometry = replace(component.bearing, element_diameter=component.bearing.element_diameter * ratio)
    return replace(component, bearing=geometry)


def _channels(
    points: dict[str, MeasurementPoint], keys: Sequence[str], counts: Any, rate: float, scale: float
) -> list[RecordedChannel]:
    return [RecordedChannel(points[key], row, rate, scale) for key, row in zip(keys, counts, strict=True)]


def only(recording: Recording, keys: Sequence[str]) -> Recording:
    """Return the recording with these points alone."""
    return replace(recording, channels=tuple(each for each in recording.channels if each.point.key in keys))


def judge_twin(machines: int) -> dict[str, Any]:
    """Diagnose a simulated fleet by vibration, by current and by both."""
    cases = list(simulate_cases(machines, JUDGED_SEED))
    report: dict[str, Any] = {}
    for mode, points in MODES.items():
        started = time.perf_counter()
        answers = [diagnose(case.machine, [only(case.recording, points)]) for case in cases]
        milliseconds = 1e3 * (time.perf_counter() - started) / len(cases)
        report[mode] = {"ms_each": round(milliseconds, 2), **_judge_mode(mode, cases, answers)}
    return report


def measure_cost(repeats: int = 40) -> dict[str, float]:
    """Return the milliseconds of a diagnosis, the median, by channels and samples."""
    case = next(simulate_cases(1, JUDGED_SEED))
    cost = {}
    for mode, points in MODES.items():
        for samples in (2560, 8192):
            channels = tuple(
                replace(each, samples=each.samples[:samples]) for each in only(case.recording, points).channels
            )
            recording, times = replace(case.recording, channels=channels), []
            for _ in range(repeats):
                started = time.perf_counter()
                diagnose(case.machine, [recording])
                times.append(1e3 * (time.perf_counter() - started))
            cost[f"{mode}, {len(channels)} x {samples}"] = round(float(np.median(times)), 2)
    return cost


def _judge_mode(mode: str, cases: Sequence[Case], answers: Sequence[Diagnosis]) -> dict[str, Any]:
    healthy = [answer for case, answer in zip(cases, answers, strict=True) if case.truth is None]
    false_alarms = sum(answer.verdict is Verdict.SUPPORTED for answer in healthy) / len(healthy)
    print(f"\n{mode}: false alarms {false_alarms:.3f} of {len(healthy)} healthy; at least one SUPPORTED, by severity")
    right = _confusion(cases, answers)
    error, reliability = _reliability(cases, answers)
    print(f"calibration error {error:.3f}; " + ", ".join(f"{c:.2f}: {f:.2f} ({n})" for c, f, n in reliability))
    at_one = _detected_at(cases, answers, share=0.01)
    print("detected at 1 % false alarms, by severity: " + json.dumps(at_one))
    return {
        "false_alarms": false_alarms,
        "supported_right": right,
        "calibration_error": round(error, 4),
        "reliability": reliability,
        "detected_at_1_percent_false_alarms": at_one,
    }


def _confusion(cases: Sequence[Case], answers: Sequence[Diagnosis]) -> dict[str, dict[str, float]]:
    """Print what is said first of each fault; return how often the right one is supported, by severity."""
    said: dict[str, Counter[str]] = {}
    right: dict[str, dict[str, list[bool]]] = {}
    for case, answer in zip(cases, answers, strict=True):
        claimed = [each.fault for each in answer.findings if each.verdict is Verdict.SUPPORTED]
        label = "healthy" if case.truth is None else case.truth.value
        said.setdefault(label, Counter())[claimed[0].value if claimed else "-"] += 1
        if case.truth is not None:
            right.setdefault(label, {}).setdefault(f"{case.severity:g}", []).append(case.truth in claimed)
    for label, counts in said.items():
        print(f"  {label:<24} " + ", ".join(f"{name} {count}" for name, count in counts.most_common()))
    return {label: {s: round(float(np.mean(v)), 3) for s, v in by.items()} for label, by in right.items()}


def _reliability(cases: Sequence[Case], answers: Sequence[Diagnosis]) -> tuple[float, list[tuple[float, float, int]]]:
    """Return the expected calibration error of every judged finding that is given a chance of 5 % or more.

    The many findings near zero would make any scale look true.
    """
    said, true = [], []
    for case, answer in zip(cases, answers, strict=True):
        for each in answer.findings:
            if each.fault in SIMULATED.values() and each.verdict is not Verdict.REFUSED and each.confidence >= 0.05:
                said.append(each.confidence)
                true.append(each.fault is case.truth)
    chances, truth = np.array(said), np.array(true)
    rows, error = [], 0.0
    for low in np.arange(0, 1, 0.1):
        chosen = (chances >= low) & (chances < low + 0.1 + 1e-9 * (low > 0.85))
        if chosen.any():
            mean, share = float(chances[chosen].mean()), float(truth[chosen].mean())
            rows.append((round(mean, 3), round(share, 3), int(chosen.sum())))
            error += abs(mean - share) * chosen.mean()
    return float(error), rows


def _detected_at(cases: Sequence[Case], answers: Sequence[Diagnosis], share: float) -> dict[str, dict[str, float]]:
    """Return how often the right fault's confidence exceeds what all but `share` of healthy machines stay under."""
    highest = [
        max((each.confidence for each in answer.findings), default=0.0)
        for case, answer in zip(cases, answers, strict=True)
        if case.truth is None
    ]
    limit = float(np.quantile(highest, 1 - share))
    found: dict[str, dict[str, list[bool]]] = {}
    for case, answer in zip(cases, answers, strict=True):
        if case.truth is not None:
            sure = max((each.confidence for each in answer.findings if each.fault is case.truth), default=0.0)
            found.setdefault(case.truth.value, {}).setdefault(f"{case.severity:g}", []).append(sure > limit)
    return {label: {s: round(float(np.mean(v)), 2) for s, v in by.items()} for label, by in found.items()}


def fit(machines: int) -> None:
    """Print a logistic's figures for each family of faults, fitted on every finding of other machines."""
    rows: dict[str, list[tuple[float, float, bool]]] = {}
    families = {fault: rule.family for fault, rule in RULES.items()}
    for case in simulate_cases(machines, FITTED_SEED):
        for points in MODES.values():
            answer = diagnose(case.machine, [only(case.recording, points)])
            for each, lead in leads(answer.findings):
                if each.fault in SIMULATED.values():
                    capped = min(max(lead, -LARGEST_MARGIN), LARGEST_MARGIN)
                    rows.setdefault(families[each.fault], []).append((each.score, capped, each.fault is case.truth))
    for family, findings in rows.items():
        offset, per_score, per_lead = _logistic(np.array(findings, np.float64))
        print(f"{family:<10} offset {offset:.2f}, per_score {per_score:.3f}, per_lead {per_lead:.3f} ({len(findings)})")


def _logistic(findings: Any, ridge: float = 1.0) -> tuple[float, float, float]:
    """Return offset and slopes, never falling with score or lead, by Newton's method."""
    inputs = np.column_stack([np.ones(len(findings)), findings[:, :2]])
    truth, weights = findings[:, 2], np.zeros(3)
    free = np.ones(3, bool)
    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (chance - truth) + ridge * 1e-2 * weights
        curve = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + ridge * 1e-2 * np.eye(3)
        weights[free] -= np.linalg.solve(curve[np.ix_(free, free)], slope[free])
        if weights[2] < 0:
            weights[2], free[2] = 0.0, False
    return float(weights[0]), float(weights[1]), float(weights[2])


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=("cwru", "twin", []), help="default: both")
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--fit", action="store_true")
    asked = parser.parse_args()
    if asked.fit:
        fit(asked.machines)
        return
    report: dict[str, Any] = {}
    if not asked.parts or "cwru" in asked.parts:
        folder = Path(os.environ.get("PDM_DATA", "data")) / "cwru"
        if not (folder / "manifest.csv").exists():
            sys.exit(f"{folder} holds no manifest.csv; set PDM_DATA to the folder of the recordings")
        report["cwru"] = judge_cwru(folder)
        report["cwru_both_ends"] = judge_both_ends(folder)
    if not asked.parts or "twin" in asked.parts:
        report["twin"] = judge_twin(asked.machines)
        report["ms_each"] = measure_cost()
    print(json.dumps(report))


if __name__ == "__main__":
    main()
