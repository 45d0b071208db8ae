"""Models of remaining life: which serve, training them, letting them serve, carrying them out and in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from api import dependencies as deps
from api import paging
from api.schemas.models import (
    JobAnswer,
    LiveCoverageAnswer,
    ModelAnswer,
    ModelSummary,
    PromoteQuestion,
    RollBackQuestion,
    TrainQuestion,
)
from api.schemas.pages import Page
from pdm.service.prognosis import interval_coverage, jobs, registry
from pdm.service.prognosis.registry import ModelHistory
from pdm.store.models.jobs import Job

router = APIRouter(prefix="/v1", tags=["models"])

FILE_TYPE = "application/octet-stream"
IMPORT_PATH = "/v1/models/import"
ModelId = Annotated[deps.RowId, Path()]
Fleet = Annotated[deps.Key | None, Query(description="Only this fleet's.")]
_FILE = {"schema": {"type": "string", "format": "binary"}}


@router.get("/models", response_model=Page[ModelSummary])
def list_models(
    resources: deps.ResourcesDep,
    _: deps.Reader,
    fleet: Fleet = None,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List models of remaining life, newest first."""
    (before,) = paging.decode(cursor, (paging.LAST_ID,))
    return paging.page(registry.list_models(resources.pool, before=before, limit=limit + 1, fleet=fleet), limit, "id")


@router.post("/models/train", status_code=202, response_model=JobAnswer)
def train_model(question: TrainQuestion, resources: deps.ResourcesDep, caller: deps.Operator) -> Job:
    """Let a worker train a fleet's model on its lives so far; read the job for how far it is.

    One training of a fleet at a time: where one waits or runs already, that one is the answer.
    """
    return jobs.ask_for_training(resources.pool, caller, question.fleet, seed=question.seed, reason=question.reason)


@router.post("/models/rollback", response_model=ModelAnswer)
def roll_back(question: RollBackQuestion, resources: deps.ResourcesDep, caller: deps.Administrator) -> ModelHistory:
    """Let the model serve again that served before the champion; the answer is that model."""
    return registry.roll_back_for(resources.pool, caller, question.fleet, reason=question.reason)


@router.post(
    "/models/import",
    status_code=201,
    response_model=ModelAnswer,
    openapi_extra={"requestBody": {"required": True, "content": {FILE_TYPE: _FILE}}},
)
async def import_model(
    request: Request, resources: deps.ResourcesDep, caller: deps.Administrator, fleet: Annotated[deps.Key, Query()]
) -> ModelHistory:
    """Register a model from a file that `export` made, as challenger of a fleet.

    Its SHA-256 is verified first; then a process of its own, with limits, reads it. It does not serve until
    it is promoted.
    """
    async with resources.bodies.read(request) as file:
        return await run_in_threadpool(registry.import_model_for, resources.pool, caller, fleet, file)


@router.get("/models/coverage", response_model=Page[LiveCoverageAnswer])
def read_coverage(resources: deps.ResourcesDep, _: deps.Reader, fleet: Fleet = None) -> dict[str, Any]:
    """Say how often intervals of remaining life have held in service, and which claims no longer stand."""
    return {"items": interval_coverage.read_coverage(resources.pool, fleet), "next_cursor": None}


@router.get("/models/{model_id:int}", response_model=ModelAnswer)
def read_model(model_id: ModelId, resources: deps.ResourcesDep, _: deps.Reader) -> ModelHistory:
    """Read how well a model does, what it learned from and what became of it."""
    return registry.read_model(resources.pool, model_id)


@router.post("/models/{model_id:int}/promote", response_model=ModelAnswer)
def promote_model(
    model_id: ModelId, question: PromoteQuestion, resources: deps.ResourcesDep, caller: deps.Administrator
) -> ModelHistory:
    """Let a model serve its fleet from now on: one that validated better, served before, is the first, or is forced."""
    return registry.promote_for(resources.pool, caller, model_id, reason=question.reason, force=question.force)


@router.get("/models/{model_id:int}/export", response_class=Response, responses={200: {"content": {FILE_TYPE: _FILE}}})
def export_model(model_id: ModelId, resources: deps.ResourcesDep, _: deps.Operator) -> Response:
    """Read a model as a file that another pdm imports."""
    name, file = registry.export_model(resources.pool, model_id)
    return Response(file, media_type=FILE_TYPE, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/jobs", response_model=Page[JobAnswer])
def list_jobs(
    resources: deps.ResourcesDep,
    _: deps.Reader,
    fleet: Fleet = None,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List jobs, newest first."""
    (before,) = paging.decode(cursor, (paging.LAST_ID,))
    return paging.page(jobs.list_jobs(resources.pool, before=before, limit=limit + 1, fleet=fleet), limit, "id")


@router.get("/jobs/{job_id}", response_model=JobAnswer)
def read_job(job_id: Annotated[deps.RowId, Path()], resources: deps.ResourcesDep, _: deps.Reader) -> Job:
    """Read how far a job is, and what came of it."""
    return jobs.read_job(resources.pool, job_id)
