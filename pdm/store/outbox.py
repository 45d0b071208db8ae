"""The outbox: one row an alert event and receiver, from which alone everything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from pdm.store.queries import query


@dataclass(frozen=True)
class Parcel:
    """A claimed outbox row: what to send where; `id` is the same at every attempt."""

    id: UUID
    alert_event_id: int
    payload: dict[str, Any]
    attempts: int
    url: str
    secret: str


def fetch_due_lanes(conn: Connection[Any], now: datetime) -> list[UUID]:
    """Return the subscriptions for which something is due."""
    return [row[0] for row in conn.execute(query("fetch_due_lanes"), {"now": now})]


def claim(conn: Connection[Any], subscription_id: UUID, now: datetime, lease: timedelta, limit: int) -> list[Parcel]:
    """Take the first due rows of a lane, in order of events, for the time of the lease."""
    wanted = {"subscription_id": subscription_id, "now": now, "leased_until": now + lease, "limit": limit}
    parcels = [Parcel(*row) for row in conn.execute(query("claim_outbox"), wanted)]
    return sorted(parcels, key=lambda parcel: parcel.alert_event_id)


def mark_delivered(conn: Connection[Any], parcel: Parcel, now: datetime) -> None:
    """Note that the receiver has accepted a parcel."""
    conn.execute(query("mark_delivered"), {"id": parcel.id, "now": now})


def mark_failed(
    conn: Connection[Any],
    parcel: Parcel,
    now: datetime,
    *,
    error: str,
    next_attempt_at: datetime,
    is_dead: bool,
) -> None:
    """Note why an attempt failed and when the next is due, or that there is none."""
    conn.execute(
        query("mark_failed"),
        {
            "id": parcel.id,
            "attempts": parcel.attempts,
            "now": now,
            "error": error,
            "next_attempt_at": next_attempt_at,
            "is_dead": is_dead,
        },
    )


def release(conn: Connection[Any], parcels: Sequence[Parcel], next_attempt_at: datetime) -> None:
    """Give back parcels that were claimed but not attempted."""
    if parcels:
        conn.execute(
            query("release_outbox"),
            {
                "ids": [parcel.id for parcel in parcels],
                "attempts": [parcel.attempts for parcel in parcels],
                "next_attempt_at": next_attempt_at,
            },
        )


def sweep(conn: Connection[Any], before: datetime) -> int:
    """Drop what was delivered before a time; returns how many rows."""
    return conn.execute(query("sweep_outbox"), {"before": before}).rowcount


def revive_dead(conn: Connection[Any], subscription_id: UUID, now: datetime) -> int:
    """Let the dead letters of a subscription be sent again, under their old ids; returns how many."""
    wanted = {"subscription_id": subscription_id, "now": now}
    return conn.execute(query("revive_dead"), wanted).rowcount


def count_waiting_and_dead(conn: Connection[Any]) -> tuple[int, int]:
    """Return how many outbox rows wait and how many have died."""
    row = conn.execute(query("count_outbox")).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
