"""A small plant and its records for the tests of the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.ingest.records import Decoded
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint, Timeline
from pdm.measurements import Acquisition, OperatingContext, Receipt, Scalar, Waveform
from pdm.service.ingestion.record import record
from pdm.store.machines.registration import register

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
RATE = 25600.0


def machine(key: str = "press-07", site: str = "busan", timeline: Timeline = Timeline.LIVE) -> Machine:
    return Machine(
        key=key,
        line="line-1",
        site=site,
        timeline=timeline,
        components=(Component("bearing-de", ComponentKind.BEARING),),
        points=(
            MeasurementPoint("de-h", "acceleration", "g", RATE, "h", "bearing-de"),
            MeasurementPoint("de-v", "acceleration", "g", RATE, "v", "bearing-de"),
            MeasurementPoint("oil", "temperature", "degC"),
        ),
    )


def waveform(point: str = "de-h", seed: int = 0, count: int = 256) -> Waveform:
    samples = np.random.default_rng(seed).normal(size=count).astype(np.float32)
    return Waveform(point, samples, RATE, "g")


def acquisition(
    key: str = "press-07", measured_at: datetime = NOW - timedelta(hours=1), seed: int = 0, oil: float | None = 61.5
) -> Acquisition:
    return Acquisition(
        key,
        measured_at,
        (waveform("de-h", seed), waveform("de-v", seed + 1_000_000)),
        () if oil is None else (Scalar("oil", oil, "degC"),),
        OperatingContext(speed=29.5, load=0.8, state="drawing"),
    )


def series(key: str = "press-07", count: int = 8, step: timedelta = timedelta(minutes=10)) -> list[Acquisition]:
    return [acquisition(key, NOW - step * (count - i), seed=i) for i in range(count)]


def decoded(acquisitions: Sequence[Acquisition]) -> list[Decoded]:
    return [Decoded(i, a, a.machine, a.measured_at.isoformat()) for i, a in enumerate(acquisitions)]


def send(
    pool: ConnectionPool[Any],
    *acquisitions: Acquisition,
    site_ids: Sequence[int] | None = None,
    now: datetime = NOW,
) -> Receipt:
    return record(pool, decoded(acquisitions), actor="gateway", site_ids=site_ids, now=now)


def outcomes(receipt: Receipt) -> list[str]:
    return [result.outcome.value for result in receipt.results]


def codes(receipt: Receipt) -> list[list[str]]:
    return [[problem.code for problem in result.problems] for result in receipt.results]


def add(pool: ConnectionPool[Any], *machines: Machine) -> None:
    with pool.connection() as conn:
        for one in machines or (machine(),):
            register(conn, one)


def count(conn: Connection[Any], what: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def ask(pool: ConnectionPool[Any], question: str) -> list[tuple[Any, ...]]:
    with pool.connection() as conn:
        return conn.execute(question.encode()).fetchall()
