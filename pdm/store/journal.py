"""What was received, done, set aside, quarantined and trained, as it is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pdm.store.queries import query

Row = dict[str, Any]


def page_receipts(
    conn: Connection[Any], *, before: datetime, before_id: UUID, limit: int, actor: str | None
) -> list[Row]:
    """Return receipts, newest first; of one sender unless `actor` is None."""
    return _rows(conn, "page_receipts", before=before, before_id=before_id, limit=limit, actor=actor)


def find_receipt(conn: Connection[Any], receipt_id: UUID, actor: str | None) -> Row | None:
    """Return a receipt with its results; only the sender's own unless `actor` is None."""
    return _first(conn, "find_receipt", id=receipt_id, actor=actor)


def page_work_events(
    conn: Connection[Any], machine_id: int, *, before: datetime, before_id: int, limit: int
) -> list[Row]:
    """Return what was done to a machine, newest first."""
    return _rows(conn, "page_work_events", machine_id=machine_id, before=before, before_id=before_id, limit=limit)


def find_work_event(conn: Connection[Any], event_id: int) -> Row | None:
    """Return one work event."""
    return _first(conn, "find_work_event", id=event_id)


def page_set_aside(
    conn: Connection[Any], *, after_id: int, after: datetime, limit: int, site_ids: Sequence[int] | None
) -> list[Row]:
    """Return acquisitions whose analysis failed, by machine and time."""
    return _rows(conn, "page_set_aside", after_id=after_id, after=after, limit=limit, site_ids=_listed(site_ids))


def replay_set_aside(conn: Connection[Any], machine: str | None, site_ids: Sequence[int] | None) -> int:
    """Queue what was set aside once more; returns how many acquisitions."""
    values = {"machine": machine, "site_ids": _listed(site_ids)}
    row = conn.execute(query("replay_set_aside"), values).fetchone()
    assert row is not None
    return int(row[0])


def page_quarantine(conn: Connection[Any], *, before: int, limit: int, site_ids: Sequence[int] | None) -> list[Row]:
    """Return records whose time cannot be right, newest first."""
    return _rows(conn, "page_quarantine", before=before, limit=limit, site_ids=_listed(site_ids))


def page_models(conn: Connection[Any], *, before: int, limit: int, fleet: str | None) -> list[Row]:
    """Return models of remaining life, newest first."""
    return _rows(conn, "page_models", before=before, limit=limit, fleet=fleet)


def find_model(conn: Connection[Any], model_id: int) -> Row | None:
    """Return a model's card: metrics and what it was trained on, never its bytes."""
    return _first(conn, "find_model", id=model_id)


def _listed(site_ids: Sequence[int] | None) -> list[int] | None:
    return None if site_ids is None else list(site_ids)


def _first(conn: Connection[Any], name: str, **values: Any) -> Row | None:
    rows = _rows(conn, name, **values)
    return rows[0] if rows else None


def _rows(conn: Connection[Any], name: str, **values: Any) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query(name), values).fetchall()
