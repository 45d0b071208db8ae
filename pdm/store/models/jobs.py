"""The queue of long work: a table of jobs, each claimed by one worker at a time with a lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.store.database.leases import BackOff, Lease
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first


@dataclass(frozen=True)
class Job:
    """A long-running job: its progress and its result."""

    id: int
    kind: str
    fleet: str
    seed: int
    status: str
    stage: str
    progress: float
    attempts: int
    actor: str
    reason: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    model_id: int | None
    result: Mapping[str, Any] | None


def ask_for_training(conn: Connection[Any], fleet: str, *, seed: int, actor: str, reason: str) -> tuple[int, bool]:
    """Request a fleet's training; returns the job, and whether it is new or one that is queued or runs already."""
    values = {"fleet": fleet, "seed": seed, "actor": actor, "reason": reason}
    for _ in range(3):  # the one that was there may end between the two
        row = conn.execute(query("ask_for_training"), values).fetchone()
        if row is not None:
            return int(row[0]), True
        row = conn.execute(query("find_unfinished_training"), values).fetchone()
        if row is not None:
            return int(row[0]), False
    raise RuntimeError("a training must end when another one is requested")


def is_fleet(conn: Connection[Any], fleet: str) -> bool:
    """Return whether machines belong to a fleet."""
    row = conn.execute(query("is_fleet"), {"fleet": fleet}).fetchone()
    return bool(row and row[0])


def find_job(conn: Connection[Any], job_id: int) -> Job | None:
    """Return one job."""
    return fetch_first(conn, Job, "find_job", id=job_id)


def page_jobs(conn: Connection[Any], *, before: int, limit: int, fleet: str | None) -> list[Job]:
    """Return jobs, newest first."""
    return fetch_all(conn, Job, "page_jobs", before=before, limit=limit, fleet=fleet)


def claim(conn: Connection[Any], duration: timedelta) -> Lease | None:
    """Claim a job that waits, or whose lease has run out; the caller commits before it starts the work."""
    row = conn.execute(query("claim_job"), {"lease": duration}).fetchone()
    return None if row is None else Lease(*row)


def renew(conn: Connection[Any], lease: Lease, duration: timedelta) -> bool:
    """Let a lease end after `duration` from now, at once where it is zero; False if another worker has the job."""
    return conn.execute(query("renew_job"), {**_key(lease), "lease": duration}).rowcount == 1


def count_outages(conn: Connection[Any], job_id: int) -> int:
    """Return how often a job was interrupted by an outage of the database."""
    row = conn.execute(query("count_outages"), {"id": job_id}).fetchone()
    return int(row[0]) if row else 0


def retry(conn: Connection[Any], lease: Lease, back_off: BackOff) -> None:
    """Count an outage of the database, and let the job be tried again after the wait for as many outages."""
    conn.execute(query("retry_job"), {**_key(lease), "waits": back_off.waits()})


def note_progress(conn: Connection[Any], lease: Lease, stage: str, progress: float) -> None:
    """Store the progress of a job."""
    conn.execute(query("note_progress"), {**_key(lease), "stage": stage, "progress": progress})


def finish(
    conn: Connection[Any],
    lease: Lease,
    *,
    error: str | None = None,
    model_id: int | None = None,
    result: Mapping[str, Any] | None = None,
) -> None:
    """End a job: done, or failed where there is an error."""
    values = {
        **_key(lease),
        "status": "done" if error is None else "failed",
        "error": error,
        "model_id": model_id,
        "result": None if result is None else Jsonb(dict(result)),
    }
    conn.execute(query("finish_job"), values)


def release(conn: Connection[Any], lease: Lease) -> None:
    """Return a job that is not finished to the queue; the attempt does not count."""
    conn.execute(query("release_job"), _key(lease))


def _key(lease: Lease) -> dict[str, Any]:
    return {"id": lease.id, "attempt": lease.attempt}


def fetch_fleets_to_watch(conn: Connection[Any]) -> list[tuple[Any, ...]]:
    """Return each fleet that has failures, with its champion and when its training was last requested."""
    return conn.execute(query("fetch_fleets_to_watch")).fetchall()


def fetch_recent_indicators(
    conn: Connection[Any], fleet: str, rule_version: str, since: datetime, most: int
) -> list[list[float]]:
    """Return what a fleet's machines showed since a time, at most so many records of each."""
    values = {"fleet": fleet, "rule_version": rule_version, "since": since, "most": most}
    with conn.cursor(binary=True) as cursor:
        return [row[0] for row in cursor.execute(query("fetch_recent_indicators"), values)]


def fetch_errors_since(
    conn: Connection[Any], fleet: str, model_id: int, since: datetime | None, *, cap: float
) -> list[float]:
    """Return the mean squared error [s2] of a model over each life that failed after a time."""
    values = {"fleet": fleet, "model_id": model_id, "since": since, "cap": cap}
    return [float(row[0]) for row in conn.execute(query("fetch_errors_since"), values)]
