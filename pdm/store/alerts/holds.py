"""Stored holds: suppressed alerts, with user, start, end and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from pdm.alerts.kinds.behaviour import Severity
from pdm.alerts.lifecycle.holds import Ground, Hold, HoldKind
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first


@dataclass(frozen=True)
class ListedHold:
    """View of a hold: scope, user, start, end and reason."""

    id: UUID
    kind: str
    site: str
    line: str | None
    machine: str | None
    cause: str | None
    ground: str | None
    reason: str
    one_shot: bool
    starts_at: datetime
    ends_at: datetime | None
    actor: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None


@dataclass(frozen=True)
class HoldScope:
    """The ids of a machine, a line or a site, and of its parents."""

    site_id: int
    line_id: int | None
    machine_id: int | None


def insert(conn: Connection[Any], hold: Hold) -> bool:
    """Store a new hold; returns False if the cause of the machine has the same kind of hold already."""
    return conn.execute(query("insert_hold"), vars_of(hold)).fetchone() is not None


def vars_of(hold: Hold) -> dict[str, Any]:
    """Return the columns of a hold."""
    return {name: getattr(hold, name) for name in Hold.__dataclass_fields__}


def fetch_live(
    conn: Connection[Any], site_ids: Sequence[int], machine_ids: Sequence[int], since: datetime
) -> list[Hold]:
    """Return the holds of some machines that have not ended, or ended after a time."""
    wanted = {"site_ids": list(site_ids), "machine_ids": list(machine_ids), "since": since}
    return fetch_all(conn, _hold, "fetch_live_holds", **wanted)


def end(conn: Connection[Any], ids: Sequence[UUID], actor: str, now: datetime) -> int:
    """End active holds; returns their number."""
    return len(conn.execute(query("end_holds"), {"ids": list(ids), "actor": actor, "now": now}).fetchall())


def end_expired(conn: Connection[Any], now: datetime) -> int:
    """End expired holds; returns their number."""
    return len(conn.execute(query("end_expired_holds"), {"now": now}).fetchall())


def fetch_unsettled_machines(conn: Connection[Any], now: datetime, limit: int) -> list[int]:
    """Return machines with an open alert whose suppression differs from the present holds."""
    return [row[0] for row in conn.execute(query("fetch_unsettled_machines"), {"now": now, "limit": limit})]


def exists(conn: Connection[Any], hold_id: UUID, site_ids: Sequence[int] | None) -> bool:
    """Whether the hold exists at some sites, or at any site."""
    wanted = {"id": hold_id, "site_ids": None if site_ids is None else list(site_ids)}
    return conn.execute(query("find_hold_of_sites"), wanted).fetchone() is not None


def find(conn: Connection[Any], hold_id: UUID) -> ListedHold | None:
    """Return the view of one hold."""
    return fetch_first(conn, ListedHold, "find_hold", id=hold_id)


def page(conn: Connection[Any], *, before: datetime, before_id: UUID, limit: int, is_live: bool) -> list[ListedHold]:
    """Return visible holds created before a place, newest first."""
    wanted = {"before": before, "before_id": before_id, "limit": limit, "is_live": is_live}
    return fetch_all(conn, ListedHold, "page_holds", **wanted)


def find_scope(conn: Connection[Any], site: str | None, line: str | None, machine: str | None) -> HoldScope | None:
    """Return the ids of a visible machine, line or site, and of its parents."""
    return fetch_first(conn, HoldScope, "find_scope", site=site, line=line, machine=machine)


def _hold(**row: Any) -> Hold:
    ground = Ground(row.pop("ground")) if row["ground"] is not None else row.pop("ground")
    severity = row.pop("severity")
    severity = None if severity is None else Severity(severity)
    return Hold(kind=HoldKind(row.pop("kind")), ground=ground, severity=severity, **row)
