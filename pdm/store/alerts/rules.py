"""Rule sets by scope: all versions, the version in force, and the number of changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.errors import NotFoundError
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first


@dataclass(frozen=True)
class RulesInForce:
    """A rule set in force for a scope."""

    id: int
    scope: str
    target: str
    version: int
    document: Mapping[str, Any]


@dataclass(frozen=True)
class RuleSetSummary:
    """A version of the rules of a scope; `diff` compares with the version that was in force when it was stored."""

    id: int
    scope: str
    target: str
    version: int
    status: str
    author: str
    reason: str
    diff: Mapping[str, Any]
    gate: Mapping[str, Any] | None
    created_at: datetime
    in_force_at: datetime | None
    retired_at: datetime | None


@dataclass(frozen=True)
class StoredRuleSet(RuleSetSummary):
    """A version of the rules of a scope with its document."""

    document: Mapping[str, Any]


def fetch_change_number(conn: Connection[Any]) -> int:
    """Return the number of changes of the rules in force."""
    row = conn.execute(query("fetch_rule_change")).fetchone()
    return int(row[0]) if row else 0


def fetch_in_force(conn: Connection[Any], targets: Mapping[str, Sequence[str]]) -> list[RulesInForce]:
    """Return the sets in force for some targets of each scope."""
    values = {scope: list(targets.get(scope, ())) for scope in ("class", "site", "machine")}
    return fetch_all(
        conn,
        RulesInForce,
        "fetch_rules_in_force",
        classes=values["class"],
        sites=values["site"],
        machines=values["machine"],
    )


def lock_rule_sets(conn: Connection[Any]) -> None:
    """Lock the rules against other writers until the transaction ends."""
    conn.execute(query("lock_rule_sets"))


def insert_rule_set(
    conn: Connection[Any],
    scope: str,
    target: str,
    document: Mapping[str, Any],
    *,
    author: str,
    reason: str,
    diff: Mapping[str, Any],
) -> StoredRuleSet:
    """Store a set as proposed; returns it."""
    lock_rule_sets(conn)
    rows = fetch_all(
        conn,
        StoredRuleSet,
        "insert_rule_set",
        scope=scope,
        target=target,
        document=Jsonb(document),
        author=author,
        reason=reason,
        diff=Jsonb(diff),
    )
    return rows[0]


def put_in_force(
    conn: Connection[Any], rule_set_id: int, now: datetime, gate: Mapping[str, Any] | None
) -> StoredRuleSet:
    """Put a set in force in place of the previous one; returns it.

    Raises
    ------
    NotFoundError
        The rule set does not exist.
    """
    lock_rule_sets(conn)
    conn.execute(query("retire_rule_set"), {"id": rule_set_id, "now": now})
    kept = None if gate is None else Jsonb(gate)
    found = fetch_first(conn, StoredRuleSet, "put_rule_set_in_force", id=rule_set_id, now=now, gate=kept)
    if found is None:
        raise NotFoundError(f"unknown rule set {rule_set_id}", field="rule_set_id")
    conn.execute(query("count_rule_change"))
    return found


def retire(conn: Connection[Any], scope: str, target: str, now: datetime) -> bool:
    """Retire the set in force of a scope; returns whether there was one."""
    lock_rule_sets(conn)
    done = conn.execute(query("retire_scope"), {"scope": scope, "target": target, "now": now}).rowcount
    if done:
        conn.execute(query("count_rule_change"))
    return bool(done)


def fetch_rule_set(conn: Connection[Any], rule_set_id: int, site_ids: Sequence[int] | None) -> StoredRuleSet | None:
    """Return one set, or None if it is not visible to a caller of these sites (None: all sites)."""
    return fetch_first(conn, StoredRuleSet, "fetch_rule_set", id=rule_set_id, site_ids=_listed(site_ids))


def find_version(conn: Connection[Any], scope: str, target: str, version: int | None) -> StoredRuleSet | None:
    """Return a version of the set of a scope; None is the version in force."""
    return fetch_first(conn, StoredRuleSet, "find_rule_version", scope=scope, target=target, version=version)


def page_rule_sets(
    conn: Connection[Any],
    *,
    before: int,
    limit: int,
    scope: str | None,
    target: str | None,
    status: str | None,
    site_ids: Sequence[int] | None,
) -> list[RuleSetSummary]:
    """Return sets visible to a caller of these sites (None: all sites), newest first, without documents."""
    return fetch_all(
        conn,
        RuleSetSummary,
        "page_rule_sets",
        before=before,
        limit=limit,
        scope=scope,
        target=target,
        status=status,
        site_ids=_listed(site_ids),
    )


def fetch_rule_keys(conn: Connection[Any], site_ids: Sequence[int] | None) -> set[str]:
    """Return the keys of the rules in sets in force or proposed, visible to a caller of these sites (None: all)."""
    return {row[0] for row in conn.execute(query("fetch_rule_keys"), {"site_ids": _listed(site_ids)})}


def _listed(site_ids: Sequence[int] | None) -> list[int] | None:
    return None if site_ids is None else list(site_ids)
