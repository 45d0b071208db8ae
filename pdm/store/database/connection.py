"""Connections to the database: settings, durability of the server, and detection of an outage."""

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

POOL_TIMEOUT_S = 1.5  # a caller gets the error of an unavailable database within 2 s
STATEMENT_TIMEOUT_S = 60
LOCK_TIMEOUT_S = 20
IDLE_TRANSACTION_TIMEOUT_S = 300

_KEPT_PROMISES = ("fsync", "full_page_writes", "synchronous_commit")

# The server is unreachable, shuts down, has no space (disk, memory, connections) or timed out:
# storage is not confirmed and the same call may succeed later.
_ABSENCE = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)


def conninfo(dsn: str) -> str:
    """Return the connection string with the timeouts of pdm; values set by the operator are kept.

    TCP keepalives and tcp_user_timeout end a half-open connection; times are in UTC.
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
    """Open the connection pool of the process; it reconnects automatically after an outage.

    Every connection is checked before use, so that no request fails after a restart of the server.
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
    """Reject a server that could lose acknowledged data, or without TimescaleDB.

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
    """Convert errors of an outage to UnavailableError; storage is then not confirmed.

    Raises
    ------
    UnavailableError
        The server is unreachable, has no space, or timed out.
    """
    try:
        yield
    except (psycopg.errors.IdleInTransactionSessionTimeout, psycopg.errors.QueryCanceled) as error:
        raise UnavailableError(f"the database did not answer in time: {_first_line(error)}") from error
    except _ABSENCE as error:
        raise UnavailableError(f"the database cannot be used: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
