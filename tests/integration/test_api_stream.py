"""The alert stream: every event once, in an order that can be resumed, and only those of one's sites."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg_pool import ConnectionPool

from pdm.service.platform.access import create_key
from pdm.settings import Settings
from tests.integration import plant
from tests.integration.api_server import client, serve

pytestmark = pytest.mark.xdist_group("alone")

AT = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def served(settings: Settings, pool: ConnectionPool[Any]) -> Iterator[tuple[str, str, str]]:
    """URL, a key of every site, and a key of one site."""
    with pool.connection() as conn:
        plant.register(conn, plant.machine("press-07", "busan"))
        plant.register(conn, plant.machine("press-08", "seoul"))
    everywhere = create_key(pool, name="all", role="operate", sites=None, actor="test")
    seoul = create_key(pool, name="seoul", role="read", sites=["seoul"], actor="test")
    with serve(settings) as url:
        yield url, everywhere, seoul


def _open_alert(conn: psycopg.Connection[Any], machine: str) -> str:
    alert_id = str(uuid.uuid4())
    conn.execute(
        "INSERT INTO alert (id, machine_id, cause, severity, state, opened_at, message, parameters, evidence,"
        " rule_version) SELECT %s, id, %s, 'warning', 'unacknowledged', %s, 'zone', '{}', '{}', '1'"
        " FROM machine WHERE key = %s",
        (alert_id, alert_id, AT, machine),
    )
    conn.execute(
        "INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reason)"
        " SELECT id, machine_id, 'opened', 'warning', %s, 'rules', 'test' FROM alert WHERE id = %s",
        (AT, alert_id),
    )
    conn.execute("NOTIFY pdm_alert")
    return alert_id


@contextmanager
def _following(url: str, key: str, last_event_id: str | None = None) -> Iterator[Iterator[dict[str, str]]]:
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    with client(url, key) as opened, opened.stream("GET", "/v1/alerts/stream", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        events = _events(response)
        yield events


def _events(response: httpx.Response) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        else:
            if "data" in event:
                yield event
            event = {}


def test_an_event_arrives_with_an_id_from_which_it_resumes(served: tuple[str, str, str], settings: Settings) -> None:
    url, key, _ = served
    with psycopg.connect(settings.dsn, autocommit=True) as conn:
        with _following(url, key) as events:
            first = _open_alert(conn, "press-07")
            received = next(events)
            assert first in received["data"]
        missed = [_open_alert(conn, "press-07") for _ in range(3)]
        with _following(url, key, received["id"]) as events:
            resumed = [next(events) for _ in missed]
    assert [alert in event["data"] for alert, event in zip(missed, resumed, strict=True)] == [True] * 3


def test_an_event_of_a_transaction_that_commits_late_is_not_lost(
    served: tuple[str, str, str], settings: Settings
) -> None:
    url, key, _ = served
    with (
        psycopg.connect(settings.dsn) as slow,
        psycopg.connect(settings.dsn, autocommit=True) as fast,
        _following(url, key) as events,
    ):
        late = _open_alert(slow, "press-07")  # takes the lower event id, commits after the other
        early = _open_alert(fast, "press-08")
        timer = threading.Timer(1.5, slow.commit)
        timer.start()
        received = [next(events)["data"], next(events)["data"]]
        timer.join()
    assert [late in received[0], early in received[1]] == [True, True]


def test_a_key_of_one_site_hears_nothing_of_another(served: tuple[str, str, str], settings: Settings) -> None:
    url, _, key = served
    with psycopg.connect(settings.dsn, autocommit=True) as conn, _following(url, key) as events:
        _open_alert(conn, "press-07")
        own = _open_alert(conn, "press-08")
        assert own in next(events)["data"]


def _burst(conn: psycopg.Connection[Any], machine: str, count: int) -> None:
    alert = _open_alert(conn, machine)
    conn.execute(
        "INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reason)"
        " SELECT a.id, a.machine_id, 'escalated', 'critical', a.opened_at, 'rules', repeat('x', 2000)"
        " FROM alert a, generate_series(2, %s) WHERE a.id = %s",
        (count, alert),
    )
    conn.execute("NOTIFY pdm_alert")


def _resident_bytes(caller: httpx.Client) -> float:
    lines = caller.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith("process_resident_memory_bytes")).split()[1])


def test_clients_that_never_read_take_bounded_memory_and_a_reader_misses_nothing(
    served: tuple[str, str, str], settings: Settings
) -> None:
    url, key, _ = served
    address = urlsplit(url)
    head = f"GET /v1/alerts/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    deaf = [socket.create_connection((address.hostname or "", address.port or 0)) for _ in range(50)]
    with client(url, key) as caller, psycopg.connect(settings.dsn, autocommit=True) as conn:
        for each in deaf:
            each.sendall(head)
            assert each.recv(15) == b"HTTP/1.1 200 OK"
        _burst(conn, "press-08", 1)
        with _following(url, key, "0-0") as events:
            place = next(events)["id"]
        before = _resident_bytes(caller)
        _burst(conn, "press-07", 3000)
        events_seen: list[str] = []
        while len(events_seen) < 3000:  # a reader that falls behind is closed, and resumes
            with _following(url, key, place) as events:
                for event in events:
                    place = event["id"]
                    events_seen.append(place)
                    if len(events_seen) == 3000:
                        break
        assert len(set(events_seen)) == 3000
        assert _resident_bytes(caller) - before < 64 * 1024**2
        assert caller.get("/v1/alerts").status_code == 200
    for each in deaf:
        each.close()


def _resume_without_reading(url: str, key: str) -> socket.socket:
    """A client that resumes from the beginning and reads the status line only."""
    address = urlsplit(url)
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.settimeout(20)
    opened.connect((address.hostname or "", address.port or 0))
    head = f"GET /v1/alerts/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nLast-Event-ID: 0-0\r\n\r\n"
    opened.sendall(head.encode())
    assert opened.recv(15) == b"HTTP/1.1 200 OK"
    return opened


def _count_connections(conn: psycopg.Connection[Any]) -> int:
    row = conn.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def test_a_hundred_resuming_clients_share_a_few_connections_and_others_get_answers(
    served: tuple[str, str, str], settings: Settings
) -> None:
    url, key, _ = served
    with ExitStack() as opened, client(url, key) as caller, psycopg.connect(settings.dsn, autocommit=True) as conn:
        _burst(conn, "press-08", 2000)
        assert caller.get("/v1/alerts").status_code == 200
        before = _count_connections(conn)
        for _ in range(100):
            opened.enter_context(_resume_without_reading(url, key))
        most = before
        for _ in range(20):
            began = time.monotonic()
            assert caller.get("/v1/alerts").status_code == 200
            assert time.monotonic() - began < 2
            most = max(most, _count_connections(conn))
            time.sleep(0.05)
        assert most - before <= settings.pool_size


def test_an_acknowledgement_is_guarded_by_the_version_that_was_read(
    served: tuple[str, str, str], settings: Settings
) -> None:
    url, key, foreign = served
    with psycopg.connect(settings.dsn, autocommit=True) as conn:
        alert = _open_alert(conn, "press-07")
    with client(url, key) as caller:
        tag = caller.get(f"/v1/alerts/{alert}").headers["etag"]
        path = f"/v1/alerts/{alert}/acknowledge"
        assert caller.post(path, headers={"If-Match": '"99"'}).status_code == 412
        done = caller.post(path, headers={"If-Match": tag}, json={"comment": "seen"})
        assert done.status_code == 200
        assert done.json()["state"] == "acknowledged"
        assert done.json()["history"][-1]["kind"] == "acknowledged"
        assert caller.post(path, headers={"If-Match": tag}).status_code == 412
    with client(url, foreign) as caller:
        assert caller.get(f"/v1/alerts/{alert}").status_code == 404
