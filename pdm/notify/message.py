"""What is sent, to whom, and what became of it: the words that all ways of sending share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

TEST_SUBJECT = "[pdm] test"
TEST_TEXT = "This is a test message from pdm; no action is required."
SEVERITIES: Sequence[str] = ("advisory", "warning", "critical")
STATE_KINDS = ("alertmanager", "mqtt")  # receivers that keep a state, told all that is open from time to time


@dataclass(frozen=True)
class Attempt:
    """What became of one attempt; `is_reachable` tells a refusing receiver from one that is away.

    `answer` is what the receiver said when it accepted, `error` why it is not known to have.
    """

    is_delivered: bool
    is_reachable: bool
    error: str | None = None
    answer: str | None = None


@dataclass(frozen=True)
class Receiver:
    """A subscription as a sender needs it; `credentials` never leave the senders."""

    id: UUID
    name: str
    kind: str
    url: str
    secret: str = field(repr=False, default="")
    payload: str = "pdm"
    config: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, Any] = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Event:
    """One alert event; `id` is the same at every attempt, `document` has type, timestamp and data."""

    id: str
    document: Mapping[str, Any]

    @property
    def data(self) -> Mapping[str, Any]:
        """What happened to which alert."""
        data: Mapping[str, Any] = self.document["data"]
        return data


@dataclass(frozen=True)
class CurrentAlert:
    """An alert as it is now, for receivers that keep a state.

    `severities` are all that it ever had; `changed_at` is on the wall clock.
    """

    document: Mapping[str, Any]
    severities: Sequence[str]
    changed_at: datetime
    is_open: bool
    is_firing: bool


@dataclass(frozen=True)
class Message:
    """Events that go out as one; with no events, only a reminder of what stands.

    `id` is the event's own, or the digest's where several were made one, and is the same at every attempt.
    `standing` is filled for receivers that keep a state.
    """

    id: str
    events: tuple[Event, ...]
    is_digest: bool = False
    standing: tuple[CurrentAlert, ...] = ()

    def document(self) -> Mapping[str, Any]:
        """Return the one event, or a digest that holds all in order."""
        if not self.is_digest:
            return self.events[0].document
        events = [{"id": event.id, **event.document} for event in self.events]
        timestamp = self.events[-1].document["timestamp"]
        return {"type": "alert.digest", "timestamp": timestamp, "data": {"count": len(events), "events": events}}


class Sender(Protocol):
    """A way of sending, for one thread; never raises for what a receiver or a subscription does wrong."""

    def send(self, receiver: Receiver, message: Message, now: datetime) -> Attempt:
        """Try once to deliver a message."""

    def test(self, receiver: Receiver, message_id: str, now: datetime) -> Attempt:
        """Try once to deliver what nobody takes for an alert."""

    def rest(self) -> None:
        """Give back what costs memory while nothing is to be sent."""

    def close(self) -> None:
        """Close kept connections."""
