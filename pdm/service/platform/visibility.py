"""Visibility of machines for callers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError
from pdm.service.platform.access import Caller
from pdm.store.database.connection import database_required
from pdm.store.machines import machine_views
from pdm.store.machines.access import scoped
from pdm.store.machines.machine_views import RegisteredMachine
from pdm.store.machines.tags import list_keys

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
            raise NotFoundError(f"unknown machine {machine!r}")
        yield conn, row


def find_machine_keys(pool: Pool, caller: Caller, names: Sequence[str]) -> list[str]:
    """Return the keys of the machines that a caller names by key or tag; an unknown name is returned as it is.

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
