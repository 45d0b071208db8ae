"""Bodies that wait for a thread: a bounded number, and the rest is refused at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from api.ingest_queue import IngestQueue
from pdm.errors import UnavailableError


def test_a_full_queue_refuses_and_takes_again_once_it_has_room() -> None:
    async def scenario() -> list[bool]:
        queue = IngestQueue(threads=1, waiting_per_thread=2)
        gate = threading.Event()
        waiting = [asyncio.create_task(queue.run(gate.wait, 10)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError):
            await queue.run(gate.wait, 10)
        gate.set()
        done = await asyncio.gather(*waiting)
        done.append(await queue.run(gate.is_set))
        queue.close()
        return done

    assert asyncio.run(scenario()) == [True] * 4


def test_work_whose_caller_left_counts_until_it_ends() -> None:
    async def scenario() -> None:
        queue = IngestQueue(threads=1, waiting_per_thread=0)
        gate = threading.Event()
        leaving = asyncio.create_task(queue.run(gate.wait, 10))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError):
            await queue.run(gate.is_set)
        gate.set()
        queue.close()

    asyncio.run(scenario())
