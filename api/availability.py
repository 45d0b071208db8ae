"""Availability of the database, checked independently of requests, so that no request waits for an outage."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import psycopg
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem

PROBE_INTERVAL_S = 0.25
PROBE_DEADLINE_S = 1.5
_GUARDED = ("/v1/", "/readyz")

_log = logging.getLogger(__name__)


class Exchange:
    """One active request: its response starts once, from the route or from the watch."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.has_started = False
        self._is_given_up = False

    async def send(self, message: Message) -> None:
        """Forward the response of the route, unless the watch has already responded."""
        if self._is_given_up:
            return
        self.has_started = True
        await self._send(message)

    async def give_up(self) -> None:
        """Respond with 503 for a route that waits for an unavailable database."""
        if self.has_started or self._is_given_up:
            return
        self._is_given_up = True
        await _away_answer()(self._scope, self._receive, self._send)


class DatabaseWatch:
    """Probes the database every quarter of a second.

    A server that hangs without closing its connections (a stopped process, a lost network) blocks the
    threads that wait for it. If a probe fails, each request without a started response is answered with
    503 here, and new ones are rejected before their body is read.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.is_available = True
        self._exchanges: set[Exchange] = set()
        self._probe: psycopg.AsyncConnection[Any] | None = None
        self._abandoned: set[asyncio.Future[None]] = set()

    def open(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        """Start to watch a request."""
        exchange = Exchange(scope, receive, send)
        self._exchanges.add(exchange)
        return exchange

    def close(self, exchange: Exchange) -> None:
        """End the watch of a request."""
        self._exchanges.discard(exchange)

    async def run(self) -> None:
        """Probe until cancelled."""
        try:
            while True:
                await self.probe()
                await asyncio.sleep(PROBE_INTERVAL_S)
        finally:
            await self._drop()

    async def probe(self) -> bool:
        """Probe once, and apply the result."""
        asking = asyncio.ensure_future(self._ask())
        done, _ = await asyncio.wait({asking}, timeout=PROBE_DEADLINE_S)
        if not done:
            # Cancelling waits for a confirmation, which a hanging server never sends: abandon the probe.
            self._abandoned.add(asking)
            asking.add_done_callback(self._forget)
            asking.cancel()
            self._probe = None
            await self._went_away(f"no answer within {PROBE_DEADLINE_S:g} s")
            return False
        error = asking.exception()
        if error is not None:
            await self._drop()
            await self._went_away(str(error) or type(error).__name__)
            return False
        if not self.is_available:
            _log.warning("database available again")
        self.is_available = True
        return True

    async def _ask(self) -> None:
        if self._probe is None:
            self._probe = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)
        await self._probe.execute("SELECT 1")

    def _forget(self, asking: asyncio.Future[None]) -> None:
        self._abandoned.discard(asking)
        if not asking.cancelled():
            asking.exception()

    async def _went_away(self, reason: str) -> None:
        if self.is_available:
            _log.warning("database unavailable: %s", reason)
        self.is_available = False
        for exchange in tuple(self._exchanges):
            await exchange.give_up()

    async def _drop(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            try:
                async with asyncio.timeout(0.2):
                    await probe.close()
            except (psycopg.Error, TimeoutError):
                _log.debug("the probe's connection did not close cleanly")


class AvailabilityGuard:
    """Pure ASGI: rejects API requests while the database is unavailable, before their body is read."""

    def __init__(self, app: ASGIApp, watch: DatabaseWatch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or respond with 503."""
        if scope["type"] != "http" or not scope["path"].startswith(_GUARDED):
            await self._app(scope, receive, send)
            return
        if not self._watch.is_available:
            await _away_answer()(scope, receive, send)
            return
        exchange = self._watch.open(scope, receive, send)
        try:
            await self._app(scope, receive, exchange.send)
        finally:
            self._watch.close(exchange)


def _away_answer() -> Any:
    return problem(503, "unavailable", "database unavailable; nothing was stored; retry after Retry-After seconds")
