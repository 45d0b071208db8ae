"""The measurement points of an alert are read as they were written, not from its evidence, which is for people."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from pdm.store.alerts.alerts import apply_changes, open_ledger
from tests.integration.alert_plant import START, add_machine, change

NOW = datetime(2026, 1, 2, tzinfo=UTC)
EVIDENCE = {"assessment": {"contributors": [{"point": "nde-v"}, {"point": "de-h"}, {"point": None}, {"point": "de-h"}]}}


def test_points_are_read_as_they_were_written(pool: ConnectionPool[Any]) -> None:
    with pool.connection() as conn:
        machine_id = add_machine(conn, "press-07")
        opened = replace(change("opened", "warning"), points=("de-h", 'odd, "key"'), evidence=EVIDENCE)
        apply_changes(conn, machine_id, [opened], False)
        assert points(conn, machine_id) == ("de-h", 'odd, "key"')
        escalated = replace(change("escalated", "critical"), points=("nde-v",), evidence=EVIDENCE)
        apply_changes(conn, machine_id, [escalated], False)
        assert points(conn, machine_id) == ("nde-v",)


def test_an_alert_without_points_has_none(pool: ConnectionPool[Any]) -> None:
    with pool.connection() as conn:
        machine_id = add_machine(conn, "press-07")
        apply_changes(conn, machine_id, [change("opened", "warning")], False)
        assert points(conn, machine_id) == ()


def test_points_of_an_alert_from_before_are_those_of_its_evidence(pool: ConnectionPool[Any]) -> None:
    with pool.connection() as conn:
        machine_id = add_machine(conn, "press-07")
        conn.execute(
            "INSERT INTO alert (id, machine_id, cause, severity, state, opened_at, raised_at, message, parameters,"
            " evidence, rule_version)"
            " VALUES (%s, %s, 'machine', 'warning', 'unacknowledged', %s, %s, 'x', '{}', %s, '1')",
            (UUID(int=1), machine_id, START, START, Jsonb(EVIDENCE)),
        )
        assert points(conn, machine_id) == ("de-h", "nde-v")


def points(conn: Connection[Any], machine_id: int) -> tuple[str, ...]:
    """Return the points of the machine's one open alert."""
    (alert_id,) = conn.execute("SELECT id FROM alert WHERE state <> 'normal'").fetchone() or ()
    return open_ledger(conn, [machine_id], NOW).find(alert_id).points
