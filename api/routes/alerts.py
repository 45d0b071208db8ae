"""Alerts: lists, one with its history, all that happened, and the stream."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from starlette.responses import Response as PlainResponse

from api import dependencies as deps
from api import paging
from api.schemas.alerts import AlertAnswer, AlertEventKind, AlertHistoryEvent, AlertSummary
from api.schemas.machines import AlertState
from api.schemas.pages import Page
from api.stream import AlertStream, parse_place
from pdm.service.machines import queries
from pdm.service.platform.visibility import find_machine_key
from pdm.store.alerts.alert_views import Alert

router = APIRouter(prefix="/v1", tags=["alerts"])


@router.get("/alerts", response_model=Page[AlertSummary])
def list_alerts(
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    state: AlertState | None = None,
    severity: Literal["advisory", "warning", "critical"] | None = None,
    machine: Annotated[deps.MachineName | None, Query()] = None,
    is_open: Annotated[
        bool | None, Query(alias="open", description="Whether anything is left to do or to happen.")
    ] = None,
    withheld: Annotated[bool | None, Query(description="Whether receivers are not told.")] = None,
    assignee: Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]+$")] = None,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List alerts, the last raised first."""
    before, before_id = paging.decode(cursor, (paging.END_OF_TIME, paging.LAST_UUID))
    rows = queries.list_alerts(
        resources.pool,
        caller,
        before=before,
        before_id=before_id,
        limit=limit + 1,
        state=state,
        severity=severity,
        machine=machine and find_machine_key(resources.pool, caller, machine),
        is_open=is_open,
        is_withheld=withheld,
        assignee=assignee,
    )
    return paging.page(rows, limit, "raised_at", "id")


@router.get("/alerts/history", response_model=Page[AlertHistoryEvent])
def list_alert_history(
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    machine: Annotated[deps.MachineName | None, Query()] = None,
    alert: UUID | None = None,
    kind: AlertEventKind | None = None,
    actor: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]+$")] = None,
    since: deps.Moment | None = None,
    until: deps.Moment | None = None,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List what happened to alerts, by whom and why, the last first."""
    (before,) = paging.decode(cursor, (paging.LAST_ID,))
    rows = queries.list_alert_history(
        resources.pool,
        caller,
        before=before,
        limit=limit + 1,
        machine=machine and find_machine_key(resources.pool, caller, machine),
        alert_id=alert,
        kind=kind,
        actor=actor,
        since=since,
        until=until,
    )
    return paging.page(rows, limit, "id")


@router.get(
    "/alerts/stream",
    response_class=PlainResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream_alerts(
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> AlertStream:
    """Follow alert events as they happen (server-sent events); Last-Event-ID resumes without a gap."""
    return AlertStream(resources.hub, caller, parse_place(last_event_id))


@router.get("/alerts/{alert_id}", response_model=AlertAnswer)
def read_alert(alert_id: UUID, response: Response, resources: deps.ResourcesDep, caller: deps.Reader) -> Alert:
    """Read one alert with its evidence and its last 500 events; the ETag is its version."""
    found = queries.read_alert(resources.pool, caller, alert_id)
    response.headers["ETag"] = f'"{found.version}"'
    return found
