"""A real TimescaleDB for every test: one migrated template, cloned for each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from pdm.settings import Settings
from pdm.store.cluster import EmbeddedCluster
from pdm.store.connection import open_pool
from pdm.store.migrate import migrate

_numbers = count()
# The scheduler attaches to every database it finds; a clone then fails because its template is in use.
_SERVER = {"timescaledb.max_background_workers": "0", "shared_buffers": "128MB"}


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """DSN of a server whose databases the tests may create: PDM_TEST_DSN, or a cluster of their own."""
    given = os.environ.get("PDM_TEST_DSN")
    if given:
        yield given
        return
    with EmbeddedCluster("test", settings=_SERVER) as cluster:
        yield cluster.dsn


@pytest.fixture(scope="session")
def template(server: str) -> Iterator[str]:
    """Name of a migrated database that nobody can connect to."""
    name = f"template_{os.getpid()}"
    _make(server, name, "template1")
    migrate(make_conninfo(server, dbname=name))
    _administer(server, "ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
    yield name
    _administer(server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def dsn(server: str, template: str) -> Iterator[str]:
    """DSN of a migrated database of this test's own."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _make(server, name, template)
    yield make_conninfo(server, dbname=name)
    _administer(server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def empty_dsn(server: str) -> Iterator[str]:
    """DSN of a database that no migration has seen."""
    name = f"empty_{os.getpid()}_{next(_numbers)}"
    _make(server, name, "template1")
    yield make_conninfo(server, dbname=name)
    _administer(server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def settings(dsn: str) -> Settings:
    """Settings of a service on this test's database."""
    return replace(Settings(), dsn=dsn)


@pytest.fixture
def pool(settings: Settings) -> Iterator[ConnectionPool[Any]]:
    """Connection pool as the service opens it."""
    opened = open_pool(settings)
    yield opened
    opened.close()


def _make(server: str, name: str, template: str) -> None:
    with psycopg.connect(server, autocommit=True) as conn:
        wanted = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        conn.execute(wanted)


def _administer(server: str, statement: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL(statement).format(sql.Identifier(name)))  # type: ignore[arg-type]
