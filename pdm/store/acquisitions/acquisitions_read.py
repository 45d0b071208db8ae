"""Reading of acquisitions, waveforms and feature history of a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from pdm.store.acquisitions.cold_storage import FramePlace, fetch_payloads
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all


@dataclass(frozen=True)
class ListedAcquisition:
    """Time and context of an acquisition; `missing` are waveform points without data, `quality` of doubted ones."""

    measured_at: datetime
    received_at: datetime
    speed_rpm: float | None
    load: float | None
    state: str | None
    missing: Sequence[str]
    receipt_id: UUID
    quality: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class EncodedWaveform:
    """One channel as stored: sampling_rate [Hz] and encoded samples."""

    sampling_rate: float
    sample_count: int
    scale: float | None
    codec: int
    payload: bytes


# by the quantity of a point
FEATURE_TABLES = {
    "acceleration": "feature_vibration_v1",
    "velocity": "feature_vibration_v1",
    "displacement": "feature_vibration_v1",
    "current": "feature_current_v1",
}

# the newest version of each time: rows of a newer version do not replace older ones
_NEWEST = (
    "WITH newest AS (SELECT DISTINCT ON (measured_at) measured_at, feature_version, reasons, {listed} FROM {table} "
    "WHERE point_id = {point_id} AND measured_at >= {since} AND measured_at < {before} "
    "ORDER BY measured_at DESC, feature_version DESC) "
)
_BUCKETS = sql.SQL(
    _NEWEST + "SELECT time_bucket({width}, measured_at) AS bucket, count(*), {columns} FROM newest "
    "GROUP BY bucket ORDER BY bucket LIMIT {limit}"
)
_ABSENCES = sql.SQL(_NEWEST + "SELECT feature_version, count(*), {columns} FROM newest GROUP BY feature_version")


def page_acquisitions(
    conn: Connection[Any], machine_id: int, *, since: datetime, before: datetime, limit: int
) -> list[ListedAcquisition]:
    """Return the acquisitions of a machine measured in [since, before), newest first."""
    wanted = {"machine_id": machine_id, "since": since, "before": before, "limit": limit}
    return fetch_all(conn, ListedAcquisition, "page_acquisitions", **wanted)


def fetch_waveform(conn: Connection[Any], point_id: int, measured_at: datetime) -> EncodedWaveform | None:
    """Return one channel, or None."""
    with conn.cursor(binary=True) as cursor:
        values = {"point_id": point_id, "measured_at": measured_at}
        row = cursor.execute(query("fetch_waveform"), values).fetchone()
    if row is None:
        return None
    rate, count, scale, codec, payload, frame_at, frame_offset, frame_length = row
    if payload is None:
        payload = fetch_payloads(conn, [FramePlace(point_id, frame_at, frame_offset, frame_length)])[0]
    return None if payload is None else EncodedWaveform(rate, count, scale, codec, payload)


def fetch_last_measured_at(conn: Connection[Any], machine_id: int) -> datetime | None:
    """Return the time of a machine's last acquisition, or None."""
    row = conn.execute(query("fetch_last_measured_at"), {"machine_id": machine_id}).fetchone()
    return None if row is None else row[0]


def list_feature_columns(conn: Connection[Any], table: str) -> list[str]:
    """Return the names of the features of a table."""
    return [row[0] for row in conn.execute(query("list_feature_columns"), {"table": table}).fetchall()]


def fetch_feature_buckets(
    conn: Connection[Any],
    table: str,
    names: Sequence[str],
    *,
    point_id: int,
    since: datetime,
    before: datetime,
    width: timedelta,
    limit: int,
) -> list[tuple[Any, ...]]:
    """Return (bucket, count, then min, mean and max of each feature) over [since, before).

    `names` must come from `list_feature_columns`: they are columns of the table.
    """
    columns = sql.SQL(", ").join(
        sql.SQL("{function}({column})").format(function=sql.SQL(function), column=sql.Identifier(name))
        for name in names
        for function in ("min", "avg", "max")
    )
    statement = _BUCKETS.format(
        **_newest(table, names, point_id, since, before),
        columns=columns,
        width=sql.Literal(width),
        limit=sql.Literal(limit),
    )
    return conn.execute(statement).fetchall()


def fetch_absences(
    conn: Connection[Any], table: str, names: Sequence[str], *, point_id: int, since: datetime, before: datetime
) -> list[tuple[Any, ...]]:
    """Return (feature_version, count, then for each feature the number of absences and their combined reasons).

    One row per version, over the newest rows of [since, before); `names` as for `fetch_feature_buckets`.
    """
    columns = sql.SQL(", ").join(
        sql.SQL("count(*) - count({0}), coalesce(bit_or(reasons) FILTER (WHERE {0} IS NULL), 0)").format(
            sql.Identifier(name)
        )
        for name in names
    )
    statement = _ABSENCES.format(**_newest(table, names, point_id, since, before), columns=columns)
    return conn.execute(statement).fetchall()


def _newest(
    table: str, names: Sequence[str], point_id: int, since: datetime, before: datetime
) -> dict[str, sql.Composable]:
    return {
        "listed": sql.SQL(", ").join(sql.Identifier(name) for name in names),
        "table": sql.Identifier(table),
        "point_id": sql.Literal(point_id),
        "since": sql.Literal(since),
        "before": sql.Literal(before),
    }
