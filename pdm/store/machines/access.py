"""API keys, the audit trail, and the restriction of a transaction to the sites visible to a caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first


@dataclass(frozen=True)
class LiveKey:
    """A valid key; `site_ids` is None if it is valid for every site."""

    id: int
    name: str
    role: str
    site_ids: Sequence[int] | None


@dataclass(frozen=True)
class ListedKey:
    """A key without its secret; `sites` is None if it is valid for every site."""

    id: int
    name: str
    role: str
    created_at: datetime
    revoked_at: datetime | None
    sites: Sequence[str] | None


@dataclass(frozen=True)
class InsertedKey:
    """A stored key."""

    id: int
    name: str
    role: str
    site_ids: Sequence[int] | None
    created_at: datetime
    revoked_at: datetime | None


@contextmanager
def scoped(conn: Connection[Any], site_ids: Sequence[int] | None) -> Iterator[None]:
    """Restrict the statements inside to some sites by row-level security; None does not restrict.

    Query machines and points inside, and hypertables outside by the visible ids: a hypertable does not support
    row-level security. The transaction of the caller is used, and its role is restored at the end; if a
    statement fails, the rollback restores it.
    """
    if site_ids is None:
        yield
        return
    conn.execute(query("limit_to_sites"), {"sites": "{" + ",".join(str(int(site)) for site in site_ids) + "}"})
    conn.execute("SET LOCAL ROLE pdm_scoped")
    yield
    conn.execute("SET LOCAL ROLE NONE")


def find_key(conn: Connection[Any], digest: bytes) -> LiveKey | None:
    """Return the valid key with this SHA-256, or None."""
    return fetch_first(conn, LiveKey, "find_key", hash=digest)


def insert_key(
    conn: Connection[Any], name: str, role: str, site_ids: Sequence[int] | None, digest: bytes
) -> InsertedKey | None:
    """Store the hash of a new key; None if the name is in use."""
    listed = None if site_ids is None else list(site_ids)
    return fetch_first(conn, InsertedKey, "insert_key", name=name, role=role, site_ids=listed, hash=digest)


def list_keys(conn: Connection[Any], before: int, limit: int) -> list[ListedKey]:
    """Return keys with an id below `before`, newest first."""
    return fetch_all(conn, ListedKey, "list_keys", before=before, limit=limit)


def revoke_key(conn: Connection[Any], key_id: int) -> str | None:
    """Revoke a key; returns its name, or None if it does not exist."""
    row = conn.execute(query("revoke_key"), {"id": key_id}).fetchone()
    return None if row is None else str(row[0])


def count_live_admins(conn: Connection[Any]) -> int:
    """Return the number of valid admin keys of every site."""
    row = conn.execute(query("count_live_admins")).fetchone()
    assert row is not None
    return int(row[0])


def find_sites(conn: Connection[Any], keys: Sequence[str]) -> dict[str, int]:
    """Return the ids of the existing, visible sites by their keys, or by those that they had."""
    return dict(conn.execute(query("find_sites"), {"keys": list(keys)}).fetchall())


def insert_audit(conn: Connection[Any], actor: str, action: str, target: str, **detail: Any) -> None:
    """Store user and object of a change, in the transaction of the change."""
    values = {"actor": actor, "action": action, "target": target, "detail": Jsonb(detail)}
    conn.execute(query("insert_audit"), values)
