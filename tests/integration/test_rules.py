"""Rules in the database: versions, rollback, workers that follow, missing data on the wall clock, and the backtest."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from psycopg_pool import ConnectionPool

from pdm.alerts.backtest.acceptance import AcceptanceLimits
from pdm.alerts.documents.parser import InvalidRulesError
from pdm.alerts.rules.rule import DEFAULT_RULES
from pdm.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, RefusalError
from pdm.machines.model import Machine, Timeline
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, Scalar
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.statistics.conformal import Calibration
from pdm.service.alerting import data_gaps
from pdm.service.analysis.machine_pipeline import Champion
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.analysis.worker import Worker
from pdm.service.ingestion.record import record
from pdm.service.machines.work_events import record_work_event
from pdm.service.rules.backtest import BacktestRequest, backtest, candidate_of
from pdm.service.rules.challenger_prognoses import with_prognoses_of
from pdm.service.rules.rule_sets import (
    check_text,
    count_changes,
    deploy,
    list_rule_sets,
    propose,
    roll_back,
    rules_of_machine,
)
from pdm.settings import Settings
from pdm.store.alerts import rules
from pdm.store.alerts.rules import StoredRuleSet
from pdm.store.analysis.backtest_history import fetch_history
from pdm.store.machines.registration import fetch_machine, register
from pdm.store.models import models
from tests.integration import plant
from tests.integration.plant import NOW, decoded

Pool = ConnectionPool[Any]

HOT = """
rules:
  - key: oil-hot
    kind: threshold
    severity: {severity}
    signal: {{quantity: temperature, point: oil}}
    above: {limit} degC
    deadband: 2 degC
    on_delay: {{required: 2, of: 3}}
    off_delay: {{count: 2}}
"""


def _hot(limit: float = 80.0, severity: str = "warning") -> str:
    return HOT.format(limit=limit, severity=severity)


def _deploy(pool: Pool, text: str, scope: str = "all", target: str = "", reason: str = "because") -> StoredRuleSet:
    row = propose(pool, check_text(text), scope=scope, target=target, author="ann", reason=reason)
    return deploy(pool, row.id, author="ann")


@pytest.fixture
def machine(pool: Pool) -> Machine:
    made = plant.machine()
    with pool.connection() as conn:
        register(conn, made)
    return made


def _series(temperatures: Sequence[float], first: int = 0, key: str = "press-07") -> list[Acquisition]:
    start = NOW - timedelta(days=20)
    return [
        replace(
            plant.acquisition(key, start + timedelta(minutes=10) * (first + index), seed=first + index),
            scalars=(Scalar("oil", value, "degC"),),
        )
        for index, value in enumerate(temperatures)
    ]


def _analyse(pool: Pool, worker: Worker, acquisitions: Sequence[Acquisition]) -> None:
    record(pool, decoded(acquisitions), actor="test", site_ids=None, now=NOW)
    while worker.round():
        pass


def _alerts(pool: Pool) -> list[tuple[Any, ...]]:
    with pool.connection() as conn:
        return conn.execute(
            "SELECT a.cause, a.category, a.severity, a.rule_key, a.state FROM alert a ORDER BY a.raised_at, a.cause"
        ).fetchall()


def test_a_set_is_proposed_put_in_force_replaced_and_brought_back_and_every_version_stays(
    pool: Pool, machine: Machine
) -> None:
    first = propose(pool, check_text(_hot(80)), scope="all", target="", author="ann", reason="the summer")
    assert (first.version, first.status, first.diff["added"]) == (1, "proposed", ["oil-hot"])
    with pool.connection() as conn:
        assert "oil-hot" not in RuleBook().in_force(conn, [machine])[machine.key].by_key
    deploy(pool, first.id, author="ann")
    second = _deploy(pool, _hot(90), reason="too many")
    assert second.version == 2
    assert second.diff["changed"]["oil-hot"]["above"] == ["353.15 K", "363.15 K"]
    third = roll_back(pool, scope="all", target="", version=1, author="bob", reason="too few")
    assert third is not None
    assert (third.version, third.reason) == (3, "rollback to version 1: too few")
    assert third.document == first.document
    rows = list_rule_sets(pool, before=2**62, limit=10)
    assert [(row.version, row.status, row.author) for row in rows] == [
        (3, "in-force", "bob"), (2, "retired", "ann"), (1, "retired", "ann"),
    ]  # fmt: skip
    assert roll_back(pool, scope="all", target="", version=0, author="bob", reason="defaults again") is None
    assert rules_of_machine(pool, machine.key).of == []
    with pool.connection() as conn:
        audited = conn.execute("SELECT action FROM audit WHERE action LIKE 'rules.%' ORDER BY id").fetchall()
    assert [row[0] for row in audited].count("rules.deploy") == 3
    assert audited[-1][0] == "rules.withdraw"


def test_what_cannot_be_put_in_force_is_refused_with_the_reason(pool: Pool, machine: Machine) -> None:
    document = check_text(_hot())
    given = {"author": "ann", "reason": "because"}
    with pytest.raises(InvalidInputError, match="reason of the change"):
        propose(pool, document, scope="all", target="", author="ann", reason=" ")
    with pytest.raises(InvalidInputError, match="one of"):
        propose(pool, document, scope="plant", target="x", **given)
    with pytest.raises(InvalidInputError, match="require a target"):
        propose(pool, document, scope="site", target="", **given)
    for scope, target in (("site", "paris"), ("machine", "press-99")):
        with pytest.raises(NotFoundError):
            propose(pool, document, scope=scope, target=target, **given)
    with pytest.raises(ForbiddenError):
        propose(pool, document, scope="class", target="presses", site_ids=(1,), **given)
    with pytest.raises(NotFoundError):
        propose(pool, document, scope="machine", target=machine.key, site_ids=(), **given)
    blind = check_text("rules: [{key: blind, kind: sensor-fault, point: no-such}]")
    with pytest.raises(InvalidRulesError, match=r"rules\[0\]: press-07 has no point"):
        propose(pool, blind, scope="machine", target=machine.key, **given)
    row = _deploy(pool, _hot())
    with pytest.raises(ConflictError, match="already"):
        deploy(pool, row.id, author="ann")
    with pytest.raises(NotFoundError):
        deploy(pool, 999_999, author="ann")
    with pytest.raises(NotFoundError):
        roll_back(pool, scope="all", target="", version=9, author="ann", reason="x")


def test_a_set_that_has_been_in_force_keeps_its_history_and_comes_back_as_a_new_version_only(pool: Pool) -> None:
    first = _deploy(pool, _hot(80))
    _deploy(pool, _hot(90))
    with pytest.raises(ConflictError, match="rollback to version 1"):
        deploy(pool, first.id, author="ann")
    (_, kept) = list_rule_sets(pool, before=2**62, limit=10)
    assert (kept.status, kept.in_force_at) == ("retired", first.in_force_at)


def test_of_two_deployments_of_one_set_the_second_is_refused(pool: Pool) -> None:
    row = propose(pool, check_text(_hot(80)), scope="all", target="", author="ann", reason="the summer")
    before = count_changes(pool)
    with ThreadPoolExecutor(1) as other, pool.connection() as conn:
        rules.lock_rule_sets(conn)
        waiting = other.submit(deploy, pool, row.id, author="bob")
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        rules.put_in_force(conn, row.id, NOW, None)
        conn.commit()
        with pytest.raises(ConflictError, match="already"):
            waiting.result(5)
    assert count_changes(pool) == before + 1


def test_a_gate_that_was_passed_against_other_rules_opens_nothing(pool: Pool) -> None:
    tried = count_changes(pool)
    row = propose(pool, check_text(_hot(80)), scope="all", target="", author="ann", reason="the summer")
    _deploy(pool, _hot(90))
    with pytest.raises(ConflictError, match="since the backtest"):
        deploy(pool, row.id, author="ann", gate={}, changes=tried)
    assert deploy(pool, row.id, author="ann", gate={}, changes=count_changes(pool)).status == "in-force"


def test_a_worker_follows_the_rules_from_its_next_batch_on(pool: Pool, settings: Settings, machine: Machine) -> None:
    worker = Worker(pool, settings)
    _analyse(pool, worker, _series([95.0] * 5))
    assert _alerts(pool) == []
    _deploy(pool, _hot(80))
    _analyse(pool, worker, _series([95.0] * 3, first=5))
    assert _alerts(pool) == [("machine", "machine", "warning", "oil-hot", "unacknowledged")]
    _deploy(pool, _hot(80, severity="critical"), scope="machine", target=machine.key)
    _analyse(pool, worker, _series([95.0] * 3, first=8))
    assert _alerts(pool)[0][2] == "critical"
    _deploy(pool, "off: [oil-hot]", scope="machine", target=machine.key)
    _analyse(pool, worker, _series([95.0] * 3, first=11))
    assert [row[4] for row in _alerts(pool)] in (["normal"], ["returned"])


def test_a_set_that_this_version_cannot_read_leaves_the_wider_rules(
    pool: Pool, settings: Settings, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    row = _deploy(pool, _hot(80), scope="machine", target=machine.key)
    _deploy(pool, _hot(70))
    with pool.connection() as conn:
        conn.execute("""UPDATE rule_set SET document = '{"rules": [{"kind": "psychic"}]}' WHERE id = %s""", (row.id,))
    _analyse(pool, Worker(pool, settings), _series([75.0] * 4))
    assert [alert[3] for alert in _alerts(pool)] == ["oil-hot"]
    assert "cannot be read" in caplog.text


def test_late_data_re_evaluates_by_the_rules_and_tells_nothing_twice(
    pool: Pool, settings: Settings, machine: Machine
) -> None:
    _deploy(pool, _hot(80))
    worker = Worker(pool, settings)
    stream = _series([70.0] * 20 + [95.0] * 10)
    _analyse(pool, worker, [a for index, a in enumerate(stream) if index not in (3, 25)])
    events = _events(pool)
    assert events[0][0] == "opened"
    _analyse(pool, worker, [stream[3], stream[25]])
    assert _events(pool) == events
    _analyse(pool, worker, stream)  # sent again
    assert _events(pool) == events


def _events(pool: Pool) -> list[tuple[Any, ...]]:
    with pool.connection() as conn:
        return conn.execute("SELECT kind, occurred_at FROM alert_event ORDER BY id").fetchall()


def _gap(pool: Pool, now: datetime) -> str:
    with pool.connection() as conn:
        return data_gaps.find_gaps(conn, now)


def _look(pool: Pool, since: datetime, until: datetime) -> None:
    at = since
    while at <= until:
        _gap(pool, at)
        at += timedelta(minutes=10)


def test_missing_data_raise_one_alert_of_category_data_that_ends_when_data_arrive(
    pool: Pool, settings: Settings, machine: Machine
) -> None:
    worker = Worker(pool, settings)
    _analyse(pool, worker, plant.series(count=3))
    _look(pool, NOW, NOW + timedelta(hours=24))
    assert _alerts(pool) == []
    _look(pool, NOW + timedelta(hours=24, minutes=10), NOW + timedelta(hours=24, minutes=50))
    assert _alerts(pool) == [("data-gap", "data", "advisory", "data-gap", "unacknowledged")]
    back = NOW + timedelta(hours=25)
    record(pool, decoded([plant.acquisition(measured_at=back)]), actor="test", site_ids=None, now=back)
    assert "1 ended" in _gap(pool, back + timedelta(seconds=1))
    assert [row[-1] for row in _alerts(pool)] == ["normal"]
    assert [kind for kind, _ in _events(pool)] == ["opened", "cleared"]
    while worker.round():
        pass
    assert len(_events(pool)) == 2


def test_late_deliveries_are_no_gap_and_end_the_alert_of_one(pool: Pool, machine: Machine) -> None:
    def deliver(now: datetime, age: timedelta = timedelta(days=3)) -> None:
        record(pool, decoded([plant.acquisition(measured_at=now - age)]), actor="logger", site_ids=None, now=now)

    for hours in range(0, 36, 6):
        deliver(NOW + timedelta(hours=hours))
        _look(pool, NOW + timedelta(hours=hours, seconds=1), NOW + timedelta(hours=hours + 5, minutes=59))
    assert _alerts(pool) == []
    silent = NOW + timedelta(hours=36)
    _look(pool, silent, silent + timedelta(hours=19))
    assert [row[-1] for row in _alerts(pool)] == ["unacknowledged"]
    ((since_receipt, since_measurement),) = plant.ask(
        pool, "SELECT (parameters->>'gap_s')::float8, parameters->>'last_measured_at' FROM alert"
    )
    assert 86400 < since_receipt <= 86400 + 600
    assert since_measurement == (NOW + timedelta(hours=30) - timedelta(days=3)).isoformat()
    back = silent + timedelta(hours=20)
    deliver(back, timedelta(days=8))
    assert "1 ended" in _gap(pool, back + timedelta(hours=1, seconds=1)), "data older than a day are data"
    assert [row[-1] for row in _alerts(pool)] == ["normal"]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_gateway_that_delivers_two_hours_at_once_has_no_gap_and_one_that_stops_has_one(
    pool: Pool, settings: Settings, machine: Machine, newest_first: bool
) -> None:
    """A record each ten minutes is delivered after up to two hours, in two requests, under a limit of 2.5 h."""
    _deploy(pool, "rules:\n- {key: data-gap, kind: data-gap, after: 150 min}", "machine", machine.key)
    worker = Worker(pool, settings)

    def deliver(now: datetime) -> None:
        at = [now - timedelta(minutes=10 * n) for n in range(12)]
        waited = [plant.acquisition(measured_at=each, seed=int(each.timestamp() // 600) % 10**6) for each in at]
        for part in (waited[:6], waited[6:]) if newest_first else (waited[6:], waited[:6]):
            record(pool, decoded(part), actor="gateway", site_ids=None, now=now)
        while worker.round():
            pass

    for hours in range(0, 12, 2):
        deliver(NOW + timedelta(hours=hours))
        _look(pool, NOW + timedelta(hours=hours, seconds=1), NOW + timedelta(hours=hours + 1, minutes=59))
    assert _alerts(pool) == []
    last = NOW + timedelta(hours=10)
    _look(pool, last + timedelta(hours=2), last + timedelta(minutes=150))
    assert _alerts(pool) == []
    _look(pool, last + timedelta(minutes=151), last + timedelta(hours=5))
    assert [row[0] for row in _alerts(pool)] == ["data-gap"]
    ((gap,),) = plant.ask(pool, "SELECT (parameters->>'gap_s')::float8 FROM alert")
    assert 150 * 60 < gap <= 152 * 60, "from the last delivery"
    back = last + timedelta(hours=6)
    old = [plant.acquisition(measured_at=last + timedelta(minutes=10 * n), seed=n) for n in range(1, 4)]  # 5.5 h old
    record(pool, decoded(old), actor="gateway", site_ids=None, now=back)
    assert "1 ended" in _gap(pool, back + timedelta(seconds=1))
    _look(pool, back + timedelta(seconds=2), back + timedelta(minutes=149))
    assert [row[-1] for row in _alerts(pool)] == ["normal"]


def test_a_stop_of_the_service_a_step_of_its_clock_and_a_replayed_machine_are_no_gap(
    pool: Pool, settings: Settings, machine: Machine
) -> None:
    with pool.connection() as conn:
        register(conn, plant.machine("replayed", timeline=Timeline.REPLAY))
        register(conn, plant.machine("never-sent"))
    worker = Worker(pool, settings)
    _analyse(pool, worker, [*plant.series(count=3), *plant.series("replayed", count=3)])
    _gap(pool, NOW)
    _gap(pool, NOW + timedelta(days=3))  # it stood still for three days, or its clock stepped
    _gap(pool, NOW + timedelta(days=3, minutes=10))
    _gap(pool, NOW + timedelta(days=2))  # and stepped back
    _gap(pool, NOW + timedelta(days=2, minutes=10))
    assert _alerts(pool) == []
    _look(pool, NOW + timedelta(days=2, minutes=20), NOW + timedelta(days=3, hours=1))
    assert [row[0] for row in _alerts(pool)] == ["data-gap"]


def test_a_life_that_ends_and_late_data_leave_the_alert_about_data(
    pool: Pool, settings: Settings, machine: Machine
) -> None:
    worker = Worker(pool, settings)
    stream = plant.series(count=6)
    _analyse(pool, worker, [a for index, a in enumerate(stream) if index != 2])
    _look(pool, NOW, NOW + timedelta(hours=25))
    event = WorkEvent(machine.key, WorkEventKind.REPLACEMENT, NOW - timedelta(minutes=5))
    record_work_event(pool, event, actor="ann", site_ids=None, now=NOW)
    _analyse(pool, worker, [stream[2]])
    assert [(row[0], row[4]) for row in _alerts(pool)] == [("data-gap", "unacknowledged")]


def test_a_rule_may_shorten_the_gap_and_switch_it_off(pool: Pool, settings: Settings, machine: Machine) -> None:
    _analyse(pool, Worker(pool, settings), plant.series(count=3))
    _deploy(pool, "rules:\n- {key: data-gap, kind: data-gap, after: 2 h, severity: warning}", "machine", machine.key)
    _look(pool, NOW, NOW + timedelta(hours=2, minutes=10))
    assert [(row[2], row[4]) for row in _alerts(pool)] == [("warning", "unacknowledged")]
    _deploy(pool, "off: [data-gap]", "machine", machine.key)
    _gap(pool, NOW + timedelta(hours=2, minutes=15))
    assert [row[4] for row in _alerts(pool)] == ["normal"]


def test_a_gap_in_the_data_a_restart_and_a_re_import_raise_no_alarm_of_a_machine(
    pool: Pool, settings: Settings, machine: Machine
) -> None:
    early, late = _series([60.0] * 40), _series([60.0] * 40, first=900)
    _analyse(pool, Worker(pool, settings), early)
    _analyse(pool, Worker(pool, settings), late)  # six days later, by a worker that has just started
    _analyse(pool, Worker(pool, settings), [*early, *late])
    assert _alerts(pool) == []


def test_a_backtest_reports_the_effect_of_rules_and_agrees_with_live_notifications(
    pool: Pool, settings: Settings, machine: Machine
) -> None:
    _deploy(pool, _hot(80))
    worker = Worker(pool, settings)
    hot = [70.0] * 30 + [95.0] * 6 + [70.0] * 20 + [95.0] * 8
    stream = _series(hot)
    _analyse(pool, worker, stream)
    failed_at = stream[-1].measured_at + timedelta(minutes=5)
    record_work_event(
        pool, WorkEvent(machine.key, WorkEventKind.FAILURE, failed_at), actor="ann", site_ids=None, now=NOW
    )
    _analyse(pool, worker, ())
    live = [at for kind, at in _events(pool) if kind == "opened"]
    begin = NOW - timedelta(days=30)
    question = BacktestRequest(begin, NOW, credit_horizons=0.002)
    report = backtest(settings.dsn, question)
    assert [report.now.alarms, report.now.true, report.now.false] == [2, 1, 1]
    assert (report.now.failures, report.now.missed) == (1, 0)
    assert report.now == report.then
    assert [each.warned_at for each in report.now.warned] == [live[1]]
    assert report.now.lead_median_s == (failed_at - live[1]).total_seconds()
    deaf = candidate_of(check_text("off: [oil-hot]"), "machine", machine.key)
    other = backtest(settings.dsn, replace(question, candidate=deaf))
    assert (other.then.alarms, other.then.missed) == (0, 1)
    assert [run.opened_at for run in other.difference.disappearing] == live
    assert other.objections(AcceptanceLimits()) == ["misses 1 of 1 failures, 0 now"]
    slower = check_text(_hot(80).replace("required: 2, of: 3", "required: 7, of: 8"))
    better = backtest(settings.dsn, replace(question, candidate=candidate_of(slower)))
    assert (better.then.false, better.then.missed) == (0, 0)
    assert better.objections(AcceptanceLimits(lead_loss=0.9)) == []
    assert report.suggestions == [], "every delay that spares the false alarm costs a tenth of the lead time"


def test_a_backtest_in_several_processes_says_the_same_and_an_empty_past_is_refused(
    pool: Pool, settings: Settings
) -> None:
    keys = [f"press-{number:02d}" for number in range(9)]
    with pool.connection() as conn:
        for key in keys:
            register(conn, plant.machine(key))
    stream = [a for key in keys for a in _series([70.0] * 3 + [95.0] * 4, key=key)]
    _analyse(pool, Worker(pool, settings), stream)
    question = BacktestRequest(
        NOW - timedelta(days=30), NOW, candidate_of(check_text(_hot(80))), with_suggestions=False
    )
    alone = backtest(settings.dsn, question)
    counts: list[int] = []
    together = backtest(settings.dsn, question, processes=2, progress=lambda _, done, total: counts.append(done))
    assert alone.then.alarms == 9
    assert replace(together.then) == alone.then
    assert counts == list(range(1, 10))
    with pytest.raises(RefusalError):
        backtest(settings.dsn, replace(question, machines=("no-such",)))
    with pytest.raises(InvalidInputError):
        BacktestRequest(NOW, NOW)


def test_defaults_apply_without_a_rule_set(pool: Pool, machine: Machine) -> None:
    found = rules_of_machine(pool, machine.key)
    assert {rule["key"] for rule in found.rules} >= {"zone-d", "health-warning", "sensor-silent:de-h"}
    with pool.connection() as conn:
        assert RuleBook().in_force(conn, [machine])[machine.key] == DEFAULT_RULES.fit(machine)


def test_another_models_prognoses_are_made_by_the_very_code_that_makes_them_live(
    pool: Pool, settings: Settings, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    worn = [
        replace(each, waveforms=tuple(replace(w, samples=w.samples * np.float32(gain)) for w in each.waveforms))
        for each, gain in zip(_series([70.0] * 160), np.r_[np.ones(60), np.geomspace(1, 4, 100)], strict=True)
    ]
    _analyse(pool, Worker(pool, settings), worn)
    begin = NOW - timedelta(days=30)
    other = FleetModel("i-1", ("c",), 1.0, 1.0, (), Calibration(0.8, 1.0, 4, (0.0, 1.0), (0.1, 0.1), (0.1, 0.1), ()),
                       ((),), (), {}, {"error": 1.0}, {"lives": 4})  # fmt: skip
    with pool.connection() as conn:
        model_id, _ = models.insert_model(conn, "default", other, actor="test")
        stored = fetch_machine(conn, machine.key)
        replayed = fetch_history(conn, stored, begin, NOW, (), with_diagnoses=False)
        assert replayed is not None
        again = with_prognoses_of(conn, stored, replayed, Champion(model_id, other), begin)
    assert "trend" in replayed.conclusions.sources, "what a model that reads other indicators falls back to"
    assert list(again.conclusions.sources) == list(replayed.conclusions.sources)
    for name in ("rul", "rul_lower", "rul_upper"):
        np.testing.assert_allclose(getattr(again.conclusions, name), getattr(replayed.conclusions, name), rtol=1e-3)
    monkeypatch.setattr("pdm.service.rules.backtest.fetch_model", lambda *_: other)  # it has no trees to be read back
    report = backtest(settings.dsn, BacktestRequest(begin, NOW, model_id=model_id, with_suggestions=False))
    assert report.then == report.now
    with pytest.raises(NotFoundError):
        backtest(settings.dsn, BacktestRequest(begin, NOW, model_id=999_999))
    with pool.connection() as conn:
        strange, _ = models.insert_model(conn, "pumps", other, actor="test")
    with pytest.raises(RefusalError, match="belongs to the fleet of model"):
        backtest(settings.dsn, BacktestRequest(begin, NOW, model_id=strange))
