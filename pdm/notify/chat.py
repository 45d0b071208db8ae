"""Chat services through Apprise, in a child process that reaches checked addresses only.

Apprise supports over a hundred services through many libraries. A child process releases its memory
when nothing is to be sent, it can be killed when it hangs, and each of its connections can be checked.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pdm.child_process import ChildEndedError, ChildEnding, Conversation
from pdm.notify.message import SEVERITIES, TEST_SUBJECT, TEST_TEXT, Attempt, Message, Receiver
from pdm.notify.targets import Network
from pdm.notify.text import body_of, subject_of
from pdm.words.catalogue import DEFAULT_LANGUAGE

_START_S = 20.0  # what loading Apprise may take on a busy machine [s]
_KINDS = dict(zip(SEVERITIES, ("info", "warning", "failure"), strict=True))
_ENDED = ("cleared", "returned", "reset")


class ChatSender:
    """Sends messages through Apprise in a child process, started when needed; for one thread."""

    def __init__(self, networks: Sequence[Network] = (), timeout: float = 10.0, public_url: str = "") -> None:
        self._networks = [str(network) for network in networks]
        self._timeout = timeout
        self._public_url = public_url
        self.child = Conversation(
            "pdm.notify.chat_process", name="the process of the chat client", start_s=_START_S, timeout_s=timeout
        )

    def close(self) -> None:
        """End the child."""
        self.child.close()

    rest = close

    def send(self, receiver: Receiver, message: Message, now: datetime) -> Attempt:  # noqa: ARG002
        """Send a message as text."""
        language = receiver.config.get("language", DEFAULT_LANGUAGE)
        subject, body = subject_of(message, language), body_of(message, self._public_url, language)
        return self.send_text(receiver, subject, body, _kind(message))

    def test(self, receiver: Receiver, message_id: str, now: datetime) -> Attempt:  # noqa: ARG002
        """Send a text that is marked as a test."""
        return self.send_text(receiver, TEST_SUBJECT, TEST_TEXT)

    def send_text(self, receiver: Receiver, title: str, body: str, kind: str = "info") -> Attempt:
        """Send a text once; never raises for what the service or the subscription does wrong."""
        url = str(receiver.credentials.get("url", ""))
        return self._ask({"url": url, "title": title, "body": body, "kind": kind})

    def check(self, url: str) -> Attempt:
        """Return whether Apprise knows such a service and its address may be reached; nothing is sent."""
        return self._ask({"url": url, "check": True})

    def _ask(self, question: dict[str, Any]) -> Attempt:
        environment = {name: value for name, value in os.environ.items() if not _is_withheld(name)}
        try:
            return Attempt(**self.child.ask(question | {"networks": self._networks}, environment))
        except ChildEndedError as error:
            is_timeout = error.ending is ChildEnding.TIMEOUT
            return Attempt(False, False, f"no answer within {self._timeout:g} s" if is_timeout else error.message)
        except OSError as error:
            return Attempt(False, False, f"the process of the chat client cannot be started: {error}")


def _kind(message: Message) -> str:
    worst = max(message.events, key=lambda event: SEVERITIES.index(event.data["severity"]))
    return "success" if worst.data["kind"] in _ENDED else _KINDS[worst.data["severity"]]


def _is_withheld(name: str) -> bool:
    """Return whether the child does not receive a variable: the settings of the service, and proxies."""
    return name.startswith("PDM_") or name.lower().endswith("_proxy")
