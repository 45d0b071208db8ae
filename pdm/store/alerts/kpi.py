"""Stored data for the performance indicators of the alarm system."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.alerts.kpi.figures import ActiveAlert, AlarmEvent
from pdm.store.database.queries import query


def fetch_alarm_events(
    conn: Connection[Any], since: datetime, before: datetime, site: str | None, limit: int
) -> list[AlarmEvent]:
    """Return events recorded in [since, before) of live machines' alerts, in order, at most `limit`."""
    values = {"since": since, "before": before, "site": site, "limit": limit}
    return [AlarmEvent(*row) for row in conn.execute(query("fetch_alarm_events"), values)]


def fetch_standing_alarms(
    conn: Connection[Any], at: datetime, raised_before: datetime, site: str | None
) -> list[ActiveAlert]:
    """Return alerts raised before a time that were active and not suppressed at `at`."""
    values = {"at": at, "raised_before": raised_before, "site": site}
    return [ActiveAlert(*row) for row in conn.execute(query("fetch_standing_alarms"), values)]


def fetch_verdicts(conn: Connection[Any], since: datetime, before: datetime, site: str | None) -> list[str]:
    """Return the feedback of operators on cases in [since, before)."""
    values = {"since": since, "before": before, "site": site}
    return [row[0] for row in conn.execute(query("fetch_verdicts"), values)]
