"""Visibility of machines and their points for callers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError
from pdm.service.platform.access import Caller
from pdm.store.database.connection import database_required
from pdm.store.machines import machine_views, renaming
from pdm.store.machines.access import scoped
from pdm.store.machines.machine_views import FoundPoint, RegisteredMachine
from pdm.store.machines.renaming import Kind
from pdm.store.machines.tags import hint_at, list_keys
from pdm.words.similar import suggest

Pool = ConnectionPool[Any]


@contextmanager
def visible_machine(pool: Pool, caller: Caller, machine: str) -> Iterator[tuple[Connection[Any], RegisteredMachine]]:
    """Open a transaction on a machine that the caller may see.

    Raises
    ------
    NotFoundError
        The machine does not exist, or its site is not visible to the caller.
    """
    with pool.connection() as conn:
        with scoped(conn, caller.site_ids):
            row = machine_views.find_machine(conn, machine)
        if row is None:
            raise NotFoundError(f"unknown machine {machine!r}; {hint_at(conn, machine, caller.site_ids)}")
        yield conn, row


def find_machine_keys(pool: Pool, caller: Caller, names: Sequence[str]) -> list[str]:
    """Return the keys of the machines that a caller names by key, former key or tag; an unknown name as it is.

    Raises
    ------
    ConflictError
        A tag is that of machines of several sites that are visible to the caller.
    """
    with database_required(), pool.connection() as conn:
        return list_keys(conn, names, caller.site_ids)


def find_machine_key(pool: Pool, caller: Caller, name: str) -> str:
    """Return the key of one machine, as `find_machine_keys`."""
    return find_machine_keys(pool, caller, [name])[0]


def find_point_key(pool: Pool, caller: Caller, machine: str, point: str) -> str:
    """Return the present key of a point of a machine by one that it had; an unknown key is returned as it is."""
    with database_required(), pool.connection() as conn, scoped(conn, caller.site_ids):
        return renaming.find_present_point(conn, machine, point)


def find_site_key(pool: Pool, caller: Caller, site: str) -> str:
    """Return the present key of a site by one that it had; an unknown key is returned as it is."""
    with database_required(), pool.connection() as conn:
        return renaming.find_present_keys(conn, Kind.SITE, [site], caller.site_ids).get(site, site)


def find_line_key(pool: Pool, caller: Caller, site: str, line: str) -> str:
    """Return the present key of a line of a site by one that it had; an unknown key is returned as it is."""
    with database_required(), pool.connection() as conn, scoped(conn, caller.site_ids):
        return renaming.find_present_line(conn, site, line)


def find_fleet_key(pool: Pool, fleet: str) -> str:
    """Return the present key of a fleet by one that it had; an unknown key is returned as it is."""
    with database_required(), pool.connection() as conn:
        return renaming.present_fleet(conn, fleet)


def visible_point(conn: Connection[Any], caller: Caller, machine: str, point: str) -> FoundPoint:
    """Return a measurement point that the caller may see.

    Raises
    ------
    NotFoundError
        The machine or the point does not exist, or its site is not visible to the caller.
    """
    with scoped(conn, caller.site_ids):
        found = machine_views.find_point(conn, machine, point)
        known = machine_views.list_point_keys(conn, machine) if found is None else []
    if found is None:
        raise NotFoundError(f"machine {machine!r} has no point {point!r}; {suggest(point, known)}")
    return found
