"""Receivers of alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first


@dataclass(frozen=True)
class Subscription:
    """A receiver of alerts, without its secrets."""

    id: UUID
    name: str
    kind: str
    url: str
    site: str | None
    min_severity: str
    payload: str
    config: Mapping[str, Any]
    pacing: Mapping[str, Any]
    is_enabled: bool
    created_at: datetime


def insert_subscription(
    conn: Connection[Any],
    subscription_id: UUID,
    *,
    name: str,
    kind: str,
    url: str,
    secret: str,
    site_id: int | None,
    min_severity: str,
    payload: str,
    config: Mapping[str, Any],
    credentials: Mapping[str, Any],
    pacing: Mapping[str, Any],
    refresh_at: datetime | None,
) -> None:
    """Add a receiver of the alerts of one site, or of all."""
    values = {
        "id": subscription_id,
        "name": name,
        "kind": kind,
        "url": url,
        "secret": secret,
        "site_id": site_id,
        "min_severity": min_severity,
        "payload": payload,
        "config": Jsonb(config),
        "credentials": Jsonb(credentials),
        "pacing": Jsonb(pacing),
        "refresh_at": refresh_at,
    }
    conn.execute(query("insert_subscription"), values)


def find_subscription(conn: Connection[Any], subscription_id: UUID) -> Subscription | None:
    """Return a visible receiver, or None."""
    return fetch_first(conn, Subscription, "find_subscription", id=subscription_id)


def find_receiver(conn: Connection[Any], subscription_id: UUID) -> dict[str, Any] | None:
    """Return address, kind and secrets of a receiver, or None; only for senders."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("find_receiver"), {"id": subscription_id}).fetchone()


def page_subscriptions(conn: Connection[Any], *, before: datetime, before_id: UUID, limit: int) -> list[Subscription]:
    """Return visible receivers, newest first."""
    return fetch_all(conn, Subscription, "page_subscriptions", before=before, before_id=before_id, limit=limit)


def disable_subscription(conn: Connection[Any], subscription_id: UUID) -> None:
    """Remove a receiver and delete its secrets."""
    conn.execute(query("disable_subscription"), {"id": subscription_id})
