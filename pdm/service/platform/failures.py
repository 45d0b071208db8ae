"""Whose failure an exception is: the record's, the machine's that this runs on, or the database's absence."""

from __future__ import annotations

from enum import Enum

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from pdm.errors import ModelError, UnavailableError, UnreadableStateError

# The server went away, shuts down, accepts no writes or has no room: everything waits for it.
AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction,
    PoolTimeout,
    PoolClosed,
    UnavailableError,
)
# Operational errors of one statement: the server serves others.
_REFUSED = (errors.QueryCanceled, errors.LockNotAvailable, errors.DeadlockDetected)
# Operational errors that the size of what is written causes, class 54.
_TOO_LARGE = (
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
    errors.TooManyColumns,
    errors.TooManyArguments,
)
# No record can cause these: too little memory, a disk, a damaged model or state.
_PLATFORM = (MemoryError, OSError, ImportError, ModelError, UnreadableStateError)
_SCHEMA = ("3D", "3F", "42")  # classes of SQLSTATE: no such database or schema, no such relation or right


class Blame(Enum):
    """What a failure is put down to, which decides what is done about it."""

    RECORD = "record"  # set aside
    PLATFORM = "platform"  # the machine is analysed later; its data are kept waiting
    DATABASE = "database"  # everything waits


def blame(error: BaseException) -> Blame:
    """Return what a failure of the analysis is put down to; where nothing speaks for another cause, the record."""
    if isinstance(error, _TOO_LARGE):
        return Blame.RECORD
    if isinstance(error, _REFUSED):
        return Blame.PLATFORM
    if isinstance(error, AWAY):
        return Blame.DATABASE
    return Blame.PLATFORM if isinstance(error, _PLATFORM) or is_of_schema(error) else Blame.RECORD


def is_of_schema(error: BaseException) -> bool:
    """Whether the database lacks what a statement names: it is of another version, or was changed by hand."""
    return isinstance(error, psycopg.ProgrammingError) and (error.sqlstate or "42").startswith(_SCHEMA)


def describe(error: BaseException) -> str:
    """Return an error as the reason that is stored."""
    return f"{type(error).__name__}: {error}"
