"""The health of lines and sites, rolled up from what is stored of their machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from psycopg_pool import ConnectionPool

from pdm.health.detection.transients import UNJUDGED
from pdm.service.machines import plant_health
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from tests.integration import plant
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW

Pool = ConnectionPool[Any]
DAY = 86400.0


@pytest.fixture
def caller(settings: Settings, pool: Pool) -> Iterator[httpx.Client]:
    plant.add(
        pool,
        plant.machine("press-01"),
        plant.machine("press-02"),
        replace(plant.machine("pump-01"), line="line-2"),
        plant.machine("far-01", "elsewhere"),
    )
    key = create_key(pool, name="reader", role="read", sites=["busan"], actor="test")
    with serve(settings) as url, client(url, key) as opened:
        yield opened


def _conclude(
    dsn: str,
    machine: str,
    health: float | None,
    zone: str | None = None,
    rul_lower: float | None = None,
    hours: int = 1,
    state: str = "run",
) -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "INSERT INTO assessment (machine_id, measured_at, revision, health, learning_progress, operating_state,"
            " zone, symptom, indicators, evidence, rule_version)"
            " SELECT id, %s, 0, %s, 1, %s, %s, 'unbalance', '{}', '{}', '1' FROM machine WHERE key = %s",
            (NOW - timedelta(hours=hours), health, state, zone, machine),
        )
        conn.execute(
            "INSERT INTO prognosis (machine_id, measured_at, revision, source, rul_lower, evidence)"
            " SELECT id, %s, 0, 'trend', %s, '{}' FROM machine WHERE key = %s",
            (NOW - timedelta(hours=hours), rul_lower, machine),
        )


def test_a_line_is_as_healthy_as_its_worst_machine_and_says_which(caller: httpx.Client, settings: Settings) -> None:
    _conclude(settings.dsn, "press-01", 0.9, "A", 2 * DAY)
    _conclude(settings.dsn, "press-02", 0.25, "B", 90 * DAY)
    body = caller.get("/v1/sites/busan/lines/line-1/health").json()
    assert (body["health"], body["severity"], body["zone"]) == (0.25, 0.75, "B")
    assert (body["urgency"], body["rul_lower_s"]) == ("within-horizon", 2 * DAY)
    assert (body["machines"], body["known"]) == (2, 2)
    assert [(each["machine"], each["urgency"]) for each in body["contributors"]] == [
        ("press-01", "within-horizon"),
        ("press-02", "later"),
    ]
    assert body["contributors"][1]["symptom"] == "unbalance"


def test_a_site_tells_its_lines_apart_and_nothing_of_other_sites(caller: httpx.Client, settings: Settings) -> None:
    _conclude(settings.dsn, "press-01", 0.9, "A")
    _conclude(settings.dsn, "pump-01", 0.5, "D")
    _conclude(settings.dsn, "far-01", 0.1, "D")
    body = caller.get("/v1/sites/busan/health").json()
    assert (body["health"], body["urgency"], body["machines"], body["known"]) == (0.5, "immediate", 3, 2)
    assert [(each["line"], each["health"], each["urgency"]) for each in body["lines"]] == [
        ("line-1", pytest.approx(0.9), "none"),
        ("line-2", 0.5, "immediate"),
    ]
    assert caller.get("/v1/sites/elsewhere/health").status_code == 404
    assert caller.get("/v1/sites/busan/lines/line-9/health").status_code == 404


def test_a_machine_at_standstill_keeps_its_last_assessment(caller: httpx.Client, settings: Settings) -> None:
    _conclude(settings.dsn, "press-01", 0.3, "C", hours=5)
    for hours in range(1, 5):
        _conclude(settings.dsn, "press-01", None, hours=hours, state=UNJUDGED[hours % 2])
    body = caller.get("/v1/sites/busan/lines/line-1/health").json()
    assert (body["health"], body["urgency"]) == (pytest.approx(0.3), "within-horizon")
    assert plant_health.UNJUDGED == UNJUDGED
