"""The outbox: one row for each alert event and receiver; everything that is sent comes from it.

Rows are claimed in batches, with a lease each: a row's id and its number of attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from psycopg import Connection

from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first

T = TypeVar("T")


@dataclass(frozen=True)
class OutboxRow:
    """A claimed outbox row: what to send; `id` is the same at every attempt.

    `digest_id` is that of the message that it is part of, the same at every attempt as well.
    """

    id: UUID
    alert_event_id: int
    payload: dict[str, Any]
    attempts: int
    digest_id: UUID | None = None


@dataclass(frozen=True)
class DeadLetter:
    """An event whose delivery to a receiver has failed for good, and why."""

    id: UUID
    subscription_id: UUID
    subscription: str
    is_enabled: bool
    kind: str
    alert_id: UUID
    alert_event_id: int
    attempts: int
    enqueued_at: datetime
    attempted_at: datetime | None
    dead_at: datetime
    last_error: str | None
    payload: dict[str, Any]


def fetch_due_lanes(conn: Connection[Any], now: datetime) -> list[UUID]:
    """Return the subscriptions for which something is due."""
    return [row[0] for row in conn.execute(query("fetch_due_lanes"), {"now": now})]


def fetch_enabled_lanes(conn: Connection[Any]) -> set[UUID]:
    """Return the subscriptions that receive alerts."""
    return {row[0] for row in conn.execute(query("fetch_enabled_lanes"))}


def try_lane(conn: Connection[Any], subscription_id: UUID) -> bool:
    """Keep a lane to this transaction; False where another has it."""
    row = conn.execute(query("try_lane"), {"subscription_id": subscription_id}).fetchone()
    return bool(row and row[0])


def claim(
    conn: Connection[Any],
    subscription_id: UUID,
    now: datetime,
    lease: timedelta,
    limit: int,
    *,
    is_critical_only: bool = False,
) -> list[OutboxRow]:
    """Take the first due rows of a lane, in order of events, for the time of the lease.

    On demand only those of alerts of which something critical waits.
    """
    wanted = {
        "subscription_id": subscription_id,
        "now": now,
        "leased_until": now + lease,
        "limit": limit,
        "is_critical_only": is_critical_only,
    }
    return _claim_rows(conn, "claim_outbox", wanted)


def claim_digest(
    conn: Connection[Any], subscription_id: UUID, now: datetime, lease: timedelta, limit: int, digest_id: UUID
) -> list[OutboxRow]:
    """Make one message of what is due in a lane, for the time of the lease."""
    wanted = {
        "subscription_id": subscription_id,
        "now": now,
        "leased_until": now + lease,
        "limit": limit,
        "digest_id": digest_id,
    }
    return _claim_rows(conn, "claim_digest", wanted)


def claim_digest_again(
    conn: Connection[Any], subscription_id: UUID, now: datetime, lease: timedelta
) -> list[OutboxRow]:
    """Take the rows of a message that was begun before, for the time of the lease."""
    wanted = {"subscription_id": subscription_id, "now": now, "leased_until": now + lease}
    return _claim_rows(conn, "claim_digest_again", wanted)


def _claim_rows(conn: Connection[Any], name: str, wanted: dict[str, Any]) -> list[OutboxRow]:
    outbox_rows = [OutboxRow(*row) for row in conn.execute(query(name), wanted)]
    return sorted(outbox_rows, key=lambda outbox_row: outbox_row.alert_event_id)


def fetch_backlog(conn: Connection[Any], subscription_id: UUID, now: datetime) -> tuple[int, datetime | None, bool]:
    """Return how many rows are due in a lane, the oldest since when, and whether a message was begun before."""
    row = conn.execute(query("fetch_backlog"), {"subscription_id": subscription_id, "now": now}).fetchone()
    assert row is not None
    due, oldest, has_begun = row
    return due, oldest, has_begun


def count_messages(conn: Connection[Any], subscription_id: UUID, since: datetime) -> int:
    """Return how many messages a lane attempted since a time."""
    row = conn.execute(query("count_messages"), {"subscription_id": subscription_id, "since": since}).fetchone()
    return int(row[0]) if row else 0


def mark_delivered(conn: Connection[Any], outbox_rows: Sequence[OutboxRow], now: datetime) -> None:
    """Record that the receiver has accepted rows, whichever attempt it was."""
    conn.execute(query("mark_delivered"), {"ids": [outbox_row.id for outbox_row in outbox_rows], "now": now})


def mark_failed(
    conn: Connection[Any],
    outbox_rows: Sequence[OutboxRow],
    now: datetime,
    *,
    error: str,
    next_attempt_at: datetime,
    is_dead: bool,
) -> None:
    """Record why an attempt failed, and when the next one is due or that there is none."""
    conn.execute(
        query("mark_failed"),
        {
            **_claimed(outbox_rows),
            "now": now,
            "error": error,
            "next_attempt_at": next_attempt_at,
            "is_dead": is_dead,
        },
    )


def release(conn: Connection[Any], outbox_rows: Sequence[OutboxRow], next_attempt_at: datetime) -> None:
    """Return rows that were claimed but not attempted to the queue; the attempt does not count."""
    if outbox_rows:
        conn.execute(query("release_outbox"), {**_claimed(outbox_rows), "next_attempt_at": next_attempt_at})


def _claimed(outbox_rows: Sequence[OutboxRow]) -> dict[str, Any]:
    return {
        "ids": [outbox_row.id for outbox_row in outbox_rows],
        "attempts": [outbox_row.attempts for outbox_row in outbox_rows],
    }


def claim_refresh(conn: Connection[Any], subscription_id: UUID, now: datetime, interval: timedelta) -> bool:
    """Return whether this caller sends the receiver its current alerts now; the next turn is after `interval`."""
    wanted = {"subscription_id": subscription_id, "now": now, "next_refresh_at": now + interval}
    return conn.execute(query("claim_refresh"), wanted).fetchone() is not None


def fetch_standing(
    conn: Connection[Any],
    make: Callable[..., T],
    subscription_id: UUID,
    since: datetime,
    machines: Sequence[str] | None = None,
) -> list[T]:
    """Return the open alerts that concern a receiver, and those of which it was notified since a time.

    Of some machines, or of all; `make` takes the query's columns by name.
    """
    named = None if machines is None else list(machines)
    return fetch_all(conn, make, "fetch_standing", subscription_id=subscription_id, since=since, machines=named)


def sweep(conn: Connection[Any], before: datetime) -> int:
    """Drop what was delivered before a time; returns how many rows."""
    return conn.execute(query("sweep_outbox"), {"before": before}).rowcount


def revive_dead(conn: Connection[Any], subscription_id: UUID, now: datetime) -> int:
    """Let the dead letters of a subscription be sent again, under their old ids; returns how many."""
    wanted = {"subscription_id": subscription_id, "now": now}
    return conn.execute(query("revive_dead"), wanted).rowcount


def revive_dead_letter(conn: Connection[Any], outbox_id: UUID, now: datetime) -> bool:
    """Let one dead letter be sent again, under its own id; False where its subscription ended."""
    return conn.execute(query("revive_letter"), {"id": outbox_id, "now": now}).rowcount == 1


def find_dead_letter(conn: Connection[Any], outbox_id: UUID, site_ids: Sequence[int] | None) -> DeadLetter | None:
    """Return a dead letter of some sites, or of all; None where there is none."""
    listed = None if site_ids is None else list(site_ids)
    return fetch_first(conn, DeadLetter, "find_dead_letter", id=outbox_id, site_ids=listed)


def page_dead_letters(
    conn: Connection[Any],
    *,
    subscription_id: UUID | None,
    site_ids: Sequence[int] | None,
    before: datetime,
    before_id: UUID,
    limit: int,
) -> list[DeadLetter]:
    """Return dead letters of some sites, or of all, last died first."""
    wanted = {
        "subscription_id": subscription_id,
        "site_ids": None if site_ids is None else list(site_ids),
        "before": before,
        "before_id": before_id,
        "limit": limit,
    }
    return fetch_all(conn, DeadLetter, "page_dead_letters", **wanted)


def count_waiting_and_dead(conn: Connection[Any]) -> tuple[int, int]:
    """Return how many outbox rows wait and how many have died."""
    row = conn.execute(query("count_outbox")).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
