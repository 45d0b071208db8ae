"""The next messages of one receiver, claimed from the outbox subject to quiet hours and rate limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from pdm.notify.alertmanager import ENDED_FOR
from pdm.notify.message import STATE_KINDS, CurrentAlert, Event, Message, Receiver
from pdm.notify.pacing import Backlog, Pacing, Release, decide
from pdm.notify.text import message_of
from pdm.store.delivery import outbox, subscriptions
from pdm.store.delivery.outbox import OutboxRow

# Interval at which a stateful receiver gets all open alerts. Alertmanager requires 30 s to 3 min, otherwise it
# resolves the alerts; a broker that lost its retained messages gets them again.
REMINDED_EVERY = {"alertmanager": timedelta(minutes=1), "mqtt": timedelta(minutes=5)}
_STATE_CLAIM = 64  # events per message to such a receiver


@dataclass(frozen=True)
class OutgoingMessage:
    """A message and the outbox rows that it completes; none if it only refreshes open alerts."""

    message: Message
    outbox_rows: tuple[OutboxRow, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Messages to one receiver, in order; `is_deferred` if one waits for quiet hours or a rate limit."""

    receiver: Receiver
    messages: tuple[OutgoingMessage, ...] = ()
    is_deferred: bool = False


def find_receiver(conn: Connection[Any], subscription_id: UUID) -> tuple[Receiver, Pacing] | None:
    """Return address, kind and times of a receiver with its secrets; None if the subscription has ended."""
    row = subscriptions.find_receiver(conn, subscription_id)
    if row is None:
        return None
    pacing = Pacing.from_document(row.pop("pacing"))
    return Receiver(**row), pacing


def claim_messages(
    conn: Connection[Any], subscription_id: UUID, now: datetime, lease: timedelta, limit: int
) -> Batch | None:
    """Claim the due messages of a receiver for the time of the lease; None if its subscription has ended."""
    found = find_receiver(conn, subscription_id)
    if found is None:
        return None
    receiver, pacing = found
    if receiver.kind in STATE_KINDS:
        return Batch(receiver, _state_messages(conn, receiver, now, lease))
    if pacing.is_immediate:
        return Batch(receiver, _singles(outbox.claim(conn, subscription_id, now, lease, limit)))
    return _paced(conn, receiver, pacing, now, lease, limit)


def _paced(
    conn: Connection[Any], receiver: Receiver, pacing: Pacing, now: datetime, lease: timedelta, limit: int
) -> Batch:
    if not outbox.try_lane(conn, receiver.id):
        return Batch(receiver, is_deferred=True)
    if pacing.critical_overrides:
        critical = outbox.claim(conn, receiver.id, now, lease, limit, is_critical_only=True)
        if critical:
            return Batch(receiver, _singles(critical))
    due, oldest, has_begun = outbox.fetch_backlog(conn, receiver.id, now)
    sent = 0
    if pacing.rate_limit is not None:
        sent = outbox.count_messages(conn, receiver.id, now - timedelta(seconds=pacing.rate_limit.per_s))
    decision = decide(pacing, Backlog(due, oldest, sent, has_begun), now)
    match decision.release:
        case Release.SINGLE:
            return Batch(receiver, _singles(outbox.claim(conn, receiver.id, now, lease, min(limit, decision.limit))))
        case Release.DIGEST:
            return Batch(receiver, _digest(outbox.claim_digest(conn, receiver.id, now, lease, decision.limit, uuid4())))
        case Release.BEGUN:
            return Batch(receiver, _digest(outbox.claim_digest_again(conn, receiver.id, now, lease)))
        case Release.NOTHING:
            return Batch(receiver, is_deferred=due > 0)


def _singles(outbox_rows: Sequence[OutboxRow]) -> tuple[OutgoingMessage, ...]:
    return tuple(
        OutgoingMessage(Message(str(outbox_row.id), (_event(outbox_row),)), (outbox_row,)) for outbox_row in outbox_rows
    )


def _digest(outbox_rows: Sequence[OutboxRow]) -> tuple[OutgoingMessage, ...]:
    if not outbox_rows:
        return ()
    events = tuple(_event(outbox_row) for outbox_row in outbox_rows)
    return (OutgoingMessage(Message(str(outbox_rows[0].digest_id), events, is_digest=True), tuple(outbox_rows)),)


def _event(outbox_row: OutboxRow) -> Event:
    """Return the event of an outbox row; its message is also given as a sentence, with values in declared units."""
    data = outbox_row.payload["data"]
    return Event(str(outbox_row.id), {**outbox_row.payload, "data": {**data, "text": message_of(data)}})


def _state_messages(
    conn: Connection[Any], receiver: Receiver, now: datetime, lease: timedelta
) -> tuple[OutgoingMessage, ...]:
    outbox_rows = outbox.claim(conn, receiver.id, now, lease, _STATE_CLAIM)
    if not outbox_rows:
        return ()
    machines = sorted({outbox_row.payload["data"]["machine"] for outbox_row in outbox_rows})
    events = tuple(_event(outbox_row) for outbox_row in outbox_rows)
    message = Message(str(outbox_rows[0].id), events, standing=_standing(conn, receiver.id, now, machines))
    return (OutgoingMessage(message, tuple(outbox_rows)),)


def claim_reminder(conn: Connection[Any], receiver: Receiver, now: datetime) -> OutgoingMessage | None:
    """Return all open alerts for a stateful receiver, if its refresh is due."""
    if not outbox.claim_refresh(conn, receiver.id, now, REMINDED_EVERY[receiver.kind]):
        return None
    return OutgoingMessage(Message("", (), standing=_standing(conn, receiver.id, now, None)))


def _standing(
    conn: Connection[Any], subscription_id: UUID, now: datetime, machines: Sequence[str] | None
) -> tuple[CurrentAlert, ...]:
    return tuple(outbox.fetch_standing(conn, CurrentAlert, subscription_id, now - ENDED_FOR, machines))
