"""The scheduler: jobs that are due by the wall clock run once, with any number of workers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.service.alerting import data_gaps, escalation
from pdm.service.prognosis import interval_coverage, retraining_policy
from pdm.settings import Settings
from pdm.store.acquisitions import retention
from pdm.store.database import scheduled_jobs
from pdm.store.delivery import outbox

log = logging.getLogger(__name__)

OUTBOX_KEPT = timedelta(days=30)
RETRY_AFTER = timedelta(minutes=5)
SOONEST_RETRY = timedelta(seconds=30)

Job = Callable[[Connection[Any], Settings, datetime], str]


@dataclass(frozen=True)
class TickReport:
    """The result of a tick: the outcome of each due job, by kind."""

    done: dict[str, str]
    failed: dict[str, str]


def tick(pool: ConnectionPool[Any], settings: Settings, now: datetime) -> TickReport:
    """Run every job that is due at `now`; a job locked by another worker is skipped.

    A job and its next due time commit together, so that it is repeated after a crash. A failed job is retried
    after five minutes, or half a minute if its interval is a few seconds, and does not affect other
    jobs.
    """
    done: dict[str, str] = {}
    failed: dict[str, str] = {}
    with pool.connection() as conn:
        scheduled_jobs.ensure(conn, list(JOBS), now)
    for _ in JOBS:
        with pool.connection() as conn:
            kind = scheduled_jobs.claim(conn, [kind for kind in JOBS if kind not in done | failed], now)
            if kind is None:
                break
            job, interval = JOBS[kind]
            try:
                with conn.transaction():
                    done[kind] = job(conn, settings, now)
            except Exception as error:
                log.exception("the job %s failed", kind)
                failed[kind] = f"{type(error).__name__}: {error}"
                interval = RETRY_AFTER if interval > SOONEST_RETRY else SOONEST_RETRY
            scheduled_jobs.schedule(conn, kind, now + interval)
    return TickReport(done, failed)


def _drop_old(conn: Connection[Any], settings: Settings, now: datetime) -> str:
    """Apply the retention, unless acquisitions older than its window still wait for analysis."""
    oldest = scheduled_jobs.fetch_oldest_pending(conn)
    if oldest is not None and oldest < now - timedelta(days=settings.waveform_retention_days):
        return f"waiting: the acquisition of {oldest.isoformat()} is not analysed yet"
    return f"dropped {retention.drop_old(conn, settings)}"


def _sweep_outbox(conn: Connection[Any], settings: Settings, now: datetime) -> str:  # noqa: ARG001
    return f"swept {outbox.sweep(conn, now - OUTBOX_KEPT)} rows"


def _check_disk(conn: Connection[Any], settings: Settings, now: datetime) -> str:
    directory = scheduled_jobs.fetch_data_directory(conn)
    if directory is None:
        return "the data directory of the database is on another host"
    free = scheduled_jobs.free_bytes(directory)
    if free < settings.min_free_disk_bytes:
        log.error("low disk space: %d MiB free for the database in %s", free // 2**20, directory)
        scheduled_jobs.note_low_disk(conn, now, directory, free=free, min_free=settings.min_free_disk_bytes)
        return f"low: {free} bytes"
    return f"{free} bytes"


def _find_gaps(conn: Connection[Any], settings: Settings, now: datetime) -> str:  # noqa: ARG001
    return data_gaps.find_gaps(conn, now)


JOBS: dict[str, tuple[Job, timedelta]] = {
    "disk": (_check_disk, timedelta(minutes=1)),
    "alert-clock": (escalation.advance, escalation.INTERVAL),
    "data-gap": (_find_gaps, data_gaps.INTERVAL),
    "outbox-sweep": (_sweep_outbox, timedelta(hours=1)),
    "retention": (_drop_old, timedelta(days=1)),
    "live-coverage": (interval_coverage.track, timedelta(minutes=10)),
    "retrain": (retraining_policy.ask_where_due, timedelta(hours=1)),
}
