"""A real TimescaleDB for every test: one migrated template, cloned for each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from pdm.settings import Settings
from pdm.store.cluster.embedded import EmbeddedCluster
from pdm.store.database.connection import open_pool
from pdm.store.database.migrate import migrate

_numbers = count()
_SHARED = "pdm_shared_database"  # key of what the controller of xdist hands to its workers
# The scheduler attaches to every database it finds; a clone then fails because its template is in use.
SERVER = {"timescaledb.max_background_workers": "0", "shared_buffers": "128MB"}


@dataclass(frozen=True)
class Shared:
    """A server and its template database, made once for a run and used by all of its processes."""

    server: str
    template: str

    @classmethod
    def of(cls, config: pytest.Config) -> Shared | None:
        """Return what xdist's controller made; None where this process runs its tests alone."""
        given = getattr(config, "workerinput", {}).get(_SHARED)
        return None if given is None else cls(*given)

    def give(self, workerinput: dict[str, Any]) -> None:
        """Hand this to a worker of xdist."""
        workerinput[_SHARED] = [self.server, self.template]


@contextmanager
def shared() -> Iterator[Shared]:
    """Run a server with a template for all processes of a run."""
    with _running_server() as server, migrated_template(server) as template:
        yield Shared(server, template)


def own_name(name: str) -> str:
    """Return the name of a cluster of this process: two processes of xdist never want the same one."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return f"{name}-{worker}" if worker else name


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Iterator[str]:
    """DSN of a server whose databases the tests may create: PDM_TEST_DSN, or a cluster of the run's own."""
    given = Shared.of(pytestconfig)
    if given is not None:
        yield given.server
        return
    with _running_server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def template(server: str, pytestconfig: pytest.Config) -> Iterator[str]:
    """Name of a migrated database that takes no connections."""
    given = Shared.of(pytestconfig)
    if given is not None:
        yield given.template
        return
    with migrated_template(server) as name:
        yield name


@contextmanager
def _running_server() -> Iterator[str]:
    given = os.environ.get("PDM_TEST_DSN")
    if given:
        yield given
        return
    with EmbeddedCluster("test", settings=SERVER) as cluster:
        yield cluster.dsn


@contextmanager
def migrated_template(server: str) -> Iterator[str]:
    """Make a migrated database that takes no connections; yield its name."""
    name = f"template_{os.getpid()}"
    _make(server, name, "template1")
    try:
        migrate(make_conninfo(server, dbname=name))
        _administer(server, "ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        yield name
    finally:
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
