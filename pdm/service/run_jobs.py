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

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from pdm.settings import Settings
from pdm.store import jobs

LOOK_EVERY_S = 2.0
LEASE = timedelta(seconds=60)  # after which a worker that has not said so counts as dead
RENEW_EVERY_S = 15.0
MOST_ATTEMPTS = 3  # of a job whose process dies
_SAID = 2000  # last characters of what a child printed that are kept

_log = logging.getLogger(__name__)


def run(pool: ConnectionPool[Any], settings: Settings, stop: threading.Event) -> None:
    """Do jobs until `stop`; a job that is not done by then is given back. An away database is waited for."""
    while not stop.wait(LOOK_EVERY_S):
        try:
            while not stop.is_set() and run_one(pool, settings, stop):
                pass
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            _log.warning("jobs wait for the database: %s", error)


def run_one(pool: ConnectionPool[Any], settings: Settings, stop: threading.Event) -> bool:
    """Do the job that waits longest; returns whether there was one."""
    with pool.connection() as conn:
        claimed = jobs.claim(conn, LEASE)
    if claimed is None:
        return False
    job_id, attempt = claimed
    if attempt > MOST_ATTEMPTS:
        with pool.connection() as conn:
            jobs.finish(conn, job_id, attempt, error=f"its process or worker ended {MOST_ATTEMPTS} times")
        return True
    with TemporaryFile("w+") as said:
        child = _start(job_id, attempt, settings, said)
        try:
            _wait(pool, job_id, child, stop)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        said.seek(0)
        _settle(pool, job_id, attempt, child.returncode, said.read()[-_SAID:], is_stopping=stop.is_set())
    return True


def _start(job_id: int, attempt: int, settings: Settings, said: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pdm.service.job_child", str(job_id), str(attempt), str(os.getpid())]
    environment = {**os.environ, "PDM_DSN": settings.dsn, "PDM_POOL_SIZE": "2", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=said, stderr=said, text=True, cwd=Path("/"))


def _wait(pool: ConnectionPool[Any], job_id: int, child: subprocess.Popen[str], stop: threading.Event) -> None:
    renewed_at = time.monotonic()
    while child.poll() is None and not stop.wait(0.1):
        if time.monotonic() - renewed_at >= RENEW_EVERY_S:
            renewed_at = time.monotonic()
            with pool.connection() as conn:
                jobs.renew(conn, job_id, LEASE)


def _settle(pool: ConnectionPool[Any], job_id: int, attempt: int, status: int, said: str, *, is_stopping: bool) -> None:
    """Write down what the child could not: that it was stopped, or that it died."""
    if status == 0:
        return
    with pool.connection() as conn:
        if is_stopping:
            jobs.give_back(conn, job_id, attempt)
        elif status < 0 and attempt < MOST_ATTEMPTS:
            _log.warning("the process of job %d was ended by signal %d; it is retried", job_id, -status)
            jobs.renew(conn, job_id, timedelta())
        else:
            _log.error("job %d failed with status %d: %s", job_id, status, said)
            jobs.finish(conn, job_id, attempt, error=f"its process ended with status {status}: {said.strip()[-300:]}")
