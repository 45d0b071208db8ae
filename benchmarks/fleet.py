"""Throughput of the whole service with a fleet: acquisitions per second, analysed to health, RUL and alert state.

Prints one JSON line per figure. Run: python benchmarks/fleet.py [--acquisitions N] [--history FACTOR]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np

from pdm.ingest.encode import encode_raw
from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, OperatingContext, Waveform
from pdm.replay.client import Client
from pdm.replay.feed import batches
from pdm.replay.hold_out import train_fleet
from pdm.replay.stack import Stack
from pdm.service.diagnosis.runner import Diagnoser
from pdm.settings import Settings
from pdm.store.analysis import diagnoses
from pdm.store.database.connection import open_pool

SAMPLES = 2560
SAMPLING_RATE = 25600.0
BATCH = 64
STEP = timedelta(seconds=10)
PAST = datetime(2026, 1, 1, tzinfo=UTC)
PRESENT = datetime(2026, 3, 1, tzinfo=UTC)
SENDERS = 2


def machine(key: str) -> Machine:
    geometry = BearingGeometry(13, 0.0035, 0.0256, 0.0, "PRONOSTIA platform, Nectoux et al. 2012")
    return Machine(
        key=key,
        line="line",
        site="bench",
        fleet="bench",
        rated_speed=30.0,
        planning_horizon=600.0,
        components=(Component("bearing", ComponentKind.BEARING, geometry),),
        points=tuple(
            MeasurementPoint(axis, "acceleration", "g", SAMPLING_RATE, axis, "bearing") for axis in ("h", "v")
        ),
    )


def acquisition(key: str, at: datetime, severity: float, rng: np.random.Generator) -> Acquisition:
    """Noise over a shaft line; severity raises the level and adds outer-race impacts."""
    noise = rng.standard_normal((2, SAMPLES), dtype=np.float32) * (300 * (1 + 3 * severity))
    noise[:, :: int(SAMPLING_RATE / (5.6 * 30.0))] += 6000 * severity
    counts = np.clip(noise, -32000, 32000).astype(np.int16)
    waveforms = tuple(Waveform(axis, counts[row], SAMPLING_RATE, "g", 0.001) for row, axis in enumerate(("h", "v")))
    return Acquisition(key, at, waveforms, (), OperatingContext(speed=30.0, load=0.8))


def course(key: str, start: datetime, count: int, *, fails: bool, seed: int) -> list[Acquisition]:
    rng = np.random.default_rng(seed)
    growth = (np.arange(count) / count) ** 4 if fails else np.zeros(count)
    return [acquisition(key, start + STEP * i, float(growth[i]), rng) for i in range(count)]


def prepare(stack: Stack, client: Client, names: Sequence[str]) -> None:
    """Register the fleet with past lives and a champion model."""
    client.register([machine(name) for name in names])
    for number, name in enumerate(names[:6]):
        life = course(name, PAST, 120 + 20 * number, fails=True, seed=number)
        for batch in batches(life, BATCH):
            client.send(batch)
        client.record_work_event(WorkEvent(name, WorkEventKind.FAILURE, life[-1].measured_at + STEP))
    client.wait_until_analysed()
    train_fleet(stack, "bench")


def bodies(names: Sequence[str], start: datetime, per_machine: int) -> list[tuple[str, bytes]]:
    """Encode the requests in order of time, 64 acquisitions per request."""
    courses = [course(name, start, per_machine, fails=False, seed=1000 + i) for i, name in enumerate(names)]
    stream = [records[i] for i in range(per_machine) for records in courses]
    return [encode_raw(batch) for batch in batches(stream, BATCH)]


def send_all(stack: Stack, lanes: Sequence[Sequence[tuple[str, bytes]]]) -> None:
    """Send the encoded requests of each lane over a connection of its own."""

    def send(lane: Sequence[tuple[str, bytes]]) -> None:
        headers = {"Authorization": f"Bearer {stack.admin_key}"}
        with httpx.Client(base_url=stack.url, headers=headers, timeout=120.0, trust_env=False) as http:
            for content_type, body in lane:
                answer = http.post("/v1/acquisitions", content=body, headers={"Content-Type": content_type})
                assert answer.status_code == 200, answer.text

    threads = [threading.Thread(target=send, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def throughput(stack: Stack, client: Client, names: Sequence[str], start: datetime, count: int) -> float:
    """Acquisitions per second from the first request to the last analysis.

    Each sender has its own machines, so that those of a machine arrive in order: late ones would be replayed.
    """
    lanes = [bodies(names[lane::SENDERS], start, count // len(names)) for lane in range(SENDERS)]
    sent = count // len(names) * len(names)
    began = time.monotonic()
    send_all(stack, lanes)
    client.wait_until_analysed()
    return sent / (time.monotonic() - began)


def alert_latencies(client: Client, prefix: str, count: int) -> list[float]:
    """Seconds from sending the acquisition that raises an alert until the API shows the alert."""
    taken = []
    rng = np.random.default_rng(7)
    for number in range(count):
        name = f"{prefix}-{number:02d}"
        client.register([machine(name)])
        for batch in batches(course(name, PAST, 60, fails=False, seed=2000 + number), BATCH):
            client.send(batch)
        client.wait_until_analysed()
        taken += _until_alert(client, name, rng)
    return taken


def _until_alert(client: Client, name: str, rng: np.random.Generator) -> list[float]:
    for step in range(60, 120):
        at = PAST + STEP * step
        began = time.monotonic()
        client.send([acquisition(name, at, 1.0, rng)])
        while datetime.fromisoformat(client.get(f"/v1/machines/{name}/health")["measured_at"]) < at:
            pass
        if client.get("/v1/alerts", machine=name)["items"]:
            return [time.monotonic() - began]
    return []


def resident_mib(process_id: int) -> float:
    return int(Path(f"/proc/{process_id}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def processor_s(process_id: int) -> float:
    """Processor time of a process [s]."""
    spent = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


def emit_diagnoses(stack: Stack, worker_s: float, since: datetime, until: datetime) -> None:
    """Print the cost of a diagnosis with reading and writing, and its share of the worker's processor time.

    The worker is killed, and its diagnoses are repeated in this process for every machine, several times.
    """
    stack.kill("worker-0")
    settings = Settings.from_environment(stack.environment)
    with open_pool(settings) as pool:
        diagnoser, spent = Diagnoser(pool, settings), []
        for _ in range(6):
            with pool.connection() as conn:
                (made,) = conn.execute(
                    "SELECT count(*) FROM diagnosis WHERE computed_at BETWEEN %s AND %s", (since, until)
                ).fetchone()
                machines = [row[0] for row in conn.execute("SELECT id FROM machine WHERE key LIKE 'bench-%'")]
                for machine_id in machines:
                    diagnoses.ask(conn, machine_id, "request", None, diagnoses.RECORDS)
            began, done = time.process_time(), 0
            while done < len(machines):
                done += diagnoser.turn()
            spent.append((time.process_time() - began) / done)
    each = statistics.median(spent[1:])
    emit("diagnosis_of_four_acquisitions_ms", value=round(1e3 * each, 2), limit=5.0)
    emit("diagnosis_share_of_worker", value=round(made * each / worker_s, 4), diagnoses=made, limit=0.2)


def emit(figure: str, **values: object) -> None:
    print(json.dumps({"benchmark": "fleet", "figure": figure, **values}), flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--acquisitions", type=int, default=6000)
    arguments.add_argument("--history", type=int, default=0, help="grow the history by this factor and measure again")
    arguments.add_argument("--alerts", type=int, default=20)
    chosen = arguments.parse_args()
    names = [f"bench-{number:02d}" for number in range(12)]
    with tempfile.TemporaryDirectory() as logs, Stack("bench", fresh=True, log_folder=Path(logs)) as stack:
        client = Client(stack.url, stack.admin_key, timeout_s=300.0)
        prepare(stack, client, names)
        began, before = datetime.now(UTC), processor_s(stack.process_id("worker-0"))
        rate = throughput(stack, client, names, PRESENT, chosen.acquisitions)
        ended, worker_s = datetime.now(UTC), processor_s(stack.process_id("worker-0")) - before
        emit("acquisitions_per_second", value=round(rate, 1), gate=600, goal=1000, machines=len(names))
        memory = resident_mib(stack.process_id("api")) + resident_mib(stack.process_id("worker-0"))
        emit("resident_mib_api_and_worker", value=round(memory, 1), limit=600)
        taken = sorted(alert_latencies(client, "latency", chosen.alerts))
        if taken:
            emit(
                "received_to_alert_visible_s",
                p50=round(statistics.median(taken), 4),
                p95=round(taken[int(0.95 * (len(taken) - 1))], 4),
                n=len(taken),
                limit=0.25,
            )
        if chosen.history:
            start = PRESENT + STEP * (chosen.acquisitions // len(names))
            grown = throughput(stack, client, names, start, chosen.acquisitions * (chosen.history - 1))
            start += STEP * (chosen.acquisitions * (chosen.history - 1) // len(names))
            again = throughput(stack, client, names, start, chosen.acquisitions)
            emit(
                "cost_ratio_after_history_growth",
                history=chosen.history,
                ratio=round(rate / again, 3),
                rate_while_growing=round(grown, 1),
                limit=1.2,
            )
        emit_diagnoses(stack, worker_s, began, ended)
        client.close()
        stack.cluster.stop()
    stack.cluster.destroy()


if __name__ == "__main__":
    main()
