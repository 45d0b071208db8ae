"""Rules: cost of an evaluation relative to the analysis, and speed of a backtest. JSON lines.

    python -m benchmarks.rules evaluate                          microseconds per acquisition, compared with follow()
    python -m benchmarks.rules book DSN [--machines 10000]       rules of many machines, first and repeated lookup
    python -m benchmarks.rules backtest DSN [--machines 100] [--hours 8760] [--processes 2]

DSN is a separate migrated database: machines and synthetic rows are written into it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from features.catalogue import names
from pdm.alerts.documents.writer import write_document
from pdm.alerts.evaluation import evaluate
from pdm.alerts.evaluation.rule_state import Cases
from pdm.alerts.rules.rule import DEFAULT_RULES
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.measurements import OperatingContext
from pdm.service.analysis import machine_pipeline as following
from pdm.service.analysis.analysis_state import AnalysisState, begin
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.analysis.rule_inputs import read_values
from pdm.service.rules.backtest import BacktestRequest, backtest, candidate_of
from pdm.service.rules.rule_sets import check_text
from pdm.store.machines.registration import register

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = names("vibration", "channel")
FIVE = """
rules:
  - {{key: shaking, kind: threshold, signal: {{feature: velocity_rms}}, above: {limit} mm/s, deadband: 0.5 mm/s}}
  - {{key: ringing, kind: threshold, signal: {{feature: kurtosis}}, above: 9, deadband: 1}}
  - {{key: hot, kind: threshold, signal: {{quantity: temperature}}, above: 85 degC, deadband: 3 K}}
  - {{key: worn, kind: symptom, confidence: 0.9}}
  - {{key: health-warning, kind: health, below: 0.55}}
"""


def machine(number: int) -> Machine:
    """Return one of many equal machines: two accelerometers and a thermometer on a bearing."""
    return Machine(
        f"m-{number:05d}",
        f"line-{number % 50}",
        "plant",
        components=(Component("de", ComponentKind.BEARING),),
        points=(
            MeasurementPoint("h", "acceleration", "g", 25600.0, component="de"),
            MeasurementPoint("v", "acceleration", "g", 25600.0, component="de"),
            MeasurementPoint("t", "temperature", "degC", component="de"),
        ),
    )


def snapshots(count: int) -> list[Snapshot]:
    """Return acquisitions of a sound machine, an hour apart."""
    rng = np.random.default_rng(1)
    made = []
    for index in range(count):
        vectors = np.exp(0.05 * rng.standard_normal((2, len(COLUMNS)))).astype(np.float32)
        made.append(
            Snapshot(
                START + timedelta(hours=index),
                OperatingContext(speed=25.0, load=0.8),
                {"h": vectors[0], "v": vectors[1]},
                scalars={"t": 320.0 + rng.standard_normal()},
            )
        )
    return made


def measure_evaluate() -> None:
    """Print the cost of rules per acquisition, with the defaults and with five additional rules of the machine."""
    stored = machine(0)
    history = snapshots(600)
    course = following.follow(stored, begin(stored), history[:200], [], None)
    content = course.memory.to_bytes()
    own = check_text(FIVE.format(limit=20_000.0)).rules  # synthetic vectors are around 1 in every unit
    quiet = RuleSets(stored)
    rest = _best(
        lambda: following.follow(stored, AnalysisState.from_bytes(content), history[200:], [], None, quiet.none), 5
    )
    after = following.follow(stored, AnalysisState.from_bytes(content), history[200:], [], None, quiet.none)
    for name, rules in (("defaults", quiet.defaults), ("defaults and five", quiet.with_rules(own))):
        whole = _best(
            lambda rules=rules: following.follow(
                stored, AnalysisState.from_bytes(content), history[200:], [], None, rules
            ),
            5,
        )

        def evaluate_all(rules: Any = rules) -> None:
            cases = Cases()
            for snapshot, assessment, forecast in zip(history[200:], after.assessments, after.prognoses, strict=True):
                values = read_values(snapshot, rules.wanted)
                cases, _ = evaluate.evaluate(stored, cases, assessment, forecast, rules, values)

        alone = _best(evaluate_all, 5)
        _say(
            what="evaluate",
            rules=name,
            count=len(rules.rules),
            us_an_acquisition=alone / 400 * 1e6,
            follow_without_rules_us=rest / 400 * 1e6,
            follow_with_rules_us=whole / 400 * 1e6,
            share_of_follow=alone / rest,
        )


class RuleSets:
    """The rules that are compared, fitted to one machine."""

    def __init__(self, stored: Machine) -> None:
        self._machine = stored
        self.none = replace(DEFAULT_RULES, rules=())
        self.defaults = DEFAULT_RULES.fit(stored)

    def with_rules(self, rules: Any) -> Any:
        """Return the defaults with some rules that replace those of the same key."""
        keys = {rule.key for rule in rules}
        kept = tuple(rule for rule in DEFAULT_RULES.rules if rule.key not in keys)
        return replace(DEFAULT_RULES, rules=kept + tuple(rules)).fit(self._machine)


def measure_book(dsn: str, machines: int) -> None:
    """Print the time to look up the rules of many machines, five per machine, first and repeated."""
    fleet = [machine(number) for number in range(machines)]
    with psycopg.connect(dsn) as conn:
        conn.execute("DELETE FROM rule_set")
        with (
            conn.cursor() as cursor,
            cursor.copy(
                "COPY rule_set (scope, target, version, status, document, author, reason, diff) FROM STDIN"
            ) as copy,
        ):
            for number, each in enumerate(fleet):
                document = write_document(check_text(FIVE.format(limit=20.0 + number % 7)))
                copy.write_row(("machine", each.key, 1, "in-force", json.dumps(document), "benchmark", "speed", "{}"))
        conn.execute("UPDATE rule_change SET number = number + 1")
        conn.execute("ANALYZE rule_set")
        book = RuleBook()
        began = time.perf_counter()
        for start in range(0, machines, 16):
            book.in_force(conn, fleet[start : start + 16])
        first = time.perf_counter() - began
        began = time.perf_counter()
        for start in range(0, machines, 16):
            book.in_force(conn, fleet[start : start + 16])
        again = time.perf_counter() - began
        conn.execute("DELETE FROM rule_set")
    _say(
        what="book",
        machines=machines,
        rules=5 * machines,
        first_ms_a_batch_of_16=first / machines * 16e3,
        again_ms_a_batch_of_16=again / machines * 16e3,
    )


def fill(dsn: str, machines: int, hours: int) -> list[str]:
    """Write machines with hourly rows: sound except for a decline of two days per quarter of a year, and noise."""
    with psycopg.connect(dsn) as conn:
        for number in range(machines):
            register(conn, machine(number))
        done = conn.execute("SELECT count(DISTINCT machine_id) FROM assessment").fetchone()
        assert done is not None
        for number in range(done[0], machines):
            conn.execute(_FILL_ASSESSMENTS, {"key": f"m-{number:05d}", "hours": hours, "start": START, "seed": number})
            conn.execute(_FILL_PROGNOSES, {"key": f"m-{number:05d}", "hours": hours, "start": START})
            conn.execute(_FILL_FEATURES, {"key": f"m-{number:05d}", "hours": hours, "start": START})
            conn.commit()
        conn.execute("ANALYZE")
    return [f"m-{number:05d}" for number in range(machines)]


_FILL_ASSESSMENTS = """
INSERT INTO assessment (machine_id, measured_at, revision, health, learning_progress, operating_state, zone, symptom,
                        component, confidence, indicators, evidence, rule_version)
SELECT m.id, %(start)s::timestamptz + h * INTERVAL '1 hour', 0,
       CASE WHEN h %% 2190 > 2140 AND m.id %% 4 = 0 THEN 0.5 ELSE 0.93 + 0.05 * sin(h + %(seed)s) END, 1, 'run', 'A',
       CASE WHEN h %% 5 = 0 THEN 'unbalance' END, CASE WHEN h %% 5 = 0 THEN 'de' END,
       CASE WHEN h %% 5 = 0 THEN 0.4 END, array_fill(0.1::real, ARRAY[24]),
       '{"severity": 0.5, "limit": 4.0, "reasons": [],
         "contributors": [{"indicator": "rms", "point": "h", "value": 1.0}]}',
       'health-1'
FROM generate_series(0, %(hours)s - 1) h, machine m WHERE m.key = %(key)s
"""
_FILL_PROGNOSES = """
INSERT INTO prognosis (machine_id, measured_at, revision, source, rul, rul_lower, rul_upper, level, evidence)
SELECT m.id, %(start)s::timestamptz + h * INTERVAL '1 hour', 0, 'model', 9e6, 4e6, 2e7, 0.8, '{"reasons": []}'
FROM generate_series(0, %(hours)s - 1) h, machine m WHERE m.key = %(key)s
"""
_FILL_FEATURES = """
INSERT INTO feature_vibration_v1 (point_id, measured_at, feature_version, rms, velocity_rms, kurtosis)
SELECT p.id, %(start)s::timestamptz + h * INTERVAL '1 hour', 2, 1.0, 0.002, 3.0
FROM generate_series(0, %(hours)s - 1) h, machine m JOIN point p ON p.machine_id = m.id AND p.quantity = 'acceleration'
WHERE m.key = %(key)s
"""


def measure_backtest(dsn: str, machines: int, hours: int, processes: int) -> None:
    """Print the time of a backtest of one machine, and of all, with two sets of rules."""
    began = time.perf_counter()
    keys = fill(dsn, machines, hours)
    _say(what="filled", machines=machines, hours=hours, seconds=time.perf_counter() - began)
    candidate = candidate_of(check_text(FIVE.format(limit=20.0)))
    question = BacktestRequest(START, START + timedelta(hours=hours), candidate, (keys[0],), with_suggestions=False)
    for label, asked, count, workers in (
        ("one machine", question, 1, 1),
        ("one machine again", question, 1, 1),
        ("one machine with suggestions", replace(question, with_suggestions=True), 1, 1),
        ("all machines", replace(question, machines=tuple(keys)), machines, processes),
    ):
        told: list[int] = []
        began = time.perf_counter()
        report = backtest(dsn, asked, processes=workers, progress=lambda _, done, __, told=told: told.append(done))
        seconds = time.perf_counter() - began
        _say(
            what="backtest",
            of=label,
            machines=count,
            processes=workers,
            seconds=seconds,
            ms_a_machine_year=seconds / count / hours * 8760e3,
            alarms=report.then.alarms,
            progress_steps=len(told),
        )


def _best(work: Callable[[], object], times: int) -> float:
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _say(**row: Any) -> None:
    sys.stdout.write(json.dumps({k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in row.items()}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the selected benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("evaluate", "book", "backtest"))
    parser.add_argument("dsn", nargs="?", default="")
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--hours", type=int, default=8760)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    if given.what == "evaluate":
        measure_evaluate()
    elif given.what == "book":
        measure_book(given.dsn, given.machines)
    else:
        measure_backtest(given.dsn, given.machines, given.hours, given.processes)


if __name__ == "__main__":
    main()
