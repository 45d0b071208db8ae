"""Scalars of a point as they were sent or are corrected: in equal steps of time, or value by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.errors import RefusalError
from pdm.machines.corrections import NO_CORRECTIONS, MeasurementCorrection
from pdm.service.machines.time_steps import MOST_STEPS, choose_range, choose_width
from pdm.service.platform.access import Caller
from pdm.service.platform.visibility import visible_machine, visible_point
from pdm.store.acquisitions import scalars_read
from pdm.store.acquisitions.scalars_read import StoredValue, ValueStep
from pdm.store.machines.corrections import fetch_corrections
from pdm.store.machines.machine_views import FoundPoint

Pool = ConnectionPool[Any]

_ALWAYS = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class ScalarCourse:
    """Values [unit] of a point in equal steps [s] of [since, before), and the last value of all."""

    machine: str
    point: str
    quantity: str
    unit: str
    resolution_s: float
    since: datetime
    before: datetime
    steps: Sequence[ValueStep]
    last: StoredValue | None
    corrections: Sequence[MeasurementCorrection]


@dataclass(frozen=True)
class ScalarValue:
    """A value of a point in the unit that its sender declared, and whether it is not as it was sent."""

    measured_at: datetime
    value: float
    unit: str
    is_corrected: bool


def read_scalars(
    pool: Pool,
    caller: Caller,
    machine: str,
    point: str,
    *,
    since: datetime | None,
    before: datetime | None,
    resolution: float | None,
) -> ScalarCourse:
    """Return minimum, mean and maximum of a point's values in equal steps of time, in the unit of the point.

    If `resolution` [s] is None, it gives about 300 steps; without a time range the last 30 days with values are
    returned.

    Raises
    ------
    NotFoundError
        The machine or the point does not exist for the caller.
    InvalidInputError
        The range is empty or has more than 2000 steps.
    RefusalError
        The point delivers waveforms.
    """
    with visible_machine(pool, caller, machine) as (conn, row):
        found = _scalar_point(conn, caller, machine, point)
        corrections = fetch_corrections(conn, [row.id]).get(row.id, NO_CORRECTIONS)
        first, end = _ALWAYS
        newest = scalars_read.page_scalars(conn, corrections.spans(found.id, first, end), limit=1)
        last = newest[0] if newest else None
        since, before = choose_range(since, before, last.measured_at if last is not None else None)
        width = choose_width(before - since, resolution)
        spans = corrections.spans(found.id, since, before)
        steps = scalars_read.fetch_scalar_steps(conn, spans, width=width, limit=MOST_STEPS + 2)
    return ScalarCourse(
        machine,
        point,
        found.quantity,
        found.unit,
        width.total_seconds(),
        since,
        before,
        steps,
        last,
        corrections.applied(found.id, since, before),
    )


def list_scalars(
    pool: Pool, caller: Caller, machine: str, point: str, *, since: datetime, before: datetime, limit: int
) -> list[ScalarValue]:
    """Return the values of a point measured in [since, before), newest first, in the unit of the point."""
    with visible_machine(pool, caller, machine) as (conn, row):
        found = _scalar_point(conn, caller, machine, point)
        corrections = fetch_corrections(conn, [row.id]).get(row.id, NO_CORRECTIONS)
        values = scalars_read.page_scalars(conn, corrections.spans(found.id, since, before), limit=limit)
    return [ScalarValue(each.measured_at, each.value, found.unit, each.is_corrected) for each in values]


def _scalar_point(conn: Connection[Any], caller: Caller, machine: str, point: str) -> FoundPoint:
    found = visible_point(conn, caller, machine, point)
    if found.sampling_rate_hz is not None:
        raise RefusalError(
            f"point {point!r} delivers waveforms, not scalars; read /v1/machines/{machine}/features/{point}",
            field="point",
        )
    return found
