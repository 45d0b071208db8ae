"""Storage as one block per row compared with one row per sample: ingest, read-back and size, hot and cold. JSON lines.

Both sides write the same samples into hypertables of one server, interleaved, and commit with synchronous_commit on.
The peer is psycopg's binary COPY into a hypertable with the defaults of `create_hypertable`; a second peer is the same
COPY with precomputed bytes, so that only the server's work counts. The block side always includes hashing and encoding.
Uses PDM_TEST_DSN, or a separate cluster. Run: python -m benchmarks.storage
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from features.catalogue import FEATURE_VERSION, names
from pdm.machines.model import Machine, MeasurementPoint
from pdm.measurements import Waveform
from pdm.service.maintenance.cold_storage import cold_pass
from pdm.settings import Settings
from pdm.store.acquisitions.acquisitions_write import Channel, insert_channels
from pdm.store.acquisitions.waveform_codec import decode, encode
from pdm.store.analysis import analysis_inputs, feature_rows
from pdm.store.cluster.embedded import EmbeddedCluster
from pdm.store.database.migrate import migrate
from pdm.store.machines.registration import fetch_machine, register

RATE, SAMPLES = 25600.0, 2560
LONG = 8192  # samples of the compared blocks; concatenated records of PRONOSTIA
BLOCKS, PEER_BLOCKS, READ_BLOCKS, ROUNDS = 512, 8, 32, 5
ROOM_ROUNDS = 16  # enough rows that the fixed overhead of a chunk is negligible
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=10)
ACQUISITIONS_A_MONTH = 30 * 24 * 6  # one every ten minutes, two axes

_PEER = """
CREATE TABLE sample (point_id bigint NOT NULL, measured_at timestamptz NOT NULL, value real NOT NULL,
                     PRIMARY KEY (point_id, measured_at));
SELECT create_hypertable('sample', by_range('measured_at', INTERVAL '1 day'));
"""


def records() -> tuple[str, NDArray[np.int16]]:
    """Return the source of the records, and the records (n, 2560) in counts of 1 mg."""
    recordings = sorted((Path(os.environ.get("PDM_DATA", "../shared/data")) / "pronostia").glob("Bearing*.npz"))
    parts = []
    for path in recordings:
        with np.load(path) as recording:
            for axis in "hv":
                records = recording[axis]
                parts.append(records[np.linspace(0, len(records) - 1, 1 + BLOCKS // 12).astype(int)].astype(np.int16))
    if parts:
        return f"pronostia, {len(recordings)} bearings", np.concatenate(parts)[:BLOCKS]
    rng = np.random.default_rng(0)
    time_s = np.arange(SAMPLES) / RATE
    tones = [np.sin(2 * np.pi * (1000 + 7 * i) * time_s) * 400 for i in range(BLOCKS)]
    return "synthetic", (np.array(tones) + rng.normal(0, 300, (BLOCKS, SAMPLES))).astype(np.int16)


@contextmanager
def database() -> Iterator[tuple[Connection[Any], str]]:
    with _server() as server:
        name = f"bench_storage_{os.getpid()}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            dsn = make_conninfo(server, dbname=name)
            migrate(dsn)
            with psycopg.connect(dsn) as conn:
                yield conn, dsn
        finally:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def _server() -> Iterator[str]:
    given = os.environ.get("PDM_TEST_DSN")
    if given:
        yield given
        return
    with EmbeddedCluster("bench") as cluster:
        yield cluster.dsn


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def write_blocks(
    conn: Connection[Any], point_id: int, blocks: NDArray[Any], start: datetime, scale: float | None
) -> None:
    channels = []
    for index, samples in enumerate(blocks):
        waveform = Waveform("h", samples, RATE, "g", scale)
        channels.append(Channel(point_id, start + index * STEP, waveform, waveform.content_hash()))
    stored = insert_channels(conn, channels)
    conn.commit()
    assert len(stored) == len(blocks)


def sample_times(blocks: NDArray[np.int16], start: datetime) -> NDArray[np.int64]:
    """Return the time of each sample [us since 2000]."""
    first = int((start - datetime(2000, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    within = np.round(np.arange(blocks.shape[1]) / RATE * 1e6).astype(np.int64)
    times: NDArray[np.int64] = (first + np.arange(len(blocks))[:, None] * 10_000_000 + within).ravel()
    return times


def made_beforehand(point_id: int, blocks: NDArray[np.int16], start: datetime) -> bytes:
    """Return a binary COPY of one row per sample."""
    fields = [("n", ">i2"), ("a", ">i4"), ("point", ">i8"), ("b", ">i4"), ("at", ">i8"), ("c", ">i4"), ("value", ">f4")]
    rows = np.zeros(blocks.size, np.dtype(fields))
    rows["n"], rows["a"], rows["b"], rows["c"], rows["point"] = 3, 8, 8, 4, point_id
    rows["at"] = sample_times(blocks, start)
    rows["value"] = blocks.ravel() * np.float32(0.001)
    return b"PGCOPY\n\xff\r\n\x00" + bytes(8) + rows.tobytes() + b"\xff\xff"


def write_rows(conn: Connection[Any], point_id: int, blocks: NDArray[np.int16], start: datetime) -> None:
    epoch = datetime(2000, 1, 1, tzinfo=UTC)
    values = (blocks.ravel() * np.float32(0.001)).tolist()
    with conn.cursor() as cursor, cursor.copy("COPY sample FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", "timestamptz", "float4"])
        for at, value in zip(sample_times(blocks, start).tolist(), values, strict=True):
            copy.write_row((point_id, epoch + timedelta(microseconds=at), value))
    conn.commit()


def write_bytes(conn: Connection[Any], body: bytes) -> None:
    with conn.cursor() as cursor, cursor.copy("COPY sample FROM STDIN (FORMAT binary)") as copy:
        copy.write(body)
    conn.commit()


def read_blocks(conn: Connection[Any], machine_id: int) -> None:
    keys = [(machine_id, START + index * STEP) for index in range(READ_BLOCKS)]
    found = analysis_inputs.fetch_waveforms(conn, keys)
    conn.commit()
    assert sum(len(waveform.samples) for waveform in found) == READ_BLOCKS * LONG


def read_rows(conn: Connection[Any], point_id: int) -> None:
    with conn.cursor(binary=True) as cursor:
        cursor.execute(
            "SELECT value FROM sample WHERE point_id = %s AND measured_at >= %s AND measured_at < %s "
            "ORDER BY measured_at",
            (point_id, START, START + READ_BLOCKS * STEP),
        )
        values = np.array(cursor.fetchall(), np.float32)
    conn.commit()
    assert values.size == READ_BLOCKS * LONG


def size(conn: Connection[Any], relation: str) -> int:
    row = conn.execute("SELECT hypertable_size(%s::regclass)", (relation,)).fetchone()
    assert row is not None
    return int(row[0])


def show(figure: str, value: float, **more: Any) -> None:
    print(json.dumps({"figure": figure, "value": float(f"{value:.4g}"), **more}), flush=True)


def main() -> None:
    source, counts = records()
    floats = counts * np.float32(0.001)
    points = tuple(MeasurementPoint(key, "acceleration", "g", RATE) for key in ("h", "f"))
    with database() as (conn, dsn):
        register(conn, Machine("bench", "line", "site", points=points[:1]))
        register(conn, Machine("bench-f", "line", "site", points=points[1:]))
        conn.execute(_PEER.encode())
        conn.commit()
        stored = fetch_machine(conn, "bench")
        compare(conn, counts, stored.id, stored.point_ids["h"], source)
        measure_room(conn, dsn, counts, floats, fetch_machine(conn, "bench-f").point_ids["f"], source)
    show_codec(counts, "int16", source)
    show_codec(floats, "float32", source)


def compare(conn: Connection[Any], counts: NDArray[np.int16], machine_id: int, point_id: int, source: str) -> None:
    blocks = counts.ravel()[: counts.size // LONG * LONG].reshape(-1, LONG)
    few = blocks[:PEER_BLOCKS]
    spent: dict[str, list[float]] = {}

    def clock(name: str, samples: int, work: Callable[[], object]) -> None:
        spent.setdefault(name, []).append(timed(work) / samples)

    for index in range(ROUNDS):
        start = START + timedelta(hours=2 * index)
        later = start + timedelta(hours=1)
        body = made_beforehand(point_id, few, later)
        clock("write blocks", blocks.size, lambda start=start: write_blocks(conn, point_id, blocks, start, 0.001))  # type: ignore[misc]
        clock("write rows", few.size, lambda start=start: write_rows(conn, point_id, few, start))  # type: ignore[misc]
        clock("write rows made beforehand", few.size, lambda body=body: write_bytes(conn, body))  # type: ignore[misc]
    conn.execute("TRUNCATE sample")
    write_bytes(conn, made_beforehand(point_id, blocks[:READ_BLOCKS], START))
    conn.execute("ANALYZE sample, waveform")
    for _ in range(ROUNDS):
        clock("read blocks", READ_BLOCKS * LONG, lambda: read_blocks(conn, machine_id))
        clock("read rows", READ_BLOCKS * LONG, lambda: read_rows(conn, point_id))
    for rows, kind, goal in (("rows", "write", 200), ("rows made beforehand", "write", None), ("rows", "read", 200)):
        one, other = spent[f"{kind} blocks"], spent[f"{kind} {rows}"]
        ratio = statistics.median(other) / statistics.median(one)
        show(f"{kind} blocks / {rows}", ratio, best=round(min(other) / min(one), 1), goal=goal, source=source)
    for name, times in spent.items():
        show(f"{name} [million samples/s]", 1e-6 / statistics.median(times), source=source)
    show("row-per-sample size [bytes/sample]", size(conn, "sample") / (READ_BLOCKS * LONG), source=source)
    conn.execute("TRUNCATE waveform")
    conn.commit()


def measure_room(
    conn: Connection[Any],
    dsn: str,
    counts: NDArray[np.int16],
    floats: NDArray[np.float32],
    point_id: int,
    source: str,
) -> None:
    int16_sample = measure_tiers(conn, dsn, counts, point_id, 0.001, source, hot_goal=1.75, cold_goal=1.55)
    float32_sample = measure_tiers(conn, dsn, floats, point_id, None, source)
    columns = names("vibration", "channel")
    values = np.random.default_rng(0).normal(size=(2000, len(columns))).astype(np.float32)
    times = [START + index * STEP for index in range(2000)]
    reasons = np.zeros(2000, np.uint32)
    feature_rows.insert_features(
        conn, "feature_vibration_v1", columns, [point_id] * 2000, times, values, reasons, FEATURE_VERSION
    )
    conn.commit()
    feature_row = size(conn, "feature_vibration_v1") / 2000
    show("vibration feature row [bytes]", feature_row, features=len(columns))
    for kind, per_sample in (("int16", int16_sample), ("float32", float32_sample)):
        month = ACQUISITIONS_A_MONTH * 2
        show(
            f"two axes of {SAMPLES} {kind} samples every 10 min [GB/machine-month]",
            month * SAMPLES * per_sample / 1e9,
            features_gb=round(month * feature_row / 1e9, 4),
            source=source,
        )


def measure_tiers(
    conn: Connection[Any],
    dsn: str,
    blocks: NDArray[Any],
    point_id: int,
    scale: float | None,
    source: str,
    **goals: float,
) -> float:
    """Print the size of a sample as stored at ingest and after the cold pass; return the former [bytes]."""
    conn.execute("TRUNCATE waveform, waveform_frame")
    conn.commit()
    for index in range(ROOM_ROUNDS):
        write_blocks(conn, point_id, blocks, START + timedelta(hours=2 * index), scale)
    samples = ROOM_ROUNDS * blocks.size
    hot = size(conn, "waveform") / samples
    conn.commit()
    show(f"{blocks.dtype} waveform hypertable [bytes/sample]", hot, goal=goals.get("hot_goal"), source=source)
    settings = Settings(dsn=dsn, cold_pass_share=1.0, min_free_disk_bytes=0)
    report = cold_pass(settings, datetime(2100, 1, 1, tzinfo=UTC))
    assert not report.left, report.left
    cold = (size(conn, "waveform") + size(conn, "waveform_frame")) / samples
    conn.commit()
    figure = f"{blocks.dtype} waveform hypertables after the cold pass [bytes/sample]"
    show(figure, cold, goal=goals.get("cold_goal"), source=source)
    return hot


def show_codec(blocks: NDArray[Any], kind: str, source: str) -> None:
    packed = [encode(block) for block in blocks]
    into = min(timed(lambda: [encode(block) for block in blocks]) for _ in range(ROUNDS))
    back = min(timed(lambda: [decode(*item, blocks.dtype, SAMPLES) for item in packed]) for _ in range(ROUNDS))
    show(f"{kind} hot payload [bytes/sample]", sum(len(item[1]) for item in packed) / blocks.size, source=source)
    show(f"{kind} encode [million samples/s]", blocks.size / into / 1e6, goal=200, source=source)
    show(f"{kind} decode [million samples/s]", blocks.size / back / 1e6, source=source)


if __name__ == "__main__":
    main()
