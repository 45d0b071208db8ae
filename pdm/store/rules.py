"""Sets of rules by scope: every version, which is in force, and how many changes there have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from pdm.errors import NotFoundError
from pdm.store.queries import query

Row = dict[str, Any]


def fetch_change_number(conn: Connection[Any]) -> int:
    """Return how often the rules in force have changed."""
    row = conn.execute(query("fetch_rule_change")).fetchone()
    return int(row[0]) if row else 0


def fetch_in_force(conn: Connection[Any], targets: Mapping[str, Sequence[str]]) -> list[Row]:
    """Return the sets in force for some targets of each scope."""
    values = {scope: list(targets.get(scope, ())) for scope in ("class", "site", "machine")}
    return _rows(
        conn,
        "fetch_rules_in_force",
        classes=values["class"],
        sites=values["site"],
        machines=values["machine"],
    )


def lock_rule_sets(conn: Connection[Any]) -> None:
    """Keep other writers of rules waiting until the transaction ends."""
    conn.execute(query("lock_rule_sets"))


def insert_rule_set(
    conn: Connection[Any], scope: str, target: str, document: Row, *, author: str, reason: str, diff: Row
) -> Row:
    """Store a set as proposed; returns it."""
    lock_rule_sets(conn)
    rows = _rows(
        conn,
        "insert_rule_set",
        scope=scope,
        target=target,
        document=Jsonb(document),
        author=author,
        reason=reason,
        diff=Jsonb(diff),
    )
    return rows[0]


def put_in_force(conn: Connection[Any], rule_set_id: int, now: datetime, gate: Row | None) -> Row:
    """Let a set hold from now on in place of the one before; returns it.

    Raises
    ------
    NotFoundError
        There is no such set.
    """
    lock_rule_sets(conn)
    conn.execute(query("retire_rule_set"), {"id": rule_set_id, "now": now})
    rows = _rows(
        conn,
        "put_rule_set_in_force",
        id=rule_set_id,
        now=now,
        gate=None if gate is None else Jsonb(gate),
    )
    if not rows:
        raise NotFoundError(f"unknown rule set {rule_set_id}", field="rule_set_id")
    conn.execute(query("count_rule_change"))
    return rows[0]


def retire(conn: Connection[Any], scope: str, target: str, now: datetime) -> bool:
    """Let no set of a scope hold any more; returns whether one did."""
    lock_rule_sets(conn)
    done = conn.execute(query("retire_scope"), {"scope": scope, "target": target, "now": now}).rowcount
    if done:
        conn.execute(query("count_rule_change"))
    return bool(done)


def fetch_rule_set(conn: Connection[Any], rule_set_id: int) -> Row | None:
    """Return one set."""
    rows = _rows(conn, "fetch_rule_set", id=rule_set_id)
    return rows[0] if rows else None


def find_version(conn: Connection[Any], scope: str, target: str, version: int | None) -> Row | None:
    """Return a version of a scope's set; None is the one in force."""
    rows = _rows(conn, "find_rule_version", scope=scope, target=target, version=version)
    return rows[0] if rows else None


def page_rule_sets(
    conn: Connection[Any], *, before: int, limit: int, scope: str | None, target: str | None, status: str | None
) -> list[Row]:
    """Return sets, the last written first, without their documents."""
    return _rows(conn, "page_rule_sets", before=before, limit=limit, scope=scope, target=target, status=status)


def _rows(conn: Connection[Any], name: str, **values: Any) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query(name), values).fetchall()
