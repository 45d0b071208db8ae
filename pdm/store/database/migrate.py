"""Migrate a database to the schema of this version: numbered files once, views and functions when they change.

Every file runs in its own transaction together with the row that records it, so a killed migration is either
complete or not applied. A numbered file is frozen by its SHA-256 once it ran. Its first line
gives the oldest version of pdm that may serve after it (`-- serves: 0.1.0`); default: the present version.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import psycopg
from psycopg import Connection

import pdm
from pdm.errors import MigrationError
from pdm.store.database.connection import database_required
from pdm.store.database.queries import query

_NUMBERED = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_SERVES = re.compile(r"-- serves: (\d+(?:\.\d+)*)\n")
_COMPAT = "0018_schema_compat.sql"  # the first migration that records it, also for earlier ones
_LOCK = 0x70646D  # any constant of this project: "pdm"


@dataclass(frozen=True)
class Migration:
    """One file of migrations/; `name` is its path there, `is_repeatable`: it runs again when it changes."""

    name: str
    sql: str
    is_repeatable: bool

    @property
    def checksum(self) -> bytes:
        """SHA-256 of the text [32 bytes]."""
        return hashlib.sha256(self.sql.encode()).digest()

    @property
    def oldest_code(self) -> str:
        """The oldest version of pdm that may serve after it."""
        found = _SERVES.match(self.sql)
        return found[1] if found else pdm.__version__


def migrate(dsn: str) -> list[str]:
    """Apply missing migrations and return the names of the applied files.

    Idempotent, and safe to run from several processes at once: an advisory lock allows one at a time.

    Raises
    ------
    MigrationError
        An applied file was edited or is unknown, a number is missing, or a file fails.
    UnavailableError
        The server is unreachable.
    """
    with database_required(), psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            return apply(conn, read_migrations(files("migrations")))
        finally:
            if not conn.closed:
                conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def read_migrations(folder: Traversable) -> list[Migration]:
    """Return the numbered files in order, then the repeatable ones by name.

    Raises
    ------
    MigrationError
        A file is not named NNNN_what_it_does.sql, or a number is missing or used twice.
    """
    numbered = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    for expected, name in enumerate(numbered, start=1):
        match = _NUMBERED.fullmatch(name)
        if match is None:
            raise MigrationError(f"migrations/{name} is not named NNNN_what_it_does.sql")
        if int(match[1]) != expected:
            raise MigrationError(f"migrations/{name} has the wrong number; expected {expected:04}")
    repeatable = folder / "repeatable"
    again = sorted(item.name for item in repeatable.iterdir()) if repeatable.is_dir() else []
    return [Migration(name, (folder / name).read_text(encoding="utf-8"), is_repeatable=False) for name in numbered] + [
        Migration(f"repeatable/{name}", (repeatable / name).read_text(encoding="utf-8"), is_repeatable=True)
        for name in again
        if name.endswith(".sql")
    ]


def apply(conn: Connection[Any], migrations: Sequence[Migration]) -> list[str]:
    """Apply the files that `conn`, in autocommit, does not have; returns their names."""
    conn.execute(
        "CREATE TABLE IF NOT EXISTS schema_migration ("
        "name text PRIMARY KEY, checksum bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    applied = dict(conn.execute(query("fetch_applied_migrations")).fetchall())
    _check(migrations, applied)
    ran = [migration for migration in migrations if applied.get(migration.name) != migration.checksum]
    for migration in ran:
        _run(conn, migration)
    return [migration.name for migration in ran]


def _check(migrations: Sequence[Migration], applied: dict[str, bytes]) -> None:
    numbered = [migration for migration in migrations if not migration.is_repeatable]
    known = {migration.name for migration in migrations}
    unknown = sorted(name for name in applied if name not in known and not name.startswith("repeatable/"))
    if unknown:
        raise MigrationError(
            f"the database has {', '.join(unknown)}, which this version of pdm does not contain: use the newer version"
        )
    missing = [migration.name not in applied for migration in numbered]
    for migration, is_missing, earlier in zip(numbered, missing, [False, *missing], strict=False):
        if not is_missing and earlier:
            raise MigrationError(f"{migration.name} was applied, but a file before it was not")
        if not is_missing and applied[migration.name] != migration.checksum:
            raise MigrationError(
                f"migrations/{migration.name} was edited after it was applied; "
                "restore it and write the change in a new file"
            )


def _run(conn: Connection[Any], migration: Migration) -> None:
    try:
        with conn.transaction():
            conn.execute(migration.sql.encode())
            conn.execute(query("remember_migration"), {"name": migration.name, "checksum": migration.checksum})
            if not migration.is_repeatable and migration.name >= _COMPAT:
                values = {"name": migration.name, "oldest_code": migration.oldest_code}
                conn.execute(query("remember_schema_compat"), values)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise MigrationError(f"migrations/{migration.name} failed and was rolled back: {error}") from error
