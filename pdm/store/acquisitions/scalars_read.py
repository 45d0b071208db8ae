"""Reading of the scalars of a point, in the unit of the point."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.store.database.rows import fetch_all


@dataclass(frozen=True)
class StoredValue:
    """A value of a point."""

    measured_at: datetime
    value: float


@dataclass(frozen=True)
class ValueStep:
    """The values of a point in one step of time."""

    start: datetime
    count: int
    minimum: float
    mean: float
    maximum: float


def fetch_scalar_steps(
    conn: Connection[Any], point_id: int, *, since: datetime, before: datetime, width: timedelta, limit: int
) -> list[ValueStep]:
    """Return the steps of [since, before) that have values."""
    wanted = {"point_id": point_id, "since": since, "before": before, "width": width, "limit": limit}
    return fetch_all(conn, ValueStep, "fetch_scalar_steps", **wanted)


def page_scalars(
    conn: Connection[Any], point_id: int, *, since: datetime, before: datetime, limit: int
) -> list[StoredValue]:
    """Return the values of a point measured in [since, before), newest first."""
    wanted = {"point_id": point_id, "since": since, "before": before, "limit": limit}
    return fetch_all(conn, StoredValue, "page_scalars", **wanted)
