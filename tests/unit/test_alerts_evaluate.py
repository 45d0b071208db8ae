from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdm.alerts.evaluation.evaluate import (
    AlertChange,
    AlertState,
    Cases,
    close_all,
    evaluate,
)
from pdm.alerts.lifecycle.alert import AlertRecord
from pdm.alerts.lifecycle.reconcile import reconcile
from pdm.alerts.rules.rule import DEFAULT_RULES, HealthLow, OffDelay, OnDelay, Rule, RuleSet, Severity
from pdm.errors import InvalidInputError
from pdm.health.assessment import Assessment
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import NO_SKILL, Prognosis

START = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE = Machine("press-07", "line-1", "seoul", planning_horizon=100.0)


def assessment(index: int, health: float | None, **given: Any) -> Assessment:
    known: dict[str, Any] = {
        "measured_at": START + timedelta(seconds=10 * index), "health": health, "learning_progress": 1.0,
        "operating_state": "run", "zone": None, "symptom": None, "component": None, "confidence": None,
        "indicators": np.empty(0, np.float32), "evidence": {"contributors": []}, "rule_version": "1",
    }  # fmt: skip
    return Assessment(**(known | given))


def prognosis(rul: float, lower: float) -> Prognosis:
    return Prognosis(
        measured_at=START, source="model", rul=rul, rul_lower=lower, rul_upper=None, level=0.8, model_id=1,
        reason=None, evidence={},
    )  # fmt: skip


def run(
    assessments: Iterable[Assessment], cases: Cases | None = None, rules: RuleSet = DEFAULT_RULES,
    forecast: Prognosis | None = None,
) -> tuple[Cases, list[AlertChange]]:  # fmt: skip
    cases = cases or Cases()
    changes: list[AlertChange] = []
    for item in assessments:
        cases, found = evaluate(MACHINE, cases, item, forecast, rules)
        changes += found
    return cases, changes


def healths(*values: float | None, start: int = 0, **given: Any) -> list[Assessment]:
    return [assessment(start + index, value, **given) for index, value in enumerate(values)]


def kinds_of(changes: Iterable[AlertChange]) -> list[tuple[str, str]]:
    return [(change.kind.value, change.severity.value) for change in changes]


def test_two_low_acquisitions_are_not_enough_and_the_third_of_five_opens_a_case() -> None:
    cases, changes = run(healths(0.5, 0.9, 0.5))
    assert not changes
    cases, changes = run(healths(0.5, start=3), cases)
    assert kinds_of(changes) == [("opened", "warning")]
    assert changes[0].reason == "health-warning"
    assert changes[0].cause == "machine"
    assert changes[0].occurred_at == START + timedelta(seconds=30)
    assert changes[0].parameters["health"] == 0.5
    assert changes[0].evidence["assessment"] == {"contributors": []}


def test_low_acquisitions_further_apart_than_the_window_raise_nothing() -> None:
    assert run(healths(*[0.5, 0.9, 0.9, 0.9, 0.9] * 10))[1] == []


def test_zone_d_raises_at_the_second_acquisition_and_not_at_the_first() -> None:
    cases, changes = run(healths(0.9, zone="D"))
    assert not changes
    assert kinds_of(run(healths(0.9, zone="D", start=1), cases)[1]) == [("opened", "critical")]


def test_a_case_escalates_eases_and_clears_each_after_its_delay() -> None:
    fall = [0.9] * 3 + [0.5] * 5 + [0.2] * 5
    rise = [0.5] * 12 + [0.9] * 12
    _, changes = run(healths(*fall, *rise))
    assert kinds_of(changes) == [
        ("opened", "warning"), ("escalated", "critical"), ("eased", "warning"), ("cleared", "warning"),
    ]  # fmt: skip
    assert changes[2].occurred_at - changes[1].occurred_at >= timedelta(seconds=90)


def test_health_inside_the_dead_band_neither_raises_nor_clears() -> None:
    cases, changes = run(healths(*[0.65] * 50))
    assert not changes
    cases, _ = run(healths(*[0.5] * 5), cases)
    cases, changes = run(healths(*[0.65] * 50, start=10), cases)
    assert not changes
    assert cases.open


def test_one_bad_acquisition_starts_the_off_delay_again() -> None:
    cases, _ = run(healths(*[0.5] * 5))
    cases, changes = run(healths(*[0.9] * 9, 0.5, *[0.9] * 9, start=10), cases)
    assert not changes
    assert kinds_of(run(healths(0.9, start=40), cases)[1]) == [("cleared", "warning")]


def test_a_health_that_swings_across_the_limit_raises_one_alert_and_not_many() -> None:
    assert kinds_of(run(healths(*[0.55, 0.75] * 100))[1]) == [("opened", "warning")]


def test_nothing_is_raised_while_learning_and_an_open_case_waits() -> None:
    assert run(healths(*[None] * 50, zone="D"), forecast=prognosis(1.0, 1.0)) == (Cases(), [])
    cases, _ = run(healths(*[0.5] * 5))
    assert run(healths(*[None] * 50, start=10), cases) == (cases, [])


def test_a_gap_in_the_data_raises_and_clears_nothing() -> None:
    cases, _ = run(healths(*[0.5] * 5))
    assert run(healths(0.5, start=10_000_000), cases)[1] == []


def test_a_short_remaining_life_alone_raises_no_alert() -> None:
    assert run(healths(*[0.85] * 30), forecast=prognosis(1.0, 1.0))[1] == []


def test_a_short_remaining_life_with_degradation_becomes_critical_in_one_case() -> None:
    _, changes = run(healths(*[0.55] * 10), forecast=prognosis(10.0, 1.0))
    assert changes[0].kind == "opened"
    assert kinds_of(changes)[-1] == ("escalated", "critical")
    assert {change.cause for change in changes} == {"machine"}


def test_on_and_off_durations_count_measured_time() -> None:
    slow = Rule(
        "slow", Severity.WARNING, HealthLow(0.6, 0.7), OnDelay(2, 60, duration=100.0), OffDelay(1, duration=100.0)
    )
    _, changes = run(healths(*[0.5] * 20, *[0.9] * 20), rules=RuleSet((slow,)))
    assert [change.occurred_at - START for change in changes] == [timedelta(seconds=100), timedelta(seconds=300)]


def test_findings_join_the_open_case_unless_they_name_another_component_with_confidence() -> None:
    cases, first = run(healths(*[0.5] * 5, component="bearing-de", confidence=0.5))
    assert [change.cause for change in first] == ["bearing-de"]
    _, unsure = run(healths(*[0.2] * 5, start=5, component="motor", confidence=0.69), cases)
    assert [(change.kind.value, change.cause) for change in unsure] == [("escalated", "bearing-de")]
    both, sure = run(healths(*[0.2] * 5, start=5, component="motor", confidence=0.7), cases)
    assert [(change.kind.value, change.cause) for change in sure] == [("opened", "motor")]
    assert {case.cause: case.severity.value for case in both.open.values()} == {
        "bearing-de": "warning", "motor": "critical",
    }  # fmt: skip
    _, cleared = run(healths(*[0.95] * 15, start=20), both)
    assert sorted((change.kind.value, change.cause) for change in cleared) == [
        ("cleared", "bearing-de"), ("cleared", "motor"),
    ]  # fmt: skip


def test_a_nameless_case_takes_the_component_that_is_named_later() -> None:
    cases, _ = run(healths(*[0.5] * 5))
    _, changes = run(healths(*[0.2] * 5, start=5, component="motor", confidence=0.9), cases)
    assert [(change.kind.value, change.cause, change.component) for change in changes] == [
        ("escalated", "machine", "motor")
    ]


def test_a_closing_work_event_clears_everything_and_forgets_the_timers() -> None:
    cases, _ = run(healths(*[0.5] * 5))
    after, changes = close_all(cases, START + timedelta(hours=1))
    assert after == Cases()
    assert [(change.kind.value, change.reason) for change in changes] == [("cleared", "life-closed")]
    assert close_all(after, START) == (Cases(), ())


def test_a_removed_rule_clears_cases_that_only_it_had_raised() -> None:
    cases, _ = run(healths(*[0.5] * 5))
    other = RuleSet((Rule("other", Severity.WARNING, HealthLow(0.1, 0.2)),))
    after, changes = run(healths(0.5, start=9), cases, rules=other)
    assert [(change.kind.value, change.reason) for change in changes] == [("cleared", "rule-withdrawn")]
    assert after == Cases()


def _stored(severity: Severity, state: AlertState) -> AlertRecord:
    return AlertRecord(UUID(int=1), 1, "machine", None, severity, state, START, "health-low", {}, "1")


def test_reconciling_gives_only_differences_from_the_stored_alerts() -> None:
    cases, _ = run(healths(*[0.5] * 5))
    now = START + timedelta(days=1)
    known = _stored(Severity.WARNING, AlertState.ACKNOWLEDGED)
    assert reconcile([known], cases, now) == ()
    assert kinds_of(reconcile([known], Cases(), now)) == [("cleared", "warning")]
    opened = reconcile([], cases, now)
    assert kinds_of(opened) == [("opened", "warning")]
    assert opened[0].occurred_at == cases.open["machine"].opened_at
    assert (opened[0].message, opened[0].reason) == ("health-low", "late-data")
    lesser = _stored(Severity.ADVISORY, AlertState.UNACKNOWLEDGED)
    assert kinds_of(reconcile([lesser], cases, now)) == [("escalated", "warning")]
    greater = _stored(Severity.CRITICAL, AlertState.UNACKNOWLEDGED)
    assert kinds_of(reconcile([greater], cases, now)) == [("eased", "warning")]


@pytest.mark.parametrize("state", [AlertState.RETURNED, AlertState.LATCHED])
@pytest.mark.parametrize("severity", list(Severity))
def test_an_alert_whose_condition_is_active_after_replay_is_raised_again(state: AlertState, severity: Severity) -> None:
    cases, _ = run(healths(*[0.5] * 5))
    gone = _stored(severity, state)
    assert kinds_of(reconcile([gone], cases, START + timedelta(days=1))) == [("opened", "warning")]


def test_a_quiet_machine_is_remembered_in_two_bytes_and_damaged_bytes_are_refused() -> None:
    assert len(Cases().to_bytes()) == 2
    assert Cases.from_bytes(b"") == Cases()
    whole = run(healths(*[0.5] * 5))[0].to_bytes()
    for damaged in (b"\xff", b"\x91\x07", whole[:-1], whole + b"\x00", b"\x93\x01\x01\x01", b"\x94\x02\x01\x01\x01"):
        with pytest.raises(InvalidInputError):
            Cases.from_bytes(damaged)


steps = st.lists(
    st.tuples(
        st.sampled_from([None, 0.1, 0.35, 0.5, 0.65, 0.75, 0.95]),
        st.sampled_from([None, "A", "C", "D"]),
        st.sampled_from([None, "motor", "bearing-de"]),
        st.sampled_from([None, 0.3, 0.9]),
        st.sampled_from([None, prognosis(10.0, 5.0), prognosis(90.0, 50.0), prognosis(500.0, 400.0)]),
        st.sampled_from(["go"] * 20 + ["failure"]),
    ),
    max_size=120,
)
QUICK = RuleSet(tuple(replace(rule, on_delay=OnDelay(2, 3), off_delay=OffDelay(2)) for rule in DEFAULT_RULES.rules))


@settings(max_examples=150, deadline=None)
@given(steps)
def test_events_of_a_cause_alternate_and_agree_with_the_open_cases_for_any_input(history: list[Any]) -> None:
    cases = Cases()
    severities: dict[str, Severity] = {}
    for index, (health, zone, component, confidence, forecast, event) in enumerate(history):
        if event == "failure":
            cases, changes = close_all(cases, START)
        else:
            found = assessment(index, health, zone=zone, component=component, confidence=confidence)
            before = cases.to_bytes()
            after, changes = evaluate(MACHINE, cases, found, forecast, QUICK)
            again = evaluate(MACHINE, Cases.from_bytes(before), found, forecast, QUICK)
            assert again == (after, changes)
            assert cases.to_bytes() == before
            cases = after
        for change in changes:
            if change.kind == "opened":
                assert change.cause not in severities
                severities[change.cause] = change.severity
            elif change.kind == "cleared":
                assert severities.pop(change.cause) is change.severity
            else:
                step = change.severity.rank - severities[change.cause].rank
                assert step > 0 if change.kind == "escalated" else step < 0
                severities[change.cause] = change.severity
        assert len({change.cause for change in changes}) == len(changes)
        assert {case.cause: case.severity for case in cases.open.values()} == severities
        assert {timer.cause for timer in cases.timers.values() if timer.cause} == set(severities)
        assert Cases.from_bytes(cases.to_bytes()) == cases
        assert len(cases.to_bytes()) < 2048


def test_a_quiet_acquisition_costs_less_than_the_budget() -> None:
    cases, quiet, forecast = Cases(), assessment(0, 0.95, zone="A"), prognosis(500.0, 400.0)
    best = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        for _ in range(200):
            evaluate(MACHINE, cases, quiet, forecast)
        best = min(best, (time.perf_counter() - started) / 200)
    assert best < 30e-6


def test_a_prognosis_without_skill_raises_no_alert() -> None:
    thin = replace(prognosis(1.0, 0.0), doubts=(NO_SKILL,))
    _, changes = run(healths(*[0.7] * 30), forecast=thin)
    assert kinds_of(changes) == []
    _, changes = run(healths(*[0.7] * 30), forecast=prognosis(1.0, 0.0))
    assert kinds_of(changes) == [], "from now to at least is no answer"
    _, changes = run(healths(*[0.7] * 30), forecast=replace(prognosis(1.0, 0.0), rul_upper=2.0))
    assert kinds_of(changes)[0] == ("opened", "warning")
