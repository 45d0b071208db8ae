"""Jobs of the wall clock, claimed from the table `timer`, and what they read.

A claim needs no lease: the row is locked until the job and its next due time commit together.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection, errors

from pdm.store.database.queries import query

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "")


def ensure(conn: Connection[Any], kinds: Sequence[str], now: datetime) -> None:
    """Schedule the known jobs that were never scheduled."""
    conn.execute(query("ensure_timers"), {"kinds": list(kinds), "now": now})


def claim(conn: Connection[Any], kinds: Sequence[str], now: datetime) -> str | None:
    """Claim one due job for this transaction; None where none is due or others have locked it."""
    row = conn.execute(query("claim_timer"), {"kinds": list(kinds), "now": now}).fetchone()
    return None if row is None else str(row[0])


def schedule(conn: Connection[Any], kind: str, due_at: datetime) -> None:
    """Set when a claimed job is due again."""
    conn.execute(query("schedule_timer"), {"kind": kind, "due_at": due_at})


def fetch_oldest_pending(conn: Connection[Any]) -> datetime | None:
    """Return the time of the earliest acquisition that waits to be analysed."""
    row = conn.execute(query("fetch_oldest_pending")).fetchone()
    return row[0] if row else None


def fetch_data_directory(conn: Connection[Any]) -> str | None:
    """Return the server's data directory if it is of this machine and may be known."""
    host = conn.info.host
    if not (host.startswith("/") or host in _LOCAL_HOSTS):
        return None
    try:
        with conn.transaction():
            row = conn.execute("SHOW data_directory").fetchone()
    except errors.InsufficientPrivilege:
        return None
    return str(row[0]) if row and Path(row[0]).is_dir() else None


def free_bytes(directory: str) -> int:
    """Return the space left for the server's user on the directory's file system [bytes]."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def note_low_disk(conn: Connection[Any], now: datetime, directory: str, *, free: int, min_free: int) -> None:
    """Write the disk alarm into the audit trail, once a day at most."""
    conn.execute(
        query("note_low_disk"),
        {"now": now, "directory": directory, "free_bytes": free, "min_free_bytes": min_free},
    )
