from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from pdm.alerts.kinds.rule_input import Reading
from pdm.alerts.rules.rule import (
    DEFAULT_RULES,
    HealthLow,
    Observation,
    OffDelay,
    OnDelay,
    RemainingLifeShort,
    Rule,
    RuleSet,
    Severity,
    ZoneReached,
)
from pdm.errors import InvalidInputError
from pdm.health.assessment import Assessment
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import Prognosis

START = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE = Machine("press-07", "line-1", "seoul", planning_horizon=100.0)


def assessment(health: float | None = 0.95, **given: Any) -> Assessment:
    known: dict[str, Any] = {
        "measured_at": START, "health": health, "learning_progress": 1.0, "operating_state": "run",
        "zone": None, "symptom": None, "component": None, "confidence": None,
        "indicators": np.empty(0, np.float32), "evidence": {}, "rule_version": "1",
    }  # fmt: skip
    return Assessment(**(known | given))


def prognosis(rul: float | None, lower: float | None = None, source: Any = "model") -> Prognosis:
    return Prognosis(
        measured_at=START, source=source, rul=rul, rul_lower=rul if lower is None else lower, rul_upper=None,
        level=0.8, model_id=1, reason=None, evidence={},
    )  # fmt: skip


LIFE = RemainingLifeShort("lower", 1.0, clear_ratio=1.5, health_below=0.8, healthy_above=0.85)
MEDIAN = RemainingLifeShort("median", 1.0, health_below=0.8)
HEALTH = HealthLow(0.6, 0.7)
ZONE = ZoneReached("C")
NAMED = Rule("health", Severity.WARNING, HEALTH)

TABLE = [
    (ZONE, assessment(zone="B"), None, Observation.RETURNED),
    (ZONE, assessment(zone="C"), None, Observation.VIOLATED),
    (ZONE, assessment(zone="D"), None, Observation.VIOLATED),
    (ZONE, assessment(zone=None), None, Observation.ABSENT),
    (ZONE, assessment(None, zone="D"), None, Observation.ABSENT),  # learning
    (HEALTH, assessment(0.59), None, Observation.VIOLATED),
    (HEALTH, assessment(0.6), None, Observation.IN_DEADBAND),
    (HEALTH, assessment(0.7), None, Observation.IN_DEADBAND),
    (HEALTH, assessment(0.71), None, Observation.RETURNED),
    (HEALTH, assessment(None), None, Observation.ABSENT),
    (HEALTH, assessment(float("nan")), None, Observation.ABSENT),
    (LIFE, assessment(0.7), prognosis(500.0, 99.0), Observation.VIOLATED),
    (LIFE, assessment(0.7), prognosis(500.0, 101.0), Observation.IN_DEADBAND),
    (LIFE, assessment(0.7), prognosis(500.0, 151.0), Observation.RETURNED),
    (LIFE, assessment(0.7), prognosis(500.0, 99.0, "trend"), Observation.VIOLATED),
    (LIFE, assessment(0.82), prognosis(500.0, 1.0), Observation.IN_DEADBAND),  # not supported by health
    (LIFE, assessment(0.95), prognosis(500.0, 1.0), Observation.RETURNED),
    (LIFE, assessment(0.7), prognosis(None, None, "none"), Observation.ABSENT),
    (LIFE, assessment(0.7), prognosis(1.0, 1.0, "none"), Observation.ABSENT),
    (LIFE, assessment(0.9), prognosis(None, None, "none"), Observation.RETURNED),
    (LIFE, assessment(0.7), None, Observation.ABSENT),
    (MEDIAN, assessment(0.7), prognosis(None, 151.0), Observation.RETURNED),  # at least
    (MEDIAN, assessment(0.7), prognosis(None, 99.0), Observation.ABSENT),
    (LIFE, assessment(0.7), prognosis(float("nan")), Observation.ABSENT),
    (LIFE, assessment(None), prognosis(1.0), Observation.ABSENT),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "conclusion", "forecast", "expected"), TABLE)
def test_a_rule_reads_an_acquisition_as_the_table_says(
    rule: Any, conclusion: Assessment, forecast: Prognosis | None, expected: Observation
) -> None:
    assert rule.observe(Reading(MACHINE, conclusion, forecast)) is expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rule("h", Severity.WARNING, HEALTH, OnDelay(1, 5)),
        lambda: OnDelay(0, 5),
        lambda: OnDelay(6, 5),
        lambda: OnDelay(2, 61),
        lambda: OnDelay(duration=-1.0),
        lambda: OnDelay(duration=float("nan")),
        lambda: OffDelay(0),
        lambda: ZoneReached("A"),
        lambda: HealthLow(0.7, 0.6),
        lambda: HealthLow(float("nan"), 0.6),
        lambda: RemainingLifeShort("lower", 0.0),
        lambda: RemainingLifeShort("upper", 1.0),  # type: ignore[arg-type]
        lambda: RemainingLifeShort("lower", 1.0, clear_ratio=1.0),
        lambda: RemainingLifeShort("lower", 1.0, health_below=0.9),
        lambda: RuleSet((NAMED, NAMED)),
        lambda: RuleSet((Rule("", Severity.WARNING, HEALTH),)),
    ],
)
def test_a_rule_that_cannot_work_is_refused(make: Any) -> None:
    with pytest.raises(InvalidInputError) as refused:
        make()
    assert refused.value.field


def test_the_version_of_a_rule_set_changes_with_any_parameter() -> None:
    same = Rule("health", Severity.WARNING, HealthLow(0.6, 0.7))
    assert RuleSet((NAMED,)).version == RuleSet((same,)).version
    for other in (
        replace(same, condition=HealthLow(0.6, 0.71)),
        replace(same, is_latching=True),
        replace(same, off_delay=OffDelay(11)),
    ):
        assert RuleSet((NAMED,)).version != RuleSet((other,)).version


def test_every_default_rule_needs_more_than_one_acquisition() -> None:
    assert all(rule.on_delay.required >= 2 for rule in DEFAULT_RULES.evaluated)


def test_severities_are_ranked() -> None:
    assert Severity.ADVISORY.rank < Severity.WARNING.rank < Severity.CRITICAL.rank
