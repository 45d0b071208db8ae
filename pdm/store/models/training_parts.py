"""Finished ensemble members of unfinished trainings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, MutableMapping
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.store.database.queries import query


class TrainingParts(MutableMapping[str, bytes]):
    """Stored members of a fleet's training; each is committed when stored, and verified when read."""

    def __init__(self, pool: ConnectionPool[Any], fleet: str) -> None:
        self._pool = pool
        self._fleet = fleet

    def __getitem__(self, key: str) -> bytes:
        with self._pool.connection() as conn:
            row = conn.execute(query("fetch_training_part"), {"key": key}).fetchone()
        if row is None or hashlib.sha256(row[0]).digest() != bytes(row[1]):
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: str, body: bytes) -> None:
        values = {"key": key, "fleet": self._fleet, "body": body, "sha256": hashlib.sha256(body).digest()}
        with self._pool.connection() as conn:
            conn.execute(query("keep_training_part"), values)

    def __delitem__(self, key: str) -> None:
        with self._pool.connection() as conn:
            conn.execute(query("delete_training_part"), {"key": key})

    def __iter__(self) -> Iterator[str]:
        with self._pool.connection() as conn:
            keys = [row[0] for row in conn.execute(query("fetch_training_part_keys"), {"fleet": self._fleet})]
        return iter(keys)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def forget(conn: Connection[Any], fleet: str) -> None:
    """Delete the stored members of a fleet's trainings."""
    conn.execute(query("forget_training_parts"), {"fleet": fleet})
