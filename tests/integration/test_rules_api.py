"""Rules over HTTP and on the command line: refusals with their places, the gate, and the backtest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from psycopg_pool import ConnectionPool
from typer.testing import CliRunner

from pdm.cli.app import app
from pdm.errors import PdmError
from pdm.service.analysis.worker import Worker
from pdm.service.platform.access import create_key
from pdm.service.rules import backtest_requests
from pdm.settings import Settings
from pdm.store.machines.registration import register
from tests.integration import plant
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW
from tests.integration.test_rules import _analyse, _hot, _series

Pool = ConnectionPool[Any]
FROM, TO = (NOW - timedelta(days=40)).isoformat(), NOW.isoformat()


@pytest.fixture
def admin(pool: Pool, settings: Settings) -> Iterator[httpx.Client]:
    with pool.connection() as conn:
        register(conn, plant.machine())
    _analyse(pool, Worker(pool, settings), _series([70.0] * 20 + [95.0] * 6 + [70.0] * 300))
    key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as caller:
        yield caller


def _document(limit: float = 80.0) -> dict[str, Any]:
    import yaml

    read: dict[str, Any] = yaml.safe_load(_hot(limit))
    return read


def test_a_bad_document_is_a_problem_with_every_place(admin: httpx.Client) -> None:
    bad = {"rules": [{"key": "a", "kind": "zone", "zone": "Z"}, {"kind": "health"}]}
    answer = admin.post("/v1/rules/check", json={"document": bad})
    assert answer.status_code == 422
    body = answer.json()
    assert body["code"] == "invalid-rules"
    assert {problem["place"] for problem in body["problems"]} >= {"rules[0].zone", "rules[1].key", "rules[1].below"}
    assert admin.post("/v1/rules", json={"scope": "all", "document": bad, "reason": "x"}).status_code == 422


def test_rules_are_set_read_and_brought_back(admin: httpx.Client) -> None:
    made = admin.post("/v1/rules", json={"scope": "all", "document": _document(), "reason": "summer"})
    assert made.status_code == 201
    assert made.json()["status"] == "in-force"
    of_machine = admin.get("/v1/machines/press-07/rules").json()
    assert of_machine["of"] == [{"scope": "all", "target": ""}]
    assert "oil-hot" in [rule["key"] for rule in of_machine["rules"]]
    proposed = admin.post(
        "/v1/rules", json={"scope": "all", "document": _document(85), "reason": "y", "put_in_force": False}
    ).json()
    assert proposed["status"] == "proposed"
    assert admin.post(f"/v1/rules/{proposed['id']}/deploy").json()["status"] == "in-force"
    assert admin.post(f"/v1/rules/{proposed['id']}/deploy").status_code == 409
    back = admin.post("/v1/rules/rollback", json={"scope": "all", "version": 1, "reason": "too few"}).json()
    assert back["in_force"]["version"] == 3
    listed = admin.get("/v1/rules", params={"limit": 2}).json()
    assert [row["version"] for row in listed["items"]] == [3, 2]
    assert listed["next_cursor"]
    assert admin.get(f"/v1/rules/{proposed['id']}").json()["document"] == proposed["document"]


def test_a_backtest_answers_and_a_gate_refuses_rules_that_do_worse(admin: httpx.Client) -> None:
    question = {"from": FROM, "to": TO, "document": _document(), "credit_horizons": 0.01}
    report = admin.post("/v1/rules/backtest", json=question).json()
    assert (report["now"]["alarms"], report["then"]["alarms"], report["then"]["false"]) == (0, 1, 1)
    assert [run["rule_key"] for run in report["difference"]["appearing"]] == ["oil-hot"]
    assert admin.post("/v1/rules/backtest", json={**question, "from": TO, "to": FROM}).json()["field"] == "from"
    nothing = admin.post("/v1/rules/backtest", json={**question, "machines": ["no-such"]})
    assert (nothing.status_code, nothing.json()["code"]) == (422, "refused")
    gated = {"scope": "all", "document": _document(60), "reason": "x", "gate": {"from": FROM, "to": TO}}
    assert admin.post("/v1/rules", json=gated).status_code == 201  # one alarm that is still open: nothing is known
    assert admin.get("/v1/rules").json()["items"][0]["gate"]["then"]["alarms"] == 1


def test_what_an_operator_found_of_a_case_decides_in_the_backtest(admin: httpx.Client, pool: Pool) -> None:
    question = {"from": FROM, "to": TO, "document": _document(), "credit_horizons": 0.01}
    report = admin.post("/v1/rules/backtest", json=question).json()
    (run,) = report["difference"]["appearing"]
    assert (report["then"]["true"], report["then"]["false"]) == (0, 1)
    alert_id = str(uuid4())
    with pool.connection() as conn:
        conn.execute(
            "INSERT INTO alert (id, machine_id, cause, severity, state, opened_at, cleared_at, message, parameters,"
            " evidence, rule_version) SELECT %s, id, %s, 'warning', 'normal', %s, %s, 'zone', '{}', '{}', '1'"
            " FROM machine WHERE key = 'press-07'",
            (alert_id, run["cause"], run["opened_at"], run["ended_at"]),
        )
    response = admin.post(f"/v1/alerts/{alert_id}/feedback", json={"verdict": "true", "finding": "no oil"})
    assert response.status_code == 201
    then = admin.post("/v1/rules/backtest", json=question).json()["then"]
    assert (then["true"], then["false"]) == (1, 0)


def test_one_backtest_runs_at_a_time_and_one_that_takes_too_long_is_refused(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with backtest_requests.BACKTEST.one_at_a_time:
        busy = admin.post("/v1/rules/backtest", json={"from": FROM, "to": TO})
    assert busy.status_code == 503
    monkeypatch.setattr(backtest_requests, "BACKTEST", replace(backtest_requests.BACKTEST, timeout_s=0.01))
    slow = admin.post("/v1/rules/backtest", json={"from": FROM, "to": TO})
    assert (slow.status_code, slow.json()["code"]) == (422, "refused")
    assert "pdm backtest" in slow.json()["detail"]


def test_the_commands_check_deploy_behind_a_gate_list_and_replay(
    pool: Pool, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pool.connection() as conn:
        register(conn, plant.machine())
    _analyse(pool, Worker(pool, settings), _series([70.0] * 20 + [95.0] * 6 + [70.0] * 2000))
    monkeypatch.setenv("PDM_DSN", settings.dsn)
    file = tmp_path / "new.yaml"
    file.write_text(_hot(80))
    span = ["--from", "2026-09-01", "--to", "2026-11-02"]
    assert "1 rules (oil-hot)" in _run("rules", "check", str(file))
    shown = _run("backtest", "--rules", str(file), *span, "--credit-horizons", "0.01", "--processes", "1")
    assert "appears: press-07" in shown
    report = json.loads(_run("backtest", "--rules", str(file), *span, "--processes", "1", "--json"))
    assert report["then"]["alarms"] == 1
    deployed = _run(
        "rules", "deploy", str(file), "--reason", "summer", "--gate", *span, "--processes", "1", "--more-false", "9"
    )
    assert "version 1 is in force: 1 added" in deployed
    assert "v1 in-force" in _run("rules", "history")
    assert "oil-hot" in _run("rules", "show", "--machine", "press-07")
    assert "no rules of this scope" in _run("rules", "rollback", "0", "--reason", "back")
    with pytest.raises(PdmError, match="cannot be read"):
        _run("rules", "check", str(tmp_path / "none.yaml"))


def _run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output
