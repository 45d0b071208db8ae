"""The threads that decode and store acquisitions, and the limit of waiting bodies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pdm.errors import UnavailableError

WAITING_PER_THREAD = 64

T = TypeVar("T")


class IngestQueue:
    """One thread per database connection, and a bounded queue of bodies."""

    def __init__(self, threads: int, waiting_per_thread: int = WAITING_PER_THREAD) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="ingest")
        self._room = threading.Semaphore(threads * (1 + waiting_per_thread))

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run the work in a thread and return its result.

        Raises
        ------
        UnavailableError
            The queue of bodies is full.
        """
        if not self._room.acquire(blocking=False):
            raise UnavailableError("too many bodies wait to be stored; send this one again later")
        try:
            running = self._executor.submit(work, *arguments)
        except BaseException:
            self._room.release()
            raise
        running.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(running)

    def close(self) -> None:
        """Discard waiting work; running work is completed."""
        self._executor.shutdown(wait=False, cancel_futures=True)
