"""What a failure of the analysis is put down to: only the record's own sets a record aside."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from pdm.errors import InvalidInputError, ModelError, RefusalError, UnavailableError, UnreadableStateError
from pdm.service.platform.failures import Blame, blame


@pytest.mark.parametrize(
    "error",
    [
        ValueError("not finite"),
        RefusalError("the payload is damaged"),
        InvalidInputError("not later than the one before"),
        errors.RaiseException("a trigger refuses it"),
        errors.NumericValueOutOfRange("too large"),
        errors.CheckViolation("zone"),
        errors.ProgramLimitExceeded("a row of 2 GB"),
    ],
)
def test_what_a_record_causes_is_put_down_to_it(error: Exception) -> None:
    assert blame(error) is Blame.RECORD


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(28, "No space left on device"),
        ModelError("damaged"),
        UnreadableStateError("of another version"),
        errors.UndefinedColumn("reason"),
        errors.InsufficientPrivilege("assessment"),
        psycopg.ProgrammingError("the query has 2 placeholders"),
        errors.QueryCanceled("statement timeout"),
        errors.LockNotAvailable("lock timeout"),
        errors.DeadlockDetected("deadlock"),
        errors.IndexCorrupted("a damaged page"),
        errors.DataCorrupted("missing chunk number 0 for toast value"),
        errors.FeatureNotSupported("cached plan must not change result type"),
    ],
)
def test_what_no_record_can_cause_is_put_down_to_the_platform(error: Exception) -> None:
    assert blame(error) is Blame.PLATFORM


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("server closed the connection"),
        psycopg.InterfaceError("the connection is closed"),
        errors.AdminShutdown("terminating connection"),
        errors.DiskFull("no space left"),
        errors.OutOfMemory("shared memory"),
        errors.ReadOnlySqlTransaction("a standby"),
        errors.IdleInTransactionSessionTimeout("too long"),
        PoolTimeout("no connection"),
        PoolClosed("closed"),
        UnavailableError("away"),
    ],
)
def test_an_absent_database_is_waited_for(error: Exception) -> None:
    assert blame(error) is Blame.DATABASE
