"""Leases of the queues: who has one, how long it lasts, and what an attempt that lost it may still do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from pdm.store.analysis import diagnoses, queue
from pdm.store.database.leases import BackOff, Lease
from pdm.store.models import jobs
from tests.integration.alert_plant import add_machine

MINUTE = timedelta(minutes=1)


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection[Any]]:
    """A connection whose one transaction sees one time."""
    with psycopg.connect(dsn) as connection:
        yield connection


def one(conn: Connection[Any], statement: str) -> Any:
    row = conn.execute(statement).fetchone()
    assert row is not None
    return row[0]


@pytest.fixture
def job(conn: Connection[Any]) -> int:
    add_machine(conn, "press-07")
    return jobs.ask_for_training(conn, "default", seed=0, actor="test", reason="")[0]


def test_a_job_is_claimed_again_when_its_lease_has_run_out_and_not_before(conn: Connection[Any], job: int) -> None:
    assert jobs.claim(conn, MINUTE) == Lease(job, 1)
    assert jobs.claim(conn, MINUTE) is None
    assert jobs.renew(conn, Lease(job, 1), timedelta())
    assert jobs.claim(conn, MINUTE) == Lease(job, 2)


def test_an_attempt_that_has_lost_its_lease_changes_nothing(conn: Connection[Any], job: int) -> None:
    jobs.claim(conn, timedelta())
    jobs.claim(conn, MINUTE)
    late, current = Lease(job, 1), Lease(job, 2)
    before = jobs.find_job(conn, job)
    assert not jobs.renew(conn, late, MINUTE)
    jobs.note_progress(conn, late, "fit", 0.5)
    jobs.retry(conn, late, BackOff(MINUTE, MINUTE))
    jobs.release(conn, late)
    jobs.finish(conn, late, error="too late")
    assert jobs.find_job(conn, job) == before
    assert jobs.claim(conn, MINUTE) is None
    jobs.finish(conn, current)
    found = jobs.find_job(conn, job)
    assert found is not None
    assert found.status == "done"


def test_a_released_job_waits_and_its_attempt_does_not_count(conn: Connection[Any], job: int) -> None:
    lease = jobs.claim(conn, MINUTE)
    assert lease is not None
    jobs.release(conn, lease)
    assert jobs.claim(conn, MINUTE) == Lease(job, 1)


def test_each_outage_lets_a_job_wait_as_long_as_the_back_off_says(conn: Connection[Any], job: int) -> None:
    lease = jobs.claim(conn, MINUTE)
    assert lease is not None
    for wait in (1, 2, 3, 3):
        jobs.retry(conn, lease, BackOff(MINUTE, 3 * MINUTE))
        assert one(conn, "SELECT lease_until - now() FROM job") == wait * MINUTE


def test_the_lease_of_a_diagnosis_is_four_times_as_long_at_each_attempt(conn: Connection[Any]) -> None:
    diagnoses.ask(conn, add_machine(conn, "press-07"), "request", None, 4)
    for minutes in (5, 20, 80):
        assert diagnoses.claim(conn, unasked=False) is not None
        assert one(conn, "SELECT not_before - now() FROM diagnosis_due") == minutes * MINUTE
        conn.execute("UPDATE diagnosis_due SET not_before = now()")
    assert diagnoses.claim(conn, unasked=False) is None


def test_each_failure_doubles_the_hold_of_a_machine_up_to_an_hour(conn: Connection[Any]) -> None:
    machine = add_machine(conn, "press-07")
    for failures in range(1, 16):
        queue.hold(conn, machine, "no memory")
        wait = one(conn, "SELECT retry_at - clock_timestamp() FROM analysis_hold")
        expected = timedelta(seconds=min(2 ** (failures - 1), 3600))
        assert expected - timedelta(seconds=1) < wait <= expected
