"""Whether this code and the database's schema fit: what migrations have run, and the oldest code each still serves."""

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
    """Return if this code may serve the database's schema.

    A schema that is newer is served where every migration that this code does not know allows it, so that an older
    process goes on while the next release is rolled out.

    Raises
    ------
    UnavailableError
        A migration is missing, or one that this code does not know needs newer code; the message says what to do.
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
    """Return which of the migrations that this code knows have not run, and what to do; None where all have."""
    missing = [name for name in known if name not in applied]
    if not missing:
        return None
    return f"the database lacks {', '.join(missing)}, which pdm {pdm.__version__} needs; run `pdm migrate`"


def describe_too_new(
    applied: Sequence[str], known: Sequence[str], allowed: Mapping[str, str], version: str
) -> str | None:
    """Return which migrations do not allow this version of the code to serve, and what to do; None where all do."""
    later = [name for name in applied if name not in known and not name.startswith("repeatable/")]
    barred = {name: allowed.get(name) for name in later if not _may_serve(allowed.get(name), version)}
    if not barred:
        return None
    named = ", ".join(f"{name} (needs pdm {oldest or 'of an unknown version'})" for name, oldest in barred.items())
    return f"the database was migrated by a newer pdm: {named}; this is pdm {version}: upgrade this process"


def _may_serve(oldest: str | None, version: str) -> bool:
    return oldest is not None and _numbers(version) >= _numbers(oldest)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, so that 0.10.0 comes after 0.9.0."""
    found = _VERSION.match(version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


@cache
def _known() -> tuple[str, ...]:
    return tuple(migration.name for migration in read_migrations(files("migrations")) if not migration.is_repeatable)
