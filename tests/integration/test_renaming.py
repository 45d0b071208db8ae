"""Renamed machines, points, components, lines, sites and fleets: what was learned and recorded of them continues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from psycopg_pool import ConnectionPool

from pdm.errors import ConflictError, InvalidInputError, NotFoundError
from pdm.health.assessment import RULE_VERSION
from pdm.machines.model import Component, ComponentKind, MeasurementPoint
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition
from pdm.service.analysis.worker import Worker
from pdm.service.machines import queries, renaming
from pdm.service.machines.registration import register_fleet
from pdm.service.machines.renaming import NewName
from pdm.service.machines.retirement import Action
from pdm.service.machines.work_events import record_work_event
from pdm.service.platform.access import Caller, Role, create_key
from pdm.service.rules import rule_sets
from pdm.settings import Settings
from pdm.store.analysis.backtest_history import fetch_history
from pdm.store.machines.registration import fetch_machine, register
from pdm.store.models import models
from tests.integration.api_server import client, serve
from tests.integration.plant import NOW, acquisition, add, ask, codes, machine, outcomes, send
from tests.integration.test_events_of_components import STEP, run, wearing, with_motor_point

Pool = ConnectionPool[Any]
KIM = Action("kim", None, NOW, "new scheme of names")
M, OTHER = "press-07", "press-08"


@pytest.fixture
def worker(pool: Pool, settings: Settings) -> Worker:
    with pool.connection() as conn:
        register(conn, with_motor_point())
        register(conn, replace(with_motor_point(), key=OTHER))
    return Worker(pool, settings)


def at_point(course: Sequence[Acquisition], former: str, key: str) -> list[Acquisition]:
    """Return a course that is sent with another key of a point."""
    return [
        replace(each, waveforms=tuple(replace(w, point=key) if w.point == former else w for w in each.waveforms))
        for each in course
    ]


def of_machine(course: Sequence[Acquisition], key: str) -> list[Acquisition]:
    return [replace(each, machine=key) for each in course]


def newest(pool: Pool, key: str, what: str) -> list[Any]:
    question = (
        f"SELECT DISTINCT ON (a.measured_at) {what} FROM assessment a JOIN machine m ON m.id = a.machine_id"
        f" WHERE m.key = '{key}' ORDER BY a.measured_at, a.revision DESC"
    )
    return [row[0] for row in ask(pool, question)]


def alerts_of(pool: Pool, key: str, what: str = "a.cause, a.severity, a.state, a.opened_at") -> list[tuple[Any, ...]]:
    return ask(pool, f"SELECT {what} FROM alert a JOIN machine m ON m.id = a.machine_id WHERE m.key = '{key}'")


def test_a_renamed_point_of_a_learned_machine_continues_as_if_it_had_not_been_renamed(
    pool: Pool, worker: Worker
) -> None:
    course = wearing(points=("de-h",))
    run(pool, worker, [*course[:60], *of_machine(course[:60], OTHER)])
    before = alerts_of(pool, M, "a.id, a.cause, a.points")
    renaming.rename_point(pool, M, "de-h", NewName("drive-h", "Drive end"), KIM)
    assert alerts_of(pool, M, "a.id, a.cause, a.points") == [(id_, c, ["drive-h"]) for id_, c, _ in before]
    rest = [*course[60:80], *at_point(course[80:], "de-h", "drive-h")]
    run(pool, worker, rest)
    run(pool, worker, of_machine(course[60:], OTHER))
    assert newest(pool, M, "a.health") == newest(pool, OTHER, "a.health"), "the same, bit for bit"
    reasons = newest(pool, M, "a.evidence -> 'reasons'")
    assert reasons == newest(pool, OTHER, "a.evidence -> 'reasons'")
    assert alerts_of(pool, M) == alerts_of(pool, OTHER)
    points = newest(pool, M, "jsonb_path_query_array(a.evidence, '$.points[*].point')")
    assert (points[59], points[-1]) == (["de-h", "de-v"], ["drive-h", "de-v"])


def test_late_data_from_before_the_renaming_are_replayed_from_a_state_with_the_former_key(
    pool: Pool, worker: Worker
) -> None:
    course = wearing(points=("de-h",))
    late = 50
    for key in (M, OTHER):
        run(pool, worker, of_machine([*course[:late], *course[late + 1 : 60]], key))
    renaming.rename_point(pool, M, "de-h", NewName("drive-h"), KIM)
    renaming.rename_component(pool, M, "bearing-de", NewName("de-bearing"), KIM)
    for key in (M, OTHER):
        run(pool, worker, of_machine([course[late], *course[60:]], key))
    assert newest(pool, M, "a.health") == newest(pool, OTHER, "a.health")
    assert alerts_of(pool, M, "a.severity, a.state, a.opened_at") == alerts_of(
        pool, OTHER, "a.severity, a.state, a.opened_at"
    )


def test_a_renamed_component_keeps_its_alert_its_life_and_its_events(pool: Pool, worker: Worker) -> None:
    course = wearing(points=("de-h",))
    replaced = course[20].measured_at + STEP / 2
    record_work_event(pool, _event("replacement", "motor", replaced), actor="kim", site_ids=None, now=NOW)
    run(pool, worker, course[:60])
    (before,) = alerts_of(pool, M, "a.id, a.cause, a.component, a.state")
    assert before[1:] == ("bearing-de", "bearing-de", "unacknowledged")
    renaming.rename_component(pool, M, "bearing-de", NewName("de-bearing"), KIM)
    renaming.rename_component(pool, M, "motor", NewName("drive"), KIM)
    assert alerts_of(pool, M, "a.id, a.cause, a.component, a.state") == [
        (before[0], "de-bearing", "de-bearing", "unacknowledged")
    ]
    run(pool, worker, course[60:80])
    assert [row[1:] for row in alerts_of(pool, M, "a.id, a.cause, a.state")] == [("de-bearing", "unacknowledged")]
    ended = course[79].measured_at + STEP / 2
    record_work_event(pool, _event("failure", "bearing-de", ended), actor="kim", site_ids=None, now=NOW)
    run(pool, worker, course[80:])
    assert alerts_of(pool, M, "a.cause, a.state")[0] == ("de-bearing", "normal")
    with pool.connection() as conn:
        lives = [life for life in models.fetch_lives(conn, "default", RULE_VERSION) if life.machine == M]
    assert _components_shown(pool) == {"de-bearing"}
    failed = [life for life in lives if life.ended_by == "failure"]
    assert [(life.component, len(life.life_time)) for life in failed] == [("de-bearing", 80)]


def _components_shown(pool: Pool) -> set[str]:
    """Return the components that the history of health names: stored ones, and those that backtests read."""
    since, before = NOW - timedelta(days=9), NOW + timedelta(days=9)
    reader = Caller(0, "kim", Role.READ, None)
    entries = queries.list_health(pool, reader, M, since=since, before=before, limit=500)
    with pool.connection() as conn:
        history = fetch_history(conn, fetch_machine(conn, M), since, before, (), with_diagnoses=False)
    assert history is not None
    shown = {entry.component for entry in entries} | {each or None for each in history.conclusions.components}
    return {each for each in shown if each is not None}


def _event(kind: str, component: str, at: datetime) -> WorkEvent:
    return WorkEvent(M, WorkEventKind(kind), at, component)


def test_a_description_with_former_keys_changes_nothing_and_reports_the_present_ones(pool: Pool) -> None:
    add(pool)
    for rename, key in ((renaming.rename_machine, "press-7"),):
        rename(pool, M, NewName(key), KIM)
    renaming.rename_point(pool, "press-7", "de-h", NewName("drive-h", "Drive end"), KIM)
    renaming.rename_component(pool, "press-7", "bearing-de", NewName("de"), KIM)
    renaming.rename_site(pool, "busan", NewName("pusan", "부산"), KIM)
    renaming.rename_line(pool, "pusan", "line-1", NewName("presses"), KIM)
    renaming.rename_fleet(pool, "default", NewName("big-presses"), KIM)
    (done,) = register_fleet(pool, [machine()], actor="kim", site_ids=None)
    assert (done.machine, done.outcome) == ("press-7", "unchanged")
    assert done.renamed == {
        M: "press-7", "de-h": "drive-h", "bearing-de": "de", "busan": "pusan", "line-1": "presses",
        "default": "big-presses",
    }  # fmt: skip
    assert ask(pool, "SELECT count(*) FROM machine") == ask(pool, "SELECT count(*) FROM site") == [(1,)]
    with pool.connection() as conn:
        stored = fetch_machine(conn, M).machine
    assert (stored.site, stored.line, stored.fleet, stored.site_name) == ("pusan", "presses", "big-presses", "부산")
    assert stored.points[0].name == "Drive end", "a description without a name leaves it"


def test_a_former_key_is_not_given_to_another_object_and_may_be_taken_back(pool: Pool) -> None:
    add(pool, machine(), machine(OTHER))
    renaming.rename_machine(pool, M, NewName("press-7"), KIM)
    with pytest.raises(ConflictError, match="'press-07' was that of machine 'press-7', for which it remains valid"):
        renaming.rename_machine(pool, OTHER, NewName(M), KIM)
    with pool.connection() as conn, pytest.raises(ConflictError, match="was that of machine 'press-7'"):
        register(conn, machine(M, "elsewhere"))
    with pytest.raises(ConflictError, match="'press-08' is that of another machine"):
        renaming.rename_machine(pool, "press-7", NewName(OTHER), KIM)
    with pytest.raises(ConflictError, match="'press-07' was the key of machine 'press-7'"):
        register_fleet(pool, [replace(machine(OTHER), tag=M)], actor="kim", site_ids=None)
    renaming.rename_point(pool, M, "de-h", NewName("h"), KIM)
    with pytest.raises(ConflictError, match="'de-h' was that of point 'h'"):
        renaming.rename_point(pool, M, "de-v", NewName("de-h"), KIM)
    assert renaming.rename_point(pool, OTHER, "de-v", NewName("h"), KIM).key == "h", "another machine's is free"
    assert renaming.rename_machine(pool, M, NewName(M), KIM).key == M, "its own former key"
    assert renaming.rename_machine(pool, "press-7", NewName(M), KIM).key == M


def test_what_cannot_be_renamed_is_refused_by_name(pool: Pool) -> None:
    ambient = MeasurementPoint("ambient", "temperature", "degC")
    add(pool, replace(machine(), points=(*machine().points, ambient)), machine(OTHER))
    with pytest.raises(InvalidInputError, match="give a new key, a new name, or both"):
        renaming.rename_site(pool, "busan", NewName(), KIM)
    with pytest.raises(InvalidInputError, match="must be 1-63 characters"):
        renaming.rename_machine(pool, M, NewName("Press 7"), KIM)
    with pytest.raises(InvalidInputError, match="used by the service for its own alerts"):
        renaming.rename_component(pool, M, "bearing-de", NewName("machine"), KIM)
    with pytest.raises(NotFoundError, match="no point 'de-x'; did you mean 'de-v' or 'de-h'"):
        renaming.rename_point(pool, M, "de-x", NewName("y"), KIM)
    with pytest.raises(ConflictError, match="begins with 'ambient'; so must the new key"):
        renaming.rename_point(pool, M, "ambient", NewName("t-1"), KIM)
    with pytest.raises(ConflictError, match="would make point 'oil' the ambient temperature"):
        renaming.rename_point(pool, M, "oil", NewName("ambient-oil"), KIM)
    for unknown in (renaming.rename_site, renaming.rename_fleet, renaming.rename_machine):
        with pytest.raises(NotFoundError):
            unknown(pool, "nowhere", NewName("somewhere"), KIM)
    limited = replace(KIM, site_ids=())
    with pytest.raises(NotFoundError):
        renaming.rename_site(pool, "busan", NewName("pusan"), limited)


def test_renamings_are_appended_with_actor_and_reason(pool: Pool) -> None:
    add(pool)
    renaming.rename_machine(pool, M, NewName("press-7"), KIM)
    renaming.rename_machine(pool, M, NewName(name="Press 7"), KIM)
    assert ask(pool, "SELECT former_key, key, former_name, name, actor, reason FROM renaming ORDER BY id") == [
        (M, "press-7", "", "", "kim", KIM.reason),
        ("press-7", "press-7", "", "Press 7", "kim", KIM.reason),
    ]
    assert ask(pool, "SELECT action, target FROM audit ORDER BY id DESC LIMIT 1") == [("machine.rename", "press-7")]


def test_rules_that_name_former_keys_go_on(pool: Pool, worker: Worker) -> None:
    hot = {"key": "strong", "kind": "threshold", "severity": "critical", "above": "1 m/s2"}
    signal = {"feature": "rms", "point": "de-h", "component": "bearing-de"}
    text = rule_sets.check_content({"rules": [{**hot, "signal": signal, "deadband": "0.1 m/s2"}]})
    stored = rule_sets.propose(pool, text, scope="machine", target=M, author="kim", reason="x")
    rule_sets.deploy(pool, stored.id, author="kim")
    course = wearing(points=("de-h",), begins=0)
    run(pool, worker, course[:10])
    (before,) = alerts_of(pool, M, "a.id, a.rule_key, a.state")
    renaming.rename_point(pool, M, "de-h", NewName("drive-h"), KIM)
    renaming.rename_component(pool, M, "bearing-de", NewName("de"), KIM)
    renaming.rename_machine(pool, M, NewName("press-7"), KIM)
    renaming.rename_site(pool, "busan", NewName("pusan"), KIM)
    run(pool, worker, course[10:20])
    assert alerts_of(pool, "press-7", "a.id, a.rule_key, a.state") == [before]
    of_machine_now = rule_sets.rules_of_machine(pool, M)
    (shown,) = [rule for rule in of_machine_now.rules if rule["key"] == "strong"]
    assert (shown["signal"]["point"], shown["signal"]["component"]) == ("drive-h", "de")
    assert [each.target for each in of_machine_now.of] == ["press-7"]


def test_records_name_former_keys(pool: Pool) -> None:
    add(pool)
    first = acquisition()
    assert outcomes(send(pool, first)) == ["stored"]
    renaming.rename_machine(pool, M, NewName("press-7"), KIM)
    renaming.rename_point(pool, M, "de-h", NewName("drive-h"), KIM)
    assert outcomes(send(pool, first)) == ["duplicate"], "the same record under the former keys"
    both = replace(first, waveforms=(*first.waveforms, replace(first.waveforms[0], point="drive-h")))
    assert codes(send(pool, both)) == [["duplicate-channel"]]
    later = replace(first, machine="press-7", measured_at=first.measured_at + timedelta(minutes=1))
    assert codes(send(pool, later)) == [[]]


FLEET = {
    "machines": [
        {
            "key": "fan-3", "site": "seoul", "line": "paint", "name": "Fan 3", "fleet": "fans",
            "components": [{"key": "de", "kind": "bearing"}],
            "points": [{"key": "t", "quantity": "temperature", "unit": "degC"}],
        }
    ]
}  # fmt: skip


@pytest.fixture
def caller(settings: Settings, pool: Pool) -> Iterator[httpx.Client]:
    key = create_key(pool, name="admin", role="admin", sites=None, actor="test")
    with serve(settings) as url, client(url, key) as opened:
        assert opened.post("/v1/fleet", json=FLEET).status_code == 200
        yield opened


def rename(caller: httpx.Client, path: str, key: str) -> dict[str, Any]:
    answer = caller.post(f"/v1/{path}/rename", json={"key": key, "name": key.upper(), "reason": "scheme"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_everything_is_renamed_over_the_api_and_former_keys_answer_with_the_present_ones(caller: httpx.Client) -> None:
    at = datetime.now().astimezone().isoformat()
    sent = {"machine": "fan-3", "measured_at": at, "scalars": [{"point": "t", "value": 40.0, "unit": "degC"}]}
    assert caller.post("/v1/acquisitions", json={"acquisitions": [sent]}).json()["stored"] == 1
    assert rename(caller, "machines/fan-3", "fan-03")["machine"] == "fan-03"
    assert rename(caller, "machines/fan-3/points/t", "temp")["points"][0]["former_keys"] == ["t"]
    assert rename(caller, "machines/fan-3/components/de", "drive")["components"][0]["component"] == "drive"
    site = rename(caller, "sites/seoul", "incheon")
    assert (site["kind"], site["key"], site["name"]) == ("site", "incheon", "INCHEON")
    assert rename(caller, "sites/seoul/lines/paint", "coating")["key"] == "coating"
    assert rename(caller, "fleets/fans", "blowers")["key"] == "blowers"
    now = caller.get("/v1/machines/fan-3").json()
    present = {"machine": "fan-03", "site": "incheon", "line": "coating", "fleet": "blowers", "name": "FAN-03"}
    assert now.items() >= present.items()
    assert (now["site_name"], now["line_name"], now["fleet_name"]) == ("INCHEON", "COATING", "BLOWERS")
    assert now["former_keys"] == ["fan-3"]
    for place in ("/health", "/prognosis", "/acquisitions", "/work-events", "/rules"):
        assert caller.get(f"/v1/machines/fan-3{place}").json() == caller.get(f"/v1/machines/fan-03{place}").json()
    values = caller.get("/v1/machines/fan-3/scalars/t").json()
    assert (values["machine"], values["point"], values["last"]["value"]) == ("fan-03", "temp", 40.0)
    for query in ({"site": "seoul"}, {"line": "paint"}, {"site": "incheon", "line": "coating"}):
        assert [each["machine"] for each in caller.get("/v1/machines", params=query).json()["items"]] == ["fan-03"]
    for site_key in ("seoul", "incheon"):
        assert caller.get(f"/v1/sites/{site_key}/health").json()["site"] == "incheon"
        assert caller.get(f"/v1/sites/{site_key}/lines/paint/health").json()["line"] == "coating"
    assert caller.post("/v1/acquisitions", json={"acquisitions": [sent]}).json()["duplicate"] == 1
    assert caller.get("/v1/alerts", params={"machine": "fan-3"}).status_code == 200
    assert caller.get("/v1/alerts/kpi", params={"site": "seoul"}).status_code == 200
    hold = {"site": "seoul", "line": "paint", "reason": "paint", "ground": "maintenance"}
    held = caller.post("/v1/holds", json=hold)
    assert (held.status_code, held.json()["site"], held.json()["line"]) == (201, "incheon", "coating")
    silenced = {"machine": "fan-3", "cause": "de", "kind": "out-of-service", "reason": "x"}
    assert caller.post("/v1/holds", json=silenced).json()["cause"] == "drive"
    hook = {"name": "x", "kind": "webhook", "url": "https://example.com/hook", "site": "seoul"}
    assert caller.post("/v1/subscriptions", json=hook).json()["site"] == "incheon"
    made = caller.post("/v1/keys", json={"name": "reader", "role": "read", "sites": ["seoul"]})
    assert made.json()["sites"] == ["incheon"]
    rules = {"rules": [{"key": "worst", "kind": "zone", "zone": "D"}]}
    for scope, target, key in (
        ("site", "seoul", "incheon"), ("class", "fans", "blowers"), ("machine", "fan-3", "fan-03"),
    ):  # fmt: skip
        asked = {"scope": scope, "target": target, "document": rules, "reason": "x"}
        assert caller.post("/v1/rules", json=asked).json()["target"] == key
        listed = caller.get("/v1/rules", params={"scope": scope, "target": target}).json()["items"]
        assert [each["target"] for each in listed] == [key]
    event = {"kind": "inspection", "occurred_at": at, "component": "de"}
    assert caller.post("/v1/machines/fan-3/work-events", json=event).json()["component"] == "drive"
    again = caller.put("/v1/machines/fan-3", json=FLEET["machines"][0])
    assert (again.status_code, again.json()["machine"]) == (200, "fan-03")
    assert again.json()["renamed"]["fan-3"] == "fan-03"


def test_the_history_of_renamings_is_listed(caller: httpx.Client) -> None:
    rename(caller, "machines/fan-3", "fan-03")
    rename(caller, "machines/fan-03/points/t", "temp")
    rename(caller, "sites/seoul", "incheon")
    items = caller.get("/v1/renamings").json()["items"]
    assert [(each["kind"], each["former_key"], each["key"]) for each in items] == [
        ("site", "seoul", "incheon"), ("point", "t", "temp"), ("machine", "fan-3", "fan-03"),
    ]  # fmt: skip
    assert items[0].items() >= {"actor": "admin", "reason": "scheme", "name": "INCHEON"}.items()
    of_machine_only = caller.get("/v1/renamings", params={"machine": "fan-3"}).json()["items"]
    assert [each["kind"] for each in of_machine_only] == ["point", "machine"]
    assert len(caller.get("/v1/renamings", params={"kind": "site"}).json()["items"]) == 1


def test_a_fleet_keeps_its_models(pool: Pool) -> None:
    add(pool)
    with pool.connection() as conn:
        conn.execute(
            "INSERT INTO model (name, version, status, indicator_version, body, sha256, metrics, trained_on)"
            " VALUES ('default', 1, 'champion', '1', '', '', '{}', '{}')"
        )
    renaming.rename_fleet(pool, "default", NewName("presses"), KIM)
    assert ask(pool, "SELECT m.fleet, x.name FROM machine m, model x") == [("presses", "presses")]
    add(pool, replace(machine(OTHER), fleet="spare"))
    with pytest.raises(ConflictError, match="is used by machines"):
        renaming.rename_fleet(pool, "presses", NewName("spare"), KIM)


def test_a_component_named_in_a_registration_by_its_former_key_is_no_second_one(pool: Pool) -> None:
    add(pool)
    renaming.rename_component(pool, M, "bearing-de", NewName("de"), KIM)
    more = replace(machine(), components=(*machine().components, Component("nde", ComponentKind.BEARING)))
    (done,) = register_fleet(pool, [more], actor="kim", site_ids=None)
    assert done.outcome == "changed"
    assert ask(pool, "SELECT key FROM component ORDER BY id") == [("de",), ("nde",)]


def test_a_description_with_both_keys_of_a_point_is_refused_with_the_renaming(pool: Pool) -> None:
    add(pool)
    renaming.rename_point(pool, M, "de-h", NewName("drive-h"), KIM)
    points = (*machine().points, replace(machine().points[0], key="drive-h"))
    with pytest.raises(InvalidInputError, match="'drive-h' is given twice \\('de-h' is now 'drive-h'\\)"):
        register_fleet(pool, [replace(machine(), points=points)], actor="kim", site_ids=None)
