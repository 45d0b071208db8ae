"""Readiness compares the schema with the code: what is missing, and what is newer than this code may serve."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

import pdm
from pdm.errors import UnavailableError
from pdm.service.machines.queries import check_ready
from pdm.store.database.compatibility import check_schema
from pdm.store.database.migrate import Migration, apply, read_migrations


def _plus(oldest: str) -> list[Migration]:
    """The migrations of a later release: one more, which code from `oldest` on may serve."""
    present = read_migrations(files("migrations"))
    numbered = [m for m in present if not m.is_repeatable]
    more = f"-- serves: {oldest}\nCREATE TABLE of_the_next_release (id int)"
    following = Migration(f"{len(numbered) + 1:04}_next.sql", more, is_repeatable=False)
    return [*numbered, following, *(m for m in present if m.is_repeatable)]


def test_every_migration_says_which_code_may_serve_after_it(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        rows = dict(conn.execute("SELECT migration, oldest_code FROM schema_compat").fetchall())
    numbered = [m.name for m in read_migrations(files("migrations")) if not m.is_repeatable]
    assert sorted(rows) == numbered
    assert rows["0001_schema.sql"] == rows["0018_schema_compat.sql"] == "0.1.0"


def test_a_schema_of_this_code_is_served(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        check_schema(conn)


def test_a_newer_schema_is_served_where_it_allows_this_code(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        apply(conn, _plus(pdm.__version__))
        check_schema(conn)


def test_a_newer_schema_that_needs_newer_code_is_not_ready_and_says_so(dsn: str, pool: ConnectionPool[Any]) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        apply(conn, _plus("99.1.0"))
    with pytest.raises(UnavailableError, match=r"_next\.sql \(needs pdm 99\.1\.0\).*upgrade this process"):
        check_ready(pool)


def test_newer_code_on_an_older_schema_is_not_ready_and_says_what_to_do(dsn: str, pool: ConnectionPool[Any]) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("DELETE FROM schema_compat WHERE migration = '0018_schema_compat.sql'")
        conn.execute("DELETE FROM schema_migration WHERE name = '0018_schema_compat.sql'")
    with pytest.raises(UnavailableError, match=r"lacks 0018_schema_compat\.sql.*run `pdm migrate`"):
        check_ready(pool)
