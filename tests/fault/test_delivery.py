"""Receivers that hang, fail and reset, and a dispatcher that is killed: healthy receivers notice nothing."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from pdm.service.delivery.dispatcher import DeliveryPolicy, run
from pdm.settings import Settings
from pdm.store.alerts import alerts
from pdm.store.database.connection import open_pool
from tests.integration import receivers
from tests.integration.alert_plant import add_machine, add_receiver, add_subscription, change, mail_config, mqtt_config
from tests.unit.test_webhook_sending import OK, receiving, reset

pytestmark = pytest.mark.xdist_group("alone")

EVENTS = ("opened", "warning"), ("escalated", "critical"), ("cleared", "critical")

DISPATCHER = """
import sys, threading
from pdm.service.delivery.dispatcher import DeliveryPolicy, run
from pdm.settings import Settings
from pdm.store.database.connection import open_pool
settings = Settings(dsn=sys.argv[1], webhook_allowed_networks="127.0.0.0/8")
with open_pool(settings) as pool:
    run(pool, settings, threading.Event(), policy=DeliveryPolicy(timeout=0.5, lease=1.5, first_wait=0.2))
"""


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


@contextmanager
def bad_receivers(conn: Connection[Any], times: int) -> Iterator[None]:
    """Subscriptions of every kind whose receivers hang, fail and reset."""
    with receiving(lambda _: time.sleep(60)) as hangs, receiving(fail) as fails, receiving(reset) as resets:
        for _ in range(times):
            for bad in (hangs, fails, resets):
                add_subscription(conn, bad.url)
        for bad in (hangs, resets):
            add_receiver(conn, "alertmanager", bad.url.removesuffix("/hook"))
            add_receiver(conn, "mqtt", config=mqtt_config(bad.port))
            add_receiver(conn, "email", config=mail_config(bad.port))
            add_receiver(conn, "chat", credentials={"url": f"ntfy://127.0.0.1:{bad.port}/topic"})
        yield


def test_receivers_that_hang_fail_and_reset_do_not_delay_healthy_ones(
    conn: Connection[Any], dsn: str, tmp_path: Path
) -> None:
    settings = Settings(dsn=dsn, webhook_allowed_networks="127.0.0.0/8")
    stop = threading.Event()
    with (
        receiving() as healthy,
        receivers.mosquitto(tmp_path) as broker,
        receivers.mail_server() as mailbox,
        bad_receivers(conn, 3),
        open_pool(settings) as pool,
    ):
        well = [
            add_subscription(conn, healthy.url),
            add_receiver(conn, "mqtt", config=mqtt_config(broker)),
            add_receiver(conn, "email", config=mail_config(mailbox.port)),
        ]
        policy = DeliveryPolicy(1.0, 5.0)
        dispatcher = threading.Thread(target=run, args=(pool, settings, stop), kwargs={"policy": policy})
        dispatcher.start()
        try:
            raise_alerts(conn, 20)
            wait_until(lambda: all(undelivered(conn, each) == 0 for each in well), 30)
        finally:
            stop.set()
            dispatcher.join(20)
        assert not dispatcher.is_alive()
    rows = conn.execute(
        "SELECT s.kind, extract(epoch FROM"
        " percentile_disc(0.99) WITHIN GROUP (ORDER BY o.delivered_at - e.recorded_at))"
        " FROM outbox o JOIN alert_event e ON e.id = o.alert_event_id JOIN subscription s ON s.id = o.subscription_id"
        " WHERE s.id = ANY (%s) GROUP BY s.kind",
        (well,),
    ).fetchall()
    assert len(rows) == 3
    assert not [row for row in rows if row[1] > 5], rows
    assert len(healthy.requests) == len(set(ids(healthy.requests))) == len(mailbox.mails) == 60
    waiting = conn.execute("SELECT count(DISTINCT subscription_id) FROM outbox WHERE delivered_at IS NULL").fetchone()
    assert waiting == (17,)


def kill_dispatchers(conn: Connection[Any], dsn: str, kills: int, machines: int, folder: Path) -> None:
    rng = random.Random(14)

    def slow(connection: socket.socket) -> None:
        time.sleep(0.01)
        connection.sendall(OK)

    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with (
        receiving(slow) as receiver,
        receivers.mosquitto(folder) as broker,
        receivers.mail_server() as mailbox,
        receivers.listening(broker) as listener,
    ):
        lanes = {
            "webhook": add_subscription(conn, receiver.url),
            "mqtt": add_receiver(conn, "mqtt", config=mqtt_config(broker)),
            "email": add_receiver(conn, "email", config=mail_config(mailbox.port)),
        }
        raise_alerts(conn, machines)
        for _ in range(kills):
            seen = len(receiver.requests)
            process = subprocess.Popen([sys.executable, "-c", DISPATCHER, dsn], env=environment)
            wait_until(lambda before=seen: len(receiver.requests) > before, 30)  # type: ignore[misc]
            time.sleep(rng.uniform(0.0, 0.1))
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert undelivered(conn, lanes["webhook"]) > 0, "the kills came too late to prove anything"
        process = subprocess.Popen([sys.executable, "-c", DISPATCHER, dsn], env=environment)
        try:
            wait_until(lambda: all(undelivered(conn, lane) == 0 for lane in lanes.values()), 120)
        finally:
            process.kill()
            process.wait()
        arrived = {
            "webhook": ids(receiver.requests),
            "mqtt": [event["id"] for event in listener.on("alerts/event")],
            "email": mail_ids(mailbox),
        }
    for kind, lane in lanes.items():
        check_arrivals(conn, lane, arrived[kind], 3 * machines)


def mail_ids(mailbox: receivers.Mailbox) -> list[str]:
    found = [re.search(rb"X-Pdm-Event: ([0-9a-f-]{36})", bytes(mail.content or b"")) for mail in mailbox.mails]
    return [each[1].decode() for each in found if each is not None]


def check_arrivals(conn: Connection[Any], lane: UUID, arrived: list[str], events: int) -> None:
    """Every event at least once under its id, and those of one alert in order as they first came."""
    rows = conn.execute(
        "SELECT id::text, alert_id FROM outbox WHERE subscription_id = %s ORDER BY alert_event_id", (lane,)
    ).fetchall()
    assert set(arrived) == {row[0] for row in rows}
    assert len(rows) == events
    by_alert: dict[UUID, list[str]] = {}
    for event_id, alert_id in rows:
        by_alert.setdefault(alert_id, []).append(event_id)
    for wanted in by_alert.values():
        assert sorted(wanted, key=arrived.index) == wanted, "first arrivals out of order"


def test_a_dispatcher_killed_at_work_leaves_every_event_to_be_delivered_in_order_under_its_id(
    conn: Connection[Any], dsn: str, tmp_path: Path
) -> None:
    kill_dispatchers(conn, dsn, kills=3, machines=60, folder=tmp_path)


@pytest.mark.trust("delivery")
def test_ten_kills_of_the_dispatcher_lose_no_event(conn: Connection[Any], dsn: str, tmp_path: Path) -> None:
    kill_dispatchers(conn, dsn, kills=10, machines=250, folder=tmp_path)


@pytest.mark.trust("delivery")
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
