"""Keys, the queue, and what was set aside or quarantined."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api import dependencies as deps
from api import paging
from api.schemas.administration import (
    KeyAnswer,
    KeyCreated,
    KeyQuestion,
    QuarantineAnswer,
    QueueAnswer,
    ReanalysisAnswer,
    ReplayAnswer,
    SetAsideAnswer,
)
from api.schemas.pages import Page
from pdm.service.ingestion import failed_acquisitions
from pdm.service.machines import queries
from pdm.service.platform import access
from pdm.service.platform.access import NewKey
from pdm.service.platform.visibility import find_machine_key
from pdm.store.machines.machine_views import AnalysisBacklog

router = APIRouter(prefix="/v1", tags=["administration"])

RowId = Annotated[deps.RowId, Path()]


@router.get("/keys", response_model=Page[KeyAnswer])
def list_keys(
    resources: deps.ResourcesDep, caller: deps.Administrator, limit: deps.Limit = 100, cursor: deps.Cursor = None
) -> dict[str, Any]:
    """List API keys, newest first; never their secrets."""
    (before,) = paging.decode(cursor, (paging.LAST_ID,))
    return paging.page(access.list_keys(resources.pool, caller, before=before, limit=limit + 1), limit, "id")


@router.post("/keys", status_code=201, response_model=KeyCreated)
def create_key(question: KeyQuestion, resources: deps.ResourcesDep, caller: deps.Administrator) -> NewKey:
    """Make an API key; the answer holds the secret, this once."""
    return access.create_key_for(resources.pool, caller, name=question.name, role=question.role, sites=question.sites)


@router.delete("/keys/{key_id}", status_code=204)
def revoke_key(key_id: RowId, resources: deps.ResourcesDep, caller: deps.Administrator) -> None:
    """Stop accepting a key: here at once, in other processes within five seconds."""
    access.revoke_key(resources.pool, caller, key_id)
    resources.keys.forget()


@router.get("/queue", response_model=QueueAnswer)
def read_queue(resources: deps.ResourcesDep, _: deps.Reader) -> AnalysisBacklog:
    """Read how many acquisitions wait for analysis."""
    return queries.count_waiting(resources.pool)


@router.get("/reanalyses", response_model=Page[ReanalysisAnswer])
def list_reanalyses(
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
    machine: Annotated[deps.MachineName | None, Query(description="Only this machine's.")] = None,
) -> dict[str, Any]:
    """List machines that are concluded again after late data or a corrected event, with the share done."""
    key = machine and find_machine_key(resources.pool, caller, machine)
    (after,) = paging.decode(cursor, (0,))
    rows = queries.list_reanalyses(resources.pool, caller, after_id=after, limit=limit + 1, machine=key)
    return paging.page(rows, limit, "machine_id")


@router.get("/set-aside", response_model=Page[SetAsideAnswer])
def list_set_aside(
    resources: deps.ResourcesDep, caller: deps.Operator, limit: deps.Limit = 100, cursor: deps.Cursor = None
) -> dict[str, Any]:
    """List acquisitions whose analysis failed."""
    after_id, after = paging.decode(cursor, (0, paging.START_OF_TIME))
    rows = queries.list_set_aside(resources.pool, caller, after_id=after_id, after=after, limit=limit + 1)
    return paging.page(rows, limit, "machine_id", "measured_at")


@router.post("/set-aside/replay", response_model=ReplayAnswer)
def replay_set_aside(
    resources: deps.ResourcesDep,
    caller: deps.Operator,
    machine: Annotated[deps.MachineName | None, Query(description="Only this machine's.")] = None,
) -> dict[str, Any]:
    """Let what was set aside be analysed once more."""
    key = machine and find_machine_key(resources.pool, caller, machine)
    return {"replayed": failed_acquisitions.replay_set_aside(resources.pool, caller, key)}


@router.get("/quarantine", response_model=Page[QuarantineAnswer])
def list_quarantine(
    resources: deps.ResourcesDep, caller: deps.Operator, limit: deps.Limit = 100, cursor: deps.Cursor = None
) -> dict[str, Any]:
    """List records whose time cannot be right, newest first."""
    (before,) = paging.decode(cursor, (paging.LAST_ID,))
    return paging.page(queries.list_quarantine(resources.pool, caller, before=before, limit=limit + 1), limit, "id")
