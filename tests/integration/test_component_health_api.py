"""The health of points and components over the API, from real assessments of stored acquisitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from pdm.service.platform.access import create_key
from pdm.settings import Settings
from tests.integration import plant
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW
from tests.unit.health_snapshots import follow, learned, snapshot


@pytest.fixture
def evidence() -> dict[str, Any]:
    """What is concluded of a motor whose bearing point 'h' shakes in zone C."""
    rng = np.random.default_rng(1)
    sick = {"velocity_rms": 3.5, "rms": 4.0, "order_1x": 4.0}
    _, assessments = follow((snapshot(n, rng, growth=sick) for n in range(20, 45)), state=learned(rng))
    return assessments[-1].evidence


def test_the_health_of_a_machine_lists_its_points_components_and_states(
    pool: ConnectionPool[Any], settings: Settings, evidence: dict[str, Any]
) -> None:
    plant.add(pool, plant.machine("press-01"))
    with pool.connection() as conn:
        conn.execute(
            "INSERT INTO assessment (machine_id, measured_at, revision, health, learning_progress, operating_state,"
            " zone, indicators, evidence, rule_version)"
            " SELECT id, %s, 0, 0.2, 1, 'normal', 'C', '{}', %s, 'health-2' FROM machine WHERE key = 'press-01'",
            (NOW, Jsonb(evidence)),
        )
    key = create_key(pool, name="reader", role="read", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as caller:
        body = caller.get("/v1/machines/press-01/health").json()
    assert body["severity"] == pytest.approx(0.8)
    assert body["urgency"] == "within-horizon"
    points = {each["point"]: each for each in body["points"]}
    assert set(points) == {"h", "v", "u", "v2", "w", "temp"}
    assert points["h"]["zone"] == "C"
    assert points["h"]["urgency"] == "within-horizon"
    assert points["h"]["health"] < 0.6 < points["temp"]["health"]
    assert points["h"]["contributors"][0]["indicator"] in {"velocity_rms", "rms", "order_1x"}
    components = {each["component"]: each for each in body["components"]}
    assert components["shaft"]["health"] < 0.6 < components["motor"]["health"]
    assert components["bearing"]["urgency"] == "within-horizon"
    (state,) = body["operating_states"]
    assert state["name"] == "normal"
    assert state["learned"]
    assert state["speed_hz"] == [24.5, 24.5]
    assert body["change"]["point"] in points
    assert body["zone_trend"]["boundary"] == "C/D"
    assert "points" not in body["evidence"]
