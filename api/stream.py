"""Stream of alert events: one listener per process, with a bounded queue per client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pdm.service.platform.access import Caller
from pdm.store.database.connection import conninfo
from pdm.store.database.queries import query

POLL_INTERVAL_S = 1.0
QUEUE_EVENTS = 256
HEARTBEAT_S = 15.0
SLOW_CLIENT_S = 10.0
_PAGE = 500
_RESUMED_PAGE = 100  # events per page of a client that resumes
_RESUMING_CONNECTIONS = 2  # connections of the pool for all clients that resume

_log = logging.getLogger(__name__)

Place = tuple[int, int]  # transaction, event id: the order of visibility of events
Event = dict[str, Any]


@dataclass(eq=False)
class Listener:
    """One client: its bounded queue, and whether the queue overflowed."""

    site_ids: tuple[int, ...] | None
    queue: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(QUEUE_EVENTS))
    has_fallen_behind: bool = False

    def may_see(self, event: Event) -> bool:
        """Whether the machine of the event is at one of the client's sites."""
        return self.site_ids is None or event["site_id"] in self.site_ids


class AlertHub:
    """Reads new alert events once per process and passes them to every client.

    It listens for notifications of the worker and also polls every second, so a lost notification delays an event by a
    second. Only events before the oldest running transaction are read, by transaction and id: an event can then
    never appear before a place that a client has passed.
    """

    def __init__(self, dsn: str, pool: ConnectionPool[Any]) -> None:
        self._dsn = dsn
        self._pool = pool
        self._resuming = asyncio.Semaphore(_RESUMING_CONNECTIONS)
        self._place: Place | None = None
        self._listeners: set[Listener] = set()

    def subscribe(self, caller: Caller) -> Listener:
        """Register a client for events from now on."""
        listener = Listener(caller.site_ids)
        self._listeners.add(listener)
        return listener

    def unsubscribe(self, listener: Listener) -> None:
        """Unregister a client."""
        self._listeners.discard(listener)

    async def run(self) -> None:
        """Read and distribute events until cancelled; wait while the database is unavailable."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(conninfo(self._dsn), autocommit=True) as conn:
                    await conn.execute("LISTEN pdm_alert")
                    await self._follow(conn)
            except (psycopg.Error, OSError) as error:
                _log.warning("the alert stream waits for the database: %s", error)
            await asyncio.sleep(POLL_INTERVAL_S)

    async def events_after(self, place: Place, listener: Listener) -> AsyncIterator[Event]:
        """Yield stored events after a place, up to the last event distributed by the hub.

        A connection is used for each page, never while a page is sent to a client.
        """
        while page := await self._fetch_page(place):
            for event in page:
                place = _place(event)
                if listener.may_see(event):
                    yield event

    async def _fetch_page(self, place: Place) -> list[Event]:
        async with self._resuming:
            return await run_in_threadpool(_fetch_from_pool, self._pool, place)

    async def _follow(self, conn: psycopg.AsyncConnection[Any]) -> None:
        while True:
            if self._place is None:
                row = await (await conn.execute(query("fetch_alert_horizon"))).fetchone()
                assert row is not None
                self._place = (int(row[0]), 0)
            while page := await _fetch(conn, self._place):
                for event in page:
                    self._hand_out(event)
                    self._place = _place(event)
                    await asyncio.sleep(0)  # clients empty their queues during a burst
            async for _ in conn.notifies(timeout=POLL_INTERVAL_S, stop_after=1):
                pass

    def _hand_out(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            if not listener.may_see(event):
                continue
            try:
                listener.queue.put_nowait(event)
            except asyncio.QueueFull:
                listener.has_fallen_behind = True
                self.unsubscribe(listener)


class AlertStream(Response):
    """The response to a client of the stream: server-sent events until it disconnects or its queue overflows."""

    media_type = "text/event-stream"

    def __init__(self, hub: AlertHub, caller: Caller, after: Place | None) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._caller = caller
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events; a client that does not read within ten seconds is disconnected and can resume."""
        listener = self._hub.subscribe(self._caller)
        leaving = asyncio.create_task(_left(Request(scope, receive)))
        sending = asyncio.create_task(self._send_events(send, listener))
        try:
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and (error := sending.exception()) is not None and not isinstance(error, TimeoutError):
                _log.warning("an alert stream ended: %s", error)
        finally:
            self._hub.unsubscribe(listener)
            for task in (leaving, sending):
                task.cancel()

    async def _send_events(self, send: Send, listener: Listener) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _write(send, b"retry: 2000\n: connected\n\n")
        passed = self._after or (0, 0)
        if self._after is not None:
            async for event in self._hub.events_after(self._after, listener):
                passed = _place(event)
                await _write(send, encode_event(event))
        while not listener.has_fallen_behind or not listener.queue.empty():
            try:
                event = await asyncio.wait_for(listener.queue.get(), HEARTBEAT_S)
            except TimeoutError:
                await _write(send, b": still here\n\n")
                continue
            if _place(event) > passed:
                await _write(send, encode_event(event))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def parse_place(last_event_id: str | None) -> Place | None:
    """Return the place of a Last-Event-ID; None if it is missing or was not created by this service."""
    transaction, _, event = (last_event_id or "").partition("-")
    if not (transaction.isdecimal() and event.isdecimal() and len(transaction) < 20 and len(event) < 19):
        return None
    return int(transaction), int(event)


def encode_event(event: Event) -> bytes:
    """Return a server-sent event whose id is the place to resume from."""
    transaction, number = _place(event)
    data = {name: value for name, value in event.items() if name not in ("transaction", "site_id")}
    body = orjson.dumps(data, default=str)
    return b"id: %d-%d\nevent: alert\ndata: %b\n\n" % (transaction, number, body)


async def _fetch(conn: psycopg.AsyncConnection[Any], place: Place) -> list[Event]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(query("fetch_alert_events_after"), _behind(place, _PAGE))).fetchall()


def _fetch_from_pool(pool: ConnectionPool[Any], place: Place) -> list[Event]:
    with pool.connection() as conn, conn.cursor(row_factory=dict_row) as cursor:
        page: list[Event] = cursor.execute(query("fetch_alert_events_after"), _behind(place, _RESUMED_PAGE)).fetchall()
    return page


def _behind(place: Place, limit: int) -> dict[str, Any]:
    return {"transaction": str(place[0]), "id": place[1], "limit": limit}


def _place(event: Event) -> Place:
    return int(event["transaction"]), int(event["id"])


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, body: bytes) -> None:
    async with asyncio.timeout(SLOW_CLIENT_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})
