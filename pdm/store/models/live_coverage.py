"""Prognoses of lives with a later failure, and the coverage of their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.prognosis.evaluation.live_coverage import LifeOutcome, LiveCoverage
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all


@dataclass(frozen=True)
class FleetCoverage:
    """Coverage of the intervals of a fleet from one source, at one level."""

    fleet: str
    source: str
    level: float
    lives: int
    coverage: float
    chance: float
    verdict: str
    computed_at: datetime


def fetch_fleets_with_new_failures(conn: Connection[Any]) -> list[str]:
    """Return the fleets with a failure recorded since the last update of their coverage."""
    return [row[0] for row in conn.execute(query("fetch_fleets_with_new_failures"))]


def fetch_outcomes(conn: Connection[Any], fleet: str, lives: int) -> list[LifeOutcome]:
    """Return the outcomes of a fleet's last lives with a failure and an earlier published interval."""
    found: dict[tuple[str, float], dict[tuple[str, float], tuple[int, int]]] = {}
    for machine, failed_at, source, level, count, covered in conn.execute(
        query("fetch_told_of_failures"), {"fleet": fleet, "lives": lives}
    ):
        found.setdefault((machine, failed_at), {})[source, level] = (count, covered)
    return [LifeOutcome(machine, failed_at, each) for (machine, failed_at), each in found.items()]


def replace(conn: Connection[Any], fleet: str, found: Sequence[LiveCoverage], now: datetime) -> None:
    """Replace the stored coverage of a fleet."""
    conn.execute(query("drop_live_coverage"), {"fleet": fleet})
    for each in found:
        wanted = {
            "fleet": fleet,
            "source": each.source,
            "level": each.level,
            "lives": each.lives,
            "coverage": each.coverage,
            "chance": each.chance,
            "verdict": each.verdict.value,
            "now": now,
        }
        conn.execute(query("insert_live_coverage"), wanted)


def fetch(conn: Connection[Any], fleet: str | None = None) -> list[FleetCoverage]:
    """Return the coverage of intervals by fleet, source and level."""
    return fetch_all(conn, FleetCoverage, "fetch_live_coverage", fleet=fleet)
