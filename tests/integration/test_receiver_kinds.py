"""What only some kinds of receivers do; what all do is in tests/contract/test_receivers.py."""

from __future__ import annotations

import smtplib
import socket
import ssl
import subprocess
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from pdm.notify.chat import ChatSender
from pdm.notify.chat_process import redact
from pdm.notify.message import Attempt, Receiver
from pdm.notify.senders import make_sender
from pdm.notify.targets import Network
from tests.integration import receivers
from tests.unit.test_webhook_sending import LOOPBACK, receiving

pytestmark = pytest.mark.xdist_group("alone")

CONVERSATIONS = ("email", "mqtt")


def receiver_of(kind: str, host: str, port: int, **more: Any) -> Receiver:
    bracketed = f"[{host}]" if ":" in host else host
    config: dict[str, Any] = {
        "email": {"host": host, "port": port, "tls": "none", "sender": "p@e.com", "recipients": ["a@e.com"]},
        "mqtt": {"host": host, "port": port, "tls": False, "prefix": "pdm", "protocol": "5"},
    }.get(kind, {}) | more
    credentials = {"url": f"ntfy://{bracketed}:{port}/topic"} if kind == "chat" else {}
    return Receiver(uuid4(), "plant", kind, f"http://{bracketed}:{port}", "", "pdm", config, credentials)


def attempt(receiver: Receiver, networks: tuple[Network, ...] = LOOPBACK, timeout: float = 1.0) -> Attempt:
    sender = make_sender(receiver.kind, networks, timeout)
    try:
        return sender.test(receiver, "id-1", datetime.now(UTC))
    finally:
        sender.close()


def test_a_chat_service_that_redirects_inside_is_not_followed() -> None:
    with receiving() as trap:
        location = f"HTTP/1.1 302 x\r\nLocation: {trap.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with receiving(lambda c: c.sendall(location)) as room:
            assert not attempt(receiver_of("chat", "127.0.0.1", room.port), timeout=5).is_delivered
    assert trap.connections == 0


def test_a_chat_service_that_answers_is_reachable_whatever_it_answers() -> None:
    body = b'{"code": 507, "error": "Connection limit reached"}'
    head = b"HTTP/1.1 507 x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with receiving(lambda c: c.sendall(head + body)) as room:
        found = attempt(receiver_of("chat", "127.0.0.1", room.port), timeout=20)
    assert (found.is_delivered, found.is_reachable) == (False, True), found
    assert not attempt(receiver_of("chat", "127.0.0.1", 1), timeout=20).is_reachable


@pytest.mark.parametrize("kind", CONVERSATIONS)
def test_a_server_that_drips_its_banner_is_cut_off(kind: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        connection, _ = listener.accept()
        with closing(connection):
            try:
                for byte in b"220-" + b"a" * 500:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)
            except OSError:
                return

    threading.Thread(target=talk, daemon=True).start()
    started = time.monotonic()
    found = attempt(receiver_of(kind, "127.0.0.1", listener.getsockname()[1]))
    listener.close()
    assert time.monotonic() - started < 2.5
    assert not found.is_delivered


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a self-signed certificate of 'localhost'."""
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", made, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, made


def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate[1], certificate[0])
    return context


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_goes_over_tls_to_a_server_whose_certificate_is_known_and_to_no_other(
    certificate: tuple[Path, Path], tls: str
) -> None:
    context = server_context(certificate)
    options = {"tls_context": context, "require_starttls": True} if tls == "starttls" else {"ssl_context": context}
    with receivers.mail_server(**options) as mailbox:
        known = receiver_of("email", "localhost", mailbox.port, tls=tls, authority=certificate[1].read_text())
        networks = (*LOOPBACK, *receivers.parse("::1/128"))
        assert attempt(known, networks, 5.0).is_delivered
        unknown = attempt(receiver_of("email", "localhost", mailbox.port, tls=tls), networks, 5.0)
        assert not unknown.is_delivered
        assert "CERTIFICATE_VERIFY_FAILED" in (unknown.error or "")
    assert len(mailbox.mails) == 1


def test_a_mail_server_without_tls_is_not_spoken_to_in_the_clear() -> None:
    with receivers.mail_server() as mailbox:
        found = attempt(receiver_of("email", "127.0.0.1", mailbox.port, tls="starttls"), timeout=5.0)
    assert not found.is_delivered
    assert mailbox.mails == []
    assert smtplib.SMTPNotSupportedError.__name__ in (found.error or "")


def test_mqtt_goes_over_tls_to_a_broker_whose_certificate_is_known_and_to_no_other(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    key, made = certificate
    extra = f"allow_anonymous true\ncertfile {made}\nkeyfile {key}\n"
    networks = (*LOOPBACK, *receivers.parse("::1/128"))
    with receivers.mosquitto(tmp_path, extra=extra) as port:
        known = receiver_of("mqtt", "localhost", port, tls=True, authority=made.read_text())
        assert attempt(known, networks, 5.0).is_delivered
        unknown = attempt(receiver_of("mqtt", "localhost", port, tls=True), networks, 5.0)
    assert not unknown.is_delivered
    assert "CERTIFICATE_VERIFY_FAILED" in (unknown.error or "")


def test_a_broker_of_the_older_protocol_is_notified_too(tmp_path: Path) -> None:
    with receivers.mosquitto(tmp_path) as port:
        assert attempt(receiver_of("mqtt", "127.0.0.1", port, protocol="3.1.1"), timeout=5.0).is_delivered


def test_what_a_chat_service_says_is_shown_without_the_secrets_of_its_url() -> None:
    url = "slack://TokenA1234/TokenB1234/TokenC1234567/#general"
    assert redact(f"no TokenB1234 at {url}", url) == "no *** at ***"


def test_only_chat_services_are_spoken_to_and_the_child_is_ended() -> None:
    sender = ChatSender(())
    for url in ("dbus://", "syslog://", "mailto://a:b@example.com", "json://example.com", "mqtt://example.com/t"):
        found = sender.check(url)
        assert not found.is_delivered, url
    assert sender.check("slack://TokenA1234/TokenB1234/TokenC1234aaaaaaaaaaaaa/#general").answer == "slack"
    child = sender.child.process
    assert child is not None
    sender.rest()
    assert child.poll() is not None
