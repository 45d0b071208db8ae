"""What a point can measure is registered, shown, and judges what is sent: range, values of faults, rate of change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from psycopg_pool import ConnectionPool

from pdm.ingest.fleet_file import machine_to_document
from pdm.machines.point_limits import PointLimits
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform
from pdm.quality.rate_of_change import NEW_LEVEL
from pdm.service.analysis.worker import Worker
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.machines.registration import fetch_machine, register
from tests.integration import plant
from tests.integration.api_server import client, serve

Pool = ConnectionPool[Any]
STEP = timedelta(minutes=1)
OIL = {"range": {"lowest": -20.0, "highest": 120.0}, "not_a_measurement": [0.0], "rate_limit_per_s": 0.05}
M = "/v1/machines/press-07"


def described(**fields: Any) -> dict[str, Any]:
    document = machine_to_document(plant.machine())
    document["points"][2] |= fields
    return document


def shown(caller: httpx.Client, point: str = "oil") -> dict[str, Any]:
    points = caller.get(M).json()["points"]
    found = next(each for each in points if each["point"] == point)
    return {name: found[name] for name in OIL}


@pytest.fixture
def kim(settings: Settings, pool: Pool) -> Iterator[httpx.Client]:
    key = create_key(pool, name="kim", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as caller:
        yield caller


def test_what_a_point_can_measure_is_registered_shown_changed_and_refused_by_name(
    kim: httpx.Client, pool: Pool
) -> None:
    assert kim.put(M, json=described(**OIL)).json()["outcome"] == "created"
    assert shown(kim) == OIL
    assert shown(kim, "de-h") == {"range": None, "not_a_measurement": [], "rate_limit_per_s": None}
    assert kim.put(M, json=described(**OIL)).json()["outcome"] == "unchanged"
    changed = OIL | {"not_a_measurement": ["ds18b20-power-on"], "range": [None, 90]}
    assert kim.put(M, json=described(**changed)).json()["outcome"] == "changed"
    assert shown(kim) == OIL | {"not_a_measurement": [85.0], "range": {"lowest": None, "highest": 90.0}}
    wrong = kim.put(M, json=described(range=[90, 20]))
    assert (wrong.status_code, wrong.json()["field"]) == (422, "points[2].range")
    with pool.connection() as conn:
        assert fetch_machine(conn, "press-07").machine.points[2].limits == PointLimits(None, 90.0, (85.0,), 0.05)


def test_another_sensor_has_another_range_and_never_one_of_another_unit(kim: httpx.Client, pool: Pool) -> None:
    assert kim.put(M, json=described(**OIL)).status_code == 200
    at = {"at": (plant.NOW - STEP).isoformat(), "reason": "broken"}
    path = f"{M}/points/oil/replace"
    assert kim.post(path, json=at | {"range": {"highest": 200.0}, "not_a_measurement": None}).status_code == 200
    assert shown(kim) == OIL | {"range": {"lowest": None, "highest": 200.0}, "not_a_measurement": []}
    kelvin = at | {"key": "oil-2", "unit": "K"}
    refused = kim.post(path, json=kelvin)
    assert (refused.status_code, refused.json()["field"]) == (422, "range")
    assert "the new sensor in K" in refused.json()["detail"]
    given = {"range": {"lowest": 200.0}, "rate_limit_per_s": None}
    assert kim.post(path, json=kelvin | given).status_code == 200
    assert shown(kim, "oil-2") == {
        "range": {"lowest": 200.0, "highest": None},
        "not_a_measurement": [],
        "rate_limit_per_s": None,
    }


def sent(begin: int, values: Sequence[float], level: float = 1.0) -> list[Acquisition]:
    """Return acquisitions, a minute apart, with values of `oil` and a vibration of a level [g]."""
    found = []
    for index, value in enumerate(values, start=begin):
        noise = np.random.default_rng(index).normal(size=1024).astype(np.float32)
        other = np.random.default_rng(10**6 + index).normal(size=1024).astype(np.float32)
        waves = (Waveform("de-h", level * noise, plant.RATE, "g"), Waveform("de-v", other, plant.RATE, "g"))
        at = plant.NOW - STEP * (500 - index)
        oil = Scalar("oil", value, "degC")
        found.append(Acquisition("press-07", at, waves, (oil,), OperatingContext(speed=29.5, load=0.8)))
    return found


def judged(pool: Pool, settings: Settings, acquisitions: Sequence[Acquisition]) -> list[str | None]:
    """Analyse acquisitions and return the reasons of their channels that are not good, in order of time."""
    plant.send(pool, *acquisitions)
    worker = Worker(pool, settings)
    while worker.round():
        pass
    rows = plant.ask(pool, "SELECT measured_at, reasons FROM channel_quality")
    reasons = dict(rows)
    return [(" ".join(reasons[each.measured_at]) if each.measured_at in reasons else None) for each in acquisitions]


def test_values_are_judged_by_what_their_point_can_measure(pool: Pool, settings: Settings) -> None:
    machine = plant.machine()
    oil = replace(machine.points[2], limits=PointLimits(-20.0, 120.0, (0.0,), 0.05))
    with pool.connection() as conn:
        register(conn, replace(machine, points=(*machine.points[:2], oil), rated_speed=29.5))
    good = [60.0, 60.5, 61.0]
    assert judged(pool, settings, sent(0, good)) == [None] * 3
    faults = [0.0, 121.0, -21.0, 90.0]
    assert judged(pool, settings, sent(3, faults)) == ["not-a-measurement", "outside-range", "outside-range", "rate"]
    assert judged(pool, settings, sent(7, [61.5])) == [None]


def test_a_true_step_is_believed_after_some_records_also_one_by_one(pool: Pool, settings: Settings) -> None:
    machine = plant.machine()
    oil = replace(machine.points[2], limits=PointLimits(rate=0.001))
    with pool.connection() as conn:
        register(conn, replace(machine, points=(*machine.points[:2], oil), rated_speed=29.5))
    assert judged(pool, settings, sent(0, [20.0])) == [None]
    one_by_one = [judged(pool, settings, sent(index, [80.0]))[0] for index in range(1, NEW_LEVEL + 2)]
    assert one_by_one == ["rate"] * (NEW_LEVEL - 1) + [None, None]


def test_samples_beyond_the_range_of_a_sensor_raise_its_alert(pool: Pool, settings: Settings) -> None:
    machine = plant.machine()
    ranged = replace(machine.points[0], limits=PointLimits(-10.0, 10.0))
    with pool.connection() as conn:
        register(conn, replace(machine, points=(ranged, *machine.points[1:]), rated_speed=29.5))
    oil = [60.0 + 0.1 * (index % 3) for index in range(12)]
    assert judged(pool, settings, sent(0, oil)) == [None] * 12
    assert judged(pool, settings, sent(12, oil[:6], level=50.0)) == ["outside-range"] * 6
    alerts = plant.ask(pool, "SELECT cause, category, parameters ->> 'how' FROM alert WHERE state <> 'normal'")
    assert alerts == [("sensor:de-h", "instrument", "outside-range")]
