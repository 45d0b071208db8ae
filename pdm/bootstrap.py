"""The worker's composition root, straight-line, and the pool that commands use."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

import features
from pdm.errors import UnavailableError
from pdm.service import cold, deliver, run_jobs
from pdm.service.tick import tick
from pdm.service.work import Worker
from pdm.settings import Settings
from pdm.store.connection import check_server, open_pool

TICK_SECONDS = 5.0
AWAY_SECONDS = 1.0  # pause while the database is away

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, UnavailableError)

_log = logging.getLogger(__name__)


@contextmanager
def open_service(settings: Settings) -> Iterator[ConnectionPool[Any]]:
    """Open a connection pool on a server that keeps its promises, and close it again."""
    pool = open_pool(settings)
    try:
        with pool.connection() as conn:
            check_server(conn)
        yield pool
    finally:
        pool.close()


def run_worker(settings: Settings) -> None:
    """Analyse, deliver and tick until SIGTERM or SIGINT; an away database is waited for."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pool = open_pool(settings)
    try:
        features.warm()  # before anything is claimed: a batch is short, and a death in it means something
        _wait_for_server(pool, stop)
        side = [
            threading.Thread(target=deliver.run, args=(pool, settings, stop), name="deliver"),
            threading.Thread(target=_tick_until, args=(pool, settings, stop), name="tick"),
            threading.Thread(target=cold.run, args=(settings, stop), name="cold"),
            threading.Thread(target=run_jobs.run, args=(pool, settings, stop), name="jobs"),
        ]
        for thread in side:
            thread.start()
        try:
            _analyse_until(Worker(pool, settings), settings.poll_interval_s, stop)
        finally:
            stop.set()
            for thread in side:
                thread.join()
    finally:
        pool.close()


def _wait_for_server(pool: ConnectionPool[Any], stop: threading.Event) -> None:
    """Return once the server answers and keeps its promises; one that does not keep them is refused."""
    while not stop.is_set():
        try:
            with pool.connection() as conn:
                check_server(conn)
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
