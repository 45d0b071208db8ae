"""Sites, lines and fleets out of use with their machines, and back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api import dependencies as deps
from api.schemas.machines import ReasonQuestion
from api.schemas.renaming import PlaceAnswer
from pdm.service.machines import places
from pdm.service.machines.places import Place, PlaceName
from pdm.store.machines.renaming import Kind

router = APIRouter(prefix="/v1", tags=["machines"])

SiteKey = Annotated[str, Depends(deps.read_site_key)]
LineKey = Annotated[str, Depends(deps.read_line_key)]
FleetKey = Annotated[deps.Key, Path(description="The fleet's key, or one that it had.")]


@router.post("/sites/{site}/retire", response_model=PlaceAnswer)
def retire_site(site: SiteKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator) -> Place:
    """Take a site out of use with its machines: their alerts end, and records of them are rejected."""
    return places.retire_place(resources.pool, PlaceName(Kind.SITE, site), resources.action(caller, question.reason))


@router.post("/sites/{site}/restore", response_model=PlaceAnswer)
def restore_site(site: SiteKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator) -> Place:
    """Bring a site back with the machines that went out of use with it."""
    return places.restore_place(resources.pool, PlaceName(Kind.SITE, site), resources.action(caller, question.reason))


@router.post("/sites/{site}/lines/{line}/retire", response_model=PlaceAnswer)
def retire_line(
    site: SiteKey, line: LineKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> Place:
    """Take a line out of use with its machines."""
    return places.retire_place(
        resources.pool, PlaceName(Kind.LINE, line, site), resources.action(caller, question.reason)
    )


@router.post("/sites/{site}/lines/{line}/restore", response_model=PlaceAnswer)
def restore_line(
    site: SiteKey, line: LineKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> Place:
    """Bring a line back with the machines that went out of use with it."""
    return places.restore_place(
        resources.pool, PlaceName(Kind.LINE, line, site), resources.action(caller, question.reason)
    )


@router.post("/fleets/{fleet}/retire", response_model=PlaceAnswer)
def retire_fleet(
    fleet: FleetKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> Place:
    """Take a fleet out of use with its machines; requires a key for every site."""
    caller.require_every_site()
    return places.retire_place(resources.pool, PlaceName(Kind.FLEET, fleet), resources.action(caller, question.reason))


@router.post("/fleets/{fleet}/restore", response_model=PlaceAnswer)
def restore_fleet(
    fleet: FleetKey, question: ReasonQuestion, resources: deps.ResourcesDep, caller: deps.Operator
) -> Place:
    """Bring a fleet back with the machines that went out of use with it; requires a key for every site."""
    caller.require_every_site()
    return places.restore_place(resources.pool, PlaceName(Kind.FLEET, fleet), resources.action(caller, question.reason))
