"""Machines and measurement points out of use, and sensors that were replaced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.machines.model import MeasurementPoint, Timeline
from pdm.quality.memory import SIZE
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all
from pdm.store.machines.registration import StoredMachine, limits_row, point_row


@dataclass(frozen=True)
class RetiredPoint:
    """A measurement point out of use, since when and why."""

    point: str
    quantity: str
    unit: str
    sampling_rate_hz: float | None
    retired_at: datetime
    retired_reason: str


def retire_machine(conn: Connection[Any], machine_id: int, reason: str, now: datetime) -> bool:
    """Take a machine out of use; returns whether it was in use."""
    values = {"machine_id": machine_id, "reason": reason, "now": now}
    return conn.execute(query("retire_machine"), values).fetchone() is not None


def restore_machine(conn: Connection[Any], machine_id: int) -> bool:
    """Bring a retired machine back; returns whether it was retired."""
    return conn.execute(query("restore_machine"), {"machine_id": machine_id}).fetchone() is not None


def retire_point(conn: Connection[Any], machine_id: int, point: str, reason: str, now: datetime) -> bool:
    """Take a measurement point out of use; returns whether it was in use."""
    values = {"machine_id": machine_id, "point": point, "reason": reason, "now": now}
    return conn.execute(query("retire_point"), values).fetchone() is not None


def restore_point(conn: Connection[Any], machine_id: int, point: str) -> bool:
    """Bring a retired measurement point back; returns whether it was retired."""
    return conn.execute(query("restore_point"), {"machine_id": machine_id, "point": point}).fetchone() is not None


def replace_sensor(
    conn: Connection[Any], point_id: int, new: MeasurementPoint, at: datetime, reason: str, actor: str
) -> bool:
    """Store that a point has another sensor from a time on; returns False if one was replaced at this time already.

    Its sampling rate and what it can measure are those of `new`.
    """
    kept = {"point_id": point_id, "replaced_at": at, "reason": reason, "actor": actor}
    if conn.execute(query("keep_replaced_sensor"), kept).fetchone() is None:
        return False
    conn.execute(query("change_sampling_rate"), {"point_id": point_id, "sampling_rate": new.sampling_rate})
    conn.execute(query("change_point_limits"), {"point_id": point_id, **limits_row(new.limits)})
    conn.execute(query("forget_channel_memory"), {"point_id": point_id})
    conn.execute(query("forget_pairs_with"), {"point_id": point_id, "size": SIZE})
    return True


def insert_point(conn: Connection[Any], stored: StoredMachine, point: MeasurementPoint) -> None:
    """Store a new measurement point."""
    conn.execute(query("insert_point"), point_row(point, stored.id, stored.component_ids))


def conclude_newest_again(conn: Connection[Any], machine_id: int) -> None:
    """Queue the newest acquisition of a machine for reanalysis, so that its alerts are as its cases."""
    conn.execute(query("conclude_newest_again"), {"machine_id": machine_id})


def change_timeline(conn: Connection[Any], machine_id: int, timeline: Timeline) -> None:
    """Change the clock of a machine's data."""
    conn.execute(query("change_timeline"), {"machine_id": machine_id, "timeline": timeline.value})


def fetch_newest_time(conn: Connection[Any], machine_id: int) -> datetime | None:
    """Return the time of the newest acquisition of a machine."""
    row = conn.execute(query("fetch_newest_time"), {"machine_id": machine_id}).fetchone()
    return row[0] if row else None


def list_retired_points(conn: Connection[Any], machine_id: int) -> list[RetiredPoint]:
    """Return the retired measurement points of a machine."""
    return fetch_all(conn, RetiredPoint, "list_retired_points", machine_id=machine_id)
