"""Cases over HTTP: advice, feedback, linked work, similar past cases, labels, figures and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import orjson
import psycopg
import pytest
from psycopg_pool import ConnectionPool
from typer.testing import CliRunner

from pdm.cli.app import app
from pdm.machines.costs import Costs
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import BEYOND_TRAINING
from pdm.service.alerting.cases import read_case
from pdm.service.platform.access import Caller, Role, create_key
from pdm.settings import Settings
from pdm.store.alerts.cases import fetch_labels
from tests.integration import plant
from tests.integration.api_server import client, serve

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
HOURS = timedelta(hours=1)
EVIDENCE = {
    "zone": "B",
    "symptom": "bearing_outer_race",
    "assessment": {
        "contributors": [
            {"indicator": "bpfo_prominence", "point": "de-h", "deviation": 8.0},
            {"indicator": "rms", "point": "de-h", "deviation": 6.0},
        ]
    },
    "prognosis": {"source": "model", "rul_s": 9 * 86400.0, "rul_lower_s": 5 * 86400.0, "rul_upper_s": 15 * 86400.0,
                  "level": 0.9, "reason": None},
}  # fmt: skip


@dataclass
class Stage:
    """A served plant, a key of the role operate, and its database."""

    url: str
    http: httpx.Client
    dsn: str

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as conn:
            cursor = conn.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def add_alert(self, machine: str = "press-07", **more: Any) -> str:
        row = {"cause": "bearing-de", "component": "bearing-de", "severity": "warning", "state": "unacknowledged",
               "opened_at": NOW - DAY, "raised_at": NOW - DAY, "cleared_at": None, "message": "health-low",
               "parameters": {"health": 0.52, "limit": 0.6, "symptom": "bearing_outer_race"}, "evidence": EVIDENCE,
               **more}  # fmt: skip
        alert_id = str(uuid4())
        self.run(
            "INSERT INTO alert (id, machine_id, cause, component, severity, state, opened_at, raised_at, cleared_at,"
            " message, parameters, evidence, rule_version, rule_key)"
            " SELECT %s, id, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '1', 'health-warning' FROM machine WHERE key = %s",
            alert_id, row["cause"], row["component"], row["severity"], row["state"], row["opened_at"],
            row["raised_at"], row["cleared_at"], row["message"], orjson.dumps(row["parameters"]).decode(),
            orjson.dumps(row["evidence"]).decode(), machine,
        )  # fmt: skip
        return alert_id

    def add_event(self, alert: str, at: datetime, kind: str = "opened", **more: Any) -> None:
        row = {"severity": "warning", "state": "unacknowledged", "withheld": None, "reevaluated": False, **more}
        self.run(
            "INSERT INTO alert_event (alert_id, machine_id, kind, severity, occurred_at, recorded_at, actor, reason,"
            " state, withheld, reevaluated) SELECT id, machine_id, %s, %s, %s, %s, 'x', 'x', %s, %s, %s FROM alert"
            " WHERE id = %s",
            kind, row["severity"], at, at, row["state"], row["withheld"], row["reevaluated"], alert,
        )  # fmt: skip


def machine(key: str, **more: Any) -> Machine:
    described = plant.machine(key)
    bearing = replace(described.components[0], part="6205-2RS")
    costs = Costs("KRW", lost_production=3e6, planned_stop=4, unplanned_stop=24, repair=2e6)
    return replace(described, components=(bearing,), costs=costs, **more)


@pytest.fixture
def stage(settings: Settings, pool: ConnectionPool[Any]) -> Iterator[Stage]:
    plant.add(pool, machine("press-07"), machine("press-08"), machine("press-09"))
    key = create_key(pool, name="operator", role="operate", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as http:
        yield Stage(url, http, settings.dsn)


def test_a_case_says_what_to_do_by_when_with_which_part_and_what_waiting_costs(stage: Stage) -> None:
    alert = stage.add_alert(cleared_at=NOW, state="normal")
    case = stage.http.get(f"/v1/alerts/{alert}/case").json()
    assert case["text"] == "health 52 %, below the limit of 60 %; bearing outer race damage"
    assert case["urgency"] == "within-horizon"
    assert datetime.fromisoformat(case["act_by"]) == NOW + 5 * DAY
    assert datetime.fromisoformat(case["plan_by"]) == NOW
    assert [one["reason"] for one in case["deadlines"]] == ["act-by.remaining-life"]
    assert "5 d (lower prediction bound, level 90 %)" in case["deadlines"][0]["text"]
    assert [one["check"] for one in case["checks"]][:2] == ["listen-bearing", "sample-grease"]
    assert [(one["component"], one["part"]) for one in case["parts"]] == [("bearing-de", "6205-2RS")]
    waiting = case["cost_of_waiting"]
    assert (waiting["currency"], waiting["planned"], waiting["unplanned"]) == ("KRW", 14e6, 74e6)
    assert [one["seconds"] for one in waiting["waits"]] == [86400.0, 7 * 86400.0, 14 * 86400.0]
    assert waiting["waits"][0]["chance"] == pytest.approx(0.05 / 5)
    assert waiting["waits"][0]["cost"] == pytest.approx(0.05 / 5 * 60e6)


def test_a_case_has_korean_texts_on_request(stage: Stage) -> None:
    alert = stage.add_alert(cleared_at=NOW, state="normal")
    case = stage.http.get(f"/v1/alerts/{alert}/case", headers={"Accept-Language": "ko-KR,ko;q=0.9"}).json()
    assert case["text"] == "건전도 52 %, 기준값 60 % 미만; 베어링 외륜 결함"
    assert case["urgency_text"] == "정비 계획 기간 이내 조치"
    assert case["checks"][0]["text"] == "베어링 청음 및 온도 측정"


def test_an_open_case_rests_on_the_newest_assessment_of_its_machine(stage: Stage) -> None:
    alert = stage.add_alert()
    stage.run(
        "INSERT INTO assessment (machine_id, measured_at, revision, health, learning_progress, operating_state, zone,"
        " indicators, evidence, rule_version)"
        " SELECT id, %s, 0, 0.2, 1, 'run', 'D', '{}', '{}', '1' FROM machine WHERE key = 'press-07'",
        NOW,
    )
    case = stage.http.get(f"/v1/alerts/{alert}/case").json()
    assert case["urgency"] == "immediate"
    assert datetime.fromisoformat(case["act_by"]) == NOW
    assert case["cost_of_waiting"]["waits"][0]["chance"] == pytest.approx(0.01)
    assert case["trend"] == [{"at": case["trend"][0]["at"], "health": pytest.approx(0.2), "zone": "D"}]


def test_feedback_is_kept_and_the_newest_becomes_the_label(stage: Stage, pool: ConnectionPool[Any]) -> None:
    alert = stage.add_alert()
    place = f"/v1/alerts/{alert}/feedback"
    first = stage.http.post(place, json={"verdict": "false", "finding": "nothing seen"})
    assert first.status_code == 201
    more = {"verdict": "true", "finding": "외륜 박리", "fault": "bearing_outer_race", "component": "bearing-de"}
    assert stage.http.post(place, json=more).json()["actor"] == "operator"
    assert [one["verdict"] for one in stage.http.get(place).json()] == ["true", "false"]
    with pool.connection() as conn:
        (label,) = fetch_labels(conn)
    assert (label.alert_id, label.machine, label.verdict, label.is_true) == (alert, "press-07", "true", True)
    assert (label.finding, label.fault, label.found_component) == ("외륜 박리", "bearing_outer_race", "bearing-de")
    assert ("alert.feedback",) in stage.run("SELECT action FROM audit")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verdict": "perhaps"}, "verdict"),
        ({"verdict": "true", "fault": "gremlins"}, "fault"),
        ({"verdict": "true", "component": "gearbox"}, "component"),
        ({"verdict": "true", "finding": "a\x00b"}, "finding"),
        ({}, "verdict"),
    ],
)
def test_feedback_that_cannot_be_is_refused_with_its_field(stage: Stage, body: dict[str, Any], field: str) -> None:
    answer = stage.http.post(f"/v1/alerts/{stage.add_alert()}/feedback", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def _work(stage: Stage, key: str, kind: str) -> int:
    event = {"kind": kind, "occurred_at": (NOW - HOURS).isoformat(), "component": "bearing-de", "finding": "spalled"}
    answer = stage.http.post(f"/v1/machines/{key}/work-events", json=event)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_linked_work_is_a_label_without_a_verdict(stage: Stage, pool: ConnectionPool[Any]) -> None:
    replaced, inspected = stage.add_alert(), stage.add_alert("press-08")
    for alert, key, kind in ((replaced, "press-07", "replacement"), (inspected, "press-08", "inspection")):
        number = _work(stage, key, kind)
        for _ in range(2):  # again changes nothing
            answer = stage.http.post(f"/v1/alerts/{alert}/work-events", json={"work_event": number})
            assert [one["kind"] for one in answer.json()["items"]] == [kind]
    with pool.connection() as conn:
        labels = {label.alert_id: label for label in fetch_labels(conn)}
        assert fetch_labels(conn, before=NOW - 2 * DAY) == []
        assert len(fetch_labels(conn, fleet="default")) == 2
        assert fetch_labels(conn, machine_ids=[]) == []
    assert (labels[replaced].is_true, labels[inspected].is_true) == (True, None)
    assert labels[replaced].failed_at == NOW - HOURS
    assert labels[inspected].work[0].finding == "spalled"
    assert len(stage.run("SELECT 1 FROM audit WHERE action = 'alert.link-work'")) == 2


def test_work_on_another_machine_cannot_be_linked(stage: Stage) -> None:
    number = _work(stage, "press-08", "inspection")
    answer = stage.http.post(f"/v1/alerts/{stage.add_alert()}/work-events", json={"work_event": number})
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"machine 'press-07' has no work event {number}"


def test_similar_past_cases_come_with_their_outcome_the_likest_first(stage: Stage) -> None:
    past = {"state": "normal", "opened_at": NOW - 30 * DAY, "raised_at": NOW - 30 * DAY, "cleared_at": NOW - 25 * DAY}
    alike = stage.add_alert("press-08", **past)
    other = {**EVIDENCE, "symptom": "unbalance",
             "assessment": {"contributors": [{"indicator": "order_1x", "deviation": 9.0}]}}  # fmt: skip
    stage.add_alert("press-09", **past, evidence=other)
    partly = {**EVIDENCE, "assessment": {"contributors": [{"indicator": "rms", "deviation": 6.0}]}}
    less = stage.add_alert("press-09", **{**past, "cause": "x"}, evidence=partly)
    stage.http.post(f"/v1/alerts/{alike}/feedback", json={"verdict": "true", "finding": "outer race spalled"})
    found = stage.http.get(f"/v1/alerts/{stage.add_alert()}/case").json()["similar"]
    assert [one["alert_id"] for one in found] == [alike, less]
    assert (found[0]["likeness"], found[0]["cosine"]) == (1.0, 1.0)
    assert found[1]["cosine"] == pytest.approx(0.6)
    assert found[1]["likeness"] == pytest.approx(0.8)
    assert (found[0]["verdict"], found[0]["finding"]) == ("true", "outer race spalled")
    assert found[0]["verdict_text"] == "True alarm"


def test_the_trend_picture_is_svg_in_the_language(stage: Stage) -> None:
    alert = stage.add_alert()
    answer = stage.http.get(f"/v1/alerts/{alert}/trend.svg", headers={"Accept-Language": "ko"})
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.text.startswith("<svg ")
    assert "건전도" in answer.text


def test_the_figures_are_those_of_the_stored_events(stage: Stage) -> None:
    alerts = [stage.add_alert(cause=f"c{n}", raised_at=NOW - 30 * HOURS) for n in range(12)]
    for n, alert in enumerate(alerts[:10]):
        stage.add_event(alert, NOW - 5 * HOURS + timedelta(seconds=n))
    stage.add_event(alerts[0], NOW - 5 * HOURS + timedelta(seconds=130), "acknowledged", state="acknowledged")
    stage.add_event(alerts[10], NOW - 30 * HOURS)  # active for more than a day
    stage.add_event(alerts[11], NOW - 4 * HOURS, withheld="shelved")
    stage.http.post(f"/v1/alerts/{alerts[0]}/feedback", json={"verdict": "true"})
    stage.http.post(f"/v1/alerts/{alerts[1]}/feedback", json={"verdict": "false"})
    period = {"from": (NOW - DAY).isoformat(), "to": (NOW + HOURS).isoformat()}
    figures = stage.http.get("/v1/alerts/kpi", params=period).json()
    assert (figures["annunciated"], figures["withheld"]) == (10, 1)
    assert [(one["alarms"], one["peak"]) for one in figures["floods"]] == [(10, 10)]
    assert [one["cause"] for one in figures["stale"]] == ["c10"]
    assert figures["delay"] == {"acknowledged": 1, "unacknowledged": 9, "median_s": 130, "p90_s": 130, "mean_s": 130}
    precision = figures["precision"]
    assert (precision["true"], precision["false"], precision["precision"]) == (1, 1, 0.5)
    assert stage.http.get("/v1/alerts/kpi", params={**period, "site": "elsewhere"}).json()["annunciated"] == 0
    assert stage.http.get("/v1/alerts/kpi", params={**period, "operators": 2}).json()["floods"] == []


def test_a_period_that_makes_no_sense_is_refused(stage: Stage) -> None:
    answer = stage.http.get("/v1/alerts/kpi", params={"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"})
    assert answer.status_code == 422


def test_every_message_is_served_in_both_languages(stage: Stage) -> None:
    with client(stage.url, None) as anybody:
        english, korean = (anybody.get(f"/v1/messages/{language}").json() for language in ("en", "ko"))
        assert anybody.get("/v1/messages/de").status_code == 422
    assert english["messages"].keys() == korean["messages"].keys()
    assert korean["messages"]["fault.bearing_outer_race"] == "베어링 외륜 결함"


def test_alerts_and_their_history_have_texts_in_the_language(stage: Stage) -> None:
    alert = stage.add_alert()
    stage.add_event(alert, NOW)
    for path in ("/v1/alerts", f"/v1/alerts/{alert}"):
        body = stage.http.get(path, headers={"Accept-Language": "ko"}).json()
        (body,) = body.get("items", [body])
        assert body["text"] == "건전도 52 %, 기준값 60 % 미만; 베어링 외륜 결함"
    assert [one["text"] for one in body["history"]] == ["발생"]
    plain = stage.http.get(f"/v1/alerts/{alert}").json()
    assert plain["text"].startswith("health 52 %")
    assert [one["text"] for one in plain["history"]] == ["raised"]


def test_a_problem_is_titled_in_the_language(stage: Stage) -> None:
    place = f"/v1/alerts/{uuid4()}"
    assert stage.http.get(place, headers={"Accept-Language": "ko"}).json()["title"] == "해당 항목이 없음"
    assert stage.http.get(place).json()["title"] == "Not Found"


def test_metrics_for_prometheus_contain_the_figures_of_the_last_day(stage: Stage) -> None:
    alert = stage.add_alert(raised_at=NOW - HOURS)
    stage.add_event(alert, NOW - HOURS)
    stage.add_event(alert, NOW - HOURS + timedelta(seconds=40), "acknowledged", state="acknowledged")
    stage.http.post(f"/v1/alerts/{alert}/feedback", json={"verdict": "true"})
    metrics = stage.http.get("/metrics").text.splitlines()
    assert "pdm_alarms_last_day 1.0" in metrics
    assert "pdm_alarm_acknowledge_seconds 40.0" in metrics
    assert "pdm_alarm_precision 1.0" in metrics
    assert "pdm_alarm_flood_now 0.0" in metrics


def test_the_report_says_the_figures_beside_what_is_acceptable(
    stage: Stage, pool: ConnectionPool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = stage.add_alert(raised_at=NOW - HOURS)
    stage.add_event(alert, NOW - HOURS)
    monkeypatch.setenv("PDM_DSN", stage.dsn)
    run = CliRunner()
    done = run.invoke(app, ["report", "alarms", "--operators", "2"])
    assert done.exit_code == 0, done.output
    assert "annunciated            1 (0 withheld): 0 advisory, 1 warning, 0 critical" in done.output
    assert "ten most frequent      100.0% of all (1 % to 5 %): press-07 bearing-de 1x" in done.output
    day = (NOW - DAY).strftime("%Y-%m-%dT%H:%M:%S")
    as_json = run.invoke(app, ["report", "alarms", "--from", day, "--json"])
    assert orjson.loads(as_json.output)["annunciated"] == 1


def test_a_remaining_life_beyond_any_training_life_makes_no_case_urgent(pool: ConnectionPool[Any]) -> None:
    plant.add(pool, machine("press-07"))
    with pool.connection() as conn:
        row = conn.execute(
            "INSERT INTO alert (id, machine_id, cause, severity, state, opened_at, raised_at, message, parameters,"
            " evidence, rule_version, rule_key) SELECT gen_random_uuid(), id, 'machine', 'warning', 'unacknowledged',"
            " %s, %s, 'health-low', '{}', '{}', '1', 'health-warning' FROM machine RETURNING id",
            (NOW - DAY, NOW - DAY),
        ).fetchone()
        assert row is not None
        conn.execute(
            "INSERT INTO prognosis (machine_id, measured_at, revision, source, rul, rul_lower, rul_upper, reason,"
            " evidence) SELECT id, %s, 0, 'model', 9000, 0, 20000, %s, %s FROM machine",
            (NOW, BEYOND_TRAINING, orjson.dumps({"reasons": [BEYOND_TRAINING]}).decode()),
        )
    case = read_case(pool, Caller(1, "operator", Role.OPERATE, None), row[0], "en", NOW)
    assert case.urgency == "within-horizon"
    assert [one.reason for one in case.deadlines] == ["act-by.warning-without-prognosis"]
    assert case.cost_of_waiting is None
