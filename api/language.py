"""The language that an answer's words are in, as the request's Accept-Language prefers it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Annotated

from fastapi import Depends, Header
from starlette.types import ASGIApp, Receive, Scope, Send

from pdm.words.catalogue import DEFAULT_LANGUAGE, choose_language

_spoken: ContextVar[str] = ContextVar("spoken", default=DEFAULT_LANGUAGE)


def spoken() -> str:
    """Return the language of the request that is being answered."""
    return _spoken.get()


class SpokenLanguage:
    """Pure ASGI: notes the language that a request prefers, for the words of its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its language noted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-language")
        token = _spoken.set(choose_language(accepted[:200].decode("latin-1")))
        try:
            await self._app(scope, receive, send)
        finally:
            _spoken.reset(token)


async def preferred(
    accept_language: Annotated[  # noqa: ARG001
        str | None, Header(max_length=200, description="Of the words: `en` or `ko`.", examples=["ko"])
    ] = None,
) -> str:
    """Return the language that the caller prefers of those that there are."""
    return spoken()


Language = Annotated[str, Depends(preferred)]
