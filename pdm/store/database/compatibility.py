"""Compatibility of this code with the database schema: applied migrations, and the oldest code each allows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from psycopg import Connection

import pdm
from pdm.errors import UnavailableError
from pdm.store.database.migrate import read_migrations
from pdm.store.database.queries import query

_VERSION = re.compile(r"\d+(\.\d+)*")


def check_schema(conn: Connection[Any]) -> None:
    """Raise UnavailableError unless this code may serve the schema of the database.

    A newer schema is served if every migration unknown to this code allows it, so that an older process continues
    while the next release is rolled out.

    Raises
    ------
    UnavailableError
        A migration is missing, or an unknown migration requires newer code; the message has the required action.
    """
    applied = [name for name, _ in conn.execute(query("fetch_applied_migrations")).fetchall()]
    missing = describe_missing(applied, _known())
    if missing is not None:
        raise UnavailableError(missing)
    allowed = dict(conn.execute(query("fetch_schema_compat")).fetchall())
    too_new = describe_too_new(applied, _known(), allowed, pdm.__version__)
    if too_new is not None:
        raise UnavailableError(too_new)


def describe_missing(applied: Sequence[str], known: Sequence[str]) -> str | None:
    """Return the missing migrations of this code with the required action, or None."""
    missing = [name for name in known if name not in applied]
    if not missing:
        return None
    return f"the database lacks {', '.join(missing)}, which pdm {pdm.__version__} needs; run `pdm migrate`"


def describe_too_new(
    applied: Sequence[str], known: Sequence[str], allowed: Mapping[str, str], version: str
) -> str | None:
    """Return the migrations that require newer code with the required action, or None."""
    later = [name for name in applied if name not in known and not name.startswith("repeatable/")]
    barred = {name: allowed.get(name) for name in later if not _may_serve(allowed.get(name), version)}
    if not barred:
        return None
    named = ", ".join(f"{name} (needs pdm {oldest or 'of an unknown version'})" for name, oldest in barred.items())
    return f"the database was migrated by a newer pdm: {named}; this is pdm {version}: upgrade this process"


def _may_serve(oldest: str | None, version: str) -> bool:
    return oldest is not None and _numbers(version) >= _numbers(oldest)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, so that 0.10.0 is after 0.9.0."""
    found = _VERSION.match(version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


@cache
def _known() -> tuple[str, ...]:
    return tuple(migration.name for migration in read_migrations(files("migrations")) if not migration.is_repeatable)
