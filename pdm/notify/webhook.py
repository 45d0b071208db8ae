"""Webhooks, signed as in Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from standardwebhooks import Webhook

from pdm.notify.alertmanager import group_document
from pdm.notify.http import HttpPoster
from pdm.notify.message import Attempt, Message, Receiver
from pdm.notify.targets import ForbiddenTargetError, Network, check_url


def new_secret() -> str:
    """Return a new signing secret of 256 random bits, in the format of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class WebhookSender:
    """Posts signed JSON: the event, or the body of an Alertmanager webhook (version 4).

    Parameters
    ----------
    networks : sequence of network
        Allowed ranges that are not public.
    timeout : float
        Longest total time of an attempt [s].
    public_url : str
        URL of this service for links; empty if not set.
    """

    def __init__(self, networks: Sequence[Network] = (), timeout: float = 10.0, public_url: str = "") -> None:
        self._networks = tuple(networks)
        self._poster = HttpPoster(networks, timeout)
        self._public_url = public_url

    def close(self) -> None:
        """Close the connections."""
        self._poster.close()

    def rest(self) -> None:
        """Do nothing: idle connections are closed after half a minute."""

    def send(self, receiver: Receiver, message: Message, now: datetime) -> Attempt:
        """Post a message; an error of the receiver or the subscription is returned, not raised."""
        document = message.document()
        if receiver.payload == "alertmanager":
            document = group_document(receiver, message, self._public_url)
        return self.post(receiver.url, receiver.secret, message.id, document, now)

    def test(self, receiver: Receiver, message_id: str, now: datetime) -> Attempt:
        """Post an event of the type `test`."""
        document = {"type": "test", "timestamp": now.isoformat(), "data": {"subscription": receiver.name}}
        return self.post(receiver.url, receiver.secret, message_id, document, now)

    def post(self, url: str, secret: str, message_id: str, payload: Mapping[str, Any], now: datetime) -> Attempt:
        """Post a signed payload; `message_id` must be the same in every attempt: receivers recognise repeats by it."""
        body = orjson.dumps(payload)
        try:
            check_url(url, self._networks)
            headers = _sign(secret, message_id, body, now)
        except ForbiddenTargetError as error:
            return Attempt(False, True, f"forbidden target: {error}")
        except (ValueError, RuntimeError, KeyError) as error:  # binascii.Error is a ValueError
            return Attempt(False, True, f"the secret cannot be used for the signature: {error}")
        except Exception as error:  # errors of standardwebhooks derive from Exception only
            return Attempt(False, True, f"the secret cannot be used for the signature: {type(error).__name__}")
        return self._poster.post(url, headers, body)


def _sign(secret: str, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    signature = Webhook(secret).sign(message_id, now, body.decode())
    return {
        "Content-Type": "application/json",
        "User-Agent": "pdm-webhook/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
