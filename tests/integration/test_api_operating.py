from __future__ import annotations

from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from pdm.service.platform.access import create_key
from pdm.settings import Settings
from pdm.store.alerts import alerts
from tests.integration.alert_plant import add_machine, change
from tests.integration.api_server import client, serve


def test_an_alert_is_handled_over_the_api_with_the_version_that_was_read(
    settings: Settings, pool: ConnectionPool[Any]
) -> None:
    key = create_key(pool, name="kim", role="operate", sites=None, actor="test")
    with psycopg.connect(settings.dsn, autocommit=True) as conn:
        alerts.apply_changes(conn, add_machine(conn, "press-07"), [change("opened", "warning")], False)
    with serve(settings) as url, client(url, key) as kim:
        (listed,) = kim.get("/v1/alerts", params={"open": "true", "withheld": "false"}).json()["items"]
        path = f"/v1/alerts/{listed['id']}"
        tag = kim.get(path).headers["ETag"]
        assert kim.post(f"{path}/assign", json={"assignee": "lee"}).status_code == 428
        assigned = kim.post(f"{path}/assign", json={"assignee": "lee"}, headers={"If-Match": tag})
        assert (assigned.status_code, assigned.json()["assignee"], assigned.headers["ETag"]) == (200, "lee", '"2"')
        late = kim.post(f"{path}/assign", json={"assignee": "park"}, headers={"If-Match": tag})
        assert (late.status_code, late.json()["code"]) == (412, "precondition-failed")
        refused = kim.post(f"{path}/confirm")
        assert (refused.status_code, refused.json()["field"]) == (409, "state")

        shelving = {"reason": "known", "until": "2099-01-01T00:00:00Z"}
        assert kim.post(f"{path}/shelve", json={**shelving, "once": True}).status_code == 422
        assert kim.post(f"{path}/shelve", json={"until": "2099-01-01T00:00:00Z"}).status_code == 422
        shelved = kim.post(f"{path}/shelve", json=shelving).json()
        assert (shelved["withheld"], shelved["history"][-1]["detail"]["ends_at"][:4]) == ("shelved", "2099")
        assert [row["id"] for row in kim.get("/v1/alerts", params={"withheld": "true"}).json()["items"]] == [
            listed["id"]
        ]
        assert kim.post(f"{path}/unshelve").json()["withheld"] is None

        window = {"site": "seoul", "ground": "maintenance", "reason": "revision"}
        made = kim.post("/v1/holds", json=window)
        assert (made.status_code, made.json()["kind"], made.json()["line"]) == (201, "suppressed", None)
        assert kim.get(path).json()["withheld"] == "suppressed"
        assert [row["id"] for row in kim.get("/v1/holds").json()["items"]] == [made.json()["id"]]
        assert kim.delete(f"/v1/holds/{made.json()['id']}").status_code == 204
        assert kim.delete(f"/v1/holds/{made.json()['id']}").status_code == 409
        assert kim.get("/v1/holds").json()["items"] == []
        (ended,) = kim.get("/v1/holds", params={"live": "false", "limit": 1}).json()["items"]
        assert ended["ended_by"] == "kim"

        page = kim.get("/v1/alerts/history", params={"actor": "kim", "machine": "press-07", "limit": 3}).json()
        assert [event["kind"] for event in page["items"]] == ["unsuppressed", "suppressed", "unshelved"]
        following = kim.get("/v1/alerts/history", params={"actor": "kim", "cursor": page["next_cursor"]}).json()
        assert [event["kind"] for event in following["items"]] == ["shelved", "assigned"]


def test_a_hold_without_an_end_is_marked_and_says_how_to_end_it(settings: Settings, pool: ConnectionPool[Any]) -> None:
    key = create_key(pool, name="kim", role="operate", sites=None, actor="test")
    with psycopg.connect(settings.dsn, autocommit=True) as conn:
        add_machine(conn, "press-07")
    window = {"machine": "press-07", "ground": "maintenance", "reason": "revision"}
    with serve(settings) as url, client(url, key) as kim:
        made = kim.post("/v1/holds", json=window).json()
        assert made["is_open_ended"] is True
        assert f"DELETE /v1/holds/{made['id']}" in made["notice"]
        (listed,) = kim.get("/v1/holds").json()["items"]
        assert (listed["is_open_ended"], listed["notice"]) == (True, made["notice"])
        korean = kim.get("/v1/holds", headers={"Accept-Language": "ko"}).json()["items"][0]["notice"]
        assert "종료" in korean
        ended = kim.post("/v1/holds", json={**window, "ends_at": "2099-01-01T00:00:00Z"}).json()
        assert (ended["is_open_ended"], ended["notice"]) == (False, None)
        assert kim.delete(f"/v1/holds/{made['id']}").status_code == 204
        past = kim.get("/v1/holds", params={"live": "false"}).json()["items"]
        assert [each["is_open_ended"] for each in past] == [False, False]
