"""The sender of each kind of receiver."""

from __future__ import annotations

from collections.abc import Sequence

from pdm.notify.alertmanager import AlertmanagerSender
from pdm.notify.chat import ChatSender
from pdm.notify.mail import MailSender
from pdm.notify.message import Sender
from pdm.notify.targets import Network
from pdm.notify.webhook import WebhookSender


def make_sender(kind: str, networks: Sequence[Network] = (), timeout: float = 10.0, public_url: str = "") -> Sender:
    """Return a sender for one thread and one receiver of a kind."""
    if kind == "alertmanager":
        return AlertmanagerSender(networks, timeout, public_url)
    if kind == "mqtt":
        from pdm.notify.mqtt import MqttSender  # imported only for MQTT receivers because of its memory

        return MqttSender(networks, timeout)
    if kind == "email":
        return MailSender(networks, timeout, public_url)
    if kind == "chat":
        return ChatSender(networks, timeout, public_url)
    return WebhookSender(networks, timeout, public_url)
