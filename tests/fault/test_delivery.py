"""Receivers that hang, fail and reset, and a dispatcher that is killed: healthy receivers notice nothing."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from pdm.service.deliver import DeliveryPolicy, run
from pdm.settings import Settings
from pdm.store import alerts
from pdm.store.cluster import EmbeddedCluster
from pdm.store.connection import open_pool
from pdm.store.migrate import migrate
from tests.integration.alert_plant import add_machine, add_subscription, change
from tests.unit.test_webhook_sending import OK, receiving, reset

EVENTS = ("opened", "warning"), ("escalated", "critical"), ("cleared", "critical")

DISPATCHER = """
import sys, threading
from pdm.service.deliver import DeliveryPolicy, run
from pdm.settings import Settings
from pdm.store.connection import open_pool
settings = Settings(dsn=sys.argv[1], webhook_allowed_networks="127.0.0.0/8")
with open_pool(settings) as pool:
    run(pool, settings, threading.Event(), policy=DeliveryPolicy(timeout=0.5, lease=1.5, first_wait=0.2))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """DSN of a server of these tests' own, or of PDM_TEST_DSN."""
    given = os.environ.get("PDM_TEST_DSN")
    if given:
        yield given
        return
    with EmbeddedCluster("delivery", settings={"timescaledb.max_background_workers": "0"}) as cluster:
        yield cluster.dsn


@pytest.fixture
def dsn(server: str) -> Iterator[str]:
    """DSN of a migrated database of this test's own."""
    name = f"delivery_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    made = make_conninfo(server, dbname=name)
    migrate(made)
    yield made
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def conn(dsn: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def raise_alerts(conn: Connection[Any], machines: int) -> None:
    for number in range(machines):
        machine_id = add_machine(conn, f"press-{number}")
        for step in EVENTS:
            alerts.apply_changes(conn, machine_id, [change(*step)], False)


def ids(requests: list[bytes]) -> list[str]:
    lines = (line for request in requests for line in request.split(b"\r\n"))
    return [line.partition(b": ")[2].decode() for line in lines if line.lower().startswith(b"webhook-id:")]


def wait_until(is_true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.05)


def undelivered(conn: Connection[Any], subscription_id: UUID) -> int:
    row = conn.execute(
        "SELECT count(*) FROM outbox WHERE subscription_id = %s AND delivered_at IS NULL", (subscription_id,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def fail(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def bad_urls() -> Iterator[list[str]]:
    with receiving(lambda _: time.sleep(60)) as hangs, receiving(fail) as fails, receiving(reset) as resets:
        yield [hangs.url, fails.url, resets.url]


def test_receivers_that_hang_fail_and_reset_do_not_delay_a_healthy_one(
    conn: Connection[Any], dsn: str, bad_urls: list[str]
) -> None:
    settings = Settings(dsn=dsn, webhook_allowed_networks="127.0.0.0/8")
    stop = threading.Event()
    with receiving() as healthy, open_pool(settings) as pool:
        for url in bad_urls * 3:
            add_subscription(conn, url)
        well = add_subscription(conn, healthy.url)
        dispatcher = threading.Thread(
            target=run, args=(pool, settings, stop), kwargs={"policy": DeliveryPolicy(1.0, 5.0)}
        )
        dispatcher.start()
        try:
            raise_alerts(conn, 20)
            wait_until(lambda: undelivered(conn, well) == 0, 20)
        finally:
            stop.set()
            dispatcher.join(20)
        assert not dispatcher.is_alive()
    row = conn.execute(
        "SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY o.delivered_at - e.recorded_at) < INTERVAL '5 s' "
        "FROM outbox o JOIN alert_event e ON e.id = o.alert_event_id WHERE o.subscription_id = %s",
        (well,),
    ).fetchone()
    assert row == (True,)
    assert len(healthy.requests) == len(set(ids(healthy.requests))) == 60
    waiting = conn.execute("SELECT count(DISTINCT subscription_id) FROM outbox WHERE delivered_at IS NULL").fetchone()
    assert waiting == (9,)


def kill_dispatchers(conn: Connection[Any], dsn: str, kills: int, machines: int) -> None:
    rng = random.Random(14)
    arrived: list[str] = []

    def slow(connection: socket.socket) -> None:
        time.sleep(0.01)
        connection.sendall(OK)

    with receiving(slow) as receiver:
        subscription_id = add_subscription(conn, receiver.url)
        raise_alerts(conn, machines)
        environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
        for _ in range(kills):
            seen = len(receiver.requests)
            process = subprocess.Popen([sys.executable, "-c", DISPATCHER, dsn], env=environment)
            wait_until(lambda before=seen: len(receiver.requests) > before, 30)  # type: ignore[misc]
            time.sleep(rng.uniform(0.0, 0.1))
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert undelivered(conn, subscription_id) > 0, "the kills came too late to prove anything"
        process = subprocess.Popen([sys.executable, "-c", DISPATCHER, dsn], env=environment)
        try:
            wait_until(lambda: undelivered(conn, subscription_id) == 0, 60)
        finally:
            process.kill()
            process.wait()
        arrived = ids(receiver.requests)
    rows = conn.execute("SELECT id::text, alert_id FROM outbox ORDER BY alert_event_id").fetchall()
    assert set(arrived) == {row[0] for row in rows}
    assert len(rows) == 3 * machines
    for alert_id in {row[1] for row in rows}:
        wanted = [row[0] for row in rows if row[1] == alert_id]
        assert sorted(wanted, key=arrived.index) == wanted, "first arrivals out of order"


def test_a_dispatcher_killed_at_work_leaves_every_event_to_be_delivered_in_order_under_its_id(
    conn: Connection[Any], dsn: str
) -> None:
    kill_dispatchers(conn, dsn, kills=3, machines=60)


@pytest.mark.trust
def test_ten_kills_of_the_dispatcher_lose_no_event(conn: Connection[Any], dsn: str) -> None:
    kill_dispatchers(conn, dsn, kills=10, machines=250)


@pytest.mark.trust
def test_a_storm_of_a_thousand_alerts_reaches_the_receiver_whole(conn: Connection[Any], dsn: str) -> None:
    settings = Settings(dsn=dsn, webhook_allowed_networks="127.0.0.0/8")
    stop = threading.Event()
    with receiving() as receiver, open_pool(settings) as pool:
        subscription_id = add_subscription(conn, receiver.url)
        dispatcher = threading.Thread(target=run, args=(pool, settings, stop))
        dispatcher.start()
        try:
            raise_alerts(conn, 1000)
            wait_until(lambda: undelivered(conn, subscription_id) == 0, 120)
        finally:
            stop.set()
            dispatcher.join(20)
    assert len(set(ids(receiver.requests))) == 3000
