"""Workers that ended because one of their threads failed."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from pdm.store.database.queries import query


def note(conn: Connection[Any], thread: str, error: str) -> None:
    """Store the failure of a thread and its reason."""
    conn.execute(query("note_worker_death"), {"thread": thread, "error": error})
