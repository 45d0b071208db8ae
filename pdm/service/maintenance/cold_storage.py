"""The cold pass: compact encoding of waveforms older than the reorder horizon, and release of their disk space.

Each frame is one short transaction, so a pass can be killed at any time and continues at the same place. The content
of a chunk shows what remains to be done. Late data can be stored at all times except during the final rewrite of
the emptied rows, which releases its lock if other sessions wait.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from psycopg import Connection, errors

from pdm.errors import RefusalError
from pdm.measurements import Waveform
from pdm.settings import Settings
from pdm.store.acquisitions import cold_storage
from pdm.store.acquisitions.cold_storage import Chunk, ColdWaveform, HotWaveform
from pdm.store.acquisitions.waveform_codec import decode, encode_cold
from pdm.store.database import scheduled_jobs
from pdm.store.database.connection import conninfo

log = logging.getLogger(__name__)

INTERVAL_S = 600.0  # interval between passes
LOCK_TIMEOUT_MS = 500  # longest wait of other sessions behind the lock request
STATEMENT_TIMEOUT_S = 20  # longest lock by the rewrite of a chunk
_LOCK_ATTEMPTS = 10
_SNAPSHOT_WAIT_S = 30.0


@dataclass(frozen=True)
class ColdReport:
    """Result of a pass: finished chunks, chunks left for the next pass with the reason, and freed bytes."""

    done: tuple[str, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    saved_bytes: int = 0


class _LeftForLaterError(Exception):
    """A chunk cannot be finished now; the message has the reason."""


def run(settings: Settings, stop: threading.Event) -> None:
    """Run a pass every ten minutes until `stop` is set; wait while the database is unavailable."""
    if settings.cold_pass_share <= 0:
        return
    while not stop.wait(INTERVAL_S):
        try:
            cold_pass(settings, datetime.now(UTC), stop)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            log.warning("the cold pass waits for the database: %s", error)
        except Exception:
            log.exception("the cold pass failed; the next pass continues")


def cold_pass(settings: Settings, now: datetime, stop: threading.Event | None = None) -> ColdReport:
    """Encode every chunk older than the reorder horizon, oldest first; does nothing while another pass runs.

    Uses its own connection in autocommit: an open transaction would prevent VACUUM from freeing space.
    """
    stop = stop or threading.Event()
    behind = now - timedelta(seconds=settings.reorder_horizon_s)
    done: list[str] = []
    left: list[tuple[str, str]] = []
    saved = 0
    with psycopg.connect(conninfo(settings.dsn), autocommit=True, prepare_threshold=None) as conn:
        conn.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}".encode())
        conn.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT_S}s'".encode())
        if not cold_storage.lock_pass(conn):
            return ColdReport()
        for chunk in cold_storage.fetch_cold_chunks(conn, behind):
            if stop.is_set():
                break
            try:
                saved += _make_cold(conn, settings, chunk, stop)
                done.append(chunk.name)
            except _LeftForLaterError as reason:
                left.append((chunk.name, str(reason)))
            except errors.Error as error:
                if conn.closed:
                    raise
                left.append((chunk.name, f"{type(error).__name__}: {error}"))
    for name, why in left:
        log.warning("chunk %s is skipped until the next cold pass: %s", name, why)
    return ColdReport(tuple(done), tuple(left), saved)


def _make_cold(conn: Connection[Any], settings: Settings, chunk: Chunk, stop: threading.Event) -> int:
    began = time.monotonic()
    _check_room(conn, settings, cold_storage.begin(conn, chunk))
    cold_storage.keep_autovacuum_out(conn, chunk)
    moved = _move_payloads(conn, settings.cold_pass_share, chunk, stop)
    _await_older_snapshots(conn, stop)
    lock_s = _give_back(conn, chunk, stop)
    before, after = cold_storage.finish(conn, chunk)
    log.info(
        "chunk %s is cold: %d waveforms moved in %.0f s, %.1f of %.1f MiB saved, locked for %.2f s",
        chunk.name,
        moved,
        time.monotonic() - began,
        (before - after) / 2**20,
        before / 2**20,
        lock_s,
    )
    return before - after


def _check_room(conn: Connection[Any], settings: Settings, chunk_bytes: int) -> None:
    """Skip a chunk whose frames would fill the disk before its space is released."""
    directory = scheduled_jobs.fetch_data_directory(conn)
    if directory is not None and scheduled_jobs.free_bytes(directory) < chunk_bytes + settings.min_free_disk_bytes:
        raise _LeftForLaterError(f"the disk has not enough free space for {chunk_bytes} bytes")


def _move_payloads(conn: Connection[Any], share: float, chunk: Chunk, stop: threading.Event) -> int:
    position = cold_storage.START
    moved = 0
    while True:
        began = time.monotonic()
        hot = cold_storage.fetch_hot(conn, chunk, position)
        if not hot:
            return moved
        position = hot[-1].position
        packed = [cold_one for one in hot if (cold_one := _recode(one)) is not None]
        if packed:
            with conn.transaction():
                if cold_storage.move(conn, packed) != len(packed):
                    raise _LeftForLaterError("its rows changed meanwhile")
        moved += len(packed)
        if stop.wait((time.monotonic() - began) * (1 / min(share, 1.0) - 1)):
            raise _LeftForLaterError("the service is stopping")


def _recode(hot: HotWaveform) -> ColdWaveform | None:
    """Return a waveform in the cold codec, verified by its hash; a damaged one remains unchanged."""
    try:
        samples = decode(hot.codec, hot.payload, hot.dtype, hot.sample_count)
    except RefusalError as error:
        log.error("the waveform of point %d at %s stays hot: %s", hot.point_id, hot.measured_at, error)
        return None
    sent = Waveform("", samples, hot.sampling_rate, hot.unit, hot.scale)
    if sent.content_hash() != hot.content_hash:
        log.error("the waveform of point %d at %s stays hot: its hash is wrong", hot.point_id, hot.measured_at)
        return None
    codec, payload = encode_cold(samples)
    back = decode(codec, payload, hot.dtype, hot.sample_count)
    if not np.array_equal(back.view(np.uint8), samples.view(np.uint8)):
        codec, payload = hot.codec, hot.payload
    return ColdWaveform(hot.point_id, hot.measured_at, codec, payload)


def _await_older_snapshots(conn: Connection[Any], stop: threading.Event) -> None:
    """Wait for sessions that may still see the moved rows: a rewrite would have to copy these rows."""
    transaction = cold_storage.take_transaction_id(conn)
    patience = time.monotonic() + _SNAPSHOT_WAIT_S
    while older := cold_storage.count_older_snapshots(conn, transaction):
        if stop.wait(0.2) or time.monotonic() > patience:
            raise _LeftForLaterError(
                f"{older} sessions have open transactions that started before its payloads were moved"
            )


def _give_back(conn: Connection[Any], chunk: Chunk, stop: threading.Event) -> float:
    """Rewrite the emptied chunk; returns an upper limit of the lock time [s]."""
    for attempt in range(_LOCK_ATTEMPTS):
        began = time.monotonic()
        try:
            cold_storage.give_back(conn, chunk)
        except errors.LockNotAvailable:
            if stop.wait(0.1 * (attempt + 1)):
                break
        else:
            return time.monotonic() - began
    raise _LeftForLaterError("it is in continuous use")
