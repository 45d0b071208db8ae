"""The use cases of taking sites, lines and fleets out of use with their machines, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.service.machines.renaming import find_fleet, find_line, find_site
from pdm.service.machines.retirement import Action
from pdm.store.alerts import alerts
from pdm.store.database.connection import database_required
from pdm.store.machines import access, places, retirement
from pdm.store.machines.registration import lock_registration
from pdm.store.machines.renaming import Kind, NamedObject

Pool = ConnectionPool[Any]


@dataclass(frozen=True)
class PlaceName:
    """A site, a line of a site, or a fleet, by its key or one that it had."""

    kind: Kind
    key: str
    site: str = ""


@dataclass(frozen=True)
class Place:
    """A site, a line or a fleet; `machines` are those that an action took out of use or brought back."""

    kind: str
    key: str
    name: str
    retired_at: datetime | None
    retired_reason: str | None
    machines: Sequence[str] = ()

    @classmethod
    def of(cls, kind: Kind, known: NamedObject, machines: Mapping[int, str] | None = None) -> Place:
        """Return a place as it is stored."""
        keys = sorted((machines or {}).values())
        return cls(kind.value, known.key, known.name, known.retired_at, known.retired_reason, keys)


def retire_place(pool: Pool, place: PlaceName, action: Action) -> Place:
    """Take a place out of use with its machines in use: what follows is as if each had been retired.

    Raises
    ------
    NotFoundError
        The place is not visible to the caller.
    """
    with _locked(pool, place, action) as (conn, known):
        if known.retired_at is not None:
            return Place.of(place.kind, known)
        taken = places.retire_place(conn, place.kind, known.id, action.reason, action.now)
        ended = [
            alerts.retire(conn, machine_id, None, action.now, actor=action.actor, comment=action.reason)
            for machine_id in sorted(taken)
        ]
        if any(ended):
            alerts.notify(conn)
        _audit(conn, "retire", place.kind, known, taken, action)
        return Place.of(place.kind, _find(conn, place, action), taken)


def restore_place(pool: Pool, place: PlaceName, action: Action) -> Place:
    """Bring a place back with the machines that went out of use with it; others remain retired.

    A machine of which another place is out of use comes back with that. Alerts whose condition is still active open
    again.

    Raises
    ------
    NotFoundError
        The place is not visible to the caller.
    """
    with _locked(pool, place, action) as (conn, known):
        if known.retired_at is None:
            return Place.of(place.kind, known)
        back = places.restore_place(conn, place.kind, known.id)
        for machine_id in sorted(back):
            retirement.conclude_newest_again(conn, machine_id)
        _audit(conn, "restore", place.kind, known, back, action)
        return Place.of(place.kind, _find(conn, place, action), back)


@contextmanager
def _locked(pool: Pool, place: PlaceName, action: Action) -> Iterator[tuple[Connection[Any], NamedObject]]:
    with database_required(), pool.connection() as conn, conn.transaction():
        lock_registration(conn)
        yield conn, _find(conn, place, action)


def _find(conn: Connection[Any], place: PlaceName, action: Action) -> NamedObject:
    if place.kind is Kind.FLEET:
        return find_fleet(conn, place.key)
    if place.kind is Kind.LINE:
        return find_line(conn, place.site, place.key, action.site_ids)
    return find_site(conn, place.key, action.site_ids)


def _audit(
    conn: Connection[Any], verb: str, kind: Kind, known: NamedObject, machines: Mapping[int, str], action: Action
) -> None:
    detail = {"reason": action.reason, "machines": sorted(machines.values())}
    access.insert_audit(conn, action.actor, f"{kind.value}.{verb}", known.key, **detail)
