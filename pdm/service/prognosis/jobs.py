"""Requests of long-running jobs, and queries of their progress."""

from __future__ import annotations

from typing import Any

from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError
from pdm.service.platform.access import Caller
from pdm.store.machines.renaming import present_fleet
from pdm.store.models import jobs
from pdm.store.models.jobs import Job

Pool = ConnectionPool[Any]


def ask_for_training(pool: Pool, caller: Caller, fleet: str, *, seed: int, reason: str) -> Job:
    """Request the training of a fleet's model; a training that is queued or runs already is returned instead.

    Raises
    ------
    NotFoundError
        No machine belongs to such a fleet.
    ForbiddenError
        The key is limited to some sites: a fleet may have machines at others.
    """
    caller.require_every_site()
    with pool.connection() as conn:
        fleet = present_fleet(conn, fleet)
        if not jobs.is_fleet(conn, fleet):
            raise NotFoundError(f"no machine belongs to fleet {fleet!r}")
        job_id, _ = jobs.ask_for_training(conn, fleet, seed=seed, actor=caller.name, reason=reason)
        job = jobs.find_job(conn, job_id)
    assert job is not None
    return job


def read_job(pool: Pool, job_id: int) -> Job:
    """Return a job with its progress; raises NotFoundError if there is none."""
    with pool.connection() as conn:
        found = jobs.find_job(conn, job_id)
    if found is None:
        raise NotFoundError(f"unknown job {job_id}")
    return found


def list_jobs(pool: Pool, *, before: int, limit: int, fleet: str | None) -> list[Job]:
    """Return jobs, newest first."""
    with pool.connection() as conn:
        key = fleet and present_fleet(conn, fleet)
        return jobs.page_jobs(conn, before=before, limit=limit, fleet=key)
