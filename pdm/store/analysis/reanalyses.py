"""Machines that are concluded again, after late data or a corrected event, and how far that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all


@dataclass(frozen=True)
class Reanalysis:
    """A machine that waits to be concluded again from `since` to `until`, or is: `done` of `acquisitions`.

    `asked_at` is None if the request is from code that does not store its time. What a worker reports is None before it
    has begun, and for short replays.
    """

    machine_id: int
    machine: str
    since: datetime
    until: datetime | None
    is_correction: bool
    asked_at: datetime | None
    started_at: datetime | None
    reported_at: datetime | None
    reached: datetime | None
    acquisitions: int | None
    done: int | None
    share: float


def report(conn: Connection[Any], machine_id: int, done: int, acquisitions: int, reached: datetime | None) -> None:
    """Store how far the replay of a machine is; on another connection than that of the replay."""
    values = {"machine_id": machine_id, "done": done, "acquisitions": acquisitions, "reached": reached}
    conn.execute("SET LOCAL lock_timeout = '500ms'")  # it may wait for the transaction that it reports on
    conn.execute(query("report_reanalysis"), values)


def end(conn: Connection[Any], machine_id: int) -> None:
    """Delete the report on a machine, with the transaction of its replay."""
    conn.execute(query("end_reanalysis"), {"machine_id": machine_id})


def page_reanalyses(
    conn: Connection[Any], *, after_id: int, limit: int, machine: str | None, site_ids: Sequence[int] | None
) -> list[Reanalysis]:
    """Return machines that wait for a reanalysis or are in one, by id."""
    wanted = {
        "after_id": after_id,
        "limit": limit,
        "machine": machine,
        "site_ids": None if site_ids is None else list(site_ids),
    }
    return fetch_all(conn, Reanalysis, "page_reanalyses", **wanted)
