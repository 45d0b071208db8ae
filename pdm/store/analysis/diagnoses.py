"""Diagnoses: the queue of those that are due, claimed with a lease, and the results, which are append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.store.database.leases import BackOff
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_first

MOST_ATTEMPTS = 3
RECORDS = 4  # acquisitions of a diagnosis, unless a request names another number
LEASE = BackOff(timedelta(minutes=5), timedelta(minutes=80), factor=4)  # of each attempt, until the next one
END = datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Due:
    """A diagnosis to compute: of a machine, from at most `records` acquisitions up to `as_of`."""

    machine_id: int
    machine: str
    is_requested: bool
    cause: str
    as_of: datetime | None
    records: int
    asked_at: datetime


@dataclass(frozen=True)
class Diagnosable:
    """An acquisition that may be diagnosed, which waveforms it lacks, and its operating state if assessed.

    `is_state_learned` is whether that state's baseline was learned, None where it was not assessed.
    """

    measured_at: datetime
    missing: tuple[str, ...]
    operating_state: str | None
    is_state_learned: bool | None = None


@dataclass(frozen=True)
class StoredDiagnosis:
    """The findings from some acquisitions, the cause of the diagnosis, and when it was computed."""

    measured_at: datetime
    computed_at: datetime
    cause: str
    rule_version: str
    acquisitions: Sequence[datetime]
    document: Mapping[str, Any]


@dataclass(frozen=True)
class DiagnosisDue:
    """A diagnosis that was requested and is not computed yet; `error` is that of the last attempt."""

    cause: str
    as_of: datetime | None
    asked_at: datetime
    is_given_up: bool
    error: str | None


def fetch_watches(conn: Connection[Any], machine_ids: Sequence[int]) -> dict[int, tuple[datetime, bool, list[str]]]:
    """Return, by machine, when its last regular diagnosis was due, whether it was sick then, and what was reported."""
    rows = conn.execute(query("fetch_diagnosis_watches"), {"machine_ids": list(machine_ids)})
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def save_watch(
    conn: Connection[Any], machine_id: int, measured_at: datetime, *, is_severe: bool, reported: Sequence[str]
) -> None:
    """Remember what `fetch_watches` returns."""
    values = {"machine_id": machine_id, "measured_at": measured_at, "is_severe": is_severe, "told": list(reported)}
    conn.execute(query("save_diagnosis_watch"), values)


def ask(conn: Connection[Any], machine_id: int, cause: str, as_of: datetime | None, records: int) -> datetime:
    """Let a machine be diagnosed, in place of what waits for the same reason; returns when it was asked."""
    values = {
        "machine_id": machine_id,
        "is_requested": cause == "request",
        "cause": cause,
        "as_of": as_of,
        "records": records,
    }
    row = conn.execute(query("ask_for_diagnosis"), values).fetchone()
    assert row is not None
    asked_at: datetime = row[0]
    return asked_at


def claim(conn: Connection[Any], *, unasked: bool) -> Due | None:
    """Claim what is due next and count the attempt; `unasked` is False for requests of people only.

    The caller commits before it starts the work, so that the attempt of a worker that dies is counted; no other worker
    claims it until the lease has run out.
    """
    values = {"unasked": unasked, "most_attempts": MOST_ATTEMPTS, "waits": LEASE.waits()}
    row = conn.execute(query("claim_diagnosis"), values).fetchone()
    return None if row is None else Due(*row)


def finish(conn: Connection[Any], due: Due) -> None:
    """Remove a diagnosis from what is due, unless it was requested again since the claim."""
    conn.execute(query("finish_diagnosis"), _key(due))


def fail(conn: Connection[Any], due: Due, error: str, *, is_final: bool) -> None:
    """Store why a diagnosis could not be computed; a final failure is not tried again."""
    values = _key(due) | {"error": error, "attempts": MOST_ATTEMPTS if is_final else 0}
    conn.execute(query("fail_diagnosis"), values)


def fetch_diagnosable(conn: Connection[Any], machine_id: int, as_of: datetime | None, limit: int) -> list[Diagnosable]:
    """Return the newest acquisitions of a machine up to a time, newest first."""
    values = {"machine_id": machine_id, "as_of": as_of or END, "limit": limit}
    rows = conn.execute(query("fetch_diagnosable"), values)
    return [Diagnosable(row[0], tuple(row[1]), row[2], row[3]) for row in rows]


def insert_diagnosis(
    conn: Connection[Any],
    due: Due,
    acquisitions: Sequence[datetime],
    rule_version: str,
    document: Mapping[str, Any],
) -> None:
    """Store the findings from some acquisitions."""
    values = {
        "machine_id": due.machine_id,
        "measured_at": max(acquisitions),
        "cause": due.cause,
        "rule_version": rule_version,
        "acquisitions": sorted(acquisitions),
        "document": Jsonb(document),
    }
    conn.execute(query("insert_diagnosis"), values)


def fetch_diagnosis(conn: Connection[Any], machine_id: int, at: datetime | None) -> StoredDiagnosis | None:
    """Return the newest diagnosis from acquisitions up to a time."""
    return fetch_first(conn, StoredDiagnosis, "fetch_diagnosis", machine_id=machine_id, at=at or END)


def fetch_last_diagnosed(conn: Connection[Any], machine_id: int) -> datetime | None:
    """Return when the newest acquisition of a machine was measured that a diagnosis was made from, or None."""
    row = conn.execute(query("fetch_last_diagnosed"), {"machine_id": machine_id}).fetchone()
    return None if row is None else row[0]


def fetch_due(conn: Connection[Any], machine_id: int) -> DiagnosisDue | None:
    """Return the diagnosis of a machine that was requested and is not computed yet."""
    return fetch_first(conn, DiagnosisDue, "fetch_diagnosis_due", machine_id=machine_id, most_attempts=MOST_ATTEMPTS)


def _key(due: Due) -> dict[str, Any]:
    return {"machine_id": due.machine_id, "is_requested": due.is_requested, "asked_at": due.asked_at}
