"""The language of response texts, by the Accept-Language of the request."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Annotated

from fastapi import Depends, Header
from starlette.types import ASGIApp, Receive, Scope, Send

from pdm.words.catalogue import DEFAULT_LANGUAGE, choose_language

_spoken: ContextVar[str] = ContextVar("spoken", default=DEFAULT_LANGUAGE)


def spoken() -> str:
    """Return the language of the present request."""
    return _spoken.get()


class SpokenLanguage:
    """Pure ASGI: stores the preferred language of a request for the texts of its response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request with its language stored."""
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
    """Return the available language that the caller prefers."""
    return spoken()


Language = Annotated[str, Depends(preferred)]
