"""Receivers of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from pdm.store.queries import query

Row = dict[str, Any]


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
    config: Row,
    credentials: Row,
    pacing: Row,
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


def find_subscription(conn: Connection[Any], subscription_id: UUID) -> Row | None:
    """Return a visible receiver, or None; never its secrets."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("find_subscription"), {"id": subscription_id}).fetchone()


def find_receiver(conn: Connection[Any], subscription_id: UUID) -> Row | None:
    """Return where and how to send to a receiver, with its secrets, or None; for senders only."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("find_receiver"), {"id": subscription_id}).fetchone()


def page_subscriptions(conn: Connection[Any], *, before: datetime, before_id: UUID, limit: int) -> list[Row]:
    """Return visible receivers, newest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        values = {"before": before, "before_id": before_id, "limit": limit}
        return cursor.execute(query("page_subscriptions"), values).fetchall()


def disable_subscription(conn: Connection[Any], subscription_id: UUID) -> None:
    """Tell a receiver nothing more, and forget its secrets."""
    conn.execute(query("disable_subscription"), {"id": subscription_id})
