"""Work events of one component on a real database: what is known of the others is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from pdm.health.assessment import RULE_VERSION
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, Waveform
from pdm.service.analysis.worker import Worker
from pdm.service.machines.work_events import record_work_event
from pdm.settings import Settings
from pdm.store.machines.registration import register
from pdm.store.models import models
from tests.integration.plant import NOW, RATE, ask, machine, send, series

Pool = ConnectionPool[Any]
STEP = timedelta(minutes=10)
SOUND, WORN, AFTER = 40, 60, 100  # records until the wear begins, until the event, and in all


def two_components() -> Machine:
    parts = (Component("motor", ComponentKind.MOTOR), Component("bearing-de", ComponentKind.BEARING))
    return replace(machine(), components=parts)


def with_motor_point() -> Machine:
    """Return the machine with a point on the motor too; `de-h` is on the bearing, `de-v` on the motor."""
    bearing, motor = (MeasurementPoint(p, "acceleration", "g", RATE, None, c) for p, c in ON.items())
    return replace(two_components(), points=(bearing, motor))


ON = {"de-h": "bearing-de", "de-v": "motor"}


def wearing(begins: int = SOUND, count: int = AFTER, points: Sequence[str] = ("de-h", "de-v")) -> list[Acquisition]:
    """Return a course whose waveforms at some points are 20 times as strong from a record on."""
    course = [replace(each, scalars=()) for each in series(count=count)]

    def strong(one: Waveform) -> Waveform:
        return replace(one, samples=one.samples * (20 if one.point in points else 1))

    worn = [replace(each, waveforms=tuple(map(strong, each.waveforms))) for each in course[begins:]]
    return [*course[:begins], *worn]


@pytest.fixture
def worker(pool: Pool, settings: Settings) -> Worker:
    with pool.connection() as conn:
        register(conn, two_components())
    return Worker(pool, settings)


def run(pool: Pool, worker: Worker, course: Sequence[Acquisition] = ()) -> None:
    if course:
        send(pool, *course)
    while worker.round():
        pass


def record(pool: Pool, kind: str, at: datetime, component: str | None = None) -> int:
    event = WorkEvent("press-07", WorkEventKind(kind), at, component)
    return record_work_event(pool, event, actor="kim", site_ids=None, now=NOW)[0]


def healths(pool: Pool) -> list[float | None]:
    newest = "SELECT DISTINCT ON (measured_at) health FROM assessment ORDER BY measured_at, revision DESC"
    return [row[0] for row in ask(pool, newest)]


@pytest.mark.parametrize("kind", ["replacement", "failure"])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_replaced_motor_leaves_the_alert_of_the_worn_bearing_open(
    pool: Pool, worker: Worker, kind: str, is_late: bool
) -> None:
    course = wearing()
    run(pool, worker, course if is_late else course[:WORN])
    before = ask(pool, "SELECT id, severity, state, component FROM alert")
    assert [(row[1], row[2]) for row in before] == [("critical", "unacknowledged")]
    record(pool, kind, course[WORN - 1].measured_at + STEP / 2, "motor")
    run(pool, worker, () if is_late else course[WORN:])
    assert ask(pool, "SELECT id, severity, state, component FROM alert") == before
    assert max(health for health in healths(pool)[WORN - 5 :] if health is not None) < 0.3
    assert None not in healths(pool)[WORN - 5 :]


def test_a_bearing_that_fails_soon_after_the_motor_was_replaced_has_lived_all_its_records(
    pool: Pool, worker: Worker
) -> None:
    course = wearing()
    record(pool, "replacement", course[WORN - 3].measured_at + STEP / 2, "motor")
    record(pool, "failure", course[WORN - 1].measured_at + STEP / 2, "bearing-de")
    run(pool, worker, course)
    with pool.connection() as conn:
        lives = models.fetch_lives(conn, "default", RULE_VERSION)
    assert [(life.ended_by, len(life.life_time)) for life in lives] == [("failure", WORN), ("censored", AFTER - WORN)]


def test_a_failure_entered_twice_trains_once(pool: Pool, worker: Worker) -> None:
    course = wearing()
    for hours in (0, 1):
        record(pool, "failure", course[WORN - 1].measured_at + STEP / 2 + timedelta(hours=hours), "bearing-de")
    run(pool, worker, course)
    with pool.connection() as conn:
        lives = models.fetch_lives(conn, "default", RULE_VERSION)
    assert [len(life.life_time) for life in lives if life.is_failed] == [WORN]
