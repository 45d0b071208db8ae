"""Waveforms moved from their rows into frames, and the chunks emptied by this.

A frame is the concatenation of many payloads of one point; the row keeps key, hash and place, so that uniqueness,
conflicts and retention work as before. PostgreSQL splits large values into pieces of 1,996 bytes, four per page: a
payload of slightly more than two pieces wastes most of a page, a frame of a hundred pieces very little. A chunk without
payloads is small, and VACUUM FULL releases its disk space with a lock of about a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from psycopg import Connection, sql

from pdm.store.database.queries import query

FRAME_BYTES = 256 * 1024  # hot payloads per frame [bytes]
_MOST_ROWS = 512
_REGROWN_BYTES = 8 * 1024 * 1024  # late data that require another pass of a chunk [bytes]
_LOCK = 0x70646D63  # any constant of this project: "pdmc"

Position = tuple[int, datetime]  # key of a waveform in a chunk: point id, measured_at
START: Position = (-1, datetime(1, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Chunk:
    """A chunk of `waveform`: its quoted name and the times it spans."""

    name: str
    range_start: datetime
    range_end: datetime


@dataclass(frozen=True)
class HotWaveform:
    """A waveform whose payload is in its row, with all fields of its content hash."""

    point_id: int
    measured_at: datetime
    sampling_rate: float
    sample_count: int
    scale: float | None
    codec: int
    content_hash: bytes
    unit: str
    payload: bytes

    @property
    def position(self) -> Position:
        """Its place in the order of a pass."""
        return self.point_id, self.measured_at

    @property
    def dtype(self) -> np.dtype[Any]:
        """The format of its samples."""
        return np.dtype(np.float32 if self.scale is None else np.int16)


@dataclass(frozen=True)
class ColdWaveform:
    """A waveform to store in a frame."""

    point_id: int
    measured_at: datetime
    codec: int
    payload: bytes


@dataclass(frozen=True)
class FramePlace:
    """The place of a payload in a frame."""

    point_id: int
    frame_at: datetime
    offset: int
    length: int


def lock_pass(conn: Connection[Any]) -> bool:
    """Whether this connection may run the cold pass: one per database, until the connection closes."""
    row = conn.execute(query("lock_cold_pass"), {"key": _LOCK}).fetchone()
    return bool(row and row[0])


def fetch_cold_chunks(conn: Connection[Any], behind: datetime) -> list[Chunk]:
    """Return unfinished chunks entirely before a time, oldest first; deletes the state of dropped chunks."""
    conn.execute(query("forget_cold_chunks"))
    rows = conn.execute(query("fetch_cold_chunks"), {"behind": behind, "regrown": _REGROWN_BYTES})
    return [Chunk(*row) for row in rows]


def begin(conn: Connection[Any], chunk: Chunk) -> int:
    """Store that the pass of a chunk has started; returns its present size [bytes]."""
    wanted = {"chunk": chunk.name, "range_start": chunk.range_start, "range_end": chunk.range_end}
    row = conn.execute(query("begin_cold_chunk"), wanted).fetchone()
    return int(row[0]) if row else 0


def finish(conn: Connection[Any], chunk: Chunk) -> tuple[int, int]:
    """Store that the pass of a chunk is finished; returns the former and present size of its waveforms [bytes]."""
    row = conn.execute(query("finish_cold_chunk"), {"chunk": chunk.name}).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def fetch_hot(conn: Connection[Any], chunk: Chunk, after: Position) -> list[HotWaveform]:
    """Return the next waveforms of a chunk for one frame, by point and time."""
    wanted = {
        "range_start": chunk.range_start,
        "range_end": chunk.range_end,
        "point_id": after[0],
        "measured_at": after[1],
        "frame_bytes": FRAME_BYTES,
        "most_rows": _MOST_ROWS,
    }
    with conn.cursor(binary=True) as cursor:
        return [HotWaveform(*row) for row in cursor.execute(query("fetch_hot_waveforms"), wanted)]


def move(conn: Connection[Any], waveforms: Sequence[ColdWaveform]) -> int:
    """Move waveforms, by point and time, into frames; returns the number of rows that still had their payload.

    Rows are locked first: retention also locks waveforms before frames.
    """
    frames, places = _lay_out(waveforms)
    moved = conn.execute(
        query("point_to_frames"),
        {
            "point_ids": [waveform.point_id for waveform in waveforms],
            "measured_at": [waveform.measured_at for waveform in waveforms],
            "codecs": [waveform.codec for waveform in waveforms],
            "frames_at": [place.frame_at for place in places],
            "offsets": [place.offset for place in places],
            "lengths": [place.length for place in places],
            "first": min(waveform.measured_at for waveform in waveforms),
            "last": max(waveform.measured_at for waveform in waveforms),
        },
    ).rowcount
    for (point_id, frame_at), payload in frames.items():
        values = {"point_id": point_id, "measured_at": frame_at, "payload": bytes(payload)}
        conn.execute(query("insert_frame"), values)
    return moved


def fetch_payloads(conn: Connection[Any], places: Sequence[FramePlace]) -> list[bytes | None]:
    """Return the payloads at these places; None if retention has dropped the frame in the meantime."""
    if not places:
        return []
    times = [place.frame_at for place in places]
    wanted = {
        "point_ids": [place.point_id for place in places],
        "frames_at": times,
        "offsets": [place.offset for place in places],
        "lengths": [place.length for place in places],
        "first": min(times),
        "last": max(times),
    }
    with conn.cursor(binary=True) as cursor:
        return [row[0] for row in cursor.execute(query("fetch_framed_payloads"), wanted)]


def take_transaction_id(conn: Connection[Any]) -> str:
    """Return a transaction id below those of all later transactions."""
    row = conn.execute(query("take_transaction_id")).fetchone()
    assert row is not None
    return str(row[0])


def count_older_snapshots(conn: Connection[Any], transaction: str) -> int:
    """Return the number of sessions that may still see rows from before a transaction."""
    row = conn.execute(query("count_older_snapshots"), {"transaction": transaction}).fetchone()
    return int(row[0]) if row else 0


def keep_autovacuum_out(conn: Connection[Any], chunk: Chunk) -> None:
    """Disable autovacuum of a chunk: it would clean rows that are discarded soon, with a long lock."""
    conn.execute(
        sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = false, toast.autovacuum_enabled = false)").format(
            _identifier(chunk)
        )
    )


def give_back(conn: Connection[Any], chunk: Chunk) -> None:
    """Rewrite the remaining rows of a chunk and release its disk space; `conn` in autocommit.

    Raises
    ------
    psycopg.errors.LockNotAvailable
        Other sessions used the chunk for longer than the lock_timeout of the connection.
    """
    conn.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(_identifier(chunk)))
    conn.execute(
        sql.SQL("ALTER TABLE {} RESET (autovacuum_enabled, toast.autovacuum_enabled)").format(_identifier(chunk))
    )


def drop_orphaned_frames(conn: Connection[Any]) -> int:
    """Drop the chunks of frames whose waveforms no longer exist; returns their number."""
    ranges = conn.execute(query("fetch_orphaned_frame_ranges")).fetchall()
    wanted = [{"range_start": start, "range_end": end} for start, end in ranges]
    return sum(len(conn.execute(query("drop_frames"), each).fetchall()) for each in wanted)


def _identifier(chunk: Chunk) -> sql.Identifier:
    return sql.Identifier(*chunk.name.split("."))


def _lay_out(waveforms: Sequence[ColdWaveform]) -> tuple[dict[Position, bytearray], list[FramePlace]]:
    """Return the frames by point and time of their first waveform, and the place of each waveform."""
    frames: dict[Position, bytearray] = {}
    places = []
    first: Position | None = None
    for waveform in waveforms:
        if first is None or first[0] != waveform.point_id:
            first = (waveform.point_id, waveform.measured_at)
        frame = frames.setdefault(first, bytearray())
        places.append(FramePlace(*first, len(frame), len(waveform.payload)))
        frame += waveform.payload
    return frames, places
