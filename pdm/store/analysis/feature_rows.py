"""Feature rows in their wide hypertables, written by binary COPY and read back as vectors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql

_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

Key = tuple[int, datetime]  # point id, measured_at


def insert_features(
    conn: Connection[Any],
    table: str,
    columns: Sequence[str],
    point_ids: Sequence[int],
    measured_at: Sequence[datetime],
    values: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    feature_version: int,
    *,
    keep_existing: bool = False,
) -> int:
    """Write feature vectors; NaN becomes NULL. A late channel can complete an existing row.

    Parameters
    ----------
    table : str
        `feature_vibration_v1` or `feature_current_v1`.
    columns : sequence of str
        The features in the order of the columns of `values`.
    values : (n, len(columns)) float32
    reasons : (n,) uint32
        Reasons of absent values, as `features.Reason`.
    keep_existing : bool
        Keep existing rows of this version.

    Returns
    -------
    int
        The number of written rows.
    """
    if not len(point_ids):
        return 0
    statements = _statements(table, tuple(columns), keep_existing=keep_existing)
    conn.execute(statements.prepare)
    with conn.cursor() as cursor, cursor.copy(statements.copy) as copy:
        copy.write(_encode(point_ids, measured_at, values, reasons, feature_version))
    written = conn.execute(statements.insert)
    conn.execute(statements.clear)
    return written.rowcount


class _Statements(NamedTuple):
    """Writer of feature vectors to a table, through a temporary table."""

    prepare: bytes
    copy: bytes
    insert: bytes
    clear: bytes


@lru_cache(maxsize=16)
def _statements(table: str, columns: tuple[str, ...], *, keep_existing: bool) -> _Statements:
    incoming, target = sql.Identifier(f"incoming_{table}"), sql.Identifier(table)
    keys = [sql.Identifier(name) for name in ("point_id", "measured_at", "feature_version", "reasons")]
    names = [sql.Identifier(name) for name in columns]
    listed = sql.SQL(", ").join([*keys, *names])
    present = [sql.SQL("nullif({}, 'NaN'::real)").format(name) for name in names]
    changed = sql.SQL("UPDATE SET {}").format(
        sql.SQL(", ").join(sql.SQL("{0} = EXCLUDED.{0}").format(name) for name in [keys[-1], *names])
    )
    prepare = sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DELETE ROWS")
    insert = sql.SQL(
        "INSERT INTO {} ({}) SELECT {} FROM {} ORDER BY point_id, measured_at"
        " ON CONFLICT (point_id, measured_at, feature_version) DO {}"
    )
    return _Statements(
        prepare.format(incoming, target).as_bytes(),
        sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(incoming, listed).as_bytes(),
        insert.format(
            target,
            listed,
            sql.SQL(", ").join([*keys, *present]),
            incoming,
            sql.SQL("NOTHING") if keep_existing else changed,
        ).as_bytes(),
        sql.SQL("DELETE FROM {}").format(incoming).as_bytes(),
    )


def fetch_features(
    conn: Connection[Any],
    table: str,
    columns: Sequence[str],
    point_ids: Sequence[int],
    measured_at: Sequence[datetime],
) -> dict[Key, NDArray[np.float32]]:
    """Return the newest version's vectors of points at given times, NaN where a value is absent.

    A feature that did not exist in the version of a row is absent.
    """
    if not point_ids or not measured_at:
        return {}
    listed = sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    statement = sql.SQL(
        "SELECT DISTINCT ON (point_id, measured_at) point_id, measured_at, {} FROM {}"
        " WHERE point_id = ANY (%(points)s)"
        " AND measured_at BETWEEN %(first)s AND %(last)s AND measured_at = ANY (%(times)s)"
        " ORDER BY point_id, measured_at, feature_version DESC"
    ).format(listed, sql.Identifier(table))
    wanted = {
        "points": list(point_ids),
        "times": list(measured_at),
        "first": min(measured_at),
        "last": max(measured_at),
    }
    with conn.cursor(binary=True) as cursor:
        rows = cursor.execute(statement, wanted).fetchall()
    return {
        (row[0], row[1]): np.array([np.nan if value is None else value for value in row[2:]], np.float32)
        for row in rows
    }


def _encode(
    point_ids: Sequence[int],
    measured_at: Sequence[datetime],
    values: NDArray[np.float32],
    reasons: NDArray[np.uint32],
    feature_version: int,
) -> bytes:
    """Return PostgreSQL's binary COPY form of the rows, laid out as one structured array."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in (("point", ">i8"), ("time", ">i8"), ("version", ">i2"), ("reasons", ">i4")):
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    pairs = np.dtype([("length", ">i4"), ("value", ">f4")])
    layout = np.dtype([*fields, ("values", pairs, (values.shape[1],))])
    rows = np.zeros(len(point_ids), layout)
    rows["fields"] = 4 + values.shape[1]
    for name, width in (("point", 8), ("time", 8), ("version", 2), ("reasons", 4)):
        rows[f"{name}_length"] = width
    rows["point"] = point_ids
    rows["time"] = [_microseconds(at) for at in measured_at]
    rows["version"] = feature_version
    rows["reasons"] = reasons.astype(np.int64)
    rows["values"]["length"] = 4
    rows["values"]["value"] = values
    return _COPY_HEADER + rows.tobytes() + _COPY_TRAILER


def _microseconds(at: datetime) -> int:
    since = at - _POSTGRES_EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
