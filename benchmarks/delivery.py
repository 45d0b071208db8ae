"""Latency from a record's 2xx to its alert at a webhook, through API, worker, outbox and signed POST.

A fleet of machines learns its baseline; then each machine gets a record in severity zone D, which raises a critical
alert, one machine after another. The time is measured from the response to that record to the arrival of `alert.opened`
at a receiver in this process. Prints a JSON line with percentiles; the goal is p95 <= 1 s.

    python -m benchmarks.delivery [--machines 100] [--pause 0.05]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint, SeverityLimits
from pdm.measurements import Acquisition, OperatingContext, Waveform
from pdm.replay.client import Client
from pdm.replay.stack import Stack

RATE, SAMPLES = 10240.0, 16384  # 1.6 s: sufficient for severity from 10 Hz
BASELINE = 12
STEP = timedelta(minutes=10)
SETTINGS = {"PDM_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
GOAL_S = 1.0


def machine(key: str) -> Machine:
    """Return a motor of 15 kW with the zones of ISO 20816-3, group 2, rigid."""
    limits = SeverityLimits(0.0014, 0.0028, 0.0045, "ISO 20816-3:2022, table A.2")
    points = (MeasurementPoint("de-h", "acceleration", "g", RATE, "h", "bearing-de"),)
    components = (Component("bearing-de", ComponentKind.BEARING),)
    return Machine(
        key, "line-1", "plant", rated_speed=29.5, severity_limits=limits, baseline_acquisitions=10,
        components=components, points=points,
    )  # fmt: skip


def acquisition(key: str, measured_at: datetime, velocity_mm_s: float, seed: int) -> Acquisition:
    """Return a record of unbalance at 29.5 Hz with a velocity RMS, and some noise."""
    rng, time_s = np.random.default_rng(seed), np.arange(SAMPLES) / RATE
    peak_g = velocity_mm_s * 1e-3 * np.sqrt(2) * 2 * np.pi * 29.5 / 9.80665
    samples = peak_g * np.sin(2 * np.pi * 29.5 * time_s + rng.uniform(0, 6)) + rng.normal(0, 0.01, SAMPLES)
    wave = Waveform("de-h", samples.astype(np.float32), RATE, "g")
    return Acquisition(key, measured_at, (wave,), (), OperatingContext(speed=29.5, load=0.8, state="running"))


def teach(client: Client, keys: list[str], first: datetime) -> datetime:
    """Register machines, send their baseline and one record in zone D; return the earliest time of the next record."""
    client.register(machine(key) for key in keys)
    at = first
    for number in range(BASELINE + 1):
        velocity = 1.0 if number < BASELINE else 9.0
        for start in range(0, len(keys), 50):
            part = keys[start : start + 50]
            client.send([acquisition(key, at, velocity, 100 * number + index) for index, key in enumerate(part)])
        at += STEP
    client.wait_until_analysed()
    return at


class Webhooks:
    """A receiver that stores the time when each machine's alert was opened."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.events: list[tuple[float, dict[str, str], dict[str, Any]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                now = time.perf_counter()
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.events.append((now, dict(self.headers.items()), event))
                if event["type"] == "alert.opened":
                    outer.arrived.setdefault(event["data"]["machine"], now)
                self.send_response(204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Suppress the log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def subscribe(service: str, key: str, **question: Any) -> dict[str, Any]:
    """Add a receiver of alerts over the API."""
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{service}/v1/subscriptions", json=question, headers=headers, trust_env=False, timeout=30)
    answer.raise_for_status()
    made: dict[str, Any] = answer.json()
    return made


def measure(machines: int, pause_s: float) -> dict[str, Any]:
    """Return the percentiles of the time from 2xx to webhook [s]."""
    keys = [f"press-{number:04}" for number in range(machines)]
    webhooks, sent = Webhooks(), {}
    with tempfile.TemporaryDirectory() as logs:
        stack = Stack("bench-delivery", fresh=True, log_folder=Path(logs), settings=SETTINGS)
        try:
            with stack, Client(stack.url, stack.admin_key) as client:
                first = datetime.now(UTC) - STEP * (BASELINE + 3)
                at = teach(client, keys, first)
                subscribe(stack.url, stack.admin_key, name="bench", url=webhooks.url, min_severity="critical")
                for index, key in enumerate(keys):
                    client.send([acquisition(key, at, 9.0, index)])
                    sent[key] = time.perf_counter()
                    time.sleep(pause_s)
                deadline = time.monotonic() + 60
                while len(webhooks.arrived) < machines and time.monotonic() < deadline:
                    time.sleep(0.05)
        finally:
            stack.cluster.destroy()
    took = [webhooks.arrived[key] - sent[key] for key in keys if key in webhooks.arrived]
    p50, p95, p99 = np.percentile(took, [50, 95, 99]) if took else (np.nan,) * 3
    return {
        "benchmark": "delivery", "machines": machines, "pause_s": pause_s, "arrived": len(took),
        "p50_s": round(p50, 3), "p95_s": round(p95, 3), "p99_s": round(p99, 3), "goal_p95_s": GOAL_S,
        "is_met": bool(len(took) == machines and p95 <= GOAL_S),
    }  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--machines", type=int, default=100)
    arguments.add_argument("--pause", type=float, default=0.05)
    given = arguments.parse_args()
    print(json.dumps(measure(given.machines, given.pause)))


if __name__ == "__main__":
    main()
