"""Faults of instruments in real records of a sound bearing: found within five records, without a machine alert."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from psycopg_pool import ConnectionPool

from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.measurements import Acquisition, OperatingContext, Waveform
from pdm.service.analysis.worker import Worker
from pdm.service.ingestion.record import record
from pdm.settings import Settings
from pdm.store.machines.registration import register
from tests.integration.plant import NOW, RATE, ask, decoded
from tests.sensor_faults import FAULTS, LASTING

DATA = Path(os.environ.get("PDM_DATA") or Path(__file__).parents[3] / "shared" / "data") / "pronostia"
SOUND, FAULTY = 40, 8  # records
Pair = tuple[NDArray[np.float32], NDArray[np.float32]]
Change = Callable[[int, Pair, Callable[[int], Pair]], Pair]


def _of_one(name: str) -> Change:
    fault = {**FAULTS, **LASTING}[name]
    return lambda index, pair, _: (fault(pair[0], np.random.default_rng(index)), pair[1])


CHANGES: dict[str, Change] = {
    **{name: _of_one(name) for name in (*FAULTS, *LASTING)},
    "frozen": lambda _, pair, at: (at(SOUND - 1)[0], pair[1]),
    "two buffers in turn": lambda index, pair, at: (at(SOUND - 1 - index % 2)[0], pair[1]),
    "swapped channels": lambda _, pair, __: (pair[1], pair[0]),
}


@pytest.fixture
def records() -> Callable[[int], Pair]:
    if not (DATA / "Bearing1_1.npz").exists():
        message = f"{DATA} holds no recordings; set PDM_DATA to the folder of the recordings"
        if os.environ.get("PDM_REQUIRE_DATA") == "1" or os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with np.load(DATA / "Bearing1_1.npz") as file:
        h, v = (file[axis][: SOUND + FAULTY].astype(np.float32) * np.float32(1e-3) for axis in "hv")
    return lambda index: (h[index], np.float32(1.8) * v[index])


def machine(key: str) -> Machine:
    points = tuple(MeasurementPoint(axis, "acceleration", "g", RATE, axis, "bearing") for axis in ("h", "v"))
    return Machine(key, "line", "site", components=(Component("bearing", ComponentKind.BEARING),), points=points)


def acquisitions(key: str, change: Change | None, at: Callable[[int], Pair]) -> Iterator[Acquisition]:
    for index in range(SOUND + FAULTY):
        pair = at(index) if change is None or index < SOUND else change(index, at(index), at)
        waves = tuple(
            Waveform(axis, np.ascontiguousarray(x, np.float32), RATE, "g") for axis, x in zip("hv", pair, strict=True)
        )
        moment = NOW - timedelta(minutes=10) * (SOUND + FAULTY - index)
        yield Acquisition(key, moment, waves, context=OperatingContext(speed=29.0, load=0.8))


@pytest.mark.real_data
def test_every_fault_is_found_within_five_records_and_raises_no_machine_alert(
    pool: ConnectionPool[Any], settings: Settings, records: Callable[[int], Pair]
) -> None:
    keys = {name: f"m-{number}" for number, name in enumerate(CHANGES)} | {"sound": "sound"}
    with pool.connection() as conn:
        for key in keys.values():
            register(conn, machine(key))
    for name, key in keys.items():
        batch = list(acquisitions(key, CHANGES.get(name), records))
        record(pool, decoded(batch), actor="test", site_ids=None, now=NOW)
    worker = Worker(pool, settings)
    while worker.round():
        pass
    rows = ask(
        pool,
        "SELECT m.key, a.cause, a.category, a.opened_at FROM alert a JOIN machine m ON m.id = a.machine_id",
    )
    table = {name: [row for row in rows if row[0] == key] for name, key in keys.items()}
    fifth = NOW - timedelta(minutes=10) * (FAULTY - 4)
    assert table.pop("sound") == []
    found_at = {name: [row[3] for row in found if row[2] == "instrument"] for name, found in table.items()}
    assert {name: times for name, times in found_at.items() if not times or min(times) > fifth} == {}
    assert [row for found in table.values() for row in found if row[2] == "machine"] == []
    doubted = (
        "SELECT DISTINCT m.key FROM channel_quality q JOIN point p ON p.id = q.point_id "
        "JOIN machine m ON m.id = p.machine_id"
    )
    assert ("sound",) not in ask(pool, doubted)


@pytest.mark.real_data
def test_a_channel_that_is_reversed_is_named_and_goes_on(
    pool: ConnectionPool[Any], settings: Settings, records: Callable[[int], Pair]
) -> None:
    with pool.connection() as conn:
        register(conn, machine("reversed"))
    batch = list(acquisitions("reversed", lambda _, pair, __: (-pair[0], pair[1]), records))
    record(pool, decoded(batch), actor="test", site_ids=None, now=NOW)
    worker = Worker(pool, settings)
    while worker.round():
        pass
    rows = ask(pool, "SELECT p.key, q.quality, q.reasons FROM channel_quality q JOIN point p ON p.id = q.point_id")
    assert sorted(map(str, rows)) == sorted(
        str((axis, "doubtful", ["polarity"])) for axis in "hv" for _ in range(FAULTY)
    )
    assert ask(pool, "SELECT cause FROM alert") == []
