"""Why a machine is said to last as long as it is, worked out beside the API on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from psycopg_pool import ConnectionPool

from pdm.health.assessment import RULE_VERSION
from pdm.health.baseline.indicators import INDICATORS
from pdm.service.platform.access import create_key
from pdm.service.prognosis import explanation_requests
from pdm.service.prognosis.training import train_fleet
from pdm.settings import Settings
from pdm.store.machines.registration import register
from pdm.store.models import models
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW, machine
from tests.integration.test_models import FLEET, HOUR, live

Pool = ConnectionPool[Any]
RECORDS = 240
WHY = "/v1/machines/running/prognosis/explanation"


@pytest.fixture
def running(pool: Pool) -> Pool:
    """Six machines of one fleet that failed, and one at another site that runs and gets worse."""
    random = np.random.default_rng(20)
    with pool.connection() as conn:
        for number in range(6):
            register(conn, machine(f"m-{number}"))
            live(conn, f"m-{number}", number)
        register(conn, machine("running", site="ulsan"))
        rise = 18.0 * np.exp((np.arange(RECORDS) - RECORDS) / 30.0)
        values = rise[:, None] * np.linspace(0.2, 1.0, len(INDICATORS)) + random.normal(0, 1, (RECORDS, 1))
        row = conn.execute("SELECT id FROM machine WHERE key = 'running'").fetchone()
        assert row is not None
        with conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO assessment (machine_id, measured_at, revision, learning_progress, operating_state,"
                " indicators, evidence, rule_version) VALUES (%s, %s, 0, 1, 'full', %s, '{}', %s)",
                [
                    (row[0], NOW - (RECORDS - number) * HOUR, list(map(float, values[number])), RULE_VERSION)
                    for number in range(RECORDS)
                ],
            )
    return pool


@pytest.fixture
def api(settings: Settings, running: Pool) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """The clients of an administrator and of a reader who may know the running machine's site only."""
    boss = create_key(running, name="boss", role="admin", sites=None, actor="test")
    guest = create_key(running, name="guest", role="read", sites=["ulsan"], actor="test")
    with serve(settings) as url, client(url, boss) as first, client(url, guest) as second:
        yield first, second


def test_a_machine_without_a_model_is_refused_with_the_reason(api: tuple[httpx.Client, httpx.Client]) -> None:
    answer = api[0].get(WHY)
    assert (answer.status_code, answer.json()["code"]) == (422, "refused")
    assert f"no model for fleet '{FLEET}'" in answer.json()["detail"]


def test_a_prediction_is_explained_by_contributions_a_change_over_a_week_and_past_lives(
    api: tuple[httpx.Client, httpx.Client], running: Pool
) -> None:
    train_fleet(running, FLEET, seed=1)
    why = api[0].get(WHY).json()
    parts = sum(each["amount_s"] for each in why["contributors"])
    assert why["base_s"] + parts + why["others_s"] + why["limited_s"] == pytest.approx(why["rul_s"], abs=1.0)
    assert why["measured_at"] == (NOW - HOUR).isoformat().replace("+00:00", "Z")
    assert why["rul_s"] < why["base_s"]
    known = {indicator.name: indicator for indicator in INDICATORS}
    named = [each for each in why["contributors"] if each["name"] != "age"]
    assert all(each["unit"] == known[each["name"]].unit and each["value"] > 0 for each in named)
    change = why["change"]
    assert change["rul_change_s"] == pytest.approx(why["rul_s"] - change["rul_then_s"])
    assert change["rul_change_s"] < 0
    assert change["since"] == (NOW - 7 * 24 * HOUR - HOUR).isoformat().replace("+00:00", "Z")
    assert [each["distance"] for each in why["alike"]] == sorted(each["distance"] for each in why["alike"])
    assert {each["machine"] for each in why["alike"]} <= {f"m-{number}" for number in range(6)}
    guest = api[1].get(WHY).json()
    assert [each["machine"] for each in guest["alike"]] == [None, None, None]
    assert {**guest, "alike": 0} == {**why, "alike": 0}


def test_a_life_that_has_ended_is_not_explained_as_the_present_one(
    api: tuple[httpx.Client, httpx.Client], running: Pool
) -> None:
    train_fleet(running, FLEET, seed=1)
    answer = api[0].get(WHY.replace("running", "m-0"))
    assert (answer.status_code, answer.json()["code"]) == (422, "refused")
    assert "present life of 'm-0'" in answer.json()["detail"]


def test_the_explanation_is_of_what_the_model_answers(api: tuple[httpx.Client, httpx.Client], running: Pool) -> None:
    train_fleet(running, FLEET, seed=1)
    with running.connection() as conn:
        champion = models.fetch_champion(conn, FLEET)
        own = next(life for life in models.fetch_lives(conn, FLEET, RULE_VERSION) if life.machine == "running")
    assert champion is not None
    predicted = champion[1].predict(own.life_time, own.settings, own.values)[0]
    why = api[0].get(WHY).json()
    assert why["rul_s"] == pytest.approx(float(predicted[-1]), rel=1e-9)
    assert why["change"]["rul_then_s"] == pytest.approx(float(predicted[-1 - 7 * 24]), rel=1e-9)
    assert why["model_id"] == champion[0]


def test_one_explanation_is_worked_out_at_a_time(api: tuple[httpx.Client, httpx.Client]) -> None:
    with explanation_requests.EXPLANATION.one_at_a_time:
        assert api[0].get(WHY).status_code == 503
