"""API keys, the audit trail, and the narrowing of a transaction to the sites that a caller may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from pdm.store.queries import query


@contextmanager
def scoped(conn: Connection[Any], site_ids: Sequence[int] | None) -> Iterator[None]:
    """Let row-level security hide every other site from the statements inside; None hides nothing.

    Look machines and points up inside, and read hypertables outside by the ids that were visible: a
    hypertable cannot carry row-level security itself. The caller's transaction is used, and the role is
    its own again afterwards; where a statement fails, the rollback gives it back.
    """
    if site_ids is None:
        yield
        return
    conn.execute(query("limit_to_sites"), {"sites": "{" + ",".join(str(int(site)) for site in site_ids) + "}"})
    conn.execute("SET LOCAL ROLE pdm_scoped")
    yield
    conn.execute("SET LOCAL ROLE NONE")


def find_key(conn: Connection[Any], digest: bytes) -> dict[str, Any] | None:
    """Return id, name, role and site_ids of the live key with this SHA-256, or None."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("find_key"), {"hash": digest}).fetchone()


def insert_key(
    conn: Connection[Any], name: str, role: str, site_ids: Sequence[int] | None, digest: bytes
) -> dict[str, Any] | None:
    """Keep a new key's hash; None where the name is taken."""
    values = {
        "name": name,
        "role": role,
        "site_ids": None if site_ids is None else list(site_ids),
        "hash": digest,
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("insert_key"), values).fetchone()


def list_keys(conn: Connection[Any], before: int, limit: int) -> list[dict[str, Any]]:
    """Return keys with an id below `before`, newest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("list_keys"), {"before": before, "limit": limit}).fetchall()


def revoke_key(conn: Connection[Any], key_id: int) -> str | None:
    """Stop accepting a key; returns its name, or None if there is no such key."""
    row = conn.execute(query("revoke_key"), {"id": key_id}).fetchone()
    return None if row is None else str(row[0])


def count_live_admins(conn: Connection[Any]) -> int:
    """Return how many admin keys of every site are accepted."""
    row = conn.execute(query("count_live_admins")).fetchone()
    assert row is not None
    return int(row[0])


def find_sites(conn: Connection[Any], keys: Sequence[str]) -> dict[str, int]:
    """Return the ids of those of the sites that exist and are visible."""
    return dict(conn.execute(query("find_sites"), {"keys": list(keys)}).fetchall())


def insert_audit(conn: Connection[Any], actor: str, action: str, target: str, **detail: Any) -> None:
    """Write down who changed what, in the transaction that changes it."""
    values = {"actor": actor, "action": action, "target": target, "detail": Jsonb(detail)}
    conn.execute(query("insert_audit"), values)
