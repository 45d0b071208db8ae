"""Assessments and prognoses as they are read: the newest, as of a time, and over a machine's past."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from pdm.store.queries import query

Row = dict[str, Any]


def fetch_assessment(conn: Connection[Any], machine_id: int, as_of: datetime | None) -> Row | None:
    """Return the newest assessment, or the newest that had been computed by `as_of`."""
    return _first(conn, "fetch_assessment", machine_id=machine_id, as_of=as_of)


def fetch_prognosis(conn: Connection[Any], machine_id: int, as_of: datetime | None) -> Row | None:
    """Return the newest prognosis, or the newest that had been computed by `as_of`."""
    return _first(conn, "fetch_prognosis", machine_id=machine_id, as_of=as_of)


def page_assessments(
    conn: Connection[Any], machine_id: int, *, since: datetime, before: datetime, limit: int
) -> list[Row]:
    """Return one assessment an acquisition measured in [since, before), newest first."""
    return _rows(conn, "page_assessments", machine_id=machine_id, since=since, before=before, limit=limit)


def page_prognoses(
    conn: Connection[Any], machine_id: int, *, since: datetime, before: datetime, limit: int
) -> list[Row]:
    """Return one prognosis an acquisition measured in [since, before), newest first."""
    return _rows(conn, "page_prognoses", machine_id=machine_id, since=since, before=before, limit=limit)


def _first(conn: Connection[Any], name: str, **values: Any) -> Row | None:
    rows = _rows(conn, name, **values)
    return rows[0] if rows else None


def _rows(conn: Connection[Any], name: str, **values: Any) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query(name), values).fetchall()
