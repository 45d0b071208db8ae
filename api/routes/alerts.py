"""Alerts: lists, one with its history, the acknowledgement, and the stream."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import Response as PlainResponse

from api import dependencies as given
from api import paging
from api.schemas.alerts import Acknowledgement, AlertAnswer, AlertSummary
from api.schemas.machines import AlertState
from api.schemas.pages import Page
from api.stream import AlertStream, parse_place
from pdm.alerts.alarm_states import Verb
from pdm.service import operate, query

router = APIRouter(prefix="/v1", tags=["alerts"])

_NEVER = -1  # a version that no alert has: an ETag that is not ours matches nothing


@router.get("/alerts", response_model=Page[AlertSummary])
def list_alerts(
    held: given.Held,
    caller: given.Reader,
    state: AlertState | None = None,
    severity: Literal["advisory", "warning", "critical"] | None = None,
    machine: Annotated[given.Key | None, Query()] = None,
    limit: given.Limit = 100,
    cursor: given.Cursor = None,
) -> dict[str, Any]:
    """List alerts, the last raised first."""
    before, before_id = paging.decode(cursor, (paging.END_OF_TIME, paging.LAST_UUID))
    rows = query.list_alerts(
        held.pool,
        caller,
        before=before,
        before_id=before_id,
        limit=limit + 1,
        state=state,
        severity=severity,
        machine=machine,
    )
    return paging.page(rows, limit, "raised_at", "id")


@router.get(
    "/alerts/stream",
    response_class=PlainResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream_alerts(
    held: given.Held,
    caller: given.Reader,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> AlertStream:
    """Follow alert events as they happen (server-sent events); Last-Event-ID resumes without a gap."""
    return AlertStream(held.hub, caller, parse_place(last_event_id))


@router.get("/alerts/{alert_id}", response_model=AlertAnswer)
def read_alert(alert_id: UUID, response: Response, held: given.Held, caller: given.Reader) -> dict[str, Any]:
    """Read one alert with its evidence and history; the ETag is its version."""
    found = query.read_alert(held.pool, caller, alert_id)
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


@router.post("/alerts/{alert_id}/acknowledge", response_model=AlertAnswer)
def acknowledge_alert(
    alert_id: UUID,
    response: Response,
    held: given.Held,
    caller: given.Operator,
    question: Acknowledgement | None = None,
    if_match: Annotated[str | None, Header(max_length=64, description="The ETag that was read.")] = None,
) -> dict[str, Any]:
    """Take notice of an alert; with If-Match only if nothing has changed since it was read."""
    found = operate.act_on_alert(
        held.pool,
        caller,
        alert_id,
        Verb.ACKNOWLEDGE,
        comment=question.comment if question is not None else "",
        seen_version=_version(if_match),
        now=datetime.now(UTC),
    )
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else _NEVER
