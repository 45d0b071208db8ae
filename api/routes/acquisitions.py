"""Receiving acquisitions, and the receipts of what was received."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from api import dependencies as deps
from api import paging
from api.errors import problem
from api.query_parameters import check_query
from api.schemas.acquisitions import BODY_SCHEMA, Receipt, ReceiptSummary
from api.schemas.pages import Page
from pdm import measurements
from pdm.ingest.decode import decode
from pdm.measurements import Outcome
from pdm.service.ingestion.record import record
from pdm.service.machines import queries
from pdm.service.platform.access import Caller
from pdm.store.acquisitions.receipt_views import StoredReceipt

router = APIRouter(prefix="/v1", tags=["acquisitions"])


class DirectRoute(APIRoute):
    """A route that hands the request to its endpoint at once.

    Resolving dependencies costs more than decoding 8192 samples; the endpoint names its caller and reads
    its body itself, and is documented like any other.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint itself."""
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint


direct = APIRouter(prefix="/v1", tags=["acquisitions"], route_class=DirectRoute)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_REQUEST_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": BODY_SCHEMA},
            "application/vnd.apache.arrow.stream": _BINARY,
            "application/vnd.apache.arrow.file": _BINARY,
            "application/vnd.pdm.raw": _BINARY,
        },
    }
}


@direct.post("/acquisitions", response_model=Receipt, openapi_extra=_REQUEST_BODY)
async def send_acquisitions(request: Request) -> Response:
    """Store acquisitions: 200 where anything is stored or was before, with one result a record.

    Repeating a request is safe. The answer comes after the commit.
    """
    caller = await deps.authenticate(request)
    caller.require(*deps.SENDERS)
    await check_query(request)
    resources = deps.resources(request)
    content_type = request.headers.get("content-type", "")
    async with resources.bodies.read(request) as body:
        return await resources.ingest.run(receive, resources, caller, content_type, body)


def receive(resources: deps.Resources, caller: Caller, content_type: str, body: bytes) -> Response:
    """Decode and record one body, and answer with its receipt; nothing stored is a 4xx."""
    decoded = decode(content_type, body)
    receipt = record(
        resources.pool,
        decoded,
        actor=caller.name,
        site_ids=caller.site_ids,
        now=datetime.now(UTC),
        future_tolerance=resources.future_tolerance,
    )
    return _answer(receipt)


def _answer(receipt: measurements.Receipt) -> Response:
    totals = {outcome.value: receipt.count(outcome) for outcome in Outcome}
    document: dict[str, Any] = {
        "receipt_id": receipt.receipt_id,
        "received_at": receipt.received_at,
        **totals,
        "results": receipt.results,
    }
    if totals[Outcome.STORED] or totals[Outcome.DUPLICATE]:
        return Response(orjson.dumps(document, option=orjson.OPT_UTC_Z), media_type="application/json")
    status = 409 if totals[Outcome.CONFLICT] == len(receipt.results) else 422
    first = receipt.results[0]
    reason = first.problems[0].detail if first.problems else first.outcome.value
    code = "conflict" if status == 409 else "nothing-stored"
    detail = f"nothing was stored; record {first.record}: {reason}"
    field = first.problems[0].field if first.problems else None
    return problem(status, code, detail, record=first.record, field=field, **document)


@router.get("/receipts", response_model=Page[ReceiptSummary])
def list_receipts(
    resources: deps.ResourcesDep, caller: deps.ReceiptReader, limit: deps.Limit = 100, cursor: deps.Cursor = None
) -> dict[str, Any]:
    """List receipts, newest first; a sender sees its own."""
    before, before_id = paging.decode(cursor, (paging.END_OF_TIME, paging.LAST_UUID))
    rows = queries.list_receipts(resources.pool, caller, before=before, before_id=before_id, limit=limit + 1)
    return paging.page(rows, limit, "received_at", "receipt_id")


@router.get("/receipts/{receipt_id}", response_model=Receipt)
def read_receipt(receipt_id: UUID, resources: deps.ResourcesDep, caller: deps.ReceiptReader) -> StoredReceipt:
    """Read a receipt with one result a record."""
    return queries.read_receipt(resources.pool, caller, receipt_id)
