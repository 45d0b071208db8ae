"""Load the database that an older revision wrote, with that revision's schema."""

from __future__ import annotations

import json
import tarfile
from importlib.resources import files
from pathlib import Path

import psycopg
from psycopg import sql

from pdm.store.database.migrate import Migration, apply, read_migrations

ARCHIVE = Path(__file__).with_name("database_080f245.tar.xz")
LAST_MIGRATION = "0017_season.sql"
"""The newest of revision 080f245."""


def load(dsn: str, archive: Path = ARCHIVE, last: str = LAST_MIGRATION) -> None:
    """Fill an empty database as the older revision left it."""
    with tarfile.open(archive) as packed:
        members = {entry.name: _content(packed, entry) for entry in packed.getmembers()}
    numbered = [m for m in read_migrations(files("migrations")) if not m.is_repeatable and m.name <= last]
    again = [
        Migration(name, content.decode(), is_repeatable=True)
        for name, content in members.items()
        if name.startswith("repeatable/")
    ]
    with psycopg.connect(dsn, autocommit=True) as conn:
        apply(conn, [*numbered, *again])
        with conn.transaction():
            conn.execute("SET LOCAL session_replication_role = replica")  # rows come as they were: no trigger, no order
            for name, content in members.items():
                if name.startswith("tables/"):
                    _fill(conn, name.removeprefix("tables/"), content)
            for sequence, value in json.loads(members["sequences.json"]).items():
                conn.execute("SELECT setval(quote_ident(%s)::regclass, %s)", (sequence, value))


def _content(packed: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    opened = packed.extractfile(entry)
    assert opened is not None
    return opened.read()


def _fill(conn: psycopg.Connection, table: str, content: bytes) -> None:  # type: ignore[type-arg]
    head, _, rows = content.partition(b"\n")
    if not rows:
        return
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in head.decode().split("\t"))
    conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))  # what a migration put there
    wanted = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
    with conn.cursor() as cursor, cursor.copy(wanted) as copy:
        copy.write(rows)
