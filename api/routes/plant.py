"""The health of lines and sites."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from api import dependencies as deps
from api.schemas.plant import LineHealth, SiteHealth
from pdm.service.machines import plant_health

router = APIRouter(prefix="/v1/sites/{site}", tags=["machines"])

SiteKey = Annotated[str, Depends(deps.read_site_key)]
LineKey = Annotated[str, Depends(deps.read_line_key)]


@router.get("/health", response_model=SiteHealth)
def read_site_health(site: SiteKey, resources: deps.ResourcesDep, caller: deps.Reader) -> plant_health.SiteHealth:
    """Read the worst that is known of a site's machines, and of each of its lines."""
    return plant_health.read_site_health(resources.pool, caller, site)


@router.get("/lines/{line}/health", response_model=LineHealth)
def read_line_health(
    site: SiteKey, line: LineKey, resources: deps.ResourcesDep, caller: deps.Reader
) -> plant_health.LineHealth:
    """Read the worst that is known of a line's machines."""
    return plant_health.read_line_health(resources.pool, caller, site, line)
