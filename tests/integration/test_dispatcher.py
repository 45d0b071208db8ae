from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool
from standardwebhooks import Webhook

from pdm.service.delivery.dispatcher import DeliveryPolicy, deliver_due
from pdm.service.maintenance import scheduler as clockwork
from pdm.service.maintenance.scheduler import tick
from pdm.settings import Settings
from pdm.store.alerts import alerts
from pdm.store.database import scheduled_jobs
from pdm.store.database.connection import open_pool
from pdm.store.delivery import outbox
from tests.integration.alert_plant import SECRET, add_machine, add_subscription, change
from tests.unit.test_webhook_sending import receiving

STEPS = [change("opened", "warning"), change("escalated", "critical"), change("cleared", "critical")]


@pytest.fixture
def settings(dsn: str) -> Settings:
    return Settings(dsn=dsn, webhook_allowed_networks="127.0.0.0/8")


@pytest.fixture
def pool(settings: Settings) -> Any:
    with open_pool(settings) as opened:
        yield opened


@pytest.fixture
def conn(dsn: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def now(ahead: float = 1.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=ahead)


def kinds(requests: list[bytes]) -> list[str]:
    return [orjson.loads(request.partition(b"\r\n\r\n")[2])["type"] for request in requests]


def test_one_pass_delivers_an_alerts_events_in_order_and_signed(
    pool: ConnectionPool[Any], settings: Settings, conn: Connection[Any]
) -> None:
    with receiving() as receiver:
        add_subscription(conn, receiver.url)
        alerts.apply_changes(conn, add_machine(conn, "press-07"), STEPS, False)
        counts = deliver_due(pool, now(), settings)
        assert (counts.delivered, counts.failed) == (3, 0)
        assert deliver_due(pool, now(), settings).delivered == 0
    assert kinds(receiver.requests) == ["alert.opened", "alert.escalated", "alert.cleared"]
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
    assert Webhook(SECRET).verify(body, headers)["data"]["machine"] == "press-07"


def test_a_failing_receiver_is_retried_later_and_later_until_the_event_is_dead(
    pool: ConnectionPool[Any], settings: Settings, conn: Connection[Any]
) -> None:
    policy = DeliveryPolicy(max_attempts=4)
    waits: list[float] = []
    with receiving(lambda c: c.sendall(b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n")) as receiver:
        add_subscription(conn, receiver.url)
        alerts.apply_changes(conn, add_machine(conn, "press-07"), [STEPS[0]], False)
        at = now()
        for _ in range(4):
            assert deliver_due(pool, at, settings, policy=policy, rng=random.Random(7)).failed == 1
            due, dead = conn.execute("SELECT next_attempt_at, dead_at FROM outbox").fetchone() or (at, None)
            waits.append((due - at).total_seconds())
            assert deliver_due(pool, due - timedelta(seconds=0.01), settings, policy=policy).failed == 0
            at = due
    assert all(1 <= wait / (2.0 * 2**n) * 2 <= 2 for n, wait in enumerate(waits))
    assert dead is not None
    assert outbox.count_waiting_and_dead(conn) == (0, 1)
    ids = {line for request in receiver.requests for line in request.split(b"\r\n") if line.startswith(b"webhook-id")}
    assert (len(receiver.requests), len(ids)) == (4, 1)


def test_waits_grow_to_the_longest_and_are_never_the_same_for_all() -> None:
    policy, rng = DeliveryPolicy(), random.Random(1)
    assert all(1800 <= policy.wait(attempts, rng) <= 3600 for attempts in range(12, 100))
    assert len({policy.wait(3, rng) for _ in range(50)}) > 40
    assert sum(policy.wait(n, rng) for n in range(1, policy.max_attempts)) > 2 * 86400


def test_a_forbidden_target_is_never_connected_to(pool: ConnectionPool[Any], conn: Connection[Any]) -> None:
    with receiving() as trap:
        add_subscription(conn, trap.url)
        alerts.apply_changes(conn, add_machine(conn, "press-07"), [STEPS[0]], False)
        assert deliver_due(pool, now(), Settings()).failed == 1
    assert trap.connections == 0
    row = conn.execute("SELECT last_error FROM outbox").fetchone()
    assert row is not None
    assert "forbidden target" in row[0]


def test_a_due_job_is_done_once_by_workers_that_tick_together(
    pool: ConnectionPool[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: Counter[str] = Counter()

    def counted(kind: str) -> Any:
        def job(conn: Connection[Any], settings: Settings, at: datetime) -> str:
            runs[kind] += 1
            return "done"

        return job

    jobs = {kind: (counted(kind), timedelta(minutes=1)) for kind in ("one", "two", "three")}
    monkeypatch.setattr(clockwork, "JOBS", jobs)
    at = now()
    workers = [threading.Thread(target=tick, args=(pool, settings, at)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert runs == {"one": 1, "two": 1, "three": 1}
    assert tick(pool, settings, at + timedelta(seconds=59)).done == {}
    assert set(tick(pool, settings, at + timedelta(seconds=60)).done) == set(jobs)


def test_a_failing_job_is_tried_again_and_keeps_no_other_from_its_turn(
    pool: ConnectionPool[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(conn: Connection[Any], settings: Settings, at: datetime) -> str:
        conn.execute("SELECT 1 / 0")
        return "never"

    minute = timedelta(minutes=1)
    jobs = {"a-bad": (fail, minute), "b-good": (lambda *_: "done", minute)}
    monkeypatch.setattr(clockwork, "JOBS", jobs)
    at = now()
    report = tick(pool, settings, at)
    assert (report.done, list(report.failed)) == ({"b-good": "done"}, ["a-bad"])
    assert "a-bad" not in tick(pool, settings, at + timedelta(minutes=4)).failed
    assert "a-bad" in tick(pool, settings, at + timedelta(minutes=5)).failed


def test_the_clockwork_does_all_its_jobs_on_a_fresh_database(pool: ConnectionPool[Any], settings: Settings) -> None:
    report = tick(pool, settings, now())
    assert report.failed == {}
    assert set(report.done) == set(clockwork.JOBS)


def test_a_disk_that_runs_low_is_written_down_once_a_day(
    pool: ConnectionPool[Any], dsn: str, conn: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduled_jobs, "fetch_data_directory", lambda _: "/")
    low = Settings(dsn=dsn, min_free_disk_bytes=2**62)
    for hours in (0, 1, 23, 25):
        assert tick(pool, low, now(3600.0 * hours)).done["disk"].startswith("low")
    rows = conn.execute("SELECT action, target, detail ->> 'min_free_bytes' FROM audit").fetchall()
    assert rows == [("disk-low", "/", str(2**62))] * 2
    assert not tick(pool, Settings(dsn=dsn, min_free_disk_bytes=1), now(100_000.0)).done["disk"].startswith("low")


def test_a_history_older_than_the_retention_is_analysed_before_it_is_dropped(
    pool: ConnectionPool[Any], settings: Settings, conn: Connection[Any]
) -> None:
    machine_id = add_machine(conn, "press-07")
    at = now()
    old = at - timedelta(days=settings.waveform_retention_days + 1)
    conn.execute("INSERT INTO pending (machine_id, measured_at) VALUES (%s, %s)", (machine_id, old))
    assert tick(pool, settings, at).done["retention"].startswith("waiting")
    conn.execute("DELETE FROM pending")
    assert tick(pool, settings, at + timedelta(days=1)).done["retention"].startswith("dropped")
