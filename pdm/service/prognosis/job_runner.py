"""The worker's side of jobs: one at a time, each in a child process of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.service.platform.failures import AWAY
from pdm.service.prognosis.job_process import AWAY_STATUS
from pdm.settings import Settings
from pdm.store.models import jobs

LOOK_EVERY_S = 2.0
LEASE = timedelta(seconds=60)  # after which a worker that has not said so counts as dead
RENEW_EVERY_S = 15.0
MOST_ATTEMPTS = 3  # of a job whose process dies
MOST_OUTAGES = 10  # of the database, that a job survives
FIRST_WAIT = timedelta(seconds=1)  # after an outage; each doubles it
LONGEST_WAIT = timedelta(minutes=10)
AWAY_S = 1.0  # pause while the database is away
_PRINTED = 2000  # last characters of what a child printed that are kept

_log = logging.getLogger(__name__)


def run(pool: ConnectionPool[Any], settings: Settings, stop: threading.Event) -> None:
    """Do jobs until `stop`; a job that is not done by then is given back. An away database is waited for."""
    while not stop.wait(LOOK_EVERY_S):
        try:
            while not stop.is_set() and run_one(pool, settings, stop):
                pass
        except AWAY as error:
            _log.warning("jobs wait for the database: %s", error)


def run_one(pool: ConnectionPool[Any], settings: Settings, stop: threading.Event) -> bool:
    """Do the job that waits longest; returns whether there was one."""
    with pool.connection() as conn:
        claimed = jobs.claim(conn, LEASE)
    if claimed is None:
        return False
    job_id, attempt = claimed
    if attempt > MOST_ATTEMPTS and attempt > MOST_ATTEMPTS + _count_outages(pool, job_id):
        with pool.connection() as conn:
            jobs.finish(conn, job_id, attempt, error=f"its process or worker ended {MOST_ATTEMPTS} times")
        return True
    with TemporaryFile("w+") as output:
        child = _start(job_id, attempt, settings, output)
        try:
            _wait(pool, job_id, attempt, child, stop)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        output.seek(0)
        printed = output.read()[-_PRINTED:]
    while True:
        try:
            _settle(pool, job_id, attempt, child.returncode, printed, stop)
        except AWAY as error:
            _log.warning("the end of job %d waits for the database: %s", job_id, error)
            if stop.wait(AWAY_S):
                return True  # its lease runs out
        else:
            return True


def _count_outages(pool: ConnectionPool[Any], job_id: int) -> int:
    with pool.connection() as conn:
        return jobs.count_outages(conn, job_id)


def _start(job_id: int, attempt: int, settings: Settings, output: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pdm.service.prognosis.job_process", str(job_id), str(attempt), str(os.getpid())]
    environment = {**os.environ, "PDM_DSN": settings.dsn, "PDM_POOL_SIZE": "2", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=output, stderr=output, text=True, cwd=Path("/"))


def _wait(
    pool: ConnectionPool[Any], job_id: int, attempt: int, child: subprocess.Popen[str], stop: threading.Event
) -> None:
    """Wait for the child and renew the lease; a job that another worker has taken over is left to it."""
    renewed_at = time.monotonic()
    while child.poll() is None and not stop.wait(0.1):
        if time.monotonic() - renewed_at < RENEW_EVERY_S:
            continue
        renewed_at = time.monotonic()
        try:
            with pool.connection() as conn:
                is_ours = jobs.renew(conn, job_id, attempt, LEASE)
        except AWAY as error:
            _log.warning("the lease of job %d is not renewed: %s", job_id, error)
            continue
        if not is_ours:
            _log.warning("job %d runs elsewhere: attempt %d ends", job_id, attempt)
            child.kill()


def _settle(
    pool: ConnectionPool[Any], job_id: int, attempt: int, status: int, printed: str, stop: threading.Event
) -> None:
    """Write down what the child could not: that it was stopped, met an outage, or died."""
    if status == 0:
        return
    with pool.connection() as conn:
        if stop.is_set():
            jobs.give_back(conn, job_id, attempt)
        elif status == AWAY_STATUS and jobs.count_outages(conn, job_id) < MOST_OUTAGES:
            _log.warning("job %d met an outage of the database and is tried again: %s", job_id, printed.strip())
            jobs.retry_after_outage(conn, job_id, attempt, FIRST_WAIT, LONGEST_WAIT)
        elif status < 0 and attempt < MOST_ATTEMPTS + jobs.count_outages(conn, job_id):
            _log.warning("the process of job %d was ended by signal %d; it is retried", job_id, -status)
            jobs.renew(conn, job_id, attempt, timedelta())
        else:
            _log.error("job %d failed with status %d: %s", job_id, status, printed)
            error = f"its process ended with status {status}: {printed.strip()[-300:]}"
            jobs.finish(conn, job_id, attempt, error=error)
