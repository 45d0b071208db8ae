"""Workers that ended because one of their threads died."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from pdm.store.database.queries import query


def note(conn: Connection[Any], thread: str, error: str) -> None:
    """Write down that a thread died and why."""
    conn.execute(query("note_worker_death"), {"thread": thread, "error": error})
