"""Classification of exceptions: failure of the record, of the host, or of the database."""

from __future__ import annotations

from enum import Enum

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from pdm.errors import ModelError, UnavailableError, UnreadableStateError

# The server is unreachable, shuts down, rejects writes or has no space: all work waits for it.
AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction,
    PoolTimeout,
    PoolClosed,
    UnavailableError,
)
# Operational errors of one statement: the server is available.
_REFUSED = (errors.QueryCanceled, errors.LockNotAvailable, errors.DeadlockDetected)
# Operational errors caused by the size of the written data, class 54.
_TOO_LARGE = (
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
    errors.TooManyColumns,
    errors.TooManyArguments,
)
# Never caused by a record: out of memory, a disk error, a damaged model or state.
_PLATFORM = (MemoryError, OSError, ImportError, ModelError, UnreadableStateError)
_SERVER = ("XX", "0A")  # classes of SQLSTATE: internal errors such as damaged pages, plans of an older schema
_SCHEMA = ("3D", "3F", "42")  # classes of SQLSTATE: unknown database or schema, missing relation or privilege


# The server ends a transaction, or the connection, for what it did: it was idle for too long, or took too much memory
# or temporary space. A lost connection has no SQLSTATE: the kernel kills servers for lack of memory.
_OF_BATCH = (errors.IdleInTransactionSessionTimeout, errors.OutOfMemory, errors.ConfigurationLimitExceeded)


class Blame(Enum):
    """The cause of a failure, which decides the reaction."""

    RECORD = "record"  # the acquisition is stored as failed
    PLATFORM = "platform"  # the machine is analysed later; its data waits
    DATABASE = "database"  # all work waits


def blame(error: BaseException) -> Blame:
    """Return the cause of a failure of the analysis; the record, unless the exception indicates another."""
    if isinstance(error, _TOO_LARGE):
        return Blame.RECORD
    if isinstance(error, _REFUSED):
        return Blame.PLATFORM
    if isinstance(error, AWAY):
        return Blame.DATABASE
    is_of_server = isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(_SERVER)
    return Blame.PLATFORM if isinstance(error, _PLATFORM) or is_of_server or is_of_schema(error) else Blame.RECORD


def may_be_of_batch(error: BaseException) -> bool:
    """Whether the transaction itself may have caused an outage: a repetition of it would meet the same one."""
    is_lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    return isinstance(error, _OF_BATCH) or (is_lost and not isinstance(error, PoolTimeout | PoolClosed))


def is_of_schema(error: BaseException) -> bool:
    """Whether the database lacks an object of a statement: it is of another version, or was changed manually."""
    return isinstance(error, psycopg.ProgrammingError) and (error.sqlstate or "42").startswith(_SCHEMA)


def describe(error: BaseException) -> str:
    """Return an error as the reason that is stored."""
    return f"{type(error).__name__}: {error}"
