"""Connections to the database: their settings, the server's promises, and what an absence looks like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from pdm.errors import ConfigurationError, UnavailableError
from pdm.settings import Settings

POOL_TIMEOUT_S = 1.5  # a caller is told that the database is away within 2 s
STATEMENT_TIMEOUT_S = 60
LOCK_TIMEOUT_S = 20
IDLE_TRANSACTION_TIMEOUT_S = 300

_KEPT_PROMISES = ("fsync", "full_page_writes", "synchronous_commit")

# The server went away, shuts down, has no room (disk, memory, connections) or gave up waiting:
# nothing is known to be stored and the same call may work later.
_ABSENCE = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)


def conninfo(dsn: str) -> str:
    """Return the connection string with pdm's timeouts; what the operator has set in it stays.

    TCP keepalives and tcp_user_timeout end a half-open connection; times come in UTC.
    """
    given = psycopg.conninfo.conninfo_to_dict(dsn)
    options = (
        f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_S}s -c lock_timeout={LOCK_TIMEOUT_S}s "
        f"-c idle_in_transaction_session_timeout={IDLE_TRANSACTION_TIMEOUT_S}s -c jit=off"
    )
    ours: dict[str, Any] = {
        "connect_timeout": 2,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        "application_name": "pdm",
    }
    kept = {key: value for key, value in ours.items() if key not in given}
    return make_conninfo(dsn, **kept, options=f"{options} {given.get('options') or ''}".strip())


def open_pool(settings: Settings) -> ConnectionPool[Connection[Any]]:
    """Open the process's connection pool; it reconnects by itself after the database was away.

    Every connection is checked before it is lent, so that a restart of the server costs no request.
    """
    pool: ConnectionPool[Connection[Any]] = ConnectionPool(
        conninfo(settings.dsn),
        min_size=1,
        max_size=settings.pool_size,
        timeout=POOL_TIMEOUT_S,
        reconnect_timeout=10.0,
        max_idle=300.0,
        check=ConnectionPool.check_connection,
        open=False,
    )
    pool.open(wait=False)
    return pool


def check_server(conn: Connection[Any]) -> None:
    """Refuse a server that could lose what it acknowledged, or that has no TimescaleDB.

    Raises
    ------
    ConfigurationError
        fsync, full_page_writes or synchronous_commit is off, or the extension is missing.
    """
    for name in _KEPT_PROMISES:
        row = conn.execute("SELECT current_setting(%s)", (name,)).fetchone()
        if row is None or row[0] == "off":
            raise ConfigurationError(
                f"the server runs with {name} off: acknowledged data could be lost. Set {name} = on in "
                "postgresql.conf and reload"
            )
    if conn.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone() is None:
        raise ConfigurationError("the database has no TimescaleDB extension; run `pdm migrate` on a server that has it")


@contextmanager
def database_required() -> Iterator[None]:
    """Turn the absence of the database into UnavailableError; nothing is then known to be stored.

    Raises
    ------
    UnavailableError
        The server cannot be reached, has no room, or gave up waiting.
    """
    try:
        yield
    except (psycopg.errors.IdleInTransactionSessionTimeout, psycopg.errors.QueryCanceled) as error:
        raise UnavailableError(f"the database did not answer in time: {_first_line(error)}") from error
    except _ABSENCE as error:
        raise UnavailableError(f"the database cannot be used: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
