"""The child process of one job, started by the worker: `python -m pdm.service.prognosis.job_process JOB ATTEMPT`.

A training takes memory and minutes, and LightGBM may abort on its input: neither may affect the worker.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.child_process import end_with_parent
from pdm.errors import PdmError, UnavailableError
from pdm.service.platform.failures import AWAY
from pdm.settings import Settings
from pdm.store.database.connection import open_pool
from pdm.store.database.leases import Lease
from pdm.store.models import jobs

_PROGRESS_EVERY_S = 0.5
RETRY_STATUS = 75  # EX_TEMPFAIL of sysexits.h: the database or memory was unavailable, the job may be retried


def main(job_id: int, attempt: int, parent: int) -> None:
    """Do a job and store its result; the process ends with the worker `parent`."""
    end_with_parent(parent)
    os.nice(10)
    pool = open_pool(Settings.from_environment())
    try:
        _run(pool, Lease(job_id, attempt))
    except (MemoryError, *AWAY) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(RETRY_STATUS)
    finally:
        pool.close()


def _run(pool: ConnectionPool[Any], lease: Lease) -> None:
    from pdm.service.prognosis.training import train_fleet

    with pool.connection() as conn:
        job = jobs.find_job(conn, lease.id)
    if job is None:
        sys.exit(f"unknown job {lease.id}")
    reported_at = 0.0

    def report_progress(stage: str, share: float) -> None:
        nonlocal reported_at
        if time.monotonic() - reported_at >= _PROGRESS_EVERY_S:
            reported_at = time.monotonic()
            with pool.connection() as conn:
                jobs.note_progress(conn, lease, stage, share)

    try:
        report = train_fleet(pool, job.fleet, seed=job.seed, actor=job.actor, progress=report_progress)
    except UnavailableError:
        raise
    except PdmError as error:
        with pool.connection() as conn:
            jobs.finish(conn, lease, error=f"{error.code}: {error.message}")
        return
    result = {"version": report.version, "is_champion": report.is_champion, "reason": report.reason}
    with pool.connection() as conn:
        jobs.finish(conn, lease, model_id=report.model_id, result={**result, "comparison": report.verdict})


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
