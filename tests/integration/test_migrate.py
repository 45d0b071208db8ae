"""Migrations: once each, frozen, safe together, rolled back whole."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from pdm.errors import ConfigurationError, MigrationError, UnavailableError
from pdm.store.database.connection import check_server
from pdm.store.database.migrate import Migration, apply, migrate, read_migrations
from pdm.store.database.queries import query, query_names

NAMES = [migration.name for migration in read_migrations(files("migrations"))]


@pytest.fixture
def empty(empty_dsn: str) -> Any:
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        yield conn


def _exists(conn: Connection[Any], relation: str) -> bool:
    row = conn.execute("SELECT to_regclass(%s) IS NOT NULL", (relation,)).fetchone()
    return row is not None and bool(row[0])


UTILITY = ("COPY", "CREATE TEMPORARY", "LISTEN", "NOTIFY", "SET")  # statements that PREPARE does not take
ONE = Migration("0001_one.sql", "CREATE TABLE one (id int)", is_repeatable=False)
TWO = Migration("0002_two.sql", "CREATE TABLE two (id int); INSERT INTO two VALUES (1)", is_repeatable=False)
VIEW = Migration("repeatable/view.sql", "CREATE OR REPLACE VIEW seen AS SELECT id FROM one", is_repeatable=True)


def test_an_empty_database_gets_every_file_and_a_second_run_changes_nothing(empty_dsn: str) -> None:
    assert migrate(empty_dsn) == NAMES
    assert migrate(empty_dsn) == []


def test_two_migrators_at_once_apply_each_file_once(empty_dsn: str) -> None:
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate(empty_dsn))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [[], [], NAMES]


def test_an_edited_file_is_refused_by_name_and_nothing_runs(empty: Connection[Any]) -> None:
    apply(empty, [ONE])
    edited = replace(ONE, sql=ONE.sql + " ")
    with pytest.raises(MigrationError, match=r"0001_one\.sql was edited"):
        apply(empty, [edited, TWO])
    assert not _exists(empty, "two")


def test_a_database_from_a_newer_version_is_refused(empty: Connection[Any]) -> None:
    apply(empty, [ONE, TWO])
    with pytest.raises(MigrationError, match=r"0002_two\.sql, which this version of pdm does not contain"):
        apply(empty, [ONE])


def test_a_file_that_slips_in_before_an_applied_one_is_refused(empty: Connection[Any]) -> None:
    apply(empty, [TWO])
    with pytest.raises(MigrationError, match="a file before it was not"):
        apply(empty, [ONE, TWO])


def test_a_repeatable_file_runs_again_only_when_it_changes(empty: Connection[Any]) -> None:
    assert apply(empty, [ONE, VIEW]) == [ONE.name, VIEW.name]
    assert apply(empty, [ONE, VIEW]) == []
    changed = replace(VIEW, sql="CREATE OR REPLACE VIEW seen AS SELECT id, 1 AS more FROM one")
    assert apply(empty, [ONE, changed]) == [VIEW.name]
    assert apply(empty, [ONE]) == []


def test_a_file_that_fails_leaves_nothing_of_itself(empty: Connection[Any]) -> None:
    broken = replace(TWO, sql=TWO.sql + "; SELECT 1 / 0")
    with pytest.raises(MigrationError, match=r"0002_two\.sql failed and was rolled back: division by zero"):
        apply(empty, [ONE, broken])
    assert _exists(empty, "one")
    assert not _exists(empty, "two")
    assert apply(empty, [ONE, TWO]) == [TWO.name]


@pytest.mark.parametrize(
    ("present", "says"),
    [
        (["0001_a.sql", "0003_b.sql"], "0003_b.sql has the wrong number; expected 0002"),
        (["0001_a.sql", "0001_b.sql"], "0001_b.sql has the wrong number; expected 0002"),
        (["first.sql"], "first.sql is not named"),
    ],
)
def test_a_gap_a_double_number_or_another_name_is_refused(tmp_path: Path, present: list[str], says: str) -> None:
    for name in present:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match=says):
        read_migrations(tmp_path)


def test_every_named_query_prepares_against_the_migrated_schema(dsn: str) -> None:
    failures: list[str] = []
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(query("make_incoming"))
        for name in query_names():
            if query(name).startswith(UTILITY):
                continue
            try:
                conn.execute(_prepare(name).encode())
            except psycopg.Error as error:
                failures.append(f"{name}: {error}")
    assert not failures, "\n".join(failures)


def test_an_unsafe_server_is_refused(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        check_server(conn)
        conn.execute("SET synchronous_commit = off")
        with pytest.raises(ConfigurationError, match="synchronous_commit off"):
            check_server(conn)


def test_a_database_without_timescaledb_is_refused(empty: Connection[Any]) -> None:
    empty.execute("DROP EXTENSION IF EXISTS timescaledb")
    with pytest.raises(ConfigurationError, match="no TimescaleDB"):
        check_server(empty)


def test_an_away_server_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        migrate("host=/nonexistent dbname=pdm user=pdm")


def _prepare(name: str) -> str:
    statement = query(name)
    for number, key in enumerate(dict.fromkeys(re.findall(r"%\((\w+)\)[sb]", statement)), start=1):
        statement = re.sub(rf"%\({key}\)[sb]", f"${number}", statement)
    return f"PREPARE {name} AS {statement.replace('%%', '%')}"
