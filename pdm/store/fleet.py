"""Machines as the API tells them: what they are, and the newest verdict on each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from pdm.store.queries import query

Row = dict[str, Any]

_STANDSTILL_REACH = 200  # assessments of standstill behind which what was known before counts no more


def page_machines(
    conn: Connection[Any], *, after: str, limit: int, site: str | None = None, line: str | None = None
) -> list[Row]:
    """Return visible machines by key, those behind `after`."""
    return _rows(conn, "page_machines", after=after, limit=limit, site=site, line=line)


def find_machine(conn: Connection[Any], machine: str) -> Row | None:
    """Return a visible machine as it is registered, with its id; units in the names."""
    rows = _rows(conn, "find_machine", machine=machine)
    return rows[0] if rows else None


def list_components(conn: Connection[Any], machine_id: int) -> list[Row]:
    """Return the components of a machine."""
    return _rows(conn, "list_components", machine_id=machine_id)


def list_points(conn: Connection[Any], machine_id: int) -> list[Row]:
    """Return the measurement points of a machine, with their ids."""
    return _rows(conn, "list_points", machine_id=machine_id)


def find_point(conn: Connection[Any], machine: str, point: str) -> Row | None:
    """Return a visible measurement point with its id."""
    rows = _rows(conn, "find_point", machine=machine, point=point)
    return rows[0] if rows else None


def fetch_current_verdicts(conn: Connection[Any], machine_ids: Sequence[int]) -> dict[int, Row]:
    """Return each machine's newest assessment, prognosis and worst open alert, in one row a machine."""
    rows = _rows(conn, "fetch_current_verdicts", machine_ids=list(machine_ids))
    return {row.pop("machine_id"): row for row in rows}


def fetch_standings(conn: Connection[Any], machine_ids: Sequence[int], unjudged: Sequence[str]) -> dict[int, Row]:
    """Return what was last known of each machine while its operating state was none of `unjudged`."""
    rows = _rows(
        conn, "fetch_standings", machine_ids=list(machine_ids), unjudged=list(unjudged), reach=_STANDSTILL_REACH
    )
    return {row.pop("machine_id"): row for row in rows}


def count_waiting(conn: Connection[Any]) -> Row:
    """Return how much waits for analysis and how much was set aside."""
    return _rows(conn, "count_waiting")[0]


def count_for_metrics(conn: Connection[Any]) -> tuple[Row, dict[str, int]]:
    """Return the gauges that only the database knows, and the open alerts by severity."""
    return _rows(conn, "count_for_metrics")[0], dict(conn.execute(query("count_open_alerts")).fetchall())


def is_migrated(conn: Connection[Any]) -> bool:
    """Whether the database holds pdm's relations."""
    row = conn.execute(query("find_schema")).fetchone()
    return row is not None and row[0] is not None


def _rows(conn: Connection[Any], name: str, **values: Any) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query(name), values).fetchall()
