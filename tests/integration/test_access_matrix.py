"""Every route against every role, at the caller's own site and at a foreign one; nothing is left out."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest
from psycopg_pool import ConnectionPool

from api.app import create
from pdm.ingest.encode import encode_raw
from pdm.ingest.fleet_file import machine_to_document
from pdm.measurements import Acquisition, Waveform
from pdm.service.platform.access import create_key
from pdm.settings import Settings
from tests.integration import plant
from tests.integration.api_server import client, serve

AT = datetime(2026, 10, 1, tzinfo=UTC)
OWN, FOREIGN = "press-own", "press-foreign"
EVERY = ("ingest", "read", "operate", "admin")
READERS = ("read", "operate", "admin")
OPERATORS = ("operate", "admin")
SENDERS = ("ingest", "operate", "admin")


@dataclass(frozen=True)
class Call:
    """A route, who may call it, how, and what a key of another site is told (None: it has no site)."""

    method: str
    path: str
    roles: tuple[str, ...]
    status: int = 200
    foreign: int | None = None
    json: Any = None
    raw: bool = False
    needs_every_site: bool = False
    parameters: dict[str, str] = field(default_factory=dict)


MACHINE = "/v1/machines/{machine}"
WAVEFORM = MACHINE + "/acquisitions/{measured_at}/waveforms/{point}"
SPECTRUM = MACHINE + "/acquisitions/{measured_at}/spectrum/{point}"
REASON = {"reason": "broken"}
RENAMED = {"name": "New", "reason": "scheme of names"}
PARTS = (MACHINE + "/points/{point}", MACHINE + "/components/{component}")
SITE, LINE, FLEET = "/v1/sites/{site}", "/v1/sites/{site}/lines/{line}", "/v1/fleets/{fleet}"
VERBS = ("retire", "restore")
REPLACED = {"reason": "broken", "at": "2026-10-03T00:00:00Z"}
VOIDED = {"status": "voided", "reason": "wrong machine"}
CORRECTED = {"from": "2026-10-02T00:00:00Z", "reason": "x"}
SUPPRESSION = {"reason": "being mended", "ground": "maintenance"}
CALLS = [
    Call("POST", "/v1/acquisitions", SENDERS, foreign=422, raw=True),
    Call("GET", "/v1/receipts", EVERY),
    Call("GET", "/v1/receipts/{receipt_id}", EVERY, foreign=404),
    Call("PUT", MACHINE, OPERATORS, foreign=404, json="machine"),
    Call("POST", "/v1/fleet", OPERATORS, foreign=404, json="fleet"),
    Call("GET", "/v1/machines", READERS),
    Call("GET", MACHINE, READERS, foreign=404),
    Call("GET", MACHINE + "/health", READERS, foreign=404),
    Call("GET", MACHINE + "/health/history", READERS, foreign=404),
    Call("GET", MACHINE + "/prognosis", READERS, foreign=404),
    Call("GET", MACHINE + "/prognosis/history", READERS, foreign=404),
    Call("POST", MACHINE + "/prognosis/what-if", READERS, status=422, foreign=404, json={"load": 0.5}),
    Call("GET", MACHINE + "/prognosis/explanation", READERS, status=422, foreign=404),
    Call("GET", MACHINE + "/diagnosis", READERS, foreign=404),
    Call("POST", MACHINE + "/diagnosis", OPERATORS, 202, foreign=404, json={}),
    Call("GET", "/v1/sites/{site}/health", READERS, foreign=404),
    Call("GET", "/v1/sites/{site}/lines/{line}/health", READERS, foreign=404),
    Call("GET", MACHINE + "/features/{point}", READERS, foreign=404),
    Call("GET", MACHINE + "/scalars/{point}", READERS, 422, foreign=404),  # the point delivers waveforms
    Call("GET", MACHINE + "/scalars/{point}/values", READERS, 422, foreign=404),
    Call("GET", MACHINE + "/acquisitions", READERS, foreign=404),
    Call("GET", WAVEFORM, READERS, foreign=404),
    Call("GET", SPECTRUM, READERS, foreign=404),
    Call("GET", MACHINE + "/work-events", READERS, foreign=404),
    Call("POST", MACHINE + "/work-events", SENDERS, 201, foreign=404, json="work-event"),
    Call("PATCH", MACHINE + "/work-events/{event_id}", OPERATORS, foreign=404, json=VOIDED),
    Call("POST", MACHINE + "/points/{point}/correct", OPERATORS, foreign=404, json=CORRECTED | {"factor": 2.0}),
    Call(
        "POST",
        MACHINE + "/components/{component}/correct",
        OPERATORS,
        foreign=404,
        json=CORRECTED | {"bearing": "6205"},
    ),
    Call("GET", MACHINE + "/corrections", READERS, foreign=404),
    Call("PATCH", MACHINE + "/corrections/{correction_id}", OPERATORS, foreign=404, json=VOIDED),
    Call("POST", MACHINE + "/retire", OPERATORS, foreign=404, json=REASON),
    Call("POST", MACHINE + "/restore", OPERATORS, foreign=404, json=REASON),
    Call("POST", MACHINE + "/timeline", OPERATORS, foreign=404, json=REASON | {"timeline": "live"}),
    Call("POST", MACHINE + "/points/{point}/retire", OPERATORS, foreign=404, json=REASON),
    Call("POST", MACHINE + "/points/{point}/restore", OPERATORS, foreign=404, json=REASON),
    Call(
        "POST",
        MACHINE + "/points/{point}/replace",
        OPERATORS,
        foreign=404,
        json=REPLACED,
    ),
    *(Call("POST", f"{place}/rename", OPERATORS, foreign=404, json=RENAMED) for place in (MACHINE, *PARTS, SITE, LINE)),
    *(Call("POST", f"{place}/{verb}", OPERATORS, foreign=404, json=REASON) for place in (SITE, LINE) for verb in VERBS),
    Call("POST", f"{FLEET}/rename", OPERATORS, json=RENAMED, needs_every_site=True),
    *(Call("POST", f"{FLEET}/{verb}", OPERATORS, json=REASON, needs_every_site=True) for verb in VERBS),
    Call("GET", "/v1/renamings", READERS),
    Call("GET", "/v1/alerts", READERS),
    Call("GET", "/v1/alerts/stream", READERS),
    Call("GET", "/v1/alerts/{alert_id}", READERS, foreign=404),
    Call("GET", "/v1/alerts/kpi", READERS),
    Call("GET", "/v1/alerts/{alert_id}/case", READERS, foreign=404),
    Call("GET", "/v1/alerts/{alert_id}/trend.svg", READERS, foreign=404),
    Call("GET", "/v1/alerts/{alert_id}/feedback", READERS, foreign=404),
    Call("POST", "/v1/alerts/{alert_id}/feedback", OPERATORS, 201, foreign=404, json={"verdict": "true"}),
    Call("POST", "/v1/alerts/{alert_id}/work-events", OPERATORS, 404, foreign=404, json={"work_event": 10**9}),
    Call("GET", "/v1/alerts/history", READERS),
    Call("POST", "/v1/alerts/{alert_id}/acknowledge", OPERATORS, foreign=404, json={}),
    Call("POST", "/v1/alerts/{alert_id}/confirm", OPERATORS, 409, foreign=404, json={}),
    Call("POST", "/v1/alerts/{alert_id}/comment", OPERATORS, foreign=404, json={"comment": "seen it"}),
    Call("POST", "/v1/alerts/{alert_id}/assign", OPERATORS, 428, foreign=428, json={"assignee": "kim"}),
    Call("POST", "/v1/alerts/{alert_id}/reset", OPERATORS, 409, foreign=404, json={}),
    Call("POST", "/v1/alerts/{alert_id}/shelve", OPERATORS, foreign=404, json={"reason": "known", "once": True}),
    Call("POST", "/v1/alerts/{alert_id}/unshelve", OPERATORS, 409, foreign=404),
    Call("POST", "/v1/alerts/{alert_id}/suppress", OPERATORS, foreign=404, json=SUPPRESSION),
    Call("POST", "/v1/alerts/{alert_id}/unsuppress", OPERATORS, 409, foreign=404),
    Call("POST", "/v1/alerts/{alert_id}/remove-from-service", OPERATORS, foreign=404, json={"reason": "mended"}),
    Call("POST", "/v1/alerts/{alert_id}/return-to-service", OPERATORS, 409, foreign=404),
    Call("GET", "/v1/holds", READERS),
    Call("POST", "/v1/holds", OPERATORS, 201, foreign=404, json="hold"),
    Call("DELETE", "/v1/holds/{hold_id}", OPERATORS, 204, foreign=404),
    Call("GET", "/v1/subscriptions", OPERATORS),
    Call("POST", "/v1/subscriptions", ("admin",), 201, foreign=422, json="subscription"),
    Call("GET", "/v1/subscriptions/{subscription_id}", OPERATORS, foreign=404),
    Call("DELETE", "/v1/subscriptions/{subscription_id}", ("admin",), 204, foreign=404),
    Call("POST", "/v1/subscriptions/{subscription_id}/test", OPERATORS, foreign=404),
    Call("POST", "/v1/subscriptions/{subscription_id}/replay", OPERATORS, foreign=404),
    Call("GET", "/v1/dead-letters", OPERATORS),
    Call("POST", "/v1/dead-letters/{letter_id}/replay", OPERATORS, foreign=404),
    Call("POST", "/v1/alerts/{alert_id}/work-order", OPERATORS, foreign=404, json={"reference": "WO-1"}),
    Call("GET", "/v1/alerts/{alert_id}/work-orders", READERS, foreign=404),
    Call("GET", "/v1/models/coverage", READERS),
    Call("GET", "/v1/models", READERS),
    Call("GET", "/v1/models/{model_id}", READERS, 404),
    Call("GET", "/v1/models/{model_id}/export", OPERATORS, 404),
    Call("POST", "/v1/models/{model_id}/promote", ("admin",), 404, json={"reason": "x"}, needs_every_site=True),
    Call("POST", "/v1/models/rollback", ("admin",), 409, json={"fleet": "x", "reason": "x"}, needs_every_site=True),
    Call("POST", "/v1/models/import", ("admin",), 422, json={}, needs_every_site=True, parameters={"fleet": "x"}),
    Call("POST", "/v1/models/train", OPERATORS, 404, json={"fleet": "x"}, needs_every_site=True),
    Call("GET", "/v1/jobs", READERS),
    Call("GET", "/v1/jobs/{job_id}", READERS, 404),
    Call("GET", "/v1/rules", READERS),
    Call("POST", "/v1/rules", ("admin",), 201, foreign=404, json="rules"),
    Call("POST", "/v1/rules/check", READERS, json={"document": {"off": ["zone-c"]}}),
    Call("POST", "/v1/rules/rollback", ("admin",), foreign=404, json="rollback"),
    Call("POST", "/v1/rules/backtest", OPERATORS, 422, foreign=422, json="backtest"),
    Call("GET", "/v1/rules/{rule_set_id}", READERS, foreign=404),
    Call("POST", "/v1/rules/{rule_set_id}/deploy", ("admin",), foreign=404),
    Call("GET", MACHINE + "/rules", READERS, foreign=404),
    Call("GET", "/v1/keys", ("admin",), needs_every_site=True),
    Call("POST", "/v1/keys", ("admin",), 201, foreign=422, json="key"),
    Call("DELETE", "/v1/keys/{key_id}", ("admin",), 204, needs_every_site=True),
    Call("GET", "/v1/queue", READERS),
    Call("GET", "/v1/reanalyses", READERS),
    Call("GET", "/v1/set-aside", OPERATORS),
    Call("POST", "/v1/set-aside/replay", OPERATORS),
    Call("GET", "/v1/quarantine", OPERATORS),
]
_DIAGNOSIS = '{"verdict": "WEAK", "findings": [], "reasons": [], "speed_source": "unknown"}'
OPEN = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/v1/messages/{language}")}


@dataclass(frozen=True)
class Stage:
    """A served plant of two sites, with one of everything at each, and keys of every role."""

    url: str
    dsn: str
    keys: dict[tuple[str, bool], str]  # (role, limited to the own site)
    pool: ConnectionPool[Any]
    callers: dict[str | None, httpx.Client] = field(default_factory=dict)
    made: dict[str, dict[str, str]] = field(default_factory=dict)  # ids of what there is at present, by machine


@pytest.fixture
def stage(settings: Settings, pool: ConnectionPool[Any]) -> Iterator[Stage]:
    with pool.connection() as conn:
        for key, site in ((OWN, "own"), (FOREIGN, "foreign")):
            plant.register(conn, plant.machine(key, site))
    keys = {
        (role, limited): create_key(
            pool, name=f"{role}-{limited}", role=role, sites=["own"] if limited else None, actor="test"
        )
        for role in EVERY
        for limited in (False, True)
    }
    with serve(settings) as url:
        with client(url, keys["admin", False]) as sender:
            for machine in (OWN, FOREIGN):
                assert _send(sender, machine, AT).status_code == 200
        stage = Stage(url, settings.dsn, keys, pool)
        yield stage
        for caller in stage.callers.values():
            caller.close()


def _send(sender: httpx.Client, machine: str, at: datetime) -> httpx.Response:
    wave = Waveform("de-h", np.zeros(64, np.float32), plant.RATE, "g")
    content_type, body = encode_raw([Acquisition(machine, at, (wave,))])
    return sender.post("/v1/acquisitions", content=body, headers={"Content-Type": content_type})


def _ids(stage: Stage, machine: str, actor: str) -> dict[str, str]:
    """Make one fresh thing of each kind at the machine's site, and return the ids."""
    alert_id, subscription_id, receipt_id, letter_id, hold_id = (str(uuid.uuid4()) for _ in range(5))
    with psycopg.connect(stage.dsn) as conn:
        conn.execute("DELETE FROM outbox")
        conn.execute("DELETE FROM work_order")
        conn.execute("DELETE FROM alert_feedback")
        conn.execute("DELETE FROM alert_event")
        conn.execute("DELETE FROM alert")
        conn.execute("DELETE FROM alert_hold")
        conn.execute("DELETE FROM replaced_sensor")
        conn.execute("UPDATE machine SET retired_at = NULL, retired_with = NULL")
        for place in (b"site", b"line", b"fleet"):
            conn.execute(b"UPDATE " + place + b" SET retired_at = NULL")
        conn.execute("UPDATE point SET retired_at = NULL")
        conn.execute(
            "INSERT INTO alert (id, machine_id, cause, severity, state, opened_at, message, parameters, evidence,"
            " rule_version) SELECT %s, id, 'machine', 'warning', 'unacknowledged', %s, 'zone', '{}', '{}', '1'"
            " FROM machine WHERE key = %s",
            (alert_id, AT, machine),
        )
        conn.execute(
            "INSERT INTO alert_hold (id, kind, site_id, ground, reason, starts_at, actor)"
            " SELECT %s, 'suppressed', site_id, 'site-event', 'x', now(), 'x' FROM machine WHERE key = %s",
            (hold_id, machine),
        )
        conn.execute(
            "INSERT INTO subscription (id, name, url, secret, site_id, min_severity)"
            " SELECT %s, 'x', 'https://example.com', 's', site_id, 'warning' FROM machine WHERE key = %s",
            (subscription_id, machine),
        )
        conn.execute(
            "WITH happened AS ("
            "INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, actor, reason)"
            " SELECT %(alert)s, id, 'opened', 'warning', now(), 'analysis', 'zone-c' FROM machine WHERE key = %(key)s"
            " RETURNING id) INSERT INTO outbox (id, subscription_id, alert_event_id, alert_id, payload, dead_at)"
            " SELECT %(letter)s, %(subscription)s, id, %(alert)s, '{}', now() FROM happened",
            {"alert": alert_id, "key": machine, "letter": letter_id, "subscription": subscription_id},
        )
        conn.execute(
            "INSERT INTO diagnosis (machine_id, measured_at, cause, rule_version, acquisitions, document)"
            " SELECT id, %s, 'interval', '1', '{}', %s FROM machine WHERE key = %s ON CONFLICT DO NOTHING",
            (AT, _DIAGNOSIS, machine),
        )
        conn.execute(
            "INSERT INTO receipt VALUES (%s, %s, %s, 0, 0, 0, 0, 0, '[]')",
            (receipt_id, AT, actor),
        )
        rule_set = conn.execute(
            "INSERT INTO rule_set (scope, target, version, status, document, author, reason, diff)"
            " SELECT 'machine', %(key)s, coalesce(max(version), 0) + 1, 'proposed', %(document)s, 'x', 'x', '{}'"
            " FROM rule_set WHERE target = %(key)s RETURNING id",
            {"key": machine, "document": '{"off": ["zone-c"]}'},
        ).fetchone()
        assert rule_set is not None
        row = conn.execute(
            "INSERT INTO api_key (name, role, hash) VALUES (%s, 'read', %s) RETURNING id",
            (str(uuid.uuid4()), uuid.uuid4().bytes),
        ).fetchone()
        assert row is not None
        event = conn.execute(
            "INSERT INTO work_event (machine_id, kind, occurred_at, actor)"
            " SELECT id, 'inspection', clock_timestamp(), 'x' FROM machine WHERE key = %s RETURNING id",
            (machine,),
        ).fetchone()
        assert event is not None
        correction = conn.execute(
            "INSERT INTO measurement_correction (machine_id, point_id, field, value, registered, begins_at, reason,"
            " actor) SELECT p.machine_id, p.id, 'factor', '3', '1', %s, 'x', 'x'"
            " FROM point p JOIN machine m ON m.id = p.machine_id WHERE m.key = %s AND p.key = 'de-h' RETURNING id",
            (AT, machine),
        ).fetchone()
        assert correction is not None
    return {
        "machine": machine,
        "event_id": str(event[0]),
        "correction_id": str(correction[0]),
        "component": "bearing-de",
        "point": "de-h",
        "site": machine.removeprefix("press-"),
        "line": "line-1",
        "fleet": "default",
        "measured_at": AT.isoformat().replace("+00:00", "Z"),
        "alert_id": alert_id,
        "subscription_id": subscription_id,
        "receipt_id": receipt_id,
        "letter_id": letter_id,
        "hold_id": hold_id,
        "model_id": "1",
        "job_id": "1",
        "key_id": str(row[0]),
        "rule_set_id": str(rule_set[0]),
    }


def _body(kind: Any, machine: str) -> Any:
    site = machine.removeprefix("press-")
    document = machine_to_document(plant.machine(machine, site))
    return {
        "machine": document,
        "fleet": {"machines": [document]},
        "work-event": {"kind": "inspection", "occurred_at": "2026-10-02T00:00:00Z"},
        "subscription": {"name": "x", "url": "https://example.com", "site": site},
        "rules": {"scope": "site", "target": site, "document": {"off": ["zone-c"]}, "reason": "x"},
        "rollback": {"scope": "machine", "target": machine, "version": 1, "reason": "x"},
        "backtest": {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z", "machines": [machine]},
        "hold": {"site": site, "reason": "revision", "ground": "maintenance"},
        "key": {"name": str(uuid.uuid4()), "role": "read", "sites": [site]},
    }.get(kind if isinstance(kind, str) else "", kind)


def _status(stage: Stage, call: Call, key: str | None, machine: str, actor: str, *, is_refused: bool = False) -> int:
    """Return how a call is answered; what it acts on is made anew after a call that may have changed it."""
    if key not in stage.callers:
        stage.callers[key] = client(stage.url, key)
    caller = stage.callers[key]
    if call.raw:
        return _send(caller, machine, AT).status_code
    is_own = "{receipt_id}" in call.path and not is_refused  # a receipt is shown to its sender
    if machine not in stage.made or is_own:
        stage.made.clear()
        stage.made[machine] = _ids(stage, machine, actor)
    path = call.path.format(**stage.made[machine])
    if not is_refused and call.method != "GET":
        stage.made.clear()
    with caller.stream(call.method, path, json=_body(call.json, machine), params=call.parameters) as response:
        return response.status_code


def test_every_route_is_in_the_table() -> None:
    document = create(Settings()).openapi()
    served = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert served - OPEN == {(call.method, call.path) for call in CALLS}


def test_nothing_mutating_is_served_outside_the_described_routes() -> None:
    app = create(Settings())
    described = set(app.openapi()["paths"])
    others = {getattr(route, "path", "") for route in app.routes} - described - {""}
    assert others <= {"/", "/docs", "/openapi.json", "/static/swagger", "/static/dashboard"}


def test_every_route_answers_each_role_as_the_table_says(stage: Stage) -> None:
    wrong = [deviation for call in CALLS for deviation in _deviations(stage, call)]
    assert wrong == []


def _deviations(stage: Stage, call: Call) -> Iterator[tuple[Any, ...]]:
    for (role, limited), key in stage.keys.items():
        actor = f"{role}-{limited}"
        allowed = role in call.roles
        may_here = allowed and not (limited and call.needs_every_site)
        expected = call.status if may_here else 403
        found = _status(stage, call, key, OWN, actor, is_refused=expected == 403)
        if found != expected:
            yield call.method, call.path, actor, "own", found, expected
        if limited and call.foreign is not None:
            expected = call.foreign if allowed else 403
            found = _status(stage, call, key, FOREIGN, "somebody-else", is_refused=expected == 403)
            if found != expected:
                yield call.method, call.path, actor, "foreign", found, expected
    for stranger in (None, "pdm_wrong", "no-key-at-all"):
        found = _status(stage, call, stranger, OWN, "nobody", is_refused=True)
        if found != 401:
            yield call.method, call.path, stranger, "anonymous", found, 401


def test_lists_hold_nothing_of_a_foreign_site(stage: Stage) -> None:
    _ids(stage, FOREIGN, "somebody-else")
    with client(stage.url, stage.keys["operate", True]) as caller:
        machines = caller.get("/v1/machines").json()["items"]
        assert [item["machine"] for item in machines] == [OWN]
        for path in (
            "/v1/alerts",
            "/v1/alerts/history",
            "/v1/holds",
            "/v1/renamings",
            "/v1/subscriptions",
            "/v1/receipts",
            "/v1/quarantine",
            "/v1/set-aside",
        ):
            assert caller.get(path).json()["items"] == [], path


def test_a_revoked_key_is_refused(stage: Stage) -> None:
    with client(stage.url, stage.keys["admin", False]) as admin:
        made = admin.post("/v1/keys", json={"name": "short-lived", "role": "read"}).json()
        with client(stage.url, made["secret"]) as caller:
            assert caller.get("/v1/machines").status_code == 200
            assert admin.delete(f"/v1/keys/{made['id']}").status_code == 204
            assert caller.get("/v1/machines").status_code == 401


def test_the_last_admin_key_cannot_be_revoked(stage: Stage) -> None:
    with client(stage.url, stage.keys["admin", False]) as admin:
        own = next(key for key in admin.get("/v1/keys").json()["items"] if key["name"] == "admin-False")
        assert admin.delete(f"/v1/keys/{own['id']}").status_code == 409
        assert admin.get("/v1/keys").status_code == 200


def test_changes_are_audited_with_their_actor(stage: Stage) -> None:
    with client(stage.url, stage.keys["operate", True]) as caller:
        ids = _ids(stage, OWN, "x")
        assert caller.post(f"/v1/alerts/{ids['alert_id']}/acknowledge").status_code == 200
    with psycopg.connect(stage.dsn) as conn:
        rows = conn.execute("SELECT action, target FROM audit WHERE actor = 'operate-True'").fetchall()
    assert ("alert.acknowledge", ids["alert_id"]) in rows
