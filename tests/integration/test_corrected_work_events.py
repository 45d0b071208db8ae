"""Corrected work events on a real database: all is as if they had been recorded right at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, InvalidInputError, NotFoundError
from pdm.health.assessment import RULE_VERSION
from pdm.machines.work_events import Correction, EventStatus, WorkEvent, WorkEventKind
from pdm.measurements import Acquisition
from pdm.service.analysis.worker import Worker
from pdm.service.machines.work_event_corrections import correct_work_event
from pdm.service.machines.work_events import record_work_event
from pdm.settings import Settings
from pdm.store.machines.registration import register
from pdm.store.models import models
from tests.integration.plant import NOW, ask, send
from tests.integration.test_events_of_components import AFTER, SOUND, STEP, WORN, two_components, wearing

Pool = ConnectionPool[Any]
WRONG, NEVER = "press-07", "press-08"
VOID = Correction(EventStatus.VOIDED, "meant another machine")


@pytest.fixture
def worker(pool: Pool, settings: Settings) -> Worker:
    with pool.connection() as conn:
        for key in (WRONG, NEVER):
            register(conn, replace(two_components(), key=key))
    return Worker(pool, settings)


def run(pool: Pool, worker: Worker, course: Sequence[Acquisition] = (), keys: Sequence[str] = (WRONG, NEVER)) -> None:
    for key in keys if course else ():
        send(pool, *(replace(each, machine=key) for each in course))
    while worker.round():
        pass


def record(
    pool: Pool, at: datetime, component: str | None, kind: str = "failure", machine: str = WRONG, actor: str = "kim"
) -> int:
    event = WorkEvent(machine, WorkEventKind(kind), at, component)
    return record_work_event(pool, event, actor=actor, site_ids=None, now=NOW)[0]


def correct(pool: Pool, event: int, correction: Correction = VOID, machine: str = WRONG) -> bool:
    return correct_work_event(pool, machine, event, correction, actor="lee", site_ids=None, now=NOW)


def _rows(pool: Pool, statement: str, machine: str) -> list[dict[str, Any]]:
    with pool.connection() as conn, conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), {"machine": machine}).fetchall()


def _without(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def concluded(pool: Pool, machine: str) -> dict[str, Any]:
    """Return all that is now concluded about a machine, without ids and wall times."""
    newest = (
        "SELECT DISTINCT ON (x.measured_at) x.*, x.{0}::text FROM {1} x JOIN machine m ON m.id = x.machine_id "
        "WHERE m.key = %(machine)s ORDER BY x.measured_at, x.revision DESC"
    )
    alerts = (
        "SELECT a.* FROM alert a JOIN machine m ON m.id = a.machine_id "
        "WHERE m.key = %(machine)s AND a.state <> 'normal' ORDER BY a.cause"
    )
    wall = ("machine_id", "revision", "computed_at")
    with pool.connection() as conn:
        lives = [life for life in models.fetch_lives(conn, "default", RULE_VERSION) if life.machine == machine]
    return {
        "health": _without(_rows(pool, newest.format("indicators", "assessment"), machine), *wall),
        "prognosis": _without(_rows(pool, newest.format("evidence", "prognosis"), machine), *wall),
        "alerts": _without(
            _rows(pool, alerts, machine), "id", "machine_id", "raised_at", "acknowledged_at", "overdue_at", "version"
        ),
        "training": [
            (life.component, life.ended_by, life.ended_at, life.life_time.tolist(), np.nan_to_num(life.values).tolist())
            for life in lives
        ],
        "memory": _rows(
            pool,
            "SELECT s.state, s.last_measured_at, s.dirty_from FROM analysis_state s "
            "JOIN machine m ON m.id = s.machine_id WHERE m.key = %(machine)s",
            machine,
        ),
    }


def assert_alike(pool: Pool) -> None:
    wrong, never = concluded(pool, WRONG), concluded(pool, NEVER)
    for name, expected in never.items():
        assert wrong[name] == expected, name


@pytest.mark.parametrize("component", [None, "bearing-de", "motor"])
@pytest.mark.parametrize("place", [SOUND - 20, SOUND + 5, WORN - 1, AFTER - 1])
@pytest.mark.parametrize("kind", ["failure", "replacement"])
def test_a_wrong_event_voided_is_as_if_it_had_never_been(
    pool: Pool, worker: Worker, component: str | None, place: int, kind: str
) -> None:
    course = wearing()
    run(pool, worker, course[: place + 1])
    event = record(pool, course[place].measured_at + STEP / 2, component, kind)
    run(pool, worker)
    run(pool, worker, course[place + 1 :])
    assert correct(pool, event)
    run(pool, worker)
    assert_alike(pool)
    assert concluded(pool, WRONG)["alerts"] != []


def test_an_event_known_late_and_voided_is_as_if_it_had_never_been(pool: Pool, worker: Worker) -> None:
    course = wearing()
    run(pool, worker, course)
    event = record(pool, course[WORN].measured_at + STEP / 2, None)
    run(pool, worker)
    assert concluded(pool, WRONG)["alerts"] == []
    correct(pool, event)
    run(pool, worker)
    assert_alike(pool)


def test_an_alert_that_comes_back_is_the_same_one_in_its_state_and_is_notified_once(pool: Pool, worker: Worker) -> None:
    course = wearing()
    run(pool, worker, course)
    ((alert,),) = ask(pool, "SELECT a.id FROM alert a JOIN machine m ON m.id = a.machine_id WHERE m.key = 'press-07'")
    with pool.connection() as conn:
        conn.execute(
            "UPDATE alert SET state = 'acknowledged', acknowledged_at = now(), acknowledged_by = 'ann' WHERE id = %s",
            (alert,),
        )
        conn.execute(
            "INSERT INTO alert_event (alert_id, machine_id, kind, severity, state, occurred_at, actor, reason) "
            "SELECT id, machine_id, 'acknowledged', severity, state, now(), 'ann', 'acknowledge' FROM alert "
            "WHERE id = %s",
            (alert,),
        )
    event = record(pool, course[-1].measured_at + STEP / 2, "bearing-de")
    run(pool, worker)
    assert ask(pool, f"SELECT state FROM alert WHERE id = '{alert}'") == [("normal",)]
    correct(pool, event)
    run(pool, worker)
    assert ask(pool, f"SELECT state, acknowledged_by, cleared_at FROM alert WHERE id = '{alert}'") == [
        ("acknowledged", "ann", None)
    ]
    steps = ask(pool, f"SELECT kind, reason, reevaluated FROM alert_event WHERE alert_id = '{alert}' ORDER BY id")
    assert steps[-2:] == [("cleared", "life-closed", False), ("opened", "correction", True)]


@pytest.mark.parametrize(
    "changes",
    [{"component": "motor"}, {"component": None}, {"kind": WorkEventKind.INSPECTION}, {"hours": 2}, {"hours": -3}],
)
def test_a_corrected_event_is_as_if_it_had_been_recorded_right(
    pool: Pool, worker: Worker, changes: dict[str, Any]
) -> None:
    course = wearing()
    at = course[WORN].measured_at + STEP / 2
    given = {name: value for name, value in changes.items() if name != "hours"}
    if "hours" in changes:
        given["occurred_at"] = at + timedelta(hours=changes["hours"])
    event = record(pool, at, "bearing-de")
    right = {"component": "bearing-de", "kind": WorkEventKind.FAILURE, "occurred_at": at} | given
    record(pool, right["occurred_at"], right["component"], right["kind"].value, NEVER)
    run(pool, worker, course)
    correct(pool, event, Correction(EventStatus.CORRECTED, "typed wrong", given))
    run(pool, worker)
    assert_alike(pool)


def test_an_event_older_than_the_reorder_horizon_is_voided_too(pool: Pool, worker: Worker) -> None:
    course = [replace(each, measured_at=NOW - (AFTER - i) * timedelta(hours=6)) for i, each in enumerate(wearing())]
    event = record(pool, course[50].measured_at + STEP, None)
    for start in range(0, AFTER, 20):
        run(pool, worker, course[start : start + 20])
    correct(pool, event)
    run(pool, worker)
    assert_alike(pool)


def test_a_voided_event_counts_again_once_it_is_confirmed(pool: Pool, worker: Worker) -> None:
    course = wearing()
    at = course[WORN].measured_at + STEP / 2
    event = record(pool, at, "bearing-de")
    record(pool, at, "bearing-de", machine=NEVER)
    run(pool, worker, course)
    correct(pool, event)
    run(pool, worker)
    assert not correct(pool, event), "it is voided already"
    correct(pool, event, Correction(EventStatus.CONFIRMED, "it was this machine after all"))
    run(pool, worker)
    assert_alike(pool)


def test_corrections_are_kept_with_actor_and_reason(pool: Pool, worker: Worker) -> None:
    event = record(pool, wearing()[5].measured_at, "motor")
    correct(pool, event)
    correct(pool, event, Correction(EventStatus.CONFIRMED, "no, it was right"))
    assert ask(pool, "SELECT status, reason, actor FROM work_event_correction ORDER BY id") == [
        ("voided", "meant another machine", "lee"),
        ("confirmed", "no, it was right", "lee"),
    ]
    assert ask(pool, "SELECT actor FROM work_event") == [("kim",)]
    assert ask(pool, "SELECT count(*) FROM audit WHERE action = 'work-event.correct'") == [(2,)]


def test_a_confirmed_failure_trains_although_it_was_in_doubt(pool: Pool, worker: Worker) -> None:
    course = wearing()
    first = course[WORN - 1].measured_at + STEP / 2
    record(pool, first, None)
    event = record(pool, first + timedelta(hours=1), None)
    run(pool, worker, course, (WRONG,))
    assert [len(life[3]) for life in concluded(pool, WRONG)["training"] if life[1] == "failure"] == [WORN]
    correct(pool, event, Correction(EventStatus.CONFIRMED, "it failed again on restart"))
    assert [len(life[3]) for life in concluded(pool, WRONG)["training"] if life[1] == "failure"] == [WORN, 6]


def test_what_cannot_be_corrected_is_refused_by_name(pool: Pool, worker: Worker) -> None:
    at = wearing()[5].measured_at
    event, other = record(pool, at, "motor"), record(pool, at + STEP, "motor")
    with pytest.raises(NotFoundError, match="has no work event 99999"):
        correct(pool, 99999)
    with pytest.raises(NotFoundError, match="has no work event"):
        correct(pool, event, machine=NEVER)
    with pytest.raises(NotFoundError, match="allowed: motor, bearing-de"):
        correct(pool, event, Correction(EventStatus.CORRECTED, "x", {"component": "gear"}))
    with pytest.raises(InvalidInputError, match="cannot be given with status 'voided'"):
        correct(pool, event, Correction(EventStatus.VOIDED, "x", {"component": None}))
    with pytest.raises(InvalidInputError, match="nothing differs"):
        correct(pool, event, Correction(EventStatus.CORRECTED, "x", {"component": "motor"}))
    with pytest.raises(ConflictError, match=f"work event {other} .* void one of the two"):
        correct(pool, event, Correction(EventStatus.CORRECTED, "x", {"occurred_at": at + STEP}))
    correct(pool, event)
    with pytest.raises(ConflictError, match="voided by lee: meant another machine"):
        record(pool, at, "motor")
