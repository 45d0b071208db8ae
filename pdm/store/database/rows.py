"""Rows of named queries as dataclasses: the columns are the fields, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import kwargs_row

from pdm.store.database.queries import query

T = TypeVar("T")


def fetch_all(conn: Connection[Any], make: Callable[..., T], name: str, /, **values: Any) -> list[T]:
    """Return the rows of a named query; `make` is a dataclass of its columns, or a `from_row` of one."""
    with conn.cursor(row_factory=kwargs_row(make)) as cursor:
        return cursor.execute(query(name), values).fetchall()


def fetch_first(conn: Connection[Any], make: Callable[..., T], name: str, /, **values: Any) -> T | None:
    """Return the first row of a named query, or None; `make` as in `fetch_all`."""
    with conn.cursor(row_factory=kwargs_row(make)) as cursor:
        return cursor.execute(query(name), values).fetchone()
