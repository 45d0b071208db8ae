from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdm.alerts.evaluation.changes import ChangeKind
from pdm.alerts.evaluation.evaluate import (
    AlertChange,
    AlertState,
    Cases,
    close_all,
    evaluate,
)
from pdm.alerts.evaluation.standstill import detect_standstill, is_judged_at_standstill
from pdm.alerts.kinds.rule_input import Reading
from pdm.alerts.lifecycle.alert import AlertRecord
from pdm.alerts.lifecycle.reconcile import reconcile
from pdm.alerts.rules.rule import (
    DEFAULT_RULES,
    DataGap,
    FaultDiagnosed,
    HealthLow,
    OffDelay,
    OnDelay,
    Rule,
    RuleSet,
    SensorFault,
    Severity,
    Signal,
    Threshold,
)
from pdm.health.assessment import Assessment, shows_operation
from pdm.machines.model import Machine, MeasurementPoint
from pdm.service.alerting.data_gaps import decide
from pdm.store.alerts.data_gaps import QuietMachine

START = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE = Machine(
    "pump-1", "line-1", "seoul",
    points=(MeasurementPoint("oil", "pressure", "bar"), MeasurementPoint("de-h", "acceleration", "g", 25600.0, "h")),
)  # fmt: skip
OIL = ("oil", "")
LOW_OIL = Threshold(Signal("pressure", unit="Pa"), "below", 1e5, 1e4)
RULES = RuleSet(
    (
        Rule("oil-low", Severity.WARNING, LOW_OIL, OnDelay(2, 2), OffDelay(3)),
        Rule("health", Severity.WARNING, HealthLow(0.6, 0.7), OnDelay(2, 2), OffDelay(3)),
    )
).fit(MACHINE)


def seen(index: int, state: str = "run", health: float | None = 0.95, **more: Any) -> Assessment:
    judged = None if state in ("off", "transient") else health
    return Assessment(
        START + timedelta(minutes=index),
        judged,
        1.0,
        state,
        None,
        None,
        None,
        None,
        np.empty(0, np.float32),
        {},
        **more,
    )


def run(
    course: Iterable[tuple[str, float | None, float]], cases: Cases | None = None, start: int = 0
) -> tuple[Cases, list[str]]:
    """Follow (operating state, health, oil pressure) and return what is remembered and what was told."""
    cases, notes = cases or Cases(), []
    for index, (state, health, oil) in enumerate(course, start):
        cases, changes = evaluate(MACHINE, cases, seen(index, state, health), None, RULES, {OIL: oil})
        notes += [f"{change.kind.value} {change.reason}" for change in changes]
        assert Cases.from_bytes(cases.to_bytes()) == cases
    return cases, notes


SICK, WELL = ("run", 0.5, 2e5), ("run", 0.95, 2e5)
OFF, RUN_UP = ("off", None, 0.0), ("transient", None, 0.5e5)


def test_what_stood_when_the_machine_stopped_is_at_rest_until_it_runs_and_is_still_there() -> None:
    cases, notes = run([SICK, SICK, RUN_UP, OFF, OFF, RUN_UP])
    assert notes == ["opened health", "suppressed machine-off"], "not at the run-down, and once"
    assert cases.open["machine"].at_rest
    assert run([SICK], cases)[1] == ["unsuppressed machine-runs"]


def test_an_alert_caused_by_the_stop_ends_with_it_without_another_notification() -> None:
    cases, notes = run([WELL, OFF, OFF, OFF])
    assert notes == ["opened oil-low", "suppressed machine-off"]
    cases, notes = run([RUN_UP, WELL, WELL], cases, 10)
    assert notes == []
    assert run([WELL], cases, 20)[1] == ["cleared returned"]
    assert run([("run", 0.95, 0.5e5)], cases)[1] == ["unsuppressed machine-runs"], "the pump runs without pressure"


def test_an_alert_opened_during_run_up_is_not_notified_before_the_machine_runs() -> None:
    cases, notes = run([OFF, RUN_UP, RUN_UP])
    assert notes == ["opened oil-low", "suppressed machine-off"]
    assert run([("run", 0.95, 0.5e5)], cases)[1] == ["unsuppressed machine-runs"]


def test_an_acquisition_that_says_nothing_of_how_the_machine_ran_starts_nothing() -> None:
    lone = seen(0, "unknown", shows_operation=False)
    assert detect_standstill(Reading(MACHINE, lone), True)
    assert not detect_standstill(Reading(MACHINE, lone), False)
    assert not detect_standstill(Reading(MACHINE, seen(0, "unknown", shows_operation=True)), True)


@pytest.mark.parametrize(
    ("reasons", "is_declared", "is_shown"),
    [
        (["no-speed", "absent:de-h"], False, False),
        (["no-data"], False, False),
        (["no-speed"], False, True),
        (["absent:de-h"], False, True),
        (["no-speed", "absent:de-h"], True, True),
    ],
)
def test_signals_a_speed_or_a_declared_state_show_how_a_machine_ran(
    reasons: list[str], is_declared: bool, is_shown: bool
) -> None:
    assert shows_operation(reasons, ["de-h"], is_declared) is is_shown


@pytest.mark.parametrize(
    ("rule", "is_judged"),
    [
        (Rule("a", Severity.WARNING, HealthLow(0.6, 0.7)), False),
        (Rule("a", Severity.CRITICAL, HealthLow(0.6, 0.7), needs_acknowledgement=True), False),
        (Rule("a", Severity.CRITICAL, HealthLow(0.6, 0.7), is_latching=True), True),
        (Rule("a", Severity.WARNING, HealthLow(0.6, 0.7), is_latching=True), False),
        (Rule("a", Severity.WARNING, LOW_OIL), False),
        (Rule("a", Severity.WARNING, LOW_OIL, operating_states=("run", "off")), True),
        (Rule("a", Severity.WARNING, LOW_OIL, operating_states=("run*",)), False),
        (Rule("a", Severity.WARNING, Threshold(Signal("temperature", unit="K"), "above", 366.0, 5.0)), True),
        (Rule("a", Severity.WARNING, Threshold(Signal("temperature", unit="K"), "below", 366.0, 5.0)), False),
        (Rule("a", Severity.WARNING, FaultDiagnosed(0.8), OnDelay(1, 1)), True),
        (Rule("a", Severity.ADVISORY, SensorFault()), True),
        (Rule("a", Severity.ADVISORY, DataGap(3600.0), OnDelay(1, 1)), True),
    ],
)
def test_a_stop_takes_nothing_from_temperatures_diagnoses_data_instruments_and_safety(
    rule: Rule, is_judged: bool
) -> None:
    assert is_judged_at_standstill(rule) is is_judged


def _stored(severity: Severity, state: AlertState) -> AlertRecord:
    return AlertRecord(UUID(int=1), 1, "machine", None, severity, state, START, "health-low", {}, "1")


def test_late_data_tell_of_a_stop_only_where_it_was_not_known() -> None:
    resting, _ = run([SICK, SICK, OFF])
    standing, _ = run([SICK, SICK])
    alert = _stored(Severity.WARNING, AlertState.ACKNOWLEDGED)
    at_rest = replace(alert, at_rest=True)

    def kinds_of(changes: tuple[AlertChange, ...]) -> list[ChangeKind]:
        return [change.kind for change in changes]

    assert kinds_of(reconcile([alert], standing, START)) == kinds_of(reconcile([at_rest], resting, START)) == []
    assert kinds_of(reconcile([alert], resting, START)) == [ChangeKind.SUPPRESSED]
    assert kinds_of(reconcile([at_rest], standing, START)) == [ChangeKind.UNSUPPRESSED]
    assert kinds_of(reconcile([], resting, START)) == [ChangeKind.OPENED, ChangeKind.SUPPRESSED]


def test_state_of_an_earlier_version_is_read_and_a_new_life_keeps_the_standstill() -> None:
    assert Cases.from_bytes(b"\x93\x01\x90\x90") == Cases.from_bytes(b"\x94\x02\x90\x90\x80") == Cases()
    stopped, _ = run([OFF])
    assert stopped.is_stopped
    assert close_all(stopped, START)[0].is_stopped


DAY = timedelta(days=1)
GAP = RuleSet((Rule("gap", Severity.ADVISORY, DataGap(86400.0), OnDelay(1, 1)),))
ALWAYS = RuleSet((replace(GAP.rules[0], operating_states=("run", "off")),))


def quiet(**more: Any) -> QuietMachine:
    return QuietMachine(1, "pump-1", START, START, None, None, **more)


def test_a_machine_that_was_switched_off_owes_no_data_unless_a_rule_asks_for_them() -> None:
    opened = decide(quiet(), GAP, START, START + 2 * DAY)
    assert opened is not None
    assert decide(quiet(is_off=True), GAP, START, START + 200 * DAY) is None
    assert decide(quiet(is_off=True), ALWAYS, START, START + 2 * DAY) is not None
    known = replace(quiet(is_off=True), opened_at=START, severity=Severity.ADVISORY)
    ended = decide(known, GAP, START, START + 2 * DAY)
    assert ended is not None
    assert (ended.kind, ended.reason) == (ChangeKind.CLEARED, "machine-off")


def test_after_a_maintenance_window_a_machine_has_its_full_time_again() -> None:
    window_ended = START + 3 * DAY
    assert decide(quiet(suppressed_until=window_ended), GAP, START, window_ended + DAY / 2) is None
    assert decide(quiet(suppressed_until=window_ended), GAP, START, window_ended + 1.1 * DAY) is not None


def test_a_window_eases_no_alert_of_data_that_are_missing_still() -> None:
    rules = RuleSet((*GAP.rules, replace(GAP.rules[0], key="long", severity=Severity.WARNING, condition=DataGap(3e5))))
    known = replace(quiet(suppressed_until=START + 9 * DAY), opened_at=START, severity=Severity.WARNING)
    assert decide(known, rules, START, START + 10.5 * DAY) is None
    eased = decide(known, GAP, START, START + 10.5 * DAY)
    assert eased is not None
    assert eased.kind is ChangeKind.EASED, "the rule that asked for more is gone"
    advisory = replace(known, severity=Severity.ADVISORY)
    worse = decide(advisory, rules, START, START + 13 * DAY)
    assert worse is not None
    assert worse.kind is ChangeKind.ESCALATED


def test_the_default_rules_open_one_alert_on_a_running_machine() -> None:
    cases, kinds = Cases(), []
    for index in range(6):
        cases, changes = evaluate(MACHINE, cases, seen(index, health=0.2), None, DEFAULT_RULES)
        kinds += [change.kind for change in changes]
    assert kinds == [ChangeKind.OPENED]
    assert not cases.is_stopped


course = st.lists(
    st.tuples(
        st.sampled_from(["run", "run", "off", "transient"]),
        st.sampled_from([None, 0.5, 0.65, 0.95]),
        st.sampled_from([0.5e5, 1.05e5, 2e5]),
    ),
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(course)
def test_suppression_and_unsuppression_alternate_and_end_with_the_case(steps: list[Any]) -> None:
    cases, at_rest = Cases(), dict[str, bool]()
    for index, (state, health, oil) in enumerate(steps):
        before = dict(at_rest)
        cases, changes = evaluate(MACHINE, cases, seen(index, state, health), None, RULES, {OIL: oil})
        for change in changes:
            if change.kind is ChangeKind.OPENED:
                at_rest[change.cause] = False
            elif change.kind is ChangeKind.CLEARED:
                del at_rest[change.cause]
            elif change.kind in (ChangeKind.SUPPRESSED, ChangeKind.UNSUPPRESSED):
                assert at_rest[change.cause] is (change.kind is ChangeKind.UNSUPPRESSED)
                at_rest[change.cause] = not at_rest[change.cause]
        assert at_rest == {cause: case.at_rest for cause, case in cases.open.items()}
        if state == "off":
            assert all(at_rest.values())
        if state == "run":
            assert all(before.get(cause) for cause, rests in at_rest.items() if rests), (
                "a running machine rests nothing"
            )
