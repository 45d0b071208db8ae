"""Background threads: if one fails, the worker logs the reason, stops and ends with an error."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.service.platform.failures import describe
from pdm.store.database import worker_deaths

JOIN_S = 30.0  # time for the other threads to end after a failure

_log = logging.getLogger(__name__)


class SideThreads:
    """Threads that end when `stop` is set; a thread that fails sets it."""

    def __init__(self, pool: ConnectionPool[Any], stop: threading.Event) -> None:
        self._pool = pool
        self._stop = stop
        self._threads: list[threading.Thread] = []
        self._died: list[str] = []

    def start(self, name: str, target: Callable[..., None], *arguments: Any) -> None:
        """Run `target` in a thread with this name."""
        thread = threading.Thread(target=self._run, args=(name, target, arguments), name=name)
        self._threads.append(thread)
        thread.start()

    def join(self) -> bool:
        """Wait for the end of the threads, for a limited time if one has failed; returns whether all have ended."""
        deadline = time.monotonic() + JOIN_S
        for thread in self._threads:
            while thread.is_alive() and not (self._died and time.monotonic() > deadline):
                thread.join(0.5)
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def died(self) -> tuple[str, ...]:
        """Names of the failed threads."""
        return tuple(self._died)

    def _run(self, name: str, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        try:
            target(*arguments)
        except BaseException as error:
            _log.critical("the thread %s died; the worker ends", name, exc_info=error)
            self._died.append(name)
            self._stop.set()
            self._note(name, error)

    def _note(self, name: str, error: BaseException) -> None:
        try:
            with self._pool.connection() as conn:
                worker_deaths.note(conn, name, describe(error))
        except Exception:
            _log.exception("the death of the thread %s cannot be written down", name)
