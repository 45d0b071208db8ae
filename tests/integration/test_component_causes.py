"""Open alerts of components that were registered with the key of a cause which the service has itself."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from tests.integration.alert_plant import START, add_machine


@pytest.mark.parametrize("category", ["machine", "data"])
def test_an_open_alert_of_a_component_called_data_gap_gets_a_cause_of_its_own(
    pool: ConnectionPool[Any], category: str
) -> None:
    is_component = category == "machine"
    with pool.connection() as conn:
        machine_id = add_machine(conn, "press-07")
        for state in ("unacknowledged", "normal"):
            _add_alert(conn, machine_id, "data-gap", category, state)
        _add_alert(conn, machine_id, "brg", "machine", "unacknowledged", inhibited_by="data-gap")
        conn.execute(
            "INSERT INTO alert_hold (id, kind, site_id, line_id, machine_id, cause, reason, starts_at, actor) SELECT"
            " gen_random_uuid(), 'out-of-service', site_id, line_id, id, 'data-gap', 'x', %s, 'ann' FROM machine",
            (START,),
        )
        conn.execute((files("migrations") / "0019_component_causes.sql").read_bytes())
        cause = "component:data-gap" if is_component else "data-gap"
        assert conn.execute("SELECT cause FROM alert WHERE state <> 'normal' ORDER BY cause").fetchall() == [
            ("brg",),
            (cause,),
        ]
        assert conn.execute("SELECT cause FROM alert WHERE state = 'normal'").fetchall() == [("data-gap",)]
        assert conn.execute("SELECT cause FROM alert_hold").fetchall() == [(cause,)]
        assert conn.execute("SELECT inhibited_by FROM alert WHERE cause = 'brg'").fetchall() == [(cause,)]


def _add_alert(
    conn: Connection[Any],
    machine_id: int,
    cause: str,
    category: str,
    state: str,
    inhibited_by: str | None = None,
) -> None:
    conn.execute(
        "INSERT INTO alert (id, machine_id, cause, category, severity, state, opened_at, raised_at, message,"
        " parameters, evidence, rule_version, rule_key, inhibited_by)"
        " VALUES (gen_random_uuid(), %s, %s, %s, 'warning', %s, %s, %s, 'x', '{}', '{}', '1', 'x', %s)",
        (machine_id, cause, category, state, START, START, inhibited_by),
    )
