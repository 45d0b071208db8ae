"""Real receivers of alerts, each started for a test on a port of its own: Mosquitto, Alertmanager, Prometheus, SMTP."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from pdm.notify.targets import parse_networks

LOOPBACK = "127.0.0.0/8"
parse = parse_networks


def wait_until(is_true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin:/bin")
    assert found is not None, f"{name} is not installed; make setup installs it"
    return found


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until it listens; it ends with the test."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent)
    try:
        wait_until(lambda: _listens(port, process, log), 20)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text(errors="replace")[-2000:]
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


@contextmanager
def mosquitto(folder: Path, port: int | None = None, extra: str = "allow_anonymous true\n") -> Iterator[int]:
    port = port or free_port()
    settings = folder / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\npersistence false\nuser root\n{extra}")
    with running([program("mosquitto"), "-c", str(settings)], port, folder / "mosquitto.log"):
        yield port


@contextmanager
def alertmanager(folder: Path, port: int | None = None, webhook: str = "http://127.0.0.1:1/") -> Iterator[str]:
    port = port or free_port()
    settings = folder / "alertmanager.yml"
    settings.write_text(
        "route: {receiver: plant, group_by: [machine, severity], group_wait: 100ms, group_interval: 1s}\n"
        f"receivers: [{{name: plant, webhook_configs: [{{url: '{webhook}'}}]}}]\n"
    )
    command = [
        program("prometheus-alertmanager"),
        f"--config.file={settings}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with running(command, port, folder / "alertmanager.log"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    port = free_port()
    settings = folder / "prometheus.yml"
    settings.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: pdm, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    command = [
        program("prometheus"),
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command, port, folder / "prometheus.log"):
        yield f"http://127.0.0.1:{port}"


def firing(url: str) -> list[dict[str, Any]]:
    """Return what an Alertmanager holds as active."""
    answer = httpx.get(f"{url}/api/v2/alerts", params={"active": "true"}, trust_env=False)
    alerts: list[dict[str, Any]] = answer.json()
    return alerts


@dataclass
class Listener:
    """A subscriber of a broker, and what it was told."""

    messages: list[tuple[str, Any, bool]] = field(default_factory=list)

    def on(self, ending: str) -> list[Any]:
        return [document for topic, document, _ in self.messages if topic.endswith(ending)]


@contextmanager
def listening(port: int, topics: str = "pdm/#") -> Iterator[Listener]:
    listener = Listener()
    client = Client(CallbackAPIVersion.VERSION2)
    ready: list[bool] = []

    def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
        listener.messages.append((message.topic, orjson.loads(message.payload), message.retain))

    client.on_message = on_message
    client.on_subscribe = lambda *_: ready.append(True)
    client.on_connect = lambda *_: client.subscribe(topics, qos=1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        wait_until(lambda: ready)
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()


@dataclass
class Mailbox:
    """What an SMTP server took, and what it answers."""

    port: int = 0
    mails: list[Envelope] = field(default_factory=list)
    answer: str = "250 taken"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.mails.append(envelope)
        return self.answer


@contextmanager
def mail_server(**options: Any) -> Iterator[Mailbox]:
    mailbox = Mailbox(port=free_port())
    server = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **options)
    server.start()
    try:
        yield mailbox
    finally:
        server.stop()
