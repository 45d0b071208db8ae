"""What goes out next to one receiver: claimed from the outbox with an eye on when it may be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from pdm.notify.alertmanager import ENDED_FOR
from pdm.notify.message import STATE_KINDS, Event, Message, Receiver, Standing
from pdm.notify.pacing import Backlog, Pacing, Release, decide
from pdm.store.delivery import outbox, subscriptions
from pdm.store.delivery.outbox import Parcel

# How often a receiver that keeps a state is told all that stands. Alertmanager wants it every 30 s to 3 min, else
# it takes alerts for ended; a broker that lost its retained messages has them again.
REMINDED_EVERY = {"alertmanager": timedelta(minutes=1), "mqtt": timedelta(minutes=5)}
_STATE_CLAIM = 64  # events that one message to such a receiver is about


@dataclass(frozen=True)
class Letter:
    """A message and the outbox rows that it settles; none where it only reminds of what stands."""

    message: Message
    parcels: tuple[Parcel, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Letters to one receiver, in order; `is_held` where something waits for its hour."""

    receiver: Receiver
    letters: tuple[Letter, ...] = ()
    is_held: bool = False


def find_receiver(conn: Connection[Any], subscription_id: UUID) -> tuple[Receiver, Pacing] | None:
    """Return where, how and when to send, with the secrets; None where the subscription ended."""
    row = subscriptions.find_receiver(conn, subscription_id)
    if row is None:
        return None
    pacing = Pacing.from_document(row.pop("pacing"))
    return Receiver(**row), pacing


def claim_letters(
    conn: Connection[Any], subscription_id: UUID, now: datetime, lease: timedelta, limit: int
) -> Batch | None:
    """Take what may go out now to a receiver, for the time of the lease; None where it is told nothing more."""
    found = find_receiver(conn, subscription_id)
    if found is None:
        return None
    receiver, pacing = found
    if receiver.kind in STATE_KINDS:
        return Batch(receiver, _state_letters(conn, receiver, now, lease))
    if pacing.is_immediate:
        return Batch(receiver, _singles(outbox.claim(conn, subscription_id, now, lease, limit)))
    return _paced(conn, receiver, pacing, now, lease, limit)


def _paced(
    conn: Connection[Any], receiver: Receiver, pacing: Pacing, now: datetime, lease: timedelta, limit: int
) -> Batch:
    if not outbox.try_lane(conn, receiver.id):
        return Batch(receiver, is_held=True)
    if pacing.critical_overrides:
        critical = outbox.claim(conn, receiver.id, now, lease, limit, is_critical_only=True)
        if critical:
            return Batch(receiver, _singles(critical))
    waiting = outbox.fetch_backlog(conn, receiver.id, now)
    sent = 0
    if pacing.rate_limit is not None:
        sent = outbox.count_messages(conn, receiver.id, now - timedelta(seconds=pacing.rate_limit.per_s))
    decision = decide(pacing, Backlog(waiting.due, waiting.oldest, sent, waiting.has_begun), now)
    match decision.release:
        case Release.SINGLE:
            return Batch(receiver, _singles(outbox.claim(conn, receiver.id, now, lease, min(limit, decision.limit))))
        case Release.DIGEST:
            return Batch(receiver, _digest(outbox.claim_digest(conn, receiver.id, now, lease, decision.limit, uuid4())))
        case Release.BEGUN:
            return Batch(receiver, _digest(outbox.claim_digest_again(conn, receiver.id, now, lease)))
        case Release.NOTHING:
            return Batch(receiver, is_held=waiting.due > 0)


def _singles(parcels: Sequence[Parcel]) -> tuple[Letter, ...]:
    return tuple(Letter(Message(str(parcel.id), (_event(parcel),)), (parcel,)) for parcel in parcels)


def _digest(parcels: Sequence[Parcel]) -> tuple[Letter, ...]:
    if not parcels:
        return ()
    events = tuple(_event(parcel) for parcel in parcels)
    return (Letter(Message(str(parcels[0].digest_id), events, is_digest=True), tuple(parcels)),)


def _event(parcel: Parcel) -> Event:
    return Event(str(parcel.id), parcel.payload)


def _state_letters(conn: Connection[Any], receiver: Receiver, now: datetime, lease: timedelta) -> tuple[Letter, ...]:
    parcels = outbox.claim(conn, receiver.id, now, lease, _STATE_CLAIM)
    if not parcels:
        return ()
    machines = sorted({parcel.payload["data"]["machine"] for parcel in parcels})
    events = tuple(_event(parcel) for parcel in parcels)
    message = Message(str(parcels[0].id), events, standing=_standing(conn, receiver.id, now, machines))
    return (Letter(message, tuple(parcels)),)


def claim_reminder(conn: Connection[Any], receiver: Receiver, now: datetime) -> Letter | None:
    """Return all that stands, for a receiver that keeps a state, if it is time to tell it again."""
    if not outbox.claim_refresh(conn, receiver.id, now, REMINDED_EVERY[receiver.kind]):
        return None
    return Letter(Message("", (), standing=_standing(conn, receiver.id, now, None)))


def _standing(
    conn: Connection[Any], subscription_id: UUID, now: datetime, machines: Sequence[str] | None
) -> tuple[Standing, ...]:
    rows = outbox.fetch_standing(conn, subscription_id, now - ENDED_FOR, machines)
    return tuple(
        Standing(row.document, tuple(row.severities), row.changed_at, row.is_open, row.is_firing) for row in rows
    )
