"""Every kind of receiver through one suite, each a real one: a listener, Mosquitto, Alertmanager, SMTP, a chat."""

from __future__ import annotations

import email
import gc
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from pdm.notify.chat import ChatSender
from pdm.notify.message import Attempt, CurrentAlert, Event, Message, Receiver, Sender
from pdm.notify.senders import make_sender
from pdm.notify.webhook import new_secret
from tests.integration import receivers
from tests.unit.test_webhook_sending import LOOPBACK, receiving, reset
from tests.unit.test_webhook_targets import NOT_PUBLIC

pytestmark = pytest.mark.xdist_group("alone")

KINDS = ("webhook", "alertmanager", "mqtt", "email", "chat")
TIMEOUT_S = 5.0
SECRET = "s3cret-word-of-the-plant"
NAME = '프레스 7 <b>&"quoted"</b>\\ {{x}} $HOME\r\nBcc: everyone@example.com\r\n\r\n'
ALERT_ID = "7c1f6a52-7b1e-4c62-9f2e-6f4b4f0c7d11"
DATA = {
    "alert_id": ALERT_ID, "kind": "opened", "site": "seoul", "machine": "press-07", "machine_name": NAME,
    "cause": "machine", "component": None, "severity": "critical", "state": "unacknowledged",
    "message": "zone-reached", "parameters": {"zone": "D"}, "opened_at": "2026-01-01T00:00:00Z",
    "occurred_at": "2026-01-01T00:00:00Z", "actor": "analysis",
}  # fmt: skip


def message_of(event_id: str = "event-1") -> Message:
    document = {"type": "alert.opened", "timestamp": "2026-01-01T00:00:00Z", "data": DATA}
    standing = CurrentAlert(DATA, ("critical",), datetime(2026, 1, 1, tzinfo=UTC), is_open=True, is_firing=True)
    return Message(event_id, (Event(event_id, document),), standing=(standing,))


def receiver_of(kind: str, host: str, port: int, path: str = "", **more: Any) -> Receiver:
    bracketed = f"[{host}]" if ":" in host else host
    config: dict[str, Any] = {
        "email": {"host": host, "port": port, "tls": "none", "sender": "p@e.com", "recipients": ["a@e.com"]},
        "mqtt": {"host": host, "port": port, "tls": False, "prefix": "pdm", "protocol": "5"},
    }.get(kind, {}) | more
    credentials = {"url": f"ntfy://{bracketed}:{port}/topic"} if kind == "chat" else {}
    return Receiver(
        uuid4(), "plant", kind, f"http://{bracketed}:{port}{path}", new_secret(), "pdm", config, credentials
    )


def send(receiver: Receiver, message: Message | None = None, timeout: float = TIMEOUT_S) -> Attempt:
    with sending(receiver.kind, timeout) as sender:
        return sender.send(receiver, message or message_of(), datetime.now(UTC))


@contextmanager
def sending(kind: str, timeout: float = TIMEOUT_S, networks: Any = LOOPBACK) -> Iterator[Sender]:
    sender = make_sender(kind, networks, timeout, "https://pdm.example.com")
    try:
        yield sender
    finally:
        sender.close()


@dataclass
class Arrival:
    """What a receiver has of one message: the id by which it knows repeats, and the machine's name in it."""

    id: str
    name: str


@dataclass
class Plant:
    """A real receiver that works: where it is, and what has arrived at it."""

    receiver: Receiver
    port: int
    arrivals: Callable[[], list[Arrival]]


@pytest.fixture(params=KINDS)
def plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plant]:
    with ExitStack() as stack:
        yield {"webhook": webhook, "alertmanager": alertmanager, "mqtt": mqtt, "email": mail, "chat": chat}[
            request.param
        ](stack, tmp_path)


def webhook(stack: ExitStack, _: Path) -> Plant:
    listener = stack.enter_context(receiving())

    def arrivals() -> list[Arrival]:
        parted = [request.partition(b"\r\n\r\n") for request in listener.requests]
        ids = [re.search(rb"(?i)\r\nwebhook-id: (\S+)", head) for head, _, _ in parted]
        bodies = [orjson.loads(body) for _, _, body in parted]
        return [
            Arrival(found[1].decode(), body["data"]["machine_name"])
            for found, body in zip(ids, bodies, strict=True)
            if found is not None
        ]

    return Plant(receiver_of("webhook", "127.0.0.1", listener.port, "/hook"), listener.port, arrivals)


def alertmanager(stack: ExitStack, folder: Path) -> Plant:
    url = stack.enter_context(receivers.alertmanager(folder))
    port = int(url.rpartition(":")[2])

    def arrivals() -> list[Arrival]:
        return [
            Arrival(alert["labels"]["alert_id"], alert["annotations"]["summary"].removesuffix(": zone-reached"))
            for alert in receivers.firing(url)
        ]

    return Plant(receiver_of("alertmanager", "127.0.0.1", port), port, arrivals)


def mqtt(stack: ExitStack, folder: Path) -> Plant:
    port = stack.enter_context(receivers.mosquitto(folder))
    listener = stack.enter_context(receivers.listening(port))

    def arrivals() -> list[Arrival]:
        return [Arrival(event["id"], event["data"]["machine_name"]) for event in listener.on("alerts/event")]

    return Plant(receiver_of("mqtt", "127.0.0.1", port), port, arrivals)


def mail(stack: ExitStack, _: Path) -> Plant:
    mailbox = stack.enter_context(receivers.mail_server())

    def arrivals() -> list[Arrival]:
        mails = [email.message_from_bytes(bytes(each.content or b""), policy=policy.default) for each in mailbox.mails]
        assert all(each.rcpt_tos == ["a@e.com"] for each in mailbox.mails)
        assert all(set(each.keys()).isdisjoint({"Bcc", "Cc"}) for each in mails)
        return [Arrival(str(each["X-Pdm-Event"]), each.get_content()) for each in mails]

    return Plant(receiver_of("email", "127.0.0.1", mailbox.port), mailbox.port, arrivals)


def chat(stack: ExitStack, _: Path) -> Plant:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    room = stack.enter_context(receiving(lambda c: c.sendall(answer)))

    def arrivals() -> list[Arrival]:
        texts = [orjson.loads(request.partition(b"\r\n\r\n")[2])["message"] for request in room.requests]
        return [Arrival(re.findall(r"event-\d", text)[-1], text) for text in texts]

    return Plant(receiver_of("chat", "127.0.0.1", room.port), room.port, arrivals)


def test_a_message_arrives_once_and_at_every_attempt_under_the_same_id(plant: Plant) -> None:
    attempt = send(plant.receiver)
    assert (attempt.is_delivered, attempt.is_reachable, attempt.error) == (True, True, None), attempt
    receivers.wait_until(plant.arrivals)
    time.sleep(0.05)
    first = plant.arrivals()
    assert len(first) == 1
    assert send(plant.receiver).is_delivered
    receivers.wait_until(lambda: plant.receiver.kind == "alertmanager" or len(plant.arrivals()) == 2)
    again = plant.arrivals()
    assert {arrival.id for arrival in again} == {first[0].id}
    assert first[0].id == (ALERT_ID if plant.receiver.kind == "alertmanager" else "event-1")


def test_a_name_with_markup_quotes_and_line_ends_arrives_as_text_and_as_nothing_else(plant: Plant) -> None:
    assert send(plant.receiver).is_delivered
    receivers.wait_until(plant.arrivals)
    (arrival,) = plant.arrivals()
    if plant.receiver.kind in ("email", "chat"):  # texts for people: white space may change, nothing else
        assert " ".join(NAME.split()) in " ".join(arrival.name.split())
    else:
        assert arrival.name == NAME


def test_a_test_message_is_delivered_and_no_alert(plant: Plant) -> None:
    with sending(plant.receiver.kind) as sender:
        attempt = sender.test(plant.receiver, "test-1", datetime.now(UTC))
    assert attempt.is_delivered, attempt


def test_a_sender_that_rested_sends_again(plant: Plant) -> None:
    with sending(plant.receiver.kind) as sender:
        assert sender.send(plant.receiver, message_of("event-1"), datetime.now(UTC)).is_delivered
        sender.rest()
        assert sender.send(plant.receiver, message_of("event-2"), datetime.now(UTC)).is_delivered


def connections_to(port: int) -> int:
    """Connections of this machine to a port that their client has not closed: established, or left by the server."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] in ("01", "08") for row in rows)


def test_a_closed_sender_leaves_no_connection_thread_or_child(plant: Plant) -> None:
    before, threads, files = connections_to(plant.port), set(threading.enumerate()), open_files()
    with sending(plant.receiver.kind) as sender:
        assert sender.send(plant.receiver, message_of(), datetime.now(UTC)).is_delivered
        child = sender.child.process if isinstance(sender, ChatSender) else None
    receivers.wait_until(lambda: connections_to(plant.port) <= before)
    if child is not None:
        assert child.poll() is not None
    receivers.wait_until(lambda: {each for each in threading.enumerate() if "paho" in each.name} <= threads)
    receivers.wait_until(lambda: open_files() <= files)


def open_files() -> int:
    gc.collect()  # paho's client is part of a cycle, and closes the pair that wakes its thread when collected
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def refusing(kind: str, folder: Path) -> Iterator[Receiver]:
    """A receiver of a kind that answers every message with a refusal, and the secrets with which it is reached."""
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    if kind == "mqtt":
        (folder / "acl").write_text("topic read #\n")
        with receivers.mosquitto(folder, extra=f"allow_anonymous true\nacl_file {folder / 'acl'}\n") as port:
            yield replace(receiver_of(kind, "127.0.0.1", port), credentials={"password": SECRET})
    elif kind == "email":
        with receivers.mail_server() as mailbox:
            mailbox.answer = "554 refused by policy"
            yield receiver_of(kind, "127.0.0.1", mailbox.port)
    else:
        with receiving(lambda c: c.sendall(refusal)) as listener:
            yield with_secrets(receiver_of(kind, "127.0.0.1", listener.port))


def with_secrets(receiver: Receiver) -> Receiver:
    secrets = {
        "alertmanager": {"token": SECRET},
        "mqtt": {"password": SECRET},
        "email": {"password": SECRET},
        "chat": {"url": str(receiver.credentials.get("url", "")).replace("ntfy://", f"ntfy://user:{SECRET}@")},
    }
    return replace(receiver, credentials=secrets.get(receiver.kind, {}))


def assert_secrets_are_hidden(receiver: Receiver, attempt: Attempt) -> None:
    assert SECRET not in f"{attempt} {receiver}"
    assert receiver.secret not in f"{attempt} {receiver}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_is_a_failed_attempt_at_a_receiver_that_is_there(kind: str, tmp_path: Path) -> None:
    with refusing(kind, tmp_path) as receiver:
        attempt = send(receiver)
    assert (attempt.is_delivered, attempt.is_reachable, attempt.answer) == (False, True, None), attempt
    assert attempt.error
    assert_secrets_are_hidden(receiver, attempt)


@pytest.mark.parametrize("kind", KINDS)
def test_a_receiver_that_is_away_is_not_reachable(kind: str) -> None:
    receiver = with_secrets(receiver_of(kind, "127.0.0.1", receivers.free_port()))
    attempt = send(receiver)
    assert (attempt.is_delivered, attempt.is_reachable, attempt.answer) == (False, False, None), attempt
    assert attempt.error
    assert_secrets_are_hidden(receiver, attempt)


@pytest.mark.parametrize("kind", KINDS)
def test_a_receiver_that_hangs_costs_the_timeout_and_no_more(kind: str) -> None:
    with receiving(lambda _: time.sleep(30)) as hangs, sending(kind, 1.0) as sender:
        if isinstance(sender, ChatSender):
            sender.check("ntfy://example.com/topic")  # load Apprise first: starting it is no part of an attempt
        started = time.monotonic()
        found = sender.test(receiver_of(kind, "127.0.0.1", hangs.port), "id-1", datetime.now(UTC))
        took = time.monotonic() - started
    assert took < 2.5
    assert (found.is_delivered, found.is_reachable) == (False, False), found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "behave", [reset, lambda c: c.close(), lambda c: c.sendall(b"\x00\xff\r\n\r\n")], ids=["reset", "close", "nonsense"]
)
def test_a_receiver_that_resets_or_talks_nonsense_is_a_failed_attempt(
    kind: str, behave: Callable[[socket.socket], None]
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                with closing(connection):
                    behave(connection)
            except OSError:
                return

    threading.Thread(target=talk, daemon=True).start()
    found = send(receiver_of(kind, "127.0.0.1", listener.getsockname()[1]), timeout=3.0)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    assert not found.is_delivered
    assert found.error


@pytest.mark.parametrize("kind", KINDS)
def test_no_way_of_writing_the_loopback_reaches_a_listener_there(kind: str) -> None:
    hosts = ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", *NOT_PUBLIC]
    with receiving() as trap, sending(kind, 5.0, ()) as sender:
        for host in [host for host in hosts if "%" not in host]:
            found = sender.test(receiver_of(kind, host, trap.port), "id-1", datetime.now(UTC))
            assert not found.is_delivered, host
            assert re.search(r"forbidden|ntfy\.sh", found.error or ""), (host, found)
    assert trap.connections == 0


@pytest.mark.parametrize("kind", ["webhook", "email", "mqtt", "alertmanager"])  # Apprise resolves in a child
def test_a_name_that_turns_to_the_loopback_after_the_check_reaches_nothing(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def rebind(host: str, port: int, *_: object, **__: object) -> list[object]:
        asked.append(host)
        return [(2, 1, 6, "", ("192.0.2.1" if len(asked) == 1 else "127.0.0.1", port))]

    with receiving() as trap, monkeypatch.context() as patch, sending(kind, 1.0, ()) as sender:
        patch.setattr("pdm.notify.targets.socket.getaddrinfo", rebind)
        for _ in range(3):
            found = sender.test(receiver_of(kind, "rebind.example.com", trap.port), "id-1", datetime.now(UTC))
            assert "forbidden target" in (found.error or "")
    assert trap.connections == 0
