"""Queries of the scheduler for machines without data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.alerts.kinds.behaviour import Severity
from pdm.store.database.queries import query


@dataclass(frozen=True)
class QuietMachine:
    """A machine, the times of its newest acquisition and last receipt, and its open alert of missing data, if any.

    `measured_at` and `received_at` are None for a machine that has never sent.

    `is_off`: it was at standstill at the last acquisition. `suppressed_until`: end of the time in which all its
    alerts were suppressed by design, at most now.
    """

    id: int
    key: str
    measured_at: datetime | None
    received_at: datetime | None
    opened_at: datetime | None
    severity: Severity | None
    is_off: bool = False
    suppressed_until: datetime | None = None


def watch(conn: Connection[Any], now: datetime, longest_pause: timedelta) -> datetime:
    """Store that a check runs now; returns since when checks run without a longer pause."""
    row = conn.execute(query("watch_gaps"), {"now": now, "longest_pause": longest_pause}).fetchone()
    assert row is not None
    since: datetime = row[0]
    return since


def fetch_gap_documents(conn: Connection[Any]) -> list[dict[str, Any]]:
    """Return the documents in force with rules of missing data."""
    return [row[0] for row in conn.execute(query("fetch_gap_documents"))]


def fetch_quiet_machines(conn: Connection[Any], before: datetime, cause: str, now: datetime) -> list[QuietMachine]:
    """Return live machines without new data received since `before`, and those with an open alert of `cause`."""
    rows = conn.execute(query("fetch_quiet_machines"), {"before": before, "cause": cause, "now": now})
    return [
        QuietMachine(machine_id, key, measured, received, opened_at, severity and Severity(severity), is_off, until)
        for machine_id, key, measured, received, opened_at, severity, is_off, until in rows
    ]
