"""Renaming sites, lines, fleets, machines, components and points, and the history of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from api import dependencies as deps
from api import paging
from api.schemas.machines import MachineAnswer
from api.schemas.pages import Page
from api.schemas.renaming import PlaceAnswer, RenamedKind, RenameQuestion, RenamingAnswer
from pdm.service.machines import queries, renaming
from pdm.service.machines.machine_views import MachineDetails
from pdm.service.machines.places import Place
from pdm.service.machines.renaming import NewName
from pdm.service.machines.retirement import Action
from pdm.service.platform.access import Caller
from pdm.service.platform.visibility import find_machine_key
from pdm.store.machines.renaming import Kind

router = APIRouter(prefix="/v1", tags=["machines"])

MachineKey = Annotated[str, Depends(deps.read_machine_key)]
PointKey = Annotated[str, Depends(deps.read_point_key)]
SiteKey = Annotated[str, Depends(deps.read_site_key)]
LineKey = Annotated[str, Depends(deps.read_line_key)]
ComponentKey = Annotated[deps.Key, Path(description="The component's key, or one that it had.")]
FleetKey = Annotated[deps.Key, Path(description="The fleet's key, or one that it had.")]


@router.post("/machines/{machine}/rename", response_model=MachineAnswer)
def rename_machine(
    machine: MachineKey, question: RenameQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Rename a machine; its former key remains valid."""
    now = renaming.rename_machine(resources.pool, machine, *_asked(resources, question, caller))
    return queries.read_machine(resources.pool, caller, now.key)


@router.post("/machines/{machine}/points/{point}/rename", response_model=MachineAnswer)
def rename_point(
    machine: MachineKey, point: PointKey, question: RenameQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> MachineDetails:
    """Rename a measurement point; what was learned at it continues."""
    renaming.rename_point(resources.pool, machine, point, *_asked(resources, question, caller))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/machines/{machine}/components/{component}/rename", response_model=MachineAnswer)
def rename_component(
    machine: MachineKey,
    component: ComponentKey,
    question: RenameQuestion,
    resources: deps.ResourcesDep,
    caller: deps.Operator,
) -> MachineDetails:
    """Rename a component; its life, its alerts and what was learned of it continue."""
    renaming.rename_component(resources.pool, machine, component, *_asked(resources, question, caller))
    return queries.read_machine(resources.pool, caller, machine)


@router.post("/sites/{site}/rename", response_model=PlaceAnswer)
def rename_site(site: SiteKey, question: RenameQuestion, resources: deps.ResourcesDep, caller: deps.Operator) -> Place:
    """Rename a site; its former key remains valid."""
    return Place.of(Kind.SITE, renaming.rename_site(resources.pool, site, *_asked(resources, question, caller)))


@router.post("/sites/{site}/lines/{line}/rename", response_model=PlaceAnswer)
def rename_line(
    site: SiteKey, line: LineKey, question: RenameQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> Place:
    """Rename a line of a site; its former key remains valid."""
    return Place.of(Kind.LINE, renaming.rename_line(resources.pool, site, line, *_asked(resources, question, caller)))


@router.post("/fleets/{fleet}/rename", response_model=PlaceAnswer)
def rename_fleet(
    fleet: FleetKey, question: RenameQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> Place:
    """Rename a fleet with its models; requires a key for every site."""
    caller.require_every_site()
    return Place.of(Kind.FLEET, renaming.rename_fleet(resources.pool, fleet, *_asked(resources, question, caller)))


@router.get("/renamings", response_model=Page[RenamingAnswer])
def list_renamings(
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    kind: RenamedKind | None = None,
    machine: Annotated[deps.MachineName | None, Query()] = None,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List renamings, the newest first: of a kind, or of a machine with its components and points."""
    (before,) = paging.decode(cursor, (paging.LAST_ID,))
    key = machine and find_machine_key(resources.pool, caller, machine)
    rows = renaming.list_renamings(resources.pool, caller, before=before, limit=limit + 1, kind=kind, machine=key)
    return paging.page(rows, limit, "id")


def _asked(resources: deps.Resources, question: RenameQuestion, caller: Caller) -> tuple[NewName, Action]:
    return NewName(question.key, question.name), resources.action(caller, question.reason)
