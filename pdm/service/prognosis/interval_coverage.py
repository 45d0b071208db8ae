"""Coverage of published prediction intervals, updated when failures are recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.prognosis.evaluation.live_coverage import track_coverage
from pdm.settings import Settings
from pdm.store.analysis.assessments_read import PrognosisEntry
from pdm.store.machines.renaming import present_fleet
from pdm.store.models import live_coverage
from pdm.store.models.live_coverage import FleetCoverage

LIVES = 50
"""Number of last lives of a fleet that are evaluated, so that a recent decrease of coverage is visible."""


def track(conn: Connection[Any], settings: Settings, now: datetime) -> str:  # noqa: ARG001
    """Score the prognoses of lives with a newly recorded failure; a scheduled job."""
    fleets = live_coverage.fetch_fleets_with_new_failures(conn)
    for fleet in fleets:
        found = track_coverage(live_coverage.fetch_outcomes(conn, fleet, LIVES))
        live_coverage.replace(conn, fleet, found, now)
    return f"{len(fleets)} fleets"


def read_coverage(pool: ConnectionPool[Any], fleet: str | None) -> list[FleetCoverage]:
    """Return the coverage of the intervals in service, of one fleet or of all."""
    with pool.connection() as conn:
        return live_coverage.fetch(conn, fleet and present_fleet(conn, fleet))


def verdict_on(conn: Connection[Any], fleet: str, prognosis: PrognosisEntry | None) -> str | None:
    """Return the coverage verdict on intervals like those of a prognosis; None before the first failure."""
    if prognosis is None or prognosis.level is None:
        return None
    level = round(float(prognosis.level), 4)
    for row in live_coverage.fetch(conn, fleet):
        if row.source == prognosis.source and abs(row.level - level) < 1e-3:
            return row.verdict
    return None
