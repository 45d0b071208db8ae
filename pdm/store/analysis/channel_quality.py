"""The quality of the channels of acquisitions: rows of those that are not good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.quality.verdict import ChannelQuality, Quality
from pdm.store.database.queries import query

Key = tuple[int, datetime]  # point id, measured_at
_REPEATED_WITHIN = timedelta(days=35)  # bounds the chunks that are read, not the records


def save_quality(conn: Connection[Any], found: Mapping[Key, ChannelQuality], judged: Sequence[Key]) -> None:
    """Write the quality of those of the `judged` channels that are not good; a former row of the others is removed."""
    if not judged:
        return
    times = [measured_at for _, measured_at in judged]
    points = sorted({point_id for point_id, _ in judged})
    span = {"first": min(times), "last": max(times)}
    rows = conn.execute(query("fetch_channels_with_quality"), {"point_ids": points, **span}).fetchall()
    former = set(rows).intersection(judged)
    if former:
        values = {"point_ids": [key[0] for key in former], "measured_at": [key[1] for key in former], **span}
        conn.execute(query("forget_channel_quality"), values)
    if not found:
        return
    values = {
        "point_ids": [point_id for point_id, _ in found],
        "measured_at": [measured_at for _, measured_at in found],
        "qualities": [str(each.quality) for each in found.values()],
        "reasons": [" ".join(each.reasons) for each in found.values()],
    }
    conn.execute(query("save_channel_quality"), values)


def fetch_quality(conn: Connection[Any], machine_id: int, times: Sequence[datetime]) -> dict[Key, ChannelQuality]:
    """Return the quality of those channels of a machine's acquisitions that are not good."""
    if not times:
        return {}
    wanted = {"machine_id": machine_id, "measured_at": list(times), "first": min(times), "last": max(times)}
    rows = conn.execute(query("fetch_channel_quality"), wanted)
    return {(row[0], row[1]): ChannelQuality(Quality(row[2]), tuple(row[3])) for row in rows}


def fetch_repeated(conn: Connection[Any], keys: Sequence[Key], records: int) -> set[Key]:
    """Return those of some stored waveforms that equal one of the `records` before them bit for bit."""
    if not keys:
        return set()
    of_points: dict[int, list[datetime]] = {}
    for point_id, measured_at in keys:
        of_points.setdefault(point_id, []).append(measured_at)
    bounds = {"records": records, "last": max(measured_at for _, measured_at in keys)}
    bounds["since"] = min(measured_at for _, measured_at in keys) - _REPEATED_WITHIN
    own = {
        "point_ids": list(of_points),
        "firsts": [min(times) for times in of_points.values()],
        "lasts": [max(times) for times in of_points.values()],
        "own": [len(times) for times in of_points.values()],
    }
    suspects = {row[0] for row in conn.execute(query("find_points_with_equal_waveforms"), {**own, **bounds})}
    return _compare_each(conn, [key for key in keys if key[0] in suspects], bounds) if suspects else set()


def _compare_each(conn: Connection[Any], keys: Sequence[Key], bounds: Mapping[str, Any]) -> set[Key]:
    """Return those of some stored waveforms that equal one of the records before them, by a search for each."""
    wanted = {
        "point_ids": [point_id for point_id, _ in keys],
        "measured_at": [measured_at for _, measured_at in keys],
        "first": min(measured_at for _, measured_at in keys),
        **bounds,
    }
    return set(conn.execute(query("fetch_repeated_waveforms"), wanted).fetchall())


def fetch_memories(conn: Connection[Any], point_ids: Sequence[int]) -> dict[int, list[float]]:
    """Return what is remembered of the good records of some points, as figures by point id."""
    if not point_ids:
        return {}
    return dict(conn.execute(query("fetch_channel_memories"), {"point_ids": sorted(point_ids)}).fetchall())


def save_memories(conn: Connection[Any], memories: Mapping[int, Sequence[float]]) -> None:
    """Write what is remembered of the good records of some points."""
    if not memories:
        return
    ordered = sorted(memories.items())
    values = {
        "point_ids": [point_id for point_id, _ in ordered],
        "figures": [" ".join(map(repr, figures)) for _, figures in ordered],
    }
    conn.execute(query("save_channel_memories"), values)
