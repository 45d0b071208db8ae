"""The OpenAPI document takes long to make: other requests are answered meanwhile, and it is made once."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import FastAPI

from api.app import create
from pdm.settings import Settings


async def _ask_together(app: FastAPI, *paths: str) -> list[str]:
    """Ask for all at once; return the paths in the order of their answers."""
    answered: list[str] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://pdm") as client:

        async def ask(path: str) -> None:
            answer = await client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/json"
            answered.append(path)

        await asyncio.gather(*(ask(path) for path in paths))
    return answered


def test_other_requests_are_answered_while_the_document_is_made() -> None:
    app = create(Settings())
    assert asyncio.run(_ask_together(app, "/openapi.json", "/healthz")) == ["/healthz", "/openapi.json"]


def test_the_document_is_made_once_for_requests_at_the_same_time() -> None:
    app = create(Settings())
    asyncio.run(_ask_together(app, "/openapi.json", "/openapi.json"))
    assert app.openapi() is app.openapi_schema
    assert "/v1/machines" in app.openapi()["paths"]
    assert "/openapi.json" not in app.openapi()["paths"]
