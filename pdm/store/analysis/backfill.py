"""Missing features of stored waveforms in a version, read by pages, so that no progress has to be stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from psycopg import Connection, sql

from pdm.store.database.queries import query

Table = Literal["vibration", "current"]
Standing = Literal["present", "waiting", "set aside", "lacking"]
_BACKLOG = {"vibration": "fetch_vibration_backlog", "current": "fetch_current_backlog"}
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Span:
    """Times in [since, before)."""

    since: datetime
    before: datetime


def fetch_machine_keys(conn: Connection[Any], quantity: str, machine: str | None) -> list[str]:
    """Return the keys of machines with waveforms of a point quantity; only `machine` if given."""
    rows = conn.execute(query("fetch_backfill_machines"), {"quantity": quantity, "machine": machine})
    return [row[0] for row in rows]


def count_waveforms(conn: Connection[Any], point_ids: Sequence[int], span: Span) -> int:
    """Return the number of waveforms of the points in the span."""
    row = conn.execute(query("count_waveforms"), {"point_ids": list(point_ids), **vars(span)}).fetchone()
    assert row is not None
    return int(row[0])


def page_times(conn: Connection[Any], point_ids: Sequence[int], span: Span, limit: int) -> list[datetime]:
    """Return the earliest times in the span at which any of the points has a waveform."""
    wanted = {"point_ids": list(point_ids), "limit": limit, **vars(span)}
    return [row[0] for row in conn.execute(query("page_waveform_times"), wanted)]


def fetch_backlog(
    conn: Connection[Any],
    table: Table,
    machine_id: int,
    point_ids: Sequence[int],
    times: Sequence[datetime],
    version: int,
) -> list[tuple[int, datetime, Standing]]:
    """Return the status of each waveform of the points, between the first and last of `times`, in a version.

    `waiting` is in the queue of the workers, which will compute it; the analysis of `set aside` failed.
    """
    wanted = {
        "machine_id": machine_id,
        "point_ids": list(point_ids),
        "first": min(times),
        "last": max(times),
        "version": version,
    }
    return conn.execute(query(_BACKLOG[table]), wanted).fetchall()


def is_anything_pending(conn: Connection[Any]) -> bool:
    """Return whether acquisitions wait for analysis."""
    return conn.execute(query("is_anything_pending")).fetchone() == (True,)


def refresh_hourly(conn: Connection[Any], table: Table, first: datetime, last: datetime) -> None:
    """Refresh hourly summaries from `first` to `last` if the server has them; `conn` in autocommit."""
    name = f"feature_{table}_hourly"
    if conn.execute(query("fetch_continuous_aggregate"), {"name": name}).fetchone() is None:
        return
    begin = first.replace(minute=0, second=0, microsecond=0)
    end = last.replace(minute=0, second=0, microsecond=0) + _HOUR
    conn.execute("SET statement_timeout = 0")
    try:
        conn.execute(
            sql.SQL("CALL refresh_continuous_aggregate({}, {}::timestamptz, {}::timestamptz)").format(
                sql.Literal(name), sql.Literal(begin), sql.Literal(end)
            )
        )
    finally:
        conn.execute("RESET statement_timeout")
