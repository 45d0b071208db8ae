"""Whether the intervals that people were told have held: tracked when failures become known, and published."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.prognosis.evaluation.live_coverage import track_coverage
from pdm.settings import Settings
from pdm.store.analysis.assessments_read import PrognosisEntry
from pdm.store.models import live_coverage
from pdm.store.models.live_coverage import FleetCoverage

LIVES = 50
"""A fleet's last lives that count: a claim that held for years may have stopped."""


def track(conn: Connection[Any], settings: Settings, now: datetime) -> str:  # noqa: ARG001
    """Score what was told of lives whose failure has become known since; a job of the clockwork."""
    fleets = live_coverage.fetch_fleets_with_new_failures(conn)
    for fleet in fleets:
        found = track_coverage(live_coverage.fetch_outcomes(conn, fleet, LIVES))
        live_coverage.replace(conn, fleet, found, now)
    return f"{len(fleets)} fleets"


def read_coverage(pool: ConnectionPool[Any], fleet: str | None) -> list[FleetCoverage]:
    """Return how often the intervals of a fleet, or of all, have held in service."""
    with pool.connection() as conn:
        return live_coverage.fetch(conn, fleet)


def verdict_on(conn: Connection[Any], fleet: str, prognosis: PrognosisEntry | None) -> str | None:
    """Return whether intervals such as a prognosis carries have held; None where nothing has failed yet."""
    if prognosis is None or prognosis.level is None:
        return None
    level = round(float(prognosis.level), 4)
    for row in live_coverage.fetch(conn, fleet):
        if row.source == prognosis.source and abs(row.level - level) < 1e-3:
            return row.verdict
    return None
