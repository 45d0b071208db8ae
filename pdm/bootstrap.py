"""Composition root of the worker, and the connection pool of the commands."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from psycopg_pool import ConnectionPool

import features
from pdm.errors import UnavailableError
from pdm.service.analysis.worker import Worker
from pdm.service.delivery import dispatcher
from pdm.service.maintenance import cold_storage
from pdm.service.maintenance.scheduler import tick
from pdm.service.platform.failures import AWAY
from pdm.service.platform.supervision import SideThreads
from pdm.service.prognosis import job_runner
from pdm.settings import Settings
from pdm.store.database.compatibility import check_schema
from pdm.store.database.connection import check_server, open_pool
from pdm.store.machines.machine_views import is_migrated

TICK_SECONDS = 5.0
AWAY_SECONDS = 1.0  # pause while the database is unavailable

_log = logging.getLogger(__name__)


@contextmanager
def open_service(settings: Settings) -> Iterator[ConnectionPool[Any]]:
    """Open a connection pool on a server with durable settings; close it at the end of the context."""
    pool = open_pool(settings)
    try:
        with pool.connection() as conn:
            check_server(conn)
        yield pool
    finally:
        pool.close()


def run_worker(settings: Settings) -> None:
    """Run analysis, delivery and scheduled jobs until SIGTERM or SIGINT; wait while the database is unavailable.

    The process ends with status 1 if a thread fails unexpectedly; the service manager must restart it.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pool = open_pool(settings)
    try:
        features.warm()  # before the first claim: a batch is short, and a crash in it is counted as an attempt
        _wait_for_server(pool, stop)
        side = SideThreads(pool, stop)
        side.start("deliver", dispatcher.run, pool, settings, stop)
        side.start("tick", _tick_until, pool, settings, stop)
        side.start("cold", cold_storage.run, settings, stop)
        side.start("jobs", job_runner.run, pool, settings, stop)
        try:
            _analyse_until(Worker(pool, settings), settings.poll_interval_s, stop)
        finally:
            stop.set()
            if not side.join():  # one thread failed and another hangs: only the end of the process ends it
                logging.shutdown()
                os._exit(1)
        if side.died:
            sys.exit(f"the worker ends because its thread {', '.join(side.died)} died: see the traceback in the log")
    finally:
        pool.close()


def _wait_for_server(pool: ConnectionPool[Any], stop: threading.Event) -> None:
    """Wait for the server and its schema; raise ConfigurationError if its settings are not durable."""
    while not stop.is_set():
        try:
            with pool.connection() as conn:
                check_server(conn)
                if not is_migrated(conn):
                    raise UnavailableError("it holds no schema yet; run `pdm migrate`")
                check_schema(conn)
        except AWAY as error:
            _log.warning("waiting for the database: %s", error)
            stop.wait(AWAY_SECONDS)
        else:
            return


def _analyse_until(worker: Worker, poll_interval_s: float, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            if worker.round() == 0:
                stop.wait(poll_interval_s)
        except AWAY as error:
            _log.warning("database unavailable: %s", error)
            stop.wait(AWAY_SECONDS)


def _tick_until(pool: ConnectionPool[Any], settings: Settings, stop: threading.Event) -> None:
    while not stop.wait(TICK_SECONDS):
        try:
            tick(pool, settings, datetime.now(UTC))
        except AWAY as error:
            _log.warning("background jobs wait for the database: %s", error)
