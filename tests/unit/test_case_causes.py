"""Causes of cases: those that the service makes itself are no component's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pdm.alerts.lifecycle import AlertChange, Cases, evaluate
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


@pytest.mark.xfail(strict=True, reason="causes share their names with components")
def test_a_fault_of_a_component_called_data_gap_is_not_missing_data() -> None:
    _, changes = _fault_of("data-gap", 0.9)
    assert [(change.cause, change.component) for change in changes] == [("component:data-gap", "data-gap")]


@pytest.mark.xfail(strict=True, reason="causes share their names with components")
def test_a_fault_of_a_component_called_machine_is_not_the_case_without_a_component() -> None:
    _, changes = _fault_of("machine", 0.9)
    assert [(change.cause, change.component) for change in changes] == [("component:machine", "machine")]
