"""The REST service: `api.app:create` builds it from the settings in the environment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from psycopg import Error as DatabaseError
from psycopg_pool import PoolTimeout
from starlette.concurrency import run_in_threadpool

from api import errors
from api.availability import AvailabilityGuard, DatabaseWatch
from api.body import BodyReader, SmallBodies
from api.dependencies import Resources, authenticate
from api.ingest_queue import IngestQueue
from api.language import SpokenLanguage
from api.metrics import Metrics, MetricsMiddleware
from api.openapi import PROBLEMS, describe
from api.query_parameters import check_query
from api.routes import (
    acquisitions,
    administration,
    alerts,
    cases,
    corrections,
    diagnosis,
    machines,
    models,
    operating,
    places,
    plant,
    points,
    renaming,
    retirement,
    rules,
    subscriptions,
    system,
    work_orders,
)
from api.stream import AlertHub
from pdm.errors import UnavailableError
from pdm.service.machines.queries import check_ready
from pdm.service.platform.access import KeyRing
from pdm.settings import Settings
from pdm.store.database.connection import open_pool

SMALL_BODY_BYTES = 8 * 1024 * 1024  # of all bodies except acquisitions: a fleet of 1000 machines has 2 MiB
BODIES_IN_MEMORY = 4  # in largest bodies: memory for bodies that one process reads, decodes and stores at once

_log = logging.getLogger(__name__)


def create(settings: Settings | None = None) -> FastAPI:
    """Return the ASGI application; its pool and listeners open at its start.

    It starts without a database, answers 503 until the database is available, and does not start on a server that
    could lose acknowledged data.
    """
    settings = settings or Settings.from_environment()
    metrics = Metrics()
    watch = DatabaseWatch(settings.dsn)
    app = FastAPI(
        title="pdm",
        version="0.1.0",
        summary="Predictive maintenance: acquisitions in, health, remaining life and alerts out.",
        openapi_url=None,  # `describe` serves it
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(settings, metrics, watch),
        responses=PROBLEMS,
        dependencies=[Depends(check_query)],
        strict_content_type=True,
    )
    for router in (
        acquisitions.direct,
        acquisitions.router,
        machines.router,
        renaming.router,
        retirement.router,
        corrections.router,
        places.router,
        diagnosis.router,
        plant.router,
        points.router,
        cases.router,
        alerts.router,
        operating.router,
        subscriptions.router,
        work_orders.router,
        models.router,
        rules.router,
        administration.router,
    ):
        app.include_router(router)
    app.include_router(system.router)
    system.install_pages(app)
    errors.install(app)
    describe(app)
    app.add_middleware(
        SmallBodies,
        max_bytes=min(SMALL_BODY_BYTES, settings.max_body_bytes),
        deadline_s=settings.body_deadline_s,
        large=frozenset({"/v1/acquisitions", models.IMPORT_PATH}),
        authenticate=authenticate,
    )
    app.add_middleware(AvailabilityGuard, watch=watch)
    app.add_middleware(SpokenLanguage)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    return app


def _lifespan(settings: Settings, metrics: Metrics, watch: DatabaseWatch) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = open_pool(settings)
        hub = AlertHub(settings.dsn, pool)
        bodies = BodyReader(
            settings.max_body_bytes, settings.body_deadline_s, BODIES_IN_MEMORY * settings.max_body_bytes
        )
        ingest = IngestQueue(settings.pool_size)
        app.state.resources = Resources(settings, pool, KeyRing(), bodies, watch, hub, metrics, ingest)
        try:
            try:
                await run_in_threadpool(check_ready, pool)
            except (DatabaseError, PoolTimeout, UnavailableError) as error:
                _log.warning("started without a usable database: %s", error)
            background = [asyncio.create_task(watch.run()), asyncio.create_task(hub.run())]
            try:
                yield
            finally:
                for task in background:
                    task.cancel()
                await asyncio.gather(*background, return_exceptions=True)
        finally:
            ingest.close()
            pool.close(timeout=5.0)

    return lifespan
