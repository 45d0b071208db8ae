"""Dependencies of routes: resources of the process, the caller of the API key, the body, and page cursors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from psycopg_pool import ConnectionPool
from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.concurrency import run_in_threadpool

from api.availability import DatabaseWatch
from api.body import BodyReader
from api.ingest_queue import IngestQueue
from api.metrics import Metrics
from api.stream import AlertHub
from pdm.errors import UnauthenticatedError
from pdm.service.machines.retirement import Action
from pdm.service.platform.access import Caller, KeyRing, Role
from pdm.service.platform.visibility import find_line_key, find_machine_key, find_point_key, find_site_key
from pdm.settings import Settings
from pdm.store.database.connection import database_required

KEY_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
NAMED_PATTERN = r"^[^\x00-\x1f\x7f/]{1,200}$"


@dataclass
class Resources:
    """Open resources of one API process."""

    settings: Settings
    pool: ConnectionPool[Any]
    keys: KeyRing
    bodies: BodyReader
    watch: DatabaseWatch
    hub: AlertHub
    metrics: Metrics
    ingest: IngestQueue

    @property
    def future_tolerance(self) -> timedelta:
        """How far ahead of the server's clock a time may be."""
        return timedelta(seconds=self.settings.future_tolerance_s)

    def action(self, caller: Caller, reason: str) -> Action:
        """Return what a caller does now to machines and parts of them."""
        return Action(caller.name, caller.site_ids, datetime.now(UTC), reason, self.future_tolerance)


def resources(request: Request) -> Resources:
    """Return the process's resources."""
    found: Resources = request.app.state.resources
    return found


async def provide_resources(request: Request) -> Resources:
    """Return the resources of the process; async, because a plain dependency would use the thread pool."""
    return resources(request)


async def authenticate(request: Request) -> Caller:
    """Return the caller of the request's API key.

    Raises
    ------
    UnauthenticatedError
        The key is missing or not valid.
    UnavailableError
        The database is unavailable.
    """
    key = _bearer(request.headers.get("authorization")) or request.headers.get("x-api-key")
    if not key:
        raise UnauthenticatedError("send an API key: 'Authorization: Bearer pdm_...'")
    process = resources(request)
    known = process.keys.recall(key)
    if known is not None:
        return known
    with database_required():
        return await run_in_threadpool(process.keys.look_up, process.pool, key)


def allow(*roles: Role) -> Callable[[Request], Awaitable[Caller]]:
    """Return a dependency that accepts only these roles."""

    async def caller(request: Request) -> Caller:
        known = await authenticate(request)
        known.require(*roles)
        return known

    return caller


def read_machine_key(
    machine: Annotated[str, Path(pattern=NAMED_PATTERN, description="The machine's key, one that it had, or its tag.")],
    process: Annotated[Resources, Depends(provide_resources)],
    caller: Annotated[Caller, Depends(authenticate)],
) -> str:
    """Return the key of the machine that the path names by key, former key or tag."""
    return find_machine_key(process.pool, caller, machine)


def read_point_key(
    point: Annotated[str, Path(pattern=KEY_PATTERN, description="The measurement point's key, or one that it had.")],
    machine: Annotated[str, Depends(read_machine_key)],
    process: Annotated[Resources, Depends(provide_resources)],
    caller: Annotated[Caller, Depends(authenticate)],
) -> str:
    """Return the present key of the measurement point that the path names."""
    return find_point_key(process.pool, caller, machine, point)


def read_site_key(
    site: Annotated[str, Path(pattern=KEY_PATTERN, description="The site's key, or one that it had.")],
    process: Annotated[Resources, Depends(provide_resources)],
    caller: Annotated[Caller, Depends(authenticate)],
) -> str:
    """Return the present key of the site that the path names."""
    return find_site_key(process.pool, caller, site)


def read_line_key(
    line: Annotated[str, Path(pattern=KEY_PATTERN, description="The line's key, or one that it had.")],
    site: Annotated[str, Depends(read_site_key)],
    process: Annotated[Resources, Depends(provide_resources)],
    caller: Annotated[Caller, Depends(authenticate)],
) -> str:
    """Return the present key of the line that the path names."""
    return find_line_key(process.pool, caller, site, line)


def _bearer(header: str | None) -> str | None:
    if header is None:
        return None
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if not isinstance(value, str) or len(value) < len("2026-01-01T00:00Z") or value[10] not in "Tt ":
        raise ValueError("must be an RFC 3339 date and time with an offset, such as 2026-11-01T10:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("the time has no UTC offset; append Z for UTC or an offset such as +09:00")
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is outside the years 1 to 9999") from None


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-01T10:00:00Z"]}),
]
Key = Annotated[str, Field(pattern=KEY_PATTERN, examples=["press-07"])]
MachineName = Annotated[
    str, Field(pattern=NAMED_PATTERN, description="A machine's key or its tag.", examples=["press-07", "P-101A"])
]
RowId = Annotated[int, Field(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items of the page.")]
Cursor = Annotated[str | None, Query(max_length=512, description="`next_cursor` of the page before.")]
ResourcesDep = Annotated[Resources, Depends(provide_resources)]
SENDERS = (Role.INGEST, Role.OPERATE, Role.ADMIN)
Sender = Annotated[Caller, Depends(allow(*SENDERS))]
ReceiptReader = Annotated[Caller, Depends(allow(Role.INGEST, Role.READ, Role.OPERATE, Role.ADMIN))]
Reader = Annotated[Caller, Depends(allow(Role.READ, Role.OPERATE, Role.ADMIN))]
Operator = Annotated[Caller, Depends(allow(Role.OPERATE, Role.ADMIN))]
Administrator = Annotated[Caller, Depends(allow(Role.ADMIN))]
