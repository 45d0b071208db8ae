"""Evaluation of diagnosis on known faults: the seeded bearings of CWRU, and simulated machines.

Prints tables, then a line of JSON. Run with `python -m benchmarks.diagnosis [cwru] [twin] [--machines N] [--fit]
[--docs]`. CWRU's recordings (benchmarks/seeded_bearings.py) are read from the folder in PDM_DATA. `--fit` prints the
constants of `pdm.health.diagnosis.confidence`, fitted on other machines than those of the evaluation. `--docs` writes
the results on simulated machines into docs/diagnosis.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.diagnosis_table import write_tables
from benchmarks.seeded_bearings import judge_both_ends, judge_cwru
from benchmarks.simulated_machines import SEVERITIES, SIMULATED, only, simulate_cases
from pdm.health.diagnosis.confidence import JUDGEMENTS, LARGEST_MARGIN, RULES
from pdm.health.diagnosis.diagnose import diagnose, leads
from pdm.health.diagnosis.model import Fault, Verdict
from pdm.twin.simulate import CURRENT_POINTS, VIBRATION_POINTS

MODES = {
    "vibration": VIBRATION_POINTS,
    "current": CURRENT_POINTS,
    "both": (*VIBRATION_POINTS, *CURRENT_POINTS),
}
JUDGED_SEED, FITTED_SEED = 20_000, 40_000
FALSE_ALARMS = 0.01
FOUND = 0.9
"""Share of detected machines from which a severity counts as detected."""
_FAULTS = frozenset(SIMULATED.values())
_LEAST_CHANCE = 0.05  # the many findings near zero would make any scale appear calibrated


@dataclass(frozen=True)
class Judged:
    """The diagnosis of one case: the supported faults in order, and the confidence of every finding."""

    kind: str | None
    truth: Fault | None
    severity: float
    state: str
    supported: tuple[Fault, ...]
    chances: tuple[tuple[Fault, float], ...]


def judge_twin(machines: int, seed: int = JUDGED_SEED) -> dict[str, Any]:
    """Diagnose simulated machines by vibration, by current and by both."""
    judged: dict[str, list[Judged]] = {mode: [] for mode in MODES}
    spent = dict.fromkeys(MODES, 0.0)
    for case in simulate_cases(machines, seed):
        for mode, points in MODES.items():
            recording = only(case.recording, points)
            started = time.perf_counter()
            answer = diagnose(case.machine, [recording])
            spent[mode] += time.perf_counter() - started
            given = [each for each in answer.findings if each.verdict is not Verdict.REFUSED and each.fault in _FAULTS]
            judged[mode].append(
                Judged(
                    None if case.kind is None else case.kind.value,
                    case.truth,
                    case.severity,
                    case.state,
                    tuple(each.fault for each in given if each.verdict is Verdict.SUPPORTED),
                    tuple((each.fault, each.confidence) for each in given),
                )
            )
    report: dict[str, Any] = {"machines": machines, "recordings": len(judged["both"])}
    for mode, answers in judged.items():
        report[mode] = {"ms_each": round(1e3 * spent[mode] / len(answers), 2), **_judge_mode(mode, answers)}
    return report


def _judge_mode(mode: str, answers: Sequence[Judged]) -> dict[str, Any]:
    healthy = [each for each in answers if each.truth is None]
    false_alarms = sum(bool(each.supported) for each in healthy) / len(healthy)
    sick = [each for each in answers if each.truth is not None]
    wrong = sum(any(said is not each.truth for said in each.supported) for each in sick) / len(sick)
    error, reliability = _reliability(answers)
    print(f"\n{mode}: false alarms {false_alarms:.4f} of {len(healthy)} sound; another fault supported {wrong:.4f}")
    print(f"calibration error {error:.3f}; " + ", ".join(f"{c:.2f}: {f:.2f} ({n})" for c, f, n in reliability))
    confusion = _confusion(answers)
    for label, counts in confusion.items():
        print(f"  {label:<24} " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    detected = _detected_at(answers)
    for label, found in detected.items():
        print(f"  {label:<24} {found}")
    return {
        "false_alarms": round(false_alarms, 4),
        "another_supported": round(wrong, 4),
        "confusion": confusion,
        "supported_right": _supported(answers),
        "calibration_error": round(error, 4),
        "reliability": reliability,
        "detected_at_1_percent_false_alarms": detected,
    }


def _confusion(answers: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Return how often each fault is supported first ('-': none), by true fault."""
    said: dict[str, Counter[str]] = {}
    for each in answers:
        first = each.supported[0].value if each.supported else "-"
        said.setdefault(each.kind or "sound", Counter())[first] += 1
    return {label: dict(counts.most_common()) for label, counts in said.items()}


def _by_severity(answers: Sequence[Judged], hits: Sequence[bool]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, list[bool]]] = {}
    for each, hit in zip(answers, hits, strict=True):
        if each.kind is not None:
            found.setdefault(each.kind, {}).setdefault(f"{each.severity:g}", []).append(hit)
    return {kind: {at: round(float(np.mean(v)), 3) for at, v in by.items()} for kind, by in found.items()}


def _supported(answers: Sequence[Judged]) -> dict[str, dict[str, float]]:
    return _by_severity(answers, [each.truth in each.supported for each in answers])


def _reliability(answers: Sequence[Judged]) -> tuple[float, list[tuple[float, float, int]]]:
    """Return the expected calibration error of confidences of 5 % or more, and mean, share and count of each tenth."""
    pairs = [(c, fault is each.truth) for each in answers for fault, c in each.chances if c >= _LEAST_CHANCE]
    if not pairs:
        return 0.0, []
    table = np.array(pairs, np.float64)
    chances, truth = table[:, 0], table[:, 1]
    rows, error = [], 0.0
    for low in np.arange(10) / 10:
        chosen = (chances >= low) & (chances < low + 0.1 if low < 0.85 else chances <= 1.0)
        if chosen.any():
            mean, share = float(chances[chosen].mean()), float(truth[chosen].mean())
            rows.append((round(mean, 3), round(share, 3), int(chosen.sum())))
            error += abs(mean - share) * float(chosen.mean())
    return error, rows


def _detected_at(answers: Sequence[Judged]) -> dict[str, dict[str, float | None]]:
    """Return the detection rate of each fault at a false-alarm rate of 1 % of sound machines, by severity.

    `severity` is the severity at which nine of ten machines are detected, by linear interpolation between the simulated
    ones; None if it is above the largest.
    """
    highest = [max((c for _, c in each.chances), default=0.0) for each in answers if each.truth is None]
    limit = float(np.quantile(highest, 1 - FALSE_ALARMS))
    hits = [max((c for fault, c in each.chances if fault is each.truth), default=0.0) > limit for each in answers]
    detected: dict[str, dict[str, float | None]] = {}
    for kind, by in _by_severity(answers, hits).items():
        detected[kind] = {**by, "severity": _reached([FALSE_ALARMS, *by.values()])}
    return detected


def _reached(shares: Sequence[float]) -> float | None:
    places = (0.0, *SEVERITIES)
    for low, high, before, after in zip(places, places[1:], shares, shares[1:], strict=False):
        if after >= FOUND:
            return round(low + (high - low) * (FOUND - before) / max(after - before, 1e-9), 2)
    return None


def measure_cost(repeats: int = 40) -> dict[str, float]:
    """Return the median time of a diagnosis [ms], by channels and samples."""
    case = next(simulate_cases(1, JUDGED_SEED))
    cost = {}
    for mode, points in MODES.items():
        for records, samples in ((1, 2560), (1, 8192), (4, 8192)):
            channels = tuple(
                replace(each, samples=each.samples[:samples]) for each in only(case.recording, points).channels
            )
            recording, times = replace(case.recording, channels=channels), []
            for _ in range(repeats):
                started = time.perf_counter()
                diagnose(case.machine, [recording] * records)
                times.append(1e3 * (time.perf_counter() - started))
            cost[f"{mode}, {records} of {len(channels)} x {samples}"] = round(float(np.median(times)), 2)
    return cost


def fit(machines: int) -> None:
    """Print the coefficients of each family of faults, fitted on every finding of other machines."""
    rows: dict[str, list[tuple[float, float, bool, bool]]] = {}
    families = {fault: rule.family for fault, rule in RULES.items()}
    for case in simulate_cases(machines, FITTED_SEED):
        for points in MODES.values():
            answer = diagnose(case.machine, [only(case.recording, points)])
            for each, lead in leads(answer.findings):
                if each.fault in _FAULTS:
                    capped = min(max(lead, -LARGEST_MARGIN), LARGEST_MARGIN)
                    doubted = any(reason.code not in JUDGEMENTS for reason in each.reasons)
                    rows.setdefault(families[each.fault], []).append(
                        (each.score, capped, each.fault is case.truth, doubted)
                    )
    for family, findings in rows.items():
        _fit_family(family, np.array(findings, np.float64))


def _fit_family(family: str, findings: Any) -> None:
    doubted = findings[:, 3] > 0
    sound = findings if doubted.all() else findings[~doubted]
    offset, per_score, per_lead = _logistic(sound)
    chance = 1 / (1 + np.exp(-np.clip(offset + findings[:, :2] @ [per_score, per_lead], -30, 30)))
    likely = doubted & (chance >= _LEAST_CHANCE)
    left = float(findings[likely, 2].sum() / max(chance[likely].sum(), 1e-9))
    false = findings[findings[:, 2] == 0]
    print(
        f"{family:<10} {offset:.2f}, {per_score:.3f}, {per_lead:.3f}, doubted {left:.2f} ({len(findings)}, "
        f"{int(findings[:, 2].sum())} true, {int(doubted.sum())} doubted); false ones reach "
        + ", ".join(f"{np.quantile(false[:, 0], q):.1f} ({q})" for q in (0.9, 0.99, 0.999, 1.0))
    )


def _logistic(findings: Any, ridge: float = 20.0) -> tuple[float, float, float]:
    """Return offset and slopes of a logistic that does not decrease with score or lead, by Newton's method."""
    inputs = np.column_stack([np.ones(len(findings)), findings[:, :2]])
    truth = findings[:, 2]
    best: tuple[float, tuple[float, float, float]] = (np.inf, (0.0, 0.0, 0.0))
    for free in ([0, 1, 2], [0, 1], [0, 2]):
        weights = np.zeros(3)
        for _ in range(60):
            chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
            penalty = ridge * np.array([0.0, 1.0, 1.0])
            slope = (inputs.T @ (chance - truth) + penalty * weights)[free]
            curve = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + np.diag(penalty) + 1e-6 * np.eye(3)
            weights[free] -= np.clip(np.linalg.solve(curve[np.ix_(free, free)], slope), -2, 2)
        chance = np.clip(1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30))), 1e-9, 1 - 1e-9)
        loss = -float(np.where(truth > 0, np.log(chance), np.log(1 - chance)).sum())
        if weights[1] >= 0 and weights[2] >= 0 and loss < best[0]:
            best = loss, (float(weights[0]), float(weights[1]), float(weights[2]))
    return best[1]


def main() -> None:
    """Run the selected parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=("cwru", "twin", []), help="default: both")
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--docs", action="store_true")
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
        if asked.docs:
            write_tables(report["twin"])
    print(json.dumps(report))


if __name__ == "__main__":
    main()
