"""Whether the service is alive and ready, its metrics, and its pages."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import fastapi_offline
import psycopg
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from psycopg_pool import PoolTimeout
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from api import dependencies as deps
from api.metrics import Counted, render
from pdm.service.alerting import kpi
from pdm.service.machines import queries
from pdm.service.prognosis import interval_coverage

router = APIRouter(tags=["system"])

_DASHBOARD = Path(str(files("api.dashboard"))) / "static"
_SWAGGER = Path(fastapi_offline.__file__).parent / "static"
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process is alive, whatever the database does."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"description": "Database unavailable."}})
def readyz(resources: deps.ResourcesDep) -> dict[str, str]:
    """Say whether requests can be served: 503 while the database is away."""
    queries.check_ready(resources.pool)
    return {"status": "ready"}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(resources: deps.ResourcesDep) -> Response:
    """Tell Prometheus what the process and the database count."""
    found: Counted | None = None
    if resources.watch.is_available:
        try:
            gauges, open_alerts = queries.count_for_metrics(resources.pool)
            alarms = kpi.gauges(resources.pool, datetime.now(UTC))
            found = Counted(gauges | alarms, open_alerts, interval_coverage.read_coverage(resources.pool, None))
        except (psycopg.Error, PoolTimeout):
            found = None
    body, content_type = render(resources.metrics, found)
    return Response(body, media_type=content_type)


def install_pages(app: FastAPI) -> None:
    """Serve the dashboard and Swagger UI from files of this installation; nothing comes from elsewhere."""
    app.mount("/static/swagger", StaticFiles(directory=_SWAGGER), name="swagger")
    app.mount("/static/dashboard", StaticFiles(directory=_DASHBOARD), name="dashboard")

    @app.get("/", include_in_schema=False)
    async def dashboard() -> Response:
        return FileResponse(_DASHBOARD / "index.html", headers=_PAGE_HEADERS)

    @app.get("/docs", include_in_schema=False)
    async def swagger() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="pdm API",
            swagger_js_url="/static/swagger/swagger-ui-bundle.js",
            swagger_css_url="/static/swagger/swagger-ui.css",
            swagger_favicon_url="/static/swagger/favicon.png",
        )
