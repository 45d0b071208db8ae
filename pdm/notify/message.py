"""Messages, receivers and attempts: the types common to all senders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

TEST_SUBJECT = "[pdm] test"
TEST_TEXT = "This is a test message from pdm; no action is required."
SEVERITIES: Sequence[str] = ("advisory", "warning", "critical")
STATE_KINDS = ("alertmanager", "mqtt")  # receivers with a state; all open alerts are sent periodically


@dataclass(frozen=True)
class Attempt:
    """Result of one attempt; `is_reachable` distinguishes a rejection from an unreachable receiver.

    `answer` is the response of the receiver when it accepted, `error` why acceptance is not confirmed.
    """

    is_delivered: bool
    is_reachable: bool
    error: str | None = None
    answer: str | None = None


@dataclass(frozen=True)
class Receiver:
    """Subscription data for a sender; `credentials` are used by senders only."""

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
    """One alert event; `id` is the same in every attempt, `document` has type, timestamp and data."""

    id: str
    document: Mapping[str, Any]

    @property
    def data(self) -> Mapping[str, Any]:
        """The alert and its event."""
        data: Mapping[str, Any] = self.document["data"]
        return data


@dataclass(frozen=True)
class CurrentAlert:
    """The present state of an alert, for receivers with a state.

    `severities` are all severities it has had; `changed_at` is on the wall clock.
    """

    document: Mapping[str, Any]
    severities: Sequence[str]
    changed_at: datetime
    is_open: bool
    is_firing: bool


@dataclass(frozen=True)
class Message:
    """Events that are sent together; without events, only the present state.

    `id` is that of the event, or of the digest of several events, and is the same in every attempt. `standing`
    contains the present alerts for receivers with a state.
    """

    id: str
    events: tuple[Event, ...]
    is_digest: bool = False
    standing: tuple[CurrentAlert, ...] = ()

    def document(self) -> Mapping[str, Any]:
        """Return the single event, or a digest of all events in order."""
        if not self.is_digest:
            return self.events[0].document
        events = [{"id": event.id, **event.document} for event in self.events]
        timestamp = self.events[-1].document["timestamp"]
        return {"type": "alert.digest", "timestamp": timestamp, "data": {"count": len(events), "events": events}}


class Sender(Protocol):
    """Sends to one kind of receiver, for one thread; errors of receiver or subscription are returned, not raised."""

    def send(self, receiver: Receiver, message: Message, now: datetime) -> Attempt:
        """Attempt once to deliver a message."""

    def test(self, receiver: Receiver, message_id: str, now: datetime) -> Attempt:
        """Attempt once to deliver a test message."""

    def rest(self) -> None:
        """Release memory while there is nothing to send."""

    def close(self) -> None:
        """Close the connections."""
