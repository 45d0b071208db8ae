"""Machines, points and sensors out of use, on a real database: alerts, missing points and what is known of the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, InvalidInputError, NotFoundError
from pdm.machines.model import Timeline
from pdm.measurements import Acquisition, Waveform
from pdm.service.alerting.data_gaps import find_gaps
from pdm.service.analysis.worker import Worker
from pdm.service.machines import retirement
from pdm.service.machines.retirement import Action
from pdm.settings import Settings
from pdm.store.machines.registration import fetch_machine, register
from tests.integration.plant import NOW, RATE, ask, codes, send
from tests.integration.test_events_of_components import STEP, healths, run, wearing, with_motor_point

Pool = ConnectionPool[Any]
KIM = Action("kim", None, NOW, "sensor broken")
M = "press-07"


@pytest.fixture
def worker(pool: Pool, settings: Settings) -> Worker:
    with pool.connection() as conn:
        register(conn, with_motor_point())
    return Worker(pool, settings)


def without(course: list[Acquisition], point: str) -> list[Acquisition]:
    return [replace(each, waveforms=tuple(w for w in each.waveforms if w.point != point)) for each in course]


def open_alerts(pool: Pool) -> list[tuple[Any, ...]]:
    return ask(pool, "SELECT cause, severity FROM alert WHERE state <> 'normal' ORDER BY cause")


def test_a_retired_point_ends_its_silence_and_leaves_the_baseline_of_the_others(pool: Pool, worker: Worker) -> None:
    course = wearing(begins=100)
    run(pool, worker, [*course[:40], *without(course[40:60], "de-v")])
    assert open_alerts(pool) == [("sensor:de-v", "advisory")]
    assert retirement.retire_point(pool, M, "de-v", KIM)
    assert open_alerts(pool) == []
    assert ask(pool, "SELECT kind, actor, reason, comment FROM alert_event ORDER BY id DESC LIMIT 1") == [
        ("cleared", "kim", "retired", "sensor broken")
    ]
    assert not retirement.retire_point(pool, M, "de-v", KIM), "it is already"
    run(pool, worker, without(course[60:80], "de-v"))
    assert open_alerts(pool) == []
    assert None not in healths(pool)[55:]
    assert ask(pool, "SELECT missing FROM acquisition ORDER BY measured_at DESC LIMIT 1") == [([],)]
    assert retirement.restore_point(pool, M, "de-v", KIM)
    run(pool, worker, course[80:])
    assert None not in healths(pool)[55:], "the restored point is learned beside the other"
    assert open_alerts(pool) == []


def test_a_registration_neither_retires_nor_restores(pool: Pool, worker: Worker) -> None:
    retirement.retire_point(pool, M, "de-v", KIM)
    plant = with_motor_point()
    with pool.connection() as conn:
        assert register(conn, plant) == "unchanged"
        assert register(conn, replace(plant, points=())) == "unchanged"
        stored = fetch_machine(conn, M)
        assert ([p.key for p in stored.machine.points], list(stored.retired_points)) == (["de-h"], ["de-v"])
        other = replace(plant, points=(replace(plant.points[0], sampling_rate=100.0),))
        with pytest.raises(ConflictError, match=f"POST /v1/machines/{M}/points/de-h/replace"):
            register(conn, other)


def test_a_sensor_of_another_rate_takes_the_place_of_a_point_and_the_worn_bearing_stays_worn(
    pool: Pool, worker: Worker
) -> None:
    course = wearing(points=("de-h",))
    run(pool, worker, course[:60])
    before = ask(pool, "SELECT id, severity, state FROM alert")
    at = course[59].measured_at + STEP / 2
    assert retirement.replace_point(pool, M, "de-h", at, None, {"sampling_rate": 12800.0}, KIM) == "de-h"

    def slower(one: Waveform) -> Waveform:
        return replace(one, samples=one.samples[::2], sampling_rate=12800.0) if one.point == "de-h" else one

    rest = [replace(each, waveforms=tuple(map(slower, each.waveforms))) for each in course[60:]]
    assert codes(send(pool, *rest)) == [[]] * 40
    run(pool, worker)
    assert ask(pool, "SELECT id, severity, state FROM alert") == before
    assert max(health for health in healths(pool)[55:] if health is not None) < 0.4
    late = replace(course[20], measured_at=course[20].measured_at + timedelta(seconds=1))
    assert codes(send(pool, late)) == [[]], "of the sensor before, delivered late"
    wrong = replace(course[20], measured_at=NOW - timedelta(seconds=1))
    assert codes(send(pool, wrong)) == [["sampling-rate", "missing-channel"]]


def test_a_sensor_that_is_replaced_under_another_key_retires_the_old_point(pool: Pool, worker: Worker) -> None:
    changes = {"sampling_rate": 12800.0, "unit": "m/s2"}
    assert retirement.replace_point(pool, M, "de-h", NOW, "de-2", changes, KIM) == "de-2"
    with pool.connection() as conn:
        stored = fetch_machine(conn, M)
    (new,) = (p for p in stored.machine.points if p.key == "de-2")
    assert (new.unit, new.sampling_rate, new.component) == ("m/s2", 12800.0, "bearing-de")
    assert list(stored.retired_points) == ["de-h"]
    assert ask(pool, "SELECT action FROM audit ORDER BY id DESC LIMIT 1") == [("point.replace",)]


def test_what_cannot_be_replaced_is_refused_by_name(pool: Pool, worker: Worker) -> None:
    def swap(point: str = "de-h", key: str | None = None, **changes: Any) -> str:
        return retirement.replace_point(pool, M, point, NOW, key, changes, KIM)

    with pytest.raises(InvalidInputError, match="give the new point another key"):
        swap(unit="m/s2")
    with pytest.raises(InvalidInputError, match="between waveforms and scalars"):
        swap(sampling_rate=None)
    with pytest.raises(NotFoundError, match="no point 'dee'; allowed: de-h, de-v"):
        swap("dee")
    with pytest.raises(ConflictError, match="has a point 'de-v' already"):
        swap(key="de-v")
    swap(sampling_rate=12800.0)
    with pytest.raises(ConflictError, match="give a later time"):
        swap(sampling_rate=RATE)
    retirement.retire_point(pool, M, "de-h", KIM)
    with pytest.raises(ConflictError, match=r"is retired since .* restore it first"):
        swap()


def test_a_retired_machine_ends_its_alerts_and_they_open_again_when_it_is_back(pool: Pool, worker: Worker) -> None:
    run(pool, worker, wearing())
    alerts = open_alerts(pool)
    assert len(alerts) == 1
    assert retirement.retire_machine(pool, M, KIM)
    assert open_alerts(pool) == []
    with pool.connection() as conn:
        find_gaps(conn, NOW + timedelta(days=3))
        find_gaps(conn, NOW + timedelta(days=3, minutes=1))
    assert open_alerts(pool) == [], "a retired machine is not silent"
    run(pool, worker)
    assert open_alerts(pool) == []
    assert retirement.restore_machine(pool, M, KIM)
    run(pool, worker)
    assert open_alerts(pool) == alerts


def test_the_timeline_is_changed_with_a_reason_and_not_to_live_with_data_of_the_future(
    pool: Pool, worker: Worker
) -> None:
    plant = with_motor_point()
    with pool.connection() as conn, pytest.raises(ConflictError, match=f"POST /v1/machines/{M}/timeline"):
        register(conn, replace(plant, timeline=Timeline.REPLAY))
    run(pool, worker, wearing()[:3])
    with pool.connection() as conn:
        find_gaps(conn, NOW)
        for minute in range(0, 2000, 14):
            find_gaps(conn, NOW + timedelta(minutes=minute))
    assert open_alerts(pool) == [("data-gap", "advisory")]
    assert retirement.change_timeline(pool, M, Timeline.REPLAY, KIM)
    assert not retirement.change_timeline(pool, M, Timeline.REPLAY, KIM)
    assert open_alerts(pool) == []
    run(pool, worker, [replace(wearing()[0], measured_at=NOW + timedelta(days=400))])
    with pytest.raises(ConflictError, match=r"cannot have timeline live: its newest acquisition at .* ahead"):
        retirement.change_timeline(pool, M, Timeline.LIVE, KIM)
    assert ask(pool, "SELECT timeline FROM machine") == [("replay",)]
    assert ask(pool, "SELECT actor, detail ->> 'reason' FROM audit WHERE action = 'machine.timeline'") == [
        ("kim", "sensor broken")
    ]
