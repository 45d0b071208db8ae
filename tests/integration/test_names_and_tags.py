"""Names beside the keys of the answers, and tags wherever a machine's key is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError
from pdm.machines.model import Machine
from pdm.service.machines.registration import register_fleet
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.machines.registration import fetch_machine
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW, acquisition, ask, codes, machine, outcomes, send

Pool = ConnectionPool[Any]
ALERT = UUID(int=7)
FLEET = {
    "sites": [{"key": "seoul", "name": "서울 공장", "lines": [{"key": "paint", "name": "도장 라인"}]}],
    "machines": [
        {
            "key": "fan-3",
            "site": "seoul",
            "line": "paint",
            "name": "3호기 송풍기",
            "tag": "3호기",
            "components": [{"key": "de", "kind": "bearing", "name": "구동측 베어링"}],
            "points": [{"key": "t", "quantity": "temperature", "unit": "degC", "name": "베어링 온도"}],
        },
        {"key": "pump-1", "site": "seoul", "line": "paint", "tag": "P-101A"},
    ],
}
FAN = f"/v1/machines/{quote('3호기')}"


@pytest.fixture
def caller(settings: Settings, pool: Pool) -> Iterator[httpx.Client]:
    key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as opened:
        assert opened.post("/v1/fleet", json=FLEET).status_code == 200
        yield opened


def _open_alert(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "INSERT INTO alert (id, machine_id, cause, component, severity, state, opened_at, message, parameters,"
            " evidence, rule_version) SELECT %s, id, 'machine', 'de', 'warning', 'unacknowledged', %s, 'zone', '{}',"
            " '{}', '1' FROM machine WHERE key = 'fan-3'",
            (ALERT, NOW),
        )
        conn.execute(
            "INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reason)"
            " SELECT id, machine_id, 'opened', 'warning', %s, 'rules', 'test' FROM alert WHERE id = %s",
            (NOW, ALERT),
        )
        conn.execute(
            "INSERT INTO assessment (machine_id, measured_at, revision, health, learning_progress, operating_state,"
            " component, indicators, evidence, rule_version)"
            " SELECT id, %s, 0, 0.4, 1, 'run', 'de', '{}', '{}', '1' FROM machine WHERE key = 'fan-3'",
            (NOW,),
        )


def test_names_are_given_beside_the_keys(caller: httpx.Client, dsn: str) -> None:
    _open_alert(dsn)
    fan = caller.get("/v1/machines").json()["items"][0]
    names = {"name": "3호기 송풍기", "site_name": "서울 공장", "line_name": "도장 라인"}
    assert fan.items() >= {"machine": "fan-3", "tag": "3호기", "component_name": "구동측 베어링", **names}.items()
    detail = caller.get("/v1/machines/fan-3").json()
    assert detail.items() >= names.items()
    assert detail["components"][0]["name"] == "구동측 베어링"
    assert detail["points"][0]["name"] == "베어링 온도"
    alert = {"machine": "fan-3", "machine_name": "3호기 송풍기", "component_name": "구동측 베어링"}
    assert caller.get("/v1/alerts").json()["items"][0].items() >= alert.items()
    assert caller.get(f"/v1/alerts/{ALERT}").json().items() >= alert.items()
    assert caller.get("/v1/alerts/history").json()["items"][0]["machine_name"] == "3호기 송풍기"
    site = caller.get("/v1/sites/seoul/health").json()
    assert site["site_name"] == "서울 공장"
    assert site["lines"][0]["line_name"] == "도장 라인"
    worst = {"name": "3호기 송풍기", "line_name": "도장 라인", "component_name": "구동측 베어링"}
    assert site["contributors"][0].items() >= worst.items()
    line = caller.get("/v1/sites/seoul/lines/paint/health").json()
    assert (line["site_name"], line["line_name"]) == ("서울 공장", "도장 라인")


def test_a_caller_limited_to_the_site_reads_names_and_tags(
    caller: httpx.Client, settings: Settings, pool: Pool, dsn: str
) -> None:
    _open_alert(dsn)
    key = create_key(pool, name="reader", role="read", sites=["seoul"], actor="test")
    with client(str(caller.base_url), key) as limited:
        assert limited.get("/v1/machines").json()["items"][0]["tag"] == "3호기"
        assert limited.get("/v1/alerts").json()["items"][0]["component_name"] == "구동측 베어링"
        assert limited.get(FAN).json()["machine"] == "fan-3"


def test_a_registration_that_names_no_site_and_no_tag_leaves_them(caller: httpx.Client) -> None:
    plain = {"key": "fan-3", "site": "seoul", "line": "paint", "name": "송풍기"}
    assert caller.put("/v1/machines/fan-3", json=plain).json()["outcome"] == "changed"
    after = caller.get("/v1/machines/fan-3").json()
    assert (
        after.items() >= {"name": "송풍기", "site_name": "서울 공장", "line_name": "도장 라인", "tag": "3호기"}.items()
    )
    assert caller.put("/v1/machines/fan-3", json=plain).json()["outcome"] == "unchanged"
    assert after["components"][0]["name"] == "구동측 베어링"


@pytest.mark.parametrize(
    "place",
    ["", "/health", "/health/history", "/prognosis", "/prognosis/history", "/acquisitions", "/work-events", "/rules"],
)
def test_a_tag_is_accepted_in_addresses(caller: httpx.Client, place: str) -> None:
    by_tag, by_key = caller.get(FAN + place), caller.get(f"/v1/machines/fan-3{place}")
    assert by_tag.status_code == 200
    assert by_tag.json() == by_key.json()


def test_a_tag_is_accepted_in_queries_and_bodies(caller: httpx.Client, dsn: str) -> None:
    _open_alert(dsn)
    for place in ("/v1/alerts", "/v1/alerts/history"):
        assert [each["machine"] for each in caller.get(place, params={"machine": "3호기"}).json()["items"]] == ["fan-3"]
        assert caller.get(place, params={"machine": "P-101A"}).json()["items"] == []
    done = caller.post(f"{FAN}/work-events", json={"kind": "inspection", "occurred_at": NOW.isoformat()})
    assert done.status_code == 201
    held = caller.post("/v1/holds", json={"machine": "P-101A", "reason": "oil", "ground": "maintenance"})
    assert (held.status_code, held.json()["machine"]) == (201, "pump-1")


def test_a_tag_is_accepted_for_rules_of_a_machine(caller: httpx.Client) -> None:
    rules = {"rules": [{"key": "worst", "kind": "zone", "zone": "D"}]}
    asked = {"scope": "machine", "target": "P-101A", "document": rules, "reason": "x"}
    made = caller.post("/v1/rules", json=asked)
    assert (made.status_code, made.json()["target"]) == (201, "pump-1")
    listed = caller.get("/v1/rules", params={"scope": "machine", "target": "P-101A"}).json()["items"]
    assert [each["target"] for each in listed] == ["pump-1"]
    assert caller.get("/v1/machines/P-101A/rules").json()["machine"] == "pump-1"
    back = {"scope": "machine", "target": "P-101A", "version": 0, "reason": "x"}
    assert caller.post("/v1/rules/rollback", json=back).status_code == 200


def test_a_record_names_its_machine_by_the_tag(caller: httpx.Client) -> None:
    at = datetime.now().astimezone().isoformat()
    record = {"machine": "3호기", "measured_at": at, "scalars": [{"point": "t", "value": 40.0, "unit": "degC"}]}
    receipt = caller.post("/v1/acquisitions", json={"acquisitions": [record]}).json()
    assert receipt["results"][0]["outcome"] == "stored"
    again = caller.post("/v1/acquisitions", json={"acquisitions": [record | {"machine": "fan-3"}]}).json()
    assert again["results"][0]["outcome"] == "duplicate"


def test_an_unknown_name_is_not_found(caller: httpx.Client) -> None:
    for name in ("P-999", "Fan-3", "%20", "4호기"):
        assert caller.get(f"/v1/machines/{name}/health").status_code == 404
    assert caller.get("/v1/machines/a%00b").status_code == 422


def _register(pool: Pool, *machines: Machine) -> list[str]:
    return [each.outcome for each in register_fleet(pool, machines, actor="kim", site_ids=None)]


def test_a_tag_is_unique_in_its_site_and_no_key(pool: Pool) -> None:
    one = replace(machine("press-07"), tag="P-1")
    assert _register(pool, one) == ["created"]
    for other in (replace(machine("press-08"), tag="P-1"), replace(machine("press-08"), tag="press-07")):
        with pytest.raises(ConflictError, match="'press-07'") as refused:
            _register(pool, other)
        assert refused.value.field == "tag"
    assert _register(pool, replace(one, tag="p-1")) == ["changed"], "the case is kept"
    with pytest.raises(ConflictError, match="the tag of machine 'press-07'") as taken:
        _register(pool, machine("p-1", "elsewhere"))
    assert taken.value.field == "key"
    assert _register(pool, replace(machine("press-08"), tag="P-1")) == ["created"], "a former tag is free"
    assert ask(pool, "SELECT count(*) FROM machine_tag") == [(2,)]


def test_a_tag_of_two_sites_is_refused_unless_the_sender_sees_one(pool: Pool) -> None:
    _register(pool, replace(machine(), tag="P-1"), replace(machine("far-01", "elsewhere"), tag="P-1"))
    sent = replace(acquisition(), machine="P-1")
    assert codes(send(pool, sent)) == [["ambiguous-machine"]]
    mixed = send(pool, sent, acquisition("far-01"))
    assert outcomes(mixed) == ["rejected", "stored"]
    (site_id,) = ask(pool, "SELECT id FROM site WHERE key = 'busan'")[0]
    assert outcomes(send(pool, sent, site_ids=[site_id])) == ["stored"]
    with pool.connection() as conn:
        assert fetch_machine(conn, "P-1", [site_id]).machine.key == "press-07"
        with pytest.raises(ConflictError, match=r"far-01 .*press-07"):
            fetch_machine(conn, "P-1")


def test_a_key_takes_precedence_over_a_tag(pool: Pool) -> None:
    _register(pool, machine())
    with pool.connection() as conn:
        site = conn.execute("SELECT id FROM site").fetchone()
        assert site is not None
        fetch = fetch_machine(conn, "press-07")
        conn.execute("INSERT INTO machine_tag VALUES (%s, %s, 'press-07')", (fetch.id, site[0]))
        assert fetch_machine(conn, "press-07").id == fetch.id


@pytest.mark.parametrize("place", ["points/t/retire", "points/t/restore", "retire", "restore", "timeline"])
def test_a_tag_is_accepted_where_machines_and_points_are_retired(caller: httpx.Client, place: str) -> None:
    asked = {"reason": "broken"} | ({"timeline": "live"} if place == "timeline" else {})
    answer = caller.post(f"{FAN}/{place}", json=asked)
    assert (answer.status_code, answer.json().get("machine")) == (200, "fan-3")
