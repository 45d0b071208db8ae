from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from pdm.notify.targets import parse_networks
from pdm.notify.webhook import WebhookSender, new_secret
from tests.unit.test_webhook_targets import NOT_PUBLIC, ODD_FORMS

pytestmark = pytest.mark.xdist_group("alone")

LOOPBACK = parse_networks("127.0.0.0/8")
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver:
    """A listener that keeps what it was sent and answers as it is told."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.requests: list[bytes] = []
        self._behave = behave
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with closing(connection):
            try:
                while (request := read_request(connection)) is not None:
                    self.requests.append(request)
                    self._behave(connection)
            except OSError:
                return


def read_request(connection: socket.socket) -> bytes | None:
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            return None
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def receiving(behave: Callable[[socket.socket], None] = lambda c: c.sendall(OK)) -> Iterator[Receiver]:
    receiver = Receiver(behave)
    try:
        yield receiver
    finally:
        receiver.listener.close()


@contextmanager
def sending(timeout: float = 1.0, networks: object = LOOPBACK) -> Iterator[WebhookSender]:
    sender = WebhookSender(networks, timeout)  # type: ignore[arg-type]
    try:
        yield sender
    finally:
        sender.close()


def now() -> datetime:
    return datetime.now(UTC)


def test_a_receiver_can_verify_what_it_gets_with_the_published_library() -> None:
    secret = new_secret()
    with receiving() as receiver, sending() as sender:
        attempt = sender.post(receiver.url, secret, "msg-1", {"type": "alert.opened", "name": "프레스"}, now())
    assert attempt.is_delivered, attempt
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
    assert Webhook(secret).verify(body, headers) == {"type": "alert.opened", "name": "프레스"}
    assert {key.lower(): value for key, value in headers.items()}["webhook-id"] == "msg-1"


def test_one_connection_serves_several_messages() -> None:
    with receiving() as receiver, sending() as sender:
        assert all(sender.post(receiver.url, new_secret(), str(n), {}, now()).is_delivered for n in range(5))
    assert (receiver.connections, len(receiver.requests)) == (1, 5)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 410, 500, 503])
def test_a_refusal_is_a_failure_and_a_redirect_is_not_followed(status: int) -> None:
    with receiving() as trap:
        answer = f"HTTP/1.1 {status} x\r\nLocation: {trap.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with receiving(lambda c: c.sendall(answer)) as receiver, sending() as sender:
            attempt = sender.post(receiver.url, new_secret(), "1", {}, now())
    assert (attempt.is_delivered, attempt.is_reachable) == (False, True)
    assert str(status) in (attempt.error or "")
    assert trap.connections == 0


def drip(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + b"a" * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b"a")
        time.sleep(0.05)


@pytest.mark.parametrize("behave", [lambda _: time.sleep(30), drip, drip_body])
def test_a_receiver_that_hangs_or_drips_costs_the_timeout_and_no_more(behave: Callable[[socket.socket], None]) -> None:
    with receiving(behave) as receiver, sending(timeout=0.3) as sender:
        started = time.monotonic()
        attempt = sender.post(receiver.url, new_secret(), "1", {}, now())
    assert time.monotonic() - started < 0.8
    assert (attempt.is_delivered, attempt.is_reachable) == (False, False)
    assert attempt.error == "no answer within 0.3 s"


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


@pytest.mark.parametrize("behave", [reset, lambda c: c.close(), lambda c: c.sendall(b"\x00\xff\r\n\r\n")])
def test_a_receiver_that_resets_or_talks_nonsense_is_a_failed_attempt(behave: Callable[[socket.socket], None]) -> None:
    with receiving(behave) as receiver, sending() as sender:
        attempt = sender.post(receiver.url, new_secret(), "1", {}, now())
    assert (attempt.is_delivered, attempt.is_reachable) == (False, False)


def test_an_endless_answer_is_cut_off() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"2000\r\n" + b"a" * 0x2000 + b"\r\n")

    with receiving(flood) as receiver, sending() as sender:
        assert sender.post(receiver.url, new_secret(), "1", {}, now()).is_delivered


def test_a_closed_port_and_an_unknown_name_are_failed_attempts() -> None:
    with sending() as sender:
        assert not sender.post("http://127.0.0.1:1/", new_secret(), "1", {}, now()).is_reachable
        assert not sender.post("http://nowhere.invalid/", new_secret(), "1", {}, now()).is_delivered


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_a"])
def test_a_secret_that_cannot_sign_is_a_failed_attempt_and_sends_nothing(secret: str) -> None:
    with receiving() as receiver, sending() as sender:
        attempt = sender.post(receiver.url, secret, "1", {}, now())
    assert not attempt.is_delivered
    assert receiver.connections == 0


def test_no_way_of_writing_the_loopback_reaches_a_listener_there() -> None:
    with receiving() as trap, sending(networks=()) as sender:
        urls = [url.rstrip("/").removesuffix(":80") + f":{trap.port}/" for url in ODD_FORMS]
        urls += [f"http://{f'[{a}]' if ':' in a else a}:{trap.port}/" for a in NOT_PUBLIC]
        for url in urls:
            assert not sender.post(url, new_secret(), "1", {}, now()).is_delivered, url
    assert len(urls) >= 50
    assert trap.connections == 0


def test_a_name_that_turns_to_the_loopback_after_the_check_reaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as trap, sending(networks=()) as sender:
        asked: list[str] = []

        def rebind(host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            address = "192.0.2.1" if len(asked) == 1 else "127.0.0.1"
            return [(2, 1, 6, "", (address, port))]

        monkeypatch.setattr("pdm.notify.targets.socket.getaddrinfo", rebind)
        for _ in range(5):
            attempt = sender.post(f"http://rebind.example.com:{trap.port}/", new_secret(), "1", {}, now())
            assert "forbidden target" in (attempt.error or "")
    assert trap.connections == 0


def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    with receiving() as receiver, sending() as sender:

        def answer(host: str, port: int, *_: object, **__: object) -> list[object]:
            asked.append(host)
            return [(2, 1, 6, "", ("127.0.0.1", port))]

        with monkeypatch.context() as patch:
            patch.setattr("pdm.notify.targets.socket.getaddrinfo", answer)
            attempt = sender.post(f"http://plant.example.com:{receiver.port}/", new_secret(), "1", {}, now())
    assert attempt.is_delivered, attempt
    assert asked[0] == "plant.example.com"
    assert asked.count("plant.example.com") == 1
    assert b"Host: plant.example.com" in receiver.requests[0]
