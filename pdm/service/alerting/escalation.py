"""Changes of alerts by the wall clock: holds start and end, overdue alerts are notified again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.settings import Settings
from pdm.store.alerts import alerts, holds

INTERVAL = timedelta(seconds=5)
BATCH = 500  # machines or alerts per transaction; the rest follows at the next tick


def advance(conn: Connection[Any], settings: Settings, now: datetime) -> str:  # noqa: ARG001
    """End expired holds, apply the present holds to alerts, and notify of overdue alerts."""
    ended = holds.end_expired(conn, now)
    moved = settle(conn, now)
    overdue = remind(conn, now)
    if moved or overdue:
        alerts.notify(conn)
    return f"{ended} suppressions ended, {moved} machines updated, {overdue} alerts overdue"


def settle(conn: Connection[Any], now: datetime) -> int:
    """Suppress or release alerts of machines with a started or ended hold; returns the number of machines."""
    machine_ids = holds.fetch_unsettled_machines(conn, now, BATCH)
    if machine_ids:
        ledger = alerts.open_ledger(conn, machine_ids, now)
        ledger.settle()
        alerts.close_ledger(conn, ledger)
    return len(machine_ids)


def remind(conn: Connection[Any], now: datetime) -> int:
    """Notify of alerts that were not acknowledged in time, the oldest first; returns their number."""
    overdue = alerts.fetch_overdue(conn, now, BATCH)
    if not overdue:
        return 0
    ledger = alerts.open_ledger(conn, sorted(set(overdue.values())), now)
    reminded = [ledger.remind(alert_id) for alert_id in overdue]
    ledger.settle()
    alerts.close_ledger(conn, ledger)
    return sum(reminded)
