"""A load generator that writes down what was acknowledged, and an auditor that does not trust it."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import psycopg

from pdm.ingest.encode import encode_raw
from pdm.machines.model import BearingGeometry, Component, ComponentKind, Machine, MeasurementPoint
from pdm.measurements import Acquisition, OperatingContext, Waveform

START = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLING_RATE = 2560.0
SAMPLES = 512


def machines(count: int, first: int = 0) -> list[Machine]:
    bearing = BearingGeometry(9, 0.00794, 0.03904, 0.0, "SKF 6205 catalogue")
    return [
        Machine(
            key=f"load-{number:02d}",
            line="line-1",
            site="fault-site",
            rated_speed=25.0,
            components=(Component("bearing", ComponentKind.BEARING, bearing),),
            points=tuple(
                MeasurementPoint(axis, "acceleration", "g", SAMPLING_RATE, component="bearing") for axis in ("h", "v")
            ),
        )
        for number in range(first, first + count)
    ]


def acquisition(machine: str, index: int) -> Acquisition:
    """The same record for the same machine and index, whoever asks."""
    rng = np.random.default_rng([int(machine[-2:]), index])
    return Acquisition(
        machine=machine,
        measured_at=START + timedelta(seconds=10 * index),
        waveforms=tuple(
            Waveform(axis, rng.standard_normal(SAMPLES, dtype=np.float32), SAMPLING_RATE, "g") for axis in ("h", "v")
        ),
        context=OperatingContext(speed=25.0, load=0.8),
    )


@dataclass
class Ledger:
    """Acknowledgements, written and fsynced before the next request goes out."""

    path: Path
    acknowledged: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    requests: int = 0
    refused: int = 0
    longest_outage_s: float = 0.0

    def write(self, rows: Sequence[tuple[str, int, str, str]]) -> None:
        with self.path.open("a") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
        for machine, index, *hashes in rows:
            self.acknowledged[machine, index] = (hashes[0], hashes[1])


class Load:
    """Sends batches until told to stop; repeats a batch until it is acknowledged, as a gateway would."""

    def __init__(
        self, url: str, key: str, ledger: Ledger, names: Sequence[str], batch: int = 8, pause_s: float = 0.0
    ) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=10.0, trust_env=False
        )
        self._ledger = ledger
        self._names = names
        self._batch = batch
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.error: BaseException | None = None

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._http.close()
        if self.error is not None:
            raise self.error

    def wait_for(self, records: int, timeout_s: float = 120.0) -> None:
        deadline = time.monotonic() + timeout_s
        while len(self._ledger.acknowledged) < records:
            if self.error is not None:
                raise self.error
            assert time.monotonic() < deadline, f"only {len(self._ledger.acknowledged)} of {records} acknowledged"
            time.sleep(0.02)

    def _run(self) -> None:
        try:
            for number in itertools.count():
                if self._stop.wait(self._pause_s):
                    return
                self._send([(name, number * self._batch + i) for name in self._names for i in range(self._batch)])
        except BaseException as error:
            self.error = error

    def _send(self, keys: Sequence[tuple[str, int]]) -> None:
        batch = [acquisition(name, index) for name, index in keys]
        content_type, body = encode_raw(batch)
        began = time.monotonic()
        while not self._stop.is_set():
            self._ledger.requests += 1
            try:
                answer = self._http.post("/v1/acquisitions", content=body, headers={"Content-Type": content_type})
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                results = answer.json()["results"]
                assert all(r["outcome"] in ("stored", "duplicate") for r in results), results
                self._ledger.write(
                    [
                        (name, index, *(w.content_hash().hex() for w in record.waveforms))
                        for (name, index), record in zip(keys, batch, strict=True)
                    ]
                )
                self._ledger.longest_outage_s = max(self._ledger.longest_outage_s, time.monotonic() - began)
                return
            assert answer is None or answer.status_code == 503, (answer.status_code, answer.text)
            self._ledger.refused += 1
            time.sleep(0.05)


@dataclass(frozen=True)
class Audit:
    """What the auditor found; every count of faults must be zero."""

    acknowledged: int
    lost: int
    hash_mismatches: int
    unbalanced_receipts: int
    waveforms_without_one_feature_row: int
    acquisitions_without_one_assessment: int
    set_aside: tuple[str, ...]


def audit(dsn: str, ledger: Ledger, *, analysed: bool) -> Audit:
    """Compare the ledger's file with the database, reading both afresh."""
    rows = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    expected = {
        (machine, START + timedelta(seconds=10 * index), axis): content_hash
        for machine, index, *hashes in rows
        for axis, content_hash in zip(("h", "v"), hashes, strict=True)
    }
    with psycopg.connect(dsn) as conn:
        stored = {
            (machine, at, axis): content_hash.hex()
            for machine, at, axis, content_hash in conn.execute(
                "SELECT m.key, w.measured_at, p.key, w.content_hash FROM waveform w "
                "JOIN point p ON p.id = w.point_id JOIN machine m ON m.id = p.machine_id"
            )
        }
        counted = _one(conn, "SELECT coalesce(sum(stored), 0)::bigint FROM receipt")
        acquisitions = _one(conn, "SELECT count(*) FROM acquisition")
        aside = tuple(row[0] for row in conn.execute("SELECT reason FROM set_aside"))
        featureless = doubtful = 0
        if analysed:
            featureless = _one(
                conn,
                "SELECT count(*) FROM waveform w WHERE (SELECT count(*) FROM feature_vibration_v1 f "
                "WHERE f.point_id = w.point_id AND f.measured_at = w.measured_at) <> 1",
            )
            doubtful = _one(
                conn,
                "SELECT count(*) FROM acquisition a WHERE (SELECT count(*) FROM assessment s WHERE "
                "s.machine_id = a.machine_id AND s.measured_at = a.measured_at AND s.revision = 0) <> 1",
            )
    return Audit(
        acknowledged=len(rows),
        lost=sum(key not in stored for key in expected),
        hash_mismatches=sum(stored.get(key, value) != value for key, value in expected.items()),
        unbalanced_receipts=abs(counted - acquisitions),
        waveforms_without_one_feature_row=featureless,
        acquisitions_without_one_assessment=doubtful,
        set_aside=aside,
    )


def assert_sound(found: Audit) -> None:
    faults = {name: value for name, value in vars(found).items() if name != "acknowledged"}
    assert not any(faults.values()), found
    assert found.acknowledged > 0


def _one(conn: psycopg.Connection[tuple[int]], statement: str) -> int:
    row = conn.execute(statement).fetchone()
    assert row is not None
    return row[0]
