"""Reading of the scalars of a point, in the unit of the point, as they are corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.machines.corrections import SourceSpan
from pdm.store.database.rows import fetch_all


@dataclass(frozen=True)
class StoredValue:
    """A value of a point, and whether a correction applies to it."""

    measured_at: datetime
    value: float
    is_corrected: bool


@dataclass(frozen=True)
class ValueStep:
    """The values of a point in one step of time."""

    start: datetime
    count: int
    minimum: float
    mean: float
    maximum: float


def fetch_scalar_steps(
    conn: Connection[Any], spans: Sequence[SourceSpan], *, width: timedelta, limit: int
) -> list[ValueStep]:
    """Return the steps of some spans that have values."""
    return fetch_all(conn, ValueStep, "fetch_scalar_steps", **span_values(spans), width=width, limit=limit)


def page_scalars(conn: Connection[Any], spans: Sequence[SourceSpan], *, limit: int) -> list[StoredValue]:
    """Return the values of a point in some spans, newest first."""
    corrected = [span.is_corrected for span in spans]
    return fetch_all(conn, StoredValue, "page_scalars", **span_values(spans), corrected=corrected, limit=limit)


def span_values(spans: Sequence[SourceSpan]) -> dict[str, Any]:
    """Return spans as arrays for a query."""
    return {
        "sources": [span.source_id for span in spans],
        "starts": [span.since for span in spans],
        "ends": [span.before for span in spans],
        "gains": [span.gain for span in spans],
        "offsets": [span.offset for span in spans],
        "since": spans[0].since,
        "before": spans[-1].before,
    }
