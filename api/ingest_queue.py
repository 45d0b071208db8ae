"""The threads that decode and store acquisitions, and how many bodies may wait for one."""

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
    """As many threads as database connections, and a bounded number of bodies that wait for one of them."""

    def __init__(self, threads: int, waiting_per_thread: int = WAITING_PER_THREAD) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="ingest")
        self._room = threading.Semaphore(threads * (1 + waiting_per_thread))

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what the work returns, once a thread has done it.

        Raises
        ------
        UnavailableError
            As many bodies as may wait do so already.
        """
        if not self._room.acquire(blocking=False):
            raise UnavailableError("too many bodies wait to be stored; send this one again later")
        running = self._executor.submit(work, *arguments)
        running.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(running)

    def close(self) -> None:
        """Drop what waits; what runs goes on to its end."""
        self._executor.shutdown(wait=False, cancel_futures=True)
