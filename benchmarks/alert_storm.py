"""A storm of alerts through the real store, outbox, worker and a webhook in this process.

10,000 alerts on 2,500 machines within 60 s, one in ten critical, each finding reported twice as a flapping plant would:
grouped to one alert per machine and cause, stored with history, and delivered. Prints a JSON line: the cost of an
opening, delivered alerts and their latency, missed critical alerts, and the growth of the worker's memory.

    python -m benchmarks.alert_storm [--alerts 10000] [--seconds 60] [--batch 50]
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.delivery import SETTINGS, Webhooks, subscribe
from pdm.alerts.evaluation.changes import AlertChange, ChangeKind
from pdm.alerts.kinds.behaviour import Severity
from pdm.replay.stack import Stack
from pdm.store.alerts import alerts

CAUSES = ("machine", "motor", "bearing-de", "bearing-nde")
EVIDENCE = {
    "health": 0.41,
    "zone": "C",
    "assessment": {"contributors": [{"point": "de-h", "indicator": "velocity_rms", "deviation": 8.1}] * 8},
}
GOAL_MS = 1.0


def opening(cause: str, severity: Severity) -> AlertChange:
    """Return a finding of typical size."""
    return AlertChange(
        ChangeKind.OPENED, cause, None if cause == "machine" else cause, severity, datetime.now(UTC), "health-low",
        {"health": 0.41, "limit": 0.6, "symptom": "looseness"}, EVIDENCE, "health-warning", "2.bench",
        needs_acknowledgement=severity is Severity.CRITICAL,
    )  # fmt: skip


def add_machines(conn: psycopg.Connection[Any], count: int) -> list[int]:
    """Write machines of one line; return their ids."""
    conn.execute("INSERT INTO site (key) VALUES ('plant')")
    conn.execute("INSERT INTO line (site_id, key) SELECT id, 'line-1' FROM site")
    rows = conn.execute(
        "INSERT INTO machine (site_id, line_id, key, fleet, planning_horizon, baseline_acquisitions, timeline)"
        " SELECT l.site_id, l.id, 'press-' || n, 'default', 3600, 30, 'live' FROM line l, generate_series(1, %s) n"
        " RETURNING id",
        (count,),
    )
    return [row[0] for row in rows]


def raise_all(
    conn: psycopg.Connection[Any], machines: list[int], alert_count: int, seconds: float, batch: int
) -> tuple[dict[tuple[int, str], Severity], list[float]]:
    """Report every finding twice at an even rate, in batches of machines; return the batches and their times."""
    rng, truth, took = random.Random(7), {}, []
    batches = [machines[start : start + batch] for start in range(0, len(machines), batch)]
    began = time.monotonic()
    for number, part in enumerate(batches):
        storm: dict[int, list[AlertChange]] = {}
        for machine_id in part:
            for cause in CAUSES[: max(1, alert_count // len(machines))]:
                truth[machine_id, cause] = Severity.CRITICAL if rng.random() < 0.1 else Severity.WARNING
                storm.setdefault(machine_id, []).append(opening(cause, truth[machine_id, cause]))
        for _ in range(2):
            started = time.perf_counter()
            with conn.transaction():
                alerts.apply_all(conn, storm, reevaluated=False)
                alerts.notify(conn)
            took.append(time.perf_counter() - started)
            storm = {key: [replace(change, occurred_at=datetime.now(UTC)) for change in storm[key]] for key in storm}
        time.sleep(max(0.0, began + (number + 1) * seconds / len(batches) - time.monotonic()))
    return truth, took


def resident_mib(process_id: int) -> float:
    """Return the memory of a process [MiB]."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


class Memory:
    """Monitors the memory of a process until it is stopped."""

    def __init__(self, process_id: int) -> None:
        self.seen = [resident_mib(process_id)]
        self.stop = threading.Event()
        threading.Thread(target=self._watch, args=(process_id,), daemon=True).start()

    def _watch(self, process_id: int) -> None:
        while not self.stop.wait(0.5):
            self.seen.append(resident_mib(process_id))


def measure(alert_count: int, seconds: float, batch: int) -> dict[str, Any]:
    """Return the results of one storm."""
    webhooks = Webhooks()
    with tempfile.TemporaryDirectory() as logs:
        stack = Stack("bench-storm", fresh=True, log_folder=Path(logs), settings=SETTINGS)
        try:
            with stack, psycopg.connect(stack.dsn, autocommit=True) as conn:
                subscribe(stack.url, stack.admin_key, name="storm", url=webhooks.url, min_severity="warning")
                machines = add_machines(conn, alert_count // len(CAUSES))
                memory = Memory(stack.process_id("worker-0"))
                began = time.perf_counter()
                truth, took = raise_all(conn, machines, alert_count, seconds, batch)
                raised_for = time.perf_counter() - began
                deadline = time.monotonic() + 600
                while len(webhooks.events) < len(truth) and time.monotonic() < deadline:
                    time.sleep(0.2)
                memory.stop.set()
                delivered_for = time.perf_counter() - began
                stored = conn.execute("SELECT count(*), count(DISTINCT (machine_id, cause)) FROM alert").fetchone()
        finally:
            stack.cluster.destroy()
    heard = Counter(event["data"]["severity"] for _, _, event in webhooks.events if event["type"] == "alert.opened")
    told = {event["data"]["alert_id"] for _, _, event in webhooks.events}
    critical = sum(severity is Severity.CRITICAL for severity in truth.values())
    opening_ms = 1000 * float(np.sum(took[::2])) / len(truth)
    return {
        "benchmark": "alert_storm", "alerts": len(truth), "findings": 2 * len(truth), "stored": stored,
        "raised_in_s": round(raised_for, 1), "opening_ms": round(opening_ms, 3),
        "repeat_ms": round(1000 * float(np.sum(took[1::2])) / len(truth), 3), "delivered": len(told),
        "delivered_after_s": round(delivered_for, 1), "doubled": len(webhooks.events) - len(told),
        "critical": critical, "critical_missed": critical - heard["critical"],
        "worker_grew_mib": round(max(memory.seen) - memory.seen[0], 1), "goal_opening_ms": GOAL_MS,
        "is_met": bool(opening_ms <= GOAL_MS and len(told) == len(truth) and heard["critical"] == critical),
    }  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--alerts", type=int, default=10_000)
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--batch", type=int, default=50)
    given = arguments.parse_args()
    print(json.dumps(measure(given.alerts, given.seconds, given.batch)))


if __name__ == "__main__":
    main()
