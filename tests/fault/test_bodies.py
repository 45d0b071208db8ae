"""Rows 7 and 19: bodies that are wrong, too large or too slow are told so, and harm nobody else."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from pdm.ingest.fleet_file import machine_to_document
from pdm.replay.stack import Stack
from tests.database import own_name
from tests.integration import plant
from tests.integration.api_server import client

pytestmark = pytest.mark.xdist_group("alone")

LIMIT = 200_000
DEADLINE_S = 1.0
RAW = "application/vnd.pdm.raw"
ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    limits = {"PDM_MAX_BODY_BYTES": str(LIMIT), "PDM_BODY_DEADLINE_S": str(DEADLINE_S)}
    folder = tmp_path_factory.mktemp("bodies")
    with Stack(own_name("bodies"), workers=0, fresh=True, log_folder=folder, settings=limits) as running:
        with client(running.url, running.admin_key) as admin:
            machine = machine_to_document(plant.machine())
            assert admin.put("/v1/machines/press-07", json=machine).status_code == 200
        yield running


@pytest.fixture
def sender(stack: Stack) -> Iterator[httpx.Client]:
    with client(stack.url, stack.admin_key) as opened:
        yield opened


def _record(**changes: Any) -> dict[str, Any]:
    wave = {"point": "de-h", "unit": "g", "sampling_rate_hz": plant.RATE, "samples": [0.1, 0.2, 0.3, 0.4]}
    wave.update(changes.pop("waveform", {}))
    return {"machine": "press-07", "measured_at": "2026-10-01T00:00:00Z", "waveforms": [wave], **changes}


def _send(sender: httpx.Client, *records: dict[str, Any]) -> httpx.Response:
    return _post(sender, json.dumps({"acquisitions": list(records)}).encode(), "application/json")


def _post(sender: httpx.Client, body: Any, content_type: str, **headers: str) -> httpx.Response:
    return sender.post("/v1/acquisitions", content=body, headers={"Content-Type": content_type, **headers})


@pytest.mark.parametrize(
    ("record", "word"),
    [
        (_record(waveform={"samples": [0.1, float("nan"), 0.3]}), "samples"),
        (_record(waveform={"samples": [0.1, float("inf"), 0.3]}), "samples"),
        (_record(waveform={"samples": []}), "samples"),
        (_record(waveform={"samples": "loud"}), "samples"),
        (_record(waveform={"unit": "furlong"}), "unit"),
        (_record(waveform={"point": "nowhere"}), "nowhere"),
        (_record(waveform={"sampling_rate_hz": 3.0}), "rate"),
        (_record(waveform={"scale": 0.001, "samples": [40_000, 1]}), "samples"),
        (_record(machine="press-99"), "machine"),
        (_record(measured_at=1761955200000), "measured_at"),
        (_record(measured_at="yesterday"), "measured_at"),
        (_record(waveforms=[]), "waveforms"),
    ],
)
def test_a_record_that_is_wrong_is_a_4xx_that_names_what(sender: httpx.Client, record: Any, word: str) -> None:
    answer = _send(sender, record)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["code"]
    parts = json.dumps([document["detail"], document.get("field"), document.get("results")])
    assert word in parts


def test_the_valid_part_of_a_batch_is_stored_and_the_rest_is_named(sender: httpx.Client) -> None:
    good = _record(measured_at="2026-10-02T00:00:00Z")
    bad = _record(measured_at="2026-10-02T01:00:00Z", waveform={"unit": "furlong"})
    answer = _send(sender, good, bad, good)
    assert answer.status_code == 200
    assert [result["outcome"] for result in answer.json()["results"]] == ["stored", "rejected", "duplicate"]
    assert answer.json()["results"][1]["problems"][0]["field"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 422),
        (b"{", "application/json", 422),
        (b"\xff\xfe\x00", "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b'{"acquisitions": 7}', "application/json", 422),
        (b"PDM1\xff\xff\xff\xff{}", RAW, 422),
        (b"PDM1", RAW, 422),
        (b"ARROW1\x00\x00garbage", ARROW, 422),
        (b"", ARROW, 422),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (gzip.compress(bytes(100_000_000), 9, mtime=0)[:LIMIT], "application/json", 422),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(
    sender: httpx.Client, body: bytes, content_type: str, status: int
) -> None:
    answer = _post(sender, body, content_type)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_compressed_bodies_are_read_on_every_route_and_limits_count_decompressed_bytes(sender: httpx.Client) -> None:
    packed = {"Content-Encoding": "gzip"}
    document = {"acquisitions": [_record(measured_at="2026-10-05T00:00:00Z")]}
    answer = _post(sender, gzip.compress(json.dumps(document).encode(), mtime=0), "application/json", **packed)
    assert (answer.status_code, answer.json()["stored"]) == (200, 1)
    machine = gzip.compress(json.dumps(machine_to_document(plant.machine())).encode())
    headers = {"Content-Type": "application/json", **packed}
    assert sender.put("/v1/machines/press-07", content=machine, headers=headers).status_code == 200
    bomb = gzip.compress(bytes(LIMIT + 1), mtime=0)
    assert _post(sender, bomb, RAW, **packed).status_code == 413
    assert sender.put("/v1/machines/press-07", content=bomb, headers=headers).status_code == 413
    refused = _post(sender, b"x", RAW, **{"Content-Encoding": "br"})
    assert (refused.status_code, refused.headers["Accept-Encoding"]) == (415, "gzip, deflate, zstd")


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(sender: httpx.Client) -> None:
    assert _post(sender, bytes(LIMIT + 1), RAW).status_code == 413


def test_a_chunked_body_beyond_the_limit_is_refused(sender: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(LIMIT // 1000 + 2):
            yield bytes(1000)

    assert _post(sender, chunks(), RAW).status_code == 413


def test_the_limit_holds_for_every_route(sender: httpx.Client) -> None:
    assert sender.post("/v1/fleet", content=bytes(LIMIT + 1)).status_code == 413
    assert sender.post("/v1/keys", content=b"[" * 150_000).status_code in (400, 422)


def test_a_slow_body_is_ended_by_the_deadline_while_others_are_served(stack: Stack, sender: httpx.Client) -> None:
    address = urlsplit(stack.url)
    assert address.hostname is not None
    assert address.port is not None
    with socket.create_connection((address.hostname, address.port), timeout=20) as slow:
        head = (
            f"POST /v1/acquisitions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stack.admin_key}\r\n"
            f"Content-Type: {RAW}\r\nContent-Length: 1000\r\n\r\nPDM1"
        )
        slow.sendall(head.encode())
        began = time.monotonic()
        assert _send(sender, _record(measured_at="2026-10-03T00:00:00Z")).status_code == 200
        answer = slow.recv(4096)
        waited = time.monotonic() - began
    assert answer.startswith(b"HTTP/1.1 408")
    assert DEADLINE_S * 0.5 < waited < DEADLINE_S + 5


def test_fifty_half_sent_bodies_leave_the_service_answering(stack: Stack, sender: httpx.Client) -> None:
    address = urlsplit(stack.url)
    assert address.hostname is not None
    head = (
        f"POST /v1/acquisitions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stack.admin_key}\r\n"
        f"Content-Type: {RAW}\r\nContent-Length: 1000\r\n\r\nPDM1"
    ).encode()
    sockets = [socket.create_connection((address.hostname, address.port or 80), timeout=20) for _ in range(50)]
    try:
        for each in sockets:
            each.sendall(head)
        began = time.monotonic()
        assert sender.get("/v1/machines").status_code == 200
        assert time.monotonic() - began < 5
        answers = [each.recv(64) for each in sockets]
        assert all(answer.startswith(b"HTTP/1.1 408") for answer in answers)
    finally:
        for each in sockets:
            each.close()


@contextmanager
def _half_sent(stack: Stack, head: str, body: bytes, count: int) -> Iterator[list[socket.socket]]:
    """Connections that have sent a head and the beginning of a body, and send nothing more."""
    address = urlsplit(stack.url)
    with ExitStack() as opened:
        sockets = []
        for _ in range(count):
            each = socket.create_connection((address.hostname or "", address.port or 80), timeout=20)
            sockets.append(opened.enter_context(each))
            each.sendall(f"{head}\r\nHost: x\r\nContent-Length: {len(body) + 1000}\r\n\r\n".encode() + body)
        yield sockets


@pytest.mark.parametrize("credentials", ["", "\r\nAuthorization: Bearer pdm_unknown"])
def test_nine_slow_anonymous_clients_leave_room_for_a_caller(
    stack: Stack, sender: httpx.Client, credentials: str
) -> None:
    body = json.dumps(machine_to_document(plant.machine())).encode() + b" " * 20_000
    with _half_sent(stack, f"POST /v1/keys HTTP/1.1{credentials}", b" " * (LIMIT - 1000), 9) as sockets:
        answer = sender.put("/v1/machines/press-07", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
        assert [each.recv(12) for each in sockets] == [b"HTTP/1.1 401"] * 9


def test_bodies_that_wait_for_a_slow_database_count_against_the_budget(stack: Stack, sender: httpx.Client) -> None:
    def body(second: int) -> bytes:
        document = {"acquisitions": [_record(measured_at=f"2026-10-04T00:00:{second:02d}Z")]}
        return json.dumps(document).encode() + b" " * (LIMIT - 1000)

    def send(second: int) -> int:
        with client(stack.url, stack.admin_key) as own:
            return _post(own, body(second), "application/json").status_code

    with ThreadPoolExecutor(4) as senders:
        with psycopg.connect(stack.dsn) as slow:
            slow.execute("LOCK TABLE receipt IN ACCESS EXCLUSIVE MODE")
            waiting = [senders.submit(send, second) for second in range(4)]
            _until_waiting(stack, 4)
            answer = sender.post(
                "/v1/acquisitions", content=body(4), headers={"Content-Type": "application/json"}, timeout=3
            )
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) >= 1
        assert [each.result() for each in waiting] == [200] * 4
    assert send(4) == 200


def _until_waiting(stack: Stack, count: int) -> None:
    deadline = time.monotonic() + 10
    with psycopg.connect(stack.dsn, autocommit=True) as conn:
        while time.monotonic() < deadline:
            row = conn.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
            if row is not None and row[0] >= count:
                return
            time.sleep(0.02)
    raise AssertionError(f"fewer than {count} bodies wait for the database")


def test_a_client_that_disconnects_midway_does_not_affect_others(stack: Stack, sender: httpx.Client) -> None:
    def leave() -> None:
        address = urlsplit(stack.url)
        with socket.create_connection((address.hostname or "", address.port or 80)) as leaving:
            leaving.sendall(b"POST /v1/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")

    threads = [threading.Thread(target=leave) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sender.get("/readyz").status_code == 200
