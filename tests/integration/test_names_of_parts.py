"""Names beside the keys of points, components and sites: health, the alert stream, and what receivers get."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from pdm.notify.message import Message
from pdm.notify.text import body_of, subject_of
from pdm.service.delivery.messages import claim_messages
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.alerts.alerts import enqueue
from pdm.store.database.queries import query
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW

Pool = ConnectionPool[Any]
ALERT = UUID(int=9)
FLEET = {
    "sites": [{"key": "seoul", "name": "서울 공장"}],
    "machines": [
        {
            "key": "fan-3", "site": "seoul", "line": "paint", "name": "3호기 송풍기",
            "components": [{"key": "de", "kind": "bearing", "name": "구동측 베어링"}],
            "points": [
                {"key": "t", "quantity": "temperature", "unit": "degC", "name": "베어링 온도", "component": "de"},
            ],
        }
    ],
}  # fmt: skip
PART = {"health": 0.4, "severity": 0.6, "urgency": "none"}
CONTRIBUTOR = {"indicator": "temperature", "point": "t", "deviation": 9.0}
EVIDENCE = {
    "severity": 0.6,
    "contributors": [],
    "reasons": [],
    "points": [{"point": "t", **PART, "zone": None, "contributors": [CONTRIBUTOR]}],
    "components": [{"component": "de", **PART, "contributors": [CONTRIBUTOR]}],
}
HOT = {"signal": "temperature", "side": "above", "value": 370.0, "unit": "K", "point": "t", "limit": 366.0}


@pytest.fixture
def caller(settings: Settings, pool: Pool, dsn: str) -> Iterator[httpx.Client]:
    key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as opened:
        assert opened.post("/v1/fleet", json=FLEET).status_code == 200
        with psycopg.connect(dsn) as conn:
            conn.execute(
                "INSERT INTO assessment (machine_id, measured_at, revision, health, learning_progress, operating_state,"
                " component, indicators, evidence, rule_version)"
                " SELECT id, %s, 0, 0.4, 1, 'run', 'de', '{}', %s, '1' FROM machine",
                (NOW, json.dumps(EVIDENCE)),
            )
            conn.execute(
                "INSERT INTO alert (id, machine_id, cause, component, severity, state, opened_at, message, parameters,"
                " evidence, rule_version) SELECT %s, id, 'de', 'de', 'warning', 'unacknowledged', %s,"
                " 'threshold-crossed', %s, '{}', '1' FROM machine",
                (ALERT, NOW, json.dumps(HOT)),
            )
        yield opened


def open_event(conn: psycopg.Connection[Any]) -> int:
    row = conn.execute(
        "INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reason)"
        " SELECT id, machine_id, 'opened', 'warning', %s, 'rules', 'test' FROM alert RETURNING id",
        (NOW,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_health_gives_the_names_of_machine_points_and_components(caller: httpx.Client) -> None:
    found = caller.get("/v1/machines/fan-3/health").json()
    assert (found["machine_name"], found["component_name"]) == ("3호기 송풍기", "구동측 베어링")
    assert [(each["point"], each["name"]) for each in found["points"]] == [("t", "베어링 온도")]
    assert [(each["component"], each["name"]) for each in found["components"]] == [("de", "구동측 베어링")]
    for part in (*found["points"], *found["components"]):
        assert [each["point_name"] for each in part["contributors"]] == ["베어링 온도"]


def test_events_of_the_stream_have_names(caller: httpx.Client, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn, conn.cursor(row_factory=dict_row) as cursor:
        open_event(conn)
        for _ in range(300):  # events are shown once no older transaction of the server runs
            found = cursor.execute(
                query("fetch_alert_events_after"), {"transaction": "0", "id": 0, "limit": 10}
            ).fetchall()
            if found:
                break
            time.sleep(0.1)
    (event,) = found
    names = {"machine_name": "3호기 송풍기", "component_name": "구동측 베어링", "point_name": "베어링 온도"}
    assert event.items() >= names.items()


def test_what_receivers_get_has_names(caller: httpx.Client, pool: Pool) -> None:
    subscription = uuid4()
    with pool.connection() as conn:
        conn.execute(
            "INSERT INTO subscription (id, name, kind, url, secret, min_severity)"
            " VALUES (%s, 'x', 'webhook', 'https://example.com', 'x', 'advisory')",
            (subscription,),
        )
        conn.execute("UPDATE machine SET timeline = 'live'")
        enqueue(conn, [open_event(conn)])
    with pool.connection() as conn:
        batch = claim_messages(conn, subscription, NOW.replace(year=NOW.year + 1), timedelta(minutes=1), 10)
        assert batch is not None
        standing = conn.execute("SELECT document FROM standing_alert").fetchone()
    assert standing is not None
    (outgoing,) = batch.messages
    message: Message = outgoing.message
    names = {
        "site_name": "서울 공장", "machine_name": "3호기 송풍기", "component_name": "구동측 베어링",
        "point_name": "베어링 온도",
    }  # fmt: skip
    assert message.events[0].data.items() >= names.items()
    assert standing[0].items() >= names.items()
    assert "베어링 온도 (t)" in message.events[0].data["text"]
    assert subject_of(message).startswith("[warning] 3호기 송풍기 (fan-3): ")
    body = body_of(message)
    assert "3호기 송풍기 (fan-3, 구동측 베어링 (de))" in body
    assert "site: 서울 공장 (seoul)" in body
