"""Remaining life under another load, by what past lives on a real database show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.machines.registration import register
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW, machine

Pool = ConnectionPool[Any]
HOUR = timedelta(hours=1)
ASK = "/v1/machines/running/prognosis/what-if"


def measure(conn: Connection[Any], key: str, hours: int, load: float) -> int:
    """Write that a machine ran under a load for so long, once an hour, until now; a stop in between counts not."""
    row = conn.execute("SELECT id FROM machine WHERE key = %s", (key,)).fetchone()
    assert row is not None
    conn.execute(
        "INSERT INTO acquisition (machine_id, measured_at, speed, load, receipt_id)"
        " SELECT %s, %s - n * INTERVAL '1 hour', CASE n WHEN 5 THEN 0 ELSE 25 END, CASE n WHEN 5 THEN 0 ELSE %s END,"
        " gen_random_uuid() FROM generate_series(1, %s) n",
        (row[0], NOW, load, hours),
    )
    return int(row[0])


@pytest.fixture
def api(settings: Settings, pool: Pool) -> Iterator[httpx.Client]:
    """Nine machines that lasted 250 h x load^-2, one that runs at half load and is told 100 h."""
    with pool.connection() as conn:
        for number in range(9):
            load = 0.5 + number / 16
            register(conn, machine(f"m-{number}"))
            failed = measure(conn, f"m-{number}", round(250 * load**-2), load)
            conn.execute(
                "INSERT INTO work_event (machine_id, kind, occurred_at, actor) VALUES (%s, 'failure', %s, 'test')",
                (failed, NOW),
            )
        register(conn, machine("running"))
        register(conn, machine("untold"))
        own = measure(conn, "running", 60, 0.5)
        conn.execute(
            "INSERT INTO prognosis (machine_id, measured_at, revision, source, rul, rul_lower, level, evidence)"
            " VALUES (%s, %s, 0, 'trend', 360000, 180000, 0.9, '{}')",
            (own, NOW - HOUR),
        )
    key = create_key(pool, name="reader", role="read", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as client_of_url:
        yield client_of_url


def test_the_result_is_the_prediction_times_the_effect_in_past_lives(api: httpx.Client) -> None:
    found = api.post(ASK, json={"load": 1.0}).json()
    assert found["exponents"]["load"] == pytest.approx(-2, abs=0.02)
    assert found["factor"] == pytest.approx(0.25, rel=0.02)
    assert found["rul_s"] == pytest.approx(360000 * found["factor"])
    assert found["rul_lower_s"] == pytest.approx(180000 * found["factor_lower"])
    assert found["rul_upper_s"] is None
    assert (found["lives"], found["present_load"], found["present_speed_hz"]) == (9, 0.5, 25.0)


@pytest.mark.parametrize(
    ("question", "status", "why"),
    [
        ({"speed_hz": 20.0}, 422, "its effect is unknown"),
        ({"load": 1.5}, 422, "not the 1.5 that is asked"),
        ({"load": 0.9, "speed_hz": 20.0}, 422, "12 are required"),
        ({}, 422, "load or speed is required"),
        ({"load": "0.5"}, 422, "must be a number, not text"),
        ({"load": -1}, 422, "greater than 0"),
    ],
)
def test_what_lives_do_not_show_is_refused(api: httpx.Client, question: dict[str, Any], status: int, why: str) -> None:
    answer = api.post(ASK, json=question)
    assert answer.status_code == status
    assert why in answer.text


def test_a_machine_without_a_prognosis_is_refused(api: httpx.Client) -> None:
    answer = api.post("/v1/machines/untold/prognosis/what-if", json={"load": 0.9})
    assert (answer.status_code, answer.json()["code"]) == (422, "refused")
    assert "there is no prognosis" in answer.json()["detail"]
