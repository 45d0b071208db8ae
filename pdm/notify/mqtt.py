"""MQTT: a retained state topic and an event topic per machine, both with quality of service 1."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from pdm.notify.deadline import shut_after, tls_context
from pdm.notify.message import SEVERITIES, Attempt, Message, Receiver
from pdm.notify.targets import ForbiddenTargetError, Network, connect

PROTOCOLS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
_ALIVE_S = 30
_INFLIGHT = 100  # most messages without an acknowledgement by the broker


def state_topic(prefix: str, site: str, machine: str) -> str:
    """Return the retained topic with the open alerts of a machine."""
    return f"{prefix}/{site}/{machine}/alerts/state"


def event_topic(prefix: str, site: str, machine: str) -> str:
    """Return the topic of a machine's alert events, published at least once, in order for each alert."""
    return f"{prefix}/{site}/{machine}/alerts/event"


def state_documents(message: Message, now: datetime) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the open alerts by site and machine, for every machine of the message."""
    alerts: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for event in message.events:
        alerts.setdefault((event.data["site"], event.data["machine"]), [])
    for standing in message.standing:
        there = alerts.setdefault((standing.document["site"], standing.document["machine"]), [])
        if standing.is_open:
            there.append(standing.document)
    return {place: _state(place, found, now) for place, found in alerts.items()}


def _state(place: tuple[str, str], alerts: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    calling = [SEVERITIES.index(alert["severity"]) for alert in alerts if not alert.get("withheld")]
    return {
        "site": place[0],
        "machine": place[1],
        "severity": SEVERITIES[max(calling)] if calling else None,
        "alerts": sorted(alerts, key=lambda alert: str(alert["cause"])),
        "at": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


class MqttSender:
    """Publishes to one broker over a persistent connection; for one thread.

    A message is delivered when the broker has acknowledged every part of it (PUBACK). An MQTT 5 broker reports a
    rejection; a 3.1.1 broker acknowledges and discards what it does not allow.
    """

    def __init__(self, networks: Sequence[Network] = (), timeout: float = 10.0) -> None:
        self._networks = tuple(networks)
        self._timeout = timeout
        self._connection: _Connection | None = None

    def close(self) -> None:
        """Disconnect from the broker."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def rest(self) -> None:
        """Do nothing: MQTT keeps its connection open."""

    def send(self, receiver: Receiver, message: Message, now: datetime) -> Attempt:
        """Publish each event and then the state of each machine of the message."""
        prefix = str(receiver.config["prefix"])
        parts = [
            (event_topic(prefix, event.data["site"], event.data["machine"]), {"id": event.id, **event.document}, False)
            for event in message.events
        ]
        for (site, machine), document in state_documents(message, now).items():
            parts.append((state_topic(prefix, site, machine), document, True))
        return self._publish(receiver, parts)

    def test(self, receiver: Receiver, message_id: str, now: datetime) -> Attempt:
        """Publish a test message to a separate topic."""
        document = {"id": message_id, "type": "test", "timestamp": now.isoformat(), "subscription": receiver.name}
        return self._publish(receiver, [(f"{receiver.config['prefix']}/test", document, False)])

    def _publish(self, receiver: Receiver, parts: Iterable[tuple[str, Mapping[str, Any], bool]]) -> Attempt:
        deadline = time.monotonic() + self._timeout
        try:
            if self._connection is None or not self._connection.is_connected():
                self.close()
                self._connection = _Connection(receiver, self._networks, self._timeout)
            answer = self._connection.publish(parts, deadline)
        except _RefusedError as error:
            self.close()
            return Attempt(False, True, str(error))
        except ForbiddenTargetError as error:
            return Attempt(False, True, f"forbidden target: {error}")
        except TimeoutError:
            self.close()
            return Attempt(False, False, f"no answer within {self._timeout:g} s")
        except (OSError, ValueError, RuntimeError) as error:
            self.close()
            return Attempt(False, False, f"{type(error).__name__}: {error}"[:200])
        return Attempt(True, True, answer=answer)


class _RefusedError(Exception):
    """The broker responded with a rejection."""


class _Connection:
    """A connection to a broker, with the acknowledgements of all published messages."""

    def __init__(self, receiver: Receiver, networks: Sequence[Network], timeout: float) -> None:
        config = receiver.config
        protocol = PROTOCOLS[str(config.get("protocol", "5"))]
        self._client = _CheckedClient(networks, timeout, protocol)
        self._client.max_inflight_messages_set(_INFLIGHT)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._answered = threading.Event()
        self._refusal: str | None = None
        self._reasons: dict[int, str] = {}
        if "password" in receiver.credentials or config.get("username"):
            self._client.username_pw_set(config.get("username") or "", receiver.credentials.get("password"))
        if config.get("tls"):
            self._client.tls_set_context(tls_context(config.get("authority")))
        try:
            self._client.connect(str(config["host"]), int(config["port"]), keepalive=_ALIVE_S)
            self._client.loop_start()
            if not self._answered.wait(timeout):
                raise TimeoutError
            if self._refusal is not None:
                raise _RefusedError(f"the broker rejected the connection: {self._refusal}")
        except BaseException:
            self.close()
            raise

    def is_connected(self) -> bool:
        return self._client.is_connected()

    def publish(self, parts: Iterable[tuple[str, Mapping[str, Any], bool]], deadline: float) -> str:
        """Publish, wait for all acknowledgements, and return a summary."""
        self._reasons.clear()
        sent: list[MQTTMessageInfo] = [
            self._client.publish(topic, orjson.dumps(document), qos=1, retain=is_retained)
            for topic, document, is_retained in parts
        ]
        for info in sent:
            info.wait_for_publish(max(0.001, deadline - time.monotonic()))
            if not info.is_published():
                raise TimeoutError
        refused = sorted({self._reasons[info.mid] for info in sent if info.mid in self._reasons})
        if refused:
            raise _RefusedError(f"the broker rejected: {', '.join(refused)}")
        return f"the broker acknowledged {len(sent)} messages"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._refusal = str(reason) if reason.is_failure else None
        self._answered.set()

    def _on_publish(self, _client: Client, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._reasons[mid] = str(reason)


class _CheckedClient(Client):
    """A client that connects to checked addresses only and does not reconnect automatically."""

    def __init__(self, networks: Sequence[Network], timeout: float, protocol: MQTTProtocolVersion) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, protocol=protocol, reconnect_on_failure=False)
        self._networks = tuple(networks)
        self.connect_timeout = timeout

    def _create_socket_connection(self) -> socket.socket:
        return connect(self._host, self._port, self._networks, self.connect_timeout)

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        assert self._ssl_context is not None
        with shut_after(tcp_sock, self.connect_timeout):
            return self._ssl_context.wrap_socket(tcp_sock, server_hostname=self._host)
