"""The same schema and the same queries on TimescaleDB's Community edition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from pdm.errors import UnavailableError
from pdm.store.database.migrate import migrate
from pdm.store.database.queries import query, query_names
from tests.migration.community.server import community_server, is_installed

pytestmark = pytest.mark.skipif(not is_installed(), reason="the Community test server is not installed: `make setup`")

_PARAMETER = re.compile(r"%\((\w+)\)[sbt]")
# What a query may answer when all its parameters are NULL, on tables without rows: its constraints do their work.
_NULL_REFUSED = (psycopg.IntegrityError, psycopg.errors.NullValueNotAllowed, psycopg.errors.InvalidParameterValue)


@pytest.fixture(scope="module")
def community() -> Iterator[Connection[Any]]:
    with ExitStack() as stack:
        dsn = stack.enter_context(community_server())
        try:
            applied = migrate(dsn)
        except UnavailableError:  # seen once on a busy machine: the server, which is WebAssembly, ended
            stack.close()
            dsn = stack.enter_context(community_server())
            applied = migrate(dsn)
        assert applied, "nothing was applied"
        assert migrate(dsn) == [], "a second migration is not idempotent"
        with psycopg.connect(dsn, autocommit=True) as conn:
            conn.execute("SET timezone = 'UTC'")
            yield conn


def _positional(statement: str) -> tuple[str, int]:
    names = list(dict.fromkeys(_PARAMETER.findall(statement)))
    numbered = _PARAMETER.sub(lambda match: f"${names.index(match[1]) + 1}", statement)
    return numbered.replace("%%", "%"), len(names)


def test_the_server_under_test_is_the_community_edition(community: Connection[Any]) -> None:
    assert community.execute("SHOW timescaledb.license").fetchone() == ("timescale",)
    row = community.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    assert row is not None
    assert row[0].startswith("2.23")


def test_waveforms_are_a_hypertable(community: Connection[Any]) -> None:
    tables = community.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
    assert ("waveform",) in tables


# The WebAssembly server cannot take COPY over its socket.
@pytest.mark.parametrize(
    "name", [name for name in query_names() if not query(name).lstrip().upper().startswith("COPY")]
)
def test_every_named_query_runs_on_the_community_edition(name: str, community: Connection[Any]) -> None:
    statement, parameters = _positional(query(name))
    with community.transaction(force_rollback=True):
        for prepared in query_names():  # the temporary tables that other queries read
            if query(prepared).lstrip().upper().startswith("CREATE TEMP") and prepared != name:
                community.execute(query(prepared))
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|VALUES|TABLE)\b", statement, re.IGNORECASE):
            community.execute(f"PREPARE checked AS {statement}".encode(), prepare=False)
            try:
                with community.transaction():
                    arguments = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
                    community.execute(f"EXECUTE checked{arguments}".encode(), prepare=False)
            except _NULL_REFUSED:
                pass
            finally:
                community.execute("DEALLOCATE checked")
        else:
            assert parameters == 0, "a utility statement cannot have parameters"
            community.execute(statement.encode(), prepare=False)
