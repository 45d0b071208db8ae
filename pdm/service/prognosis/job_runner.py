"""The worker's side of jobs: one at a time, each in a child process."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from psycopg_pool import ConnectionPool

from pdm.child_process import ChildEnding, ending_of, start, supervise
from pdm.service.platform.failures import AWAY
from pdm.service.prognosis.job_process import RETRY_STATUS
from pdm.settings import Settings
from pdm.store.database.leases import BackOff, Lease
from pdm.store.models import jobs

LOOK_EVERY_S = 2.0
LEASE = timedelta(seconds=60)  # a worker that has not renewed it by then counts as dead
RENEW_EVERY_S = 15.0
MOST_ATTEMPTS = 3  # of a job whose process dies
MOST_OUTAGES = 10  # of the database or the memory, that a job survives
RETRY = BackOff(timedelta(seconds=1), timedelta(minutes=10))  # after an outage
AWAY_S = 1.0  # pause while the database is unavailable
_PRINTED = 2000  # last characters of what a child printed that are kept

_log = logging.getLogger(__name__)


def run(pool: ConnectionPool[Any], settings: Settings, stop: threading.Event) -> None:
    """Do jobs until `stop`; a job that is not done by then is released. Outages of the database are waited out."""
    while not stop.wait(LOOK_EVERY_S):
        try:
            while not stop.is_set() and run_one(pool, settings, stop):
                pass
        except AWAY as error:
            _log.warning("jobs wait for the database: %s", error)


def run_one(pool: ConnectionPool[Any], settings: Settings, stop: threading.Event) -> bool:
    """Do the job that has waited longest; returns False where there was none, or its process cannot be started."""
    with pool.connection() as conn:
        lease = jobs.claim(conn, LEASE)
    if lease is None:
        return False
    if lease.attempt > MOST_ATTEMPTS and lease.attempt > MOST_ATTEMPTS + _count_outages(pool, lease.id):
        with pool.connection() as conn:
            jobs.finish(conn, lease, error=f"its process or worker ended {MOST_ATTEMPTS} times")
        return True
    with ExitStack() as stack:
        try:
            output = stack.enter_context(TemporaryFile())
            child = _start(lease, settings, output)
        except OSError as error:  # the host is short of memory, processes or files
            _log.warning("job %d waits, because its process cannot be started: %s", lease.id, error)
            with pool.connection() as conn:
                jobs.release(conn, lease)
            return False
        status = supervise(child, stop, every_s=RENEW_EVERY_S, keep=partial(_renew, pool, lease))
        output.seek(0)
        printed = output.read().decode(errors="replace")[-_PRINTED:]
    while True:
        try:
            _settle(pool, lease, status, printed, stop)
        except AWAY as error:
            _log.warning("the end of job %d waits for the database: %s", lease.id, error)
            if stop.wait(AWAY_S):
                return True  # its lease runs out
        else:
            return True


def _count_outages(pool: ConnectionPool[Any], job_id: int) -> int:
    with pool.connection() as conn:
        return jobs.count_outages(conn, job_id)


def _start(lease: Lease, settings: Settings, output: IO[bytes]) -> subprocess.Popen[bytes]:
    return start(
        "pdm.service.prognosis.job_process",
        *(str(number) for number in (lease.id, lease.attempt, os.getpid())),
        environment={**os.environ, "PDM_DSN": settings.dsn, "PDM_POOL_SIZE": "2", "OMP_NUM_THREADS": "1"},
        folder=Path("/"),
        stdout=output,
        stderr=output,
    )


def _renew(pool: ConnectionPool[Any], lease: Lease) -> bool:
    """Renew the lease; False for a job that another worker has taken over."""
    try:
        with pool.connection() as conn:
            is_ours = jobs.renew(conn, lease, LEASE)
    except AWAY as error:
        _log.warning("the lease of job %d is not renewed: %s", lease.id, error)
        return True
    if not is_ours:
        _log.warning("job %d runs elsewhere: attempt %d ends", lease.id, lease.attempt)
    return is_ours


def _settle(pool: ConnectionPool[Any], lease: Lease, status: int, printed: str, stop: threading.Event) -> None:
    """Store what the child process could not: that it was stopped, met an outage, or died."""
    ended = ending_of("its process", status, printed)
    if ended is None:
        return
    with pool.connection() as conn:
        outages = jobs.count_outages(conn, lease.id)
        if stop.is_set():
            jobs.release(conn, lease)
        elif status == RETRY_STATUS and outages < MOST_OUTAGES:
            _log.warning("job %d met an outage and is tried again: %s", lease.id, printed.strip())
            jobs.retry(conn, lease, RETRY)
        elif ended.ending is not ChildEnding.STATUS and lease.attempt < MOST_ATTEMPTS + outages:
            _log.warning("job %d is tried again: %s", lease.id, ended)
            jobs.renew(conn, lease, timedelta())
        else:
            _log.error("job %d failed: %s: %s", lease.id, ended, printed)
            jobs.finish(conn, lease, error=ended.message)
