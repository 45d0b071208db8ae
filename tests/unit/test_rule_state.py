"""What rules remember of a machine: for how long, and of which definition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pdm.alerts.evaluation.evaluate import AlertChange, Cases, evaluate
from pdm.alerts.evaluation.rule_state import Remembered
from pdm.alerts.rules.rule import (
    FaultDiagnosed,
    HealthLow,
    OffDelay,
    OnDelay,
    RateOfChange,
    Rule,
    RuleSet,
    Severity,
    Signal,
)
from pdm.health.assessment import Assessment
from pdm.machines.model import Machine, MeasurementPoint

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = 3600.0, 86400.0
MACHINE = Machine("press-07", "line-1", "seoul", points=(MeasurementPoint("oil", "temperature", "K"),))
RISING = Rule(
    "rising", Severity.WARNING, RateOfChange(Signal("temperature", unit="K"), "rising", 1 / DAY, 0.5 / DAY, DAY),
    OnDelay(2, 2), OffDelay(2),
)  # fmt: skip


def seen(at: datetime, health: float = 0.95) -> Assessment:
    return Assessment(at, health, 1.0, "run", None, None, None, None, np.empty(0, np.float32), {})


def follow(
    rule: Rule, course: Iterable[tuple[float, float]], cases: Cases | None = None
) -> tuple[Cases, list[AlertChange]]:
    """Follow (hours, oil temperature [K]) and return what is remembered and what changed."""
    rules, cases, changes = RuleSet((rule,)).fit(MACHINE), cases or Cases(), []
    for hours, value in course:
        at = START + timedelta(hours=hours)
        cases, found = evaluate(MACHINE, cases, seen(at), None, rules, {("oil", ""): value})
        cases = Cases.from_bytes(cases.to_bytes())
        changes += found
    return cases, changes


def test_an_alert_of_a_rate_ends_after_its_time_was_lengthened_and_the_value_is_constant() -> None:
    cases, changes = follow(RISING, ((hour, 300.0 + hour) for hour in range(48)))
    assert [change.kind.value for change in changes] == ["opened"]
    longer = replace(RISING, condition=replace(RISING.condition, span=7 * DAY))  # type: ignore[arg-type]
    cases, changes = follow(longer, ((48.0 + hour, 348.0) for hour in range(14 * 24)), cases)
    assert [change.kind.value for change in changes] == ["cleared"]


def test_a_line_of_one_signal_is_not_judged_for_another() -> None:
    cases, _ = follow(RISING, ((hour, 300.0 + hour) for hour in range(48)))
    falling = replace(RISING, condition=replace(RISING.condition, direction="falling"))  # type: ignore[arg-type]
    cases, changes = follow(falling, ((48.0 + hour, 250.0) for hour in range(12)), cases)
    assert [change.kind.value for change in changes if change.kind.value == "opened"] == []


SLOW = Rule("slow", Severity.WARNING, HealthLow(0.6, 0.7), OnDelay(3, 5, duration=HOUR), OffDelay(2))


def opened(course: Iterable[tuple[float, float]]) -> list[float]:
    """Return after how many minutes a rule of health opened, of (minutes, health)."""
    rules, cases, found = RuleSet((SLOW,)), Cases(), []
    for minutes, health in course:
        at = START + timedelta(minutes=minutes)
        cases, changes = evaluate(MACHINE, cases, seen(at, health), None, rules)
        cases = Cases.from_bytes(cases.to_bytes())
        found += [minutes for change in changes if change.kind.value == "opened"]
    return found


def test_rare_violations_before_lend_a_burst_no_time() -> None:
    rare = [(float(minute), 0.5 if minute % 4 == 0 else 0.95) for minute in range(0, 600)]
    burst = [(600.0 + minute, 0.5) for minute in range(3)]
    assert opened([*rare, *burst]) == []


def test_a_violation_that_lasts_opens_after_its_time_however_dense_the_acquisitions_are() -> None:
    assert opened((float(minute), 0.5) for minute in range(120)) == [60.0]


@pytest.mark.parametrize("step", [15.0, 20.0])
def test_the_time_counts_from_the_first_violation_inside_the_window(step: float) -> None:
    course = [(step * index, 0.5) for index in range(6)]
    before = [(-100 * step, 0.5), *((-99 * step + index, 0.95) for index in range(4))]
    assert opened([*before, *course])[0] == 60.0


def test_what_is_remembered_of_delays_stays_small() -> None:
    rules, cases = RuleSet((replace(SLOW, on_delay=OnDelay(60, 60, duration=1e6)),)), Cases()
    sizes = []
    for minute in range(200):
        cases, _ = evaluate(MACHINE, cases, seen(START + timedelta(minutes=minute), 0.5), None, rules)
        sizes.append(len(cases.to_bytes()))
    assert max(sizes) < 1000
    assert sizes[-1] == sizes[100]


def test_a_memory_without_a_digest_is_taken_for_the_rules_own() -> None:
    cases, _ = follow(RISING, ((hour, 300.0 + hour) for hour in range(48)))
    digests = b"".join(known.basis.encode() for known in cases.memories.values())
    assert len(digests) == 16
    older = replace(cases, memories={key: Remembered(known.values) for key, known in cases.memories.items()})
    read = Cases.from_bytes(older.to_bytes())
    assert read.memories["rising"].values == cases.memories["rising"].values
    assert follow(RISING, [(48.0, 348.0)], read)[0] == follow(RISING, [(48.0, 348.0)], cases)[0]


def test_a_limit_that_is_moved_keeps_the_line_and_a_diagnosis_that_has_counted_counts_no_more() -> None:
    moved = replace(RISING, condition=replace(RISING.condition, rate=2 / DAY), note="x")  # type: ignore[arg-type]
    assert moved.basis == RISING.basis
    found = Rule("found", Severity.WARNING, FaultDiagnosed(0.9), OnDelay(1, 1))
    assert replace(found, condition=FaultDiagnosed(0.6)).basis == found.basis != ""
