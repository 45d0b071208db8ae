"""Causes of cases: those that the service makes itself are no component's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from pdm.alerts.evaluation.evaluate import AlertChange, Cases, evaluate
from pdm.health.assessment import Assessment
from pdm.machines.model import Component, ComponentKind, Machine

START = datetime(2026, 1, 1, tzinfo=UTC)


def _machine(*components: str) -> Machine:
    return Machine(
        "press-07", "line-1", "seoul", components=tuple(Component(key, ComponentKind.MOTOR) for key in components)
    )


def _fault_of(
    component: str | None, confidence: float, cases: Cases | None = None, start: int = 0
) -> tuple[Cases, list[AlertChange]]:
    cases, changes = cases or Cases(), []
    seen = Assessment(START, 0.5, 1.0, "run", None, "bearing_wear", component, confidence, np.empty(0, np.float32), {})
    for minute in range(start, start + 5):
        at = START + timedelta(minutes=minute)
        cases, found = evaluate(_machine("data-gap", "machine", "brg"), cases, replace(seen, measured_at=at), None)
        changes += found
    return cases, changes


def test_a_fault_of_a_component_called_data_gap_is_not_missing_data() -> None:
    _, changes = _fault_of("data-gap", 0.9)
    assert [(change.cause, change.component) for change in changes] == [("component:data-gap", "data-gap")]


def test_a_fault_of_a_component_called_machine_is_not_the_case_without_a_component() -> None:
    _, changes = _fault_of("machine", 0.9)
    assert [(change.cause, change.component) for change in changes] == [("component:machine", "machine")]


def test_an_open_case_of_a_component_called_data_gap_goes_on_under_a_cause_of_its_own() -> None:
    cases, _ = _fault_of("brg", 0.9)
    as_before = cases.to_bytes().replace(b"\xa3brg", b"\xa8data-gap")
    read = Cases.from_bytes(as_before)
    assert set(read.open) == {"component:data-gap"}
    assert {timer.cause for timer in read.timers.values() if timer.cause} == {"component:data-gap"}
    after, changes = _fault_of("data-gap", 0.9, read, 5)
    assert (set(after.open), changes) == ({"component:data-gap"}, [])
