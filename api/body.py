"""Reading of request bodies, compressed or not, with a size limit, a timeout and a memory budget for all bodies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.compression import decompress, find_encoding, refuse_unmarked
from api.errors import problem_of
from pdm.errors import BodyTimeoutError, BodyTooLargeError, InvalidInputError, PdmError, UnavailableError


class BodyReader:
    """Reads the bodies of one process; a body counts against the budget until its processing has ended."""

    def __init__(self, max_bytes: int, deadline_s: float, budget_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.deadline_s = deadline_s
        self._budget = budget_bytes
        self._used = 0

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the body, decompressed; its bytes count until the context ends.

        Raises
        ------
        UnsupportedEncodingError
            The content encoding is not accepted.
        BodyTooLargeError
            The body, its Content-Length or the decompressed body is larger than the limit.
        BodyTimeoutError
            The body was not complete before the timeout.
        MalformedBodyError
            The body does not match its content encoding.
        UnavailableError
            The budget is used by other requests.
        """
        encoding = find_encoding(request.headers.get("content-encoding"))
        declared = request.headers.get("content-length", "0")
        if declared.isdigit() and int(declared) > self.max_bytes:
            raise self._too_large("body")
        share = _Share(self)
        try:
            try:
                async with asyncio.timeout(self.deadline_s):
                    whole = await share.gather(request.stream(), "body")
                    if encoding is not None:
                        pieces = decompress(encoding, whole, self.max_bytes)
                        sent = len(whole)
                        whole = await share.gather(_paced(pieces), "decompressed body")
                        share.release(sent)
            except TimeoutError:
                raise BodyTimeoutError(f"the body was not received within {self.deadline_s:g} s") from None
            except ClientDisconnect:
                raise InvalidInputError("the client disconnected before the body was complete") from None
            if encoding is None:
                refuse_unmarked(whole)
            yield whole
        finally:
            share.release(share.size)

    def _too_large(self, what: str) -> BodyTooLargeError:
        return BodyTooLargeError(f"the {what} is larger than {self.max_bytes} bytes")


class _Share:
    """The bytes of one request in the memory budget of a reader."""

    def __init__(self, reader: BodyReader) -> None:
        self._reader = reader
        self.size = 0

    async def gather(self, pieces: AsyncIterable[bytes], what: str) -> bytes:
        """Join the pieces, as long as the limit of a body and the budget allow it."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in pieces:
            size += len(chunk)
            self.size += len(chunk)
            self._reader._used += len(chunk)
            if size > self._reader.max_bytes:
                raise self._reader._too_large(what)
            if self._reader._used > self._reader._budget:
                raise UnavailableError("the memory for request bodies is full; retry later")
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def release(self, size: int) -> None:
        """Give bytes back to the budget."""
        self.size -= size
        self._reader._used -= size


async def _paced(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Let other requests run between two pieces."""
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


class SmallBodies:
    """Pure ASGI: reads all bodies except those of acquisitions before the app, with the same limits.

    These bodies are small; acquisitions are read by their own route. No body is read before authentication.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int,
        deadline_s: float,
        large: frozenset[str],
        authenticate: Callable[[Request], Awaitable[object]],
    ) -> None:
        self._app = app
        self._reader = BodyReader(max_bytes, deadline_s, budget_bytes=8 * max_bytes)
        self._large = large
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate the sender, read the body, then pass it to the app from memory."""
        if scope["type"] != "http" or not _has_body(scope) or not self._is_small(scope["path"]):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            await self._authenticate(request)
            async with self._reader.read(request) as whole:
                await self._app(scope, _replay(whole, receive), send)
        except PdmError as error:
            await problem_of(error)(scope, receive, send)

    def _is_small(self, path: str) -> bool:
        return path.startswith("/v1/") and path not in self._large


def _replay(whole: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": whole, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _has_body(scope: Scope) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
