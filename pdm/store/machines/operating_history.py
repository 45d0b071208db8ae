"""Load and speed of machines over their lives."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from pdm.prognosis.what_if import Conditions
from pdm.store.database.queries import query


def fetch_lives(conn: Connection[Any], fleet: str) -> list[Conditions]:
    """Return the durations of a fleet's lives with failure, and their mean load [1] and speed [Hz]."""
    rows = conn.execute(query("fetch_life_conditions"), {"fleet": fleet})
    return [Conditions(life, _known(load, speed)) for life, load, speed in rows]


def fetch_present(conn: Connection[Any], machine_id: int, acquisitions: int) -> dict[str, float]:
    """Return a machine's mean load [1] and speed [Hz] over its last acquisitions; unknown values are omitted."""
    wanted = {"machine_id": machine_id, "acquisitions": acquisitions}
    row = conn.execute(query("fetch_present_conditions"), wanted).fetchone()
    return _known(*row) if row else {}


def _known(load: float | None, speed: float | None) -> dict[str, float]:
    return {name: value for name, value in (("load", load), ("speed", speed)) if value is not None}
