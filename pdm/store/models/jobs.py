"""Work that takes long and was asked for: a table of jobs, each run by one worker at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first


@dataclass(frozen=True)
class Job:
    """Work that takes long: how far it is, and what came of it."""

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
    """Ask for a fleet's training; returns the job, and whether it is a new one or one that waits or runs already."""
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


def claim(conn: Connection[Any], lease: timedelta) -> tuple[int, int] | None:
    """Take a job that waits or was left behind; returns its id and which attempt this is."""
    return conn.execute(query("claim_job"), {"lease": lease}).fetchone()


def renew(conn: Connection[Any], job_id: int, attempt: int, lease: timedelta) -> bool:
    """Say that the worker of a job still lives; False if another one has taken the job over."""
    return conn.execute(query("renew_lease"), {"id": job_id, "attempt": attempt, "lease": lease}).rowcount == 1


def count_outages(conn: Connection[Any], job_id: int) -> int:
    """Return how often a job was interrupted because the database was away."""
    row = conn.execute(query("count_outages"), {"id": job_id}).fetchone()
    return int(row[0]) if row else 0


def retry_after_outage(conn: Connection[Any], job_id: int, attempt: int, first: timedelta, longest: timedelta) -> None:
    """Let a job that met an outage be tried again after a while, which doubles with each up to the longest."""
    values = {"id": job_id, "attempt": attempt, "first_wait": first, "longest_wait": longest}
    conn.execute(query("retry_after_outage"), values)


def note_progress(conn: Connection[Any], job_id: int, attempt: int, stage: str, progress: float) -> None:
    """Say how far a job is."""
    values = {"id": job_id, "attempt": attempt, "stage": stage, "progress": progress}
    conn.execute(query("note_progress"), values)


def finish(
    conn: Connection[Any],
    job_id: int,
    attempt: int,
    *,
    error: str | None = None,
    model_id: int | None = None,
    result: Mapping[str, Any] | None = None,
) -> None:
    """End a job: done, or failed where there is an error."""
    values = {
        "id": job_id,
        "attempt": attempt,
        "status": "done" if error is None else "failed",
        "error": error,
        "model_id": model_id,
        "result": None if result is None else Jsonb(dict(result)),
    }
    conn.execute(query("finish_job"), values)


def give_back(conn: Connection[Any], job_id: int, attempt: int) -> None:
    """Let another worker go on with a job."""
    conn.execute(query("return_job"), {"id": job_id, "attempt": attempt})


def fetch_fleets_to_watch(conn: Connection[Any]) -> list[tuple[Any, ...]]:
    """Return each fleet that has failures, with its champion and when its training was last asked for."""
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
