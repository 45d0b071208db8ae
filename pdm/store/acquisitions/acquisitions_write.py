"""Writing of acquisitions: new channels are stored once, existing ones remain unchanged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from pdm.measurements import OperatingContext, Scalar, Waveform
from pdm.store.acquisitions.waveform_codec import encode
from pdm.store.database.queries import query

Key = tuple[int, datetime]  # machine or point id, measured_at

_COPY_TYPES = ["int8", "timestamptz", "float8", "int4", "float8", "int2", "bytea", "bytea"]


@dataclass(frozen=True)
class Channel:
    """One channel to store, with its unique key."""

    point_id: int
    measured_at: datetime
    content: Waveform | Scalar
    content_hash: bytes

    @property
    def key(self) -> Key:
        """The unique key."""
        return self.point_id, self.measured_at


@dataclass(frozen=True)
class Envelope:
    """Context of an acquisition; `missing` are waveform points without data."""

    context: OperatingContext
    missing: tuple[str, ...]


def insert_channels(conn: Connection[Any], channels: Sequence[Channel]) -> set[Key]:
    """Store the channels, each key once, and return the new keys."""
    waveforms = [channel for channel in channels if isinstance(channel.content, Waveform)]
    scalars = [channel for channel in channels if isinstance(channel.content, Scalar)]
    return _insert_waveforms(conn, waveforms) | _insert_scalars(conn, scalars)


def fetch_stored_hashes(conn: Connection[Any], keys: Collection[Key]) -> dict[Key, bytes]:
    """Return the stored content hashes of these keys."""
    if not keys:
        return {}
    times = [key[1] for key in keys]
    wanted = {
        "point_ids": [key[0] for key in keys],
        "measured_at": times,
        "first": min(times),
        "last": max(times),
    }
    return {(row[0], row[1]): row[2] for row in conn.execute(query("fetch_stored_hashes"), wanted)}


def merge_acquisitions(
    conn: Connection[Any], sent: Mapping[Key, Envelope], receipt_id: UUID, received_at: datetime
) -> dict[Key, Envelope]:
    """Store acquisitions, or complete existing ones, and when they were received; returns them as stored."""
    if not sent:
        return {}
    contexts = [envelope.context for envelope in sent.values()]
    rows = conn.execute(
        query("merge_acquisitions"),
        {
            "machine_ids": [key[0] for key in sent],
            "measured_at": [key[1] for key in sent],
            "speeds": [context.speed for context in contexts],
            "loads": [context.load for context in contexts],
            "states": [context.state for context in contexts],
            "missing": [",".join(envelope.missing) for envelope in sent.values()],
            "received_at": received_at,
            "receipt_id": receipt_id,
        },
    ).fetchall()
    if any(row[-1] for row in rows):  # records are also accepted while the database is migrated
        heard = {"machine_ids": [row[0] for row in rows], "received_at": received_at}
        conn.execute(query("note_receipts"), heard)
    return {
        (machine_id, measured_at): Envelope(OperatingContext(speed, load, state), tuple(missing))
        for machine_id, measured_at, speed, load, state, missing, _ in rows
    }


def enqueue(conn: Connection[Any], keys: Collection[Key]) -> None:
    """Queue the acquisitions of these machines and times for analysis."""
    if keys:
        wanted = {"machine_ids": [key[0] for key in keys], "measured_at": [key[1] for key in keys]}
        conn.execute(query("enqueue"), wanted)


def _insert_waveforms(conn: Connection[Any], channels: Sequence[Channel]) -> set[Key]:
    if not channels:
        return set()
    conn.execute(query("make_incoming"))
    with conn.cursor() as cursor:
        with cursor.copy(query("copy_incoming")) as copy:
            copy.set_types(_COPY_TYPES)
            for channel in channels:
                copy.write_row(_waveform_row(channel))
        return set(cursor.execute(query("insert_waveforms")).fetchall())


def _waveform_row(channel: Channel) -> tuple[Any, ...]:
    waveform = channel.content
    assert isinstance(waveform, Waveform)
    codec, payload = encode(waveform.samples)
    return (
        channel.point_id,
        channel.measured_at,
        waveform.sampling_rate,
        len(waveform.samples),
        waveform.scale,
        codec,
        channel.content_hash,
        payload,
    )


def _insert_scalars(conn: Connection[Any], channels: Sequence[Channel]) -> set[Key]:
    if not channels:
        return set()
    rows = conn.execute(
        query("insert_scalars"),
        {
            "point_ids": [channel.point_id for channel in channels],
            "measured_at": [channel.measured_at for channel in channels],
            "values": [channel.content.value for channel in channels if isinstance(channel.content, Scalar)],
            "hashes": [channel.content_hash for channel in channels],
        },
    )
    return set(rows.fetchall())
