"""People read values in the unit that the sender declared; what is stored and compared stays in SI."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pdm.alerts.documents.parser import parse_document
from pdm.alerts.kinds.rule_input import Measured, Reading
from pdm.alerts.rules.rule import Rule, RuleSet
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.service.platform.feature_units import feature_units
from pdm.words.phrases import say

MACHINE = Machine(
    "press-07",
    "line-1",
    "busan",
    components=(Component("de", ComponentKind.BEARING),),
    points=(
        MeasurementPoint("de-h", "acceleration", "g", 25600.0, component="de"),
        MeasurementPoint("oil-temp", "temperature", "degC"),
        MeasurementPoint("old-temp", "temperature", "degF"),
        MeasurementPoint("abs-temp", "temperature", "K"),
        MeasurementPoint("feed", "pressure", "bar"),
        MeasurementPoint("fill", "ratio", "%"),
        MeasurementPoint("shaft", "speed", "rpm"),
    ),
)

OIL = {"quantity": "temperature", "point": "oil-temp"}


def _fitted(**given: Any) -> Rule:
    (rule,) = RuleSet(parse_document({"rules": [{"key": "a", **given}]}, feature_units()).rules).fit(MACHINE).rules
    return rule


def _limit(point: str, quantity: str, above: str, deadband: str, feature: str = "") -> Rule:
    signal = {"quantity": quantity, "point": point} | ({"feature": feature} if feature else {})
    return _fitted(kind="threshold", signal=signal, above=above, deadband=deadband)


def _parameters(rule: Rule, values: dict[Measured, float]) -> dict[str, Any]:
    conclusion: Any = SimpleNamespace()
    return rule.condition.parameters(Reading(MACHINE, conclusion, values=values))


@pytest.mark.xfail(strict=True, reason="alerts show SI units")
@pytest.mark.parametrize(
    ("rule", "values", "text", "korean"),
    [
        (
            _limit("oil-temp", "temperature", "80 degC", "2 K"),
            {("oil-temp", ""): 94.9 + 273.15},
            "temperature at oil-temp above the limit: 94.9 degC, limit 80 degC",
            "온도(oil-temp) 기준값 초과: 94.9 degC, 기준값 80 degC",
        ),
        (
            _limit("old-temp", "temperature", "80 degC", "2 K"),
            {("old-temp", ""): 363.15},
            "temperature at old-temp above the limit: 194 degF, limit 176 degF",
            "온도(old-temp) 기준값 초과: 194 degF, 기준값 176 degF",
        ),
        (
            _limit("abs-temp", "temperature", "80 degC", "2 K"),
            {("abs-temp", ""): 363.15},
            "temperature at abs-temp above the limit: 363.1 K, limit 353.1 K",
            "온도(abs-temp) 기준값 초과: 363.1 K, 기준값 353.1 K",
        ),
        (
            _limit("feed", "pressure", "6 bar", "20 kPa"),
            {("feed", ""): 625000.0},
            "pressure at feed above the limit: 6.25 bar, limit 6 bar",
            "압력(feed) 기준값 초과: 6.25 bar, 기준값 6 bar",
        ),
        (
            _limit("fill", "ratio", "85 %", "2 %"),
            {("fill", ""): 0.9},
            "ratio at fill above the limit: 90 %, limit 85 %",
            "비율(fill) 기준값 초과: 90 %, 기준값 85 %",
        ),
        (
            _limit("shaft", "speed", "1500 rpm", "10 rpm"),
            {("shaft", ""): 1504.0 / 60},
            "speed at shaft above the limit: 1504 rpm, limit 1500 rpm",
            "회전 속도(shaft) 기준값 초과: 1504 rpm, 기준값 1500 rpm",
        ),
        (
            _limit("de-h", "acceleration", "2 g", "0.1 g", "rms"),
            {("de-h", "rms"): 2.5 * 9.80665},
            "acceleration RMS at de-h above the limit: 2.5 g, limit 2 g",
            "가속도 실효값(de-h) 기준값 초과: 2.5 g, 기준값 2 g",
        ),
        (
            _limit("de-h", "acceleration", "7.1 mm/s", "0.5 mm/s", "velocity_rms"),
            {("de-h", "velocity_rms"): 0.0089},
            "vibration velocity at de-h above the limit: 8.9 mm/s, limit 7.1 mm/s",
            "진동 속도(de-h) 기준값 초과: 8.9 mm/s, 기준값 7.1 mm/s",
        ),
        (
            _fitted(
                kind="forecast",
                signal=OIL,
                above="80 degC",
                within="14 d",
                over="7 d",
            ),
            {("oil-temp", ""): 333.15},
            "temperature at oil-temp predicted above the limit of 80 degC within 14 d; now 60 degC",
            "온도(oil-temp) 추세 예측: 14일 이내 기준값 80 degC 초과 예상; 현재 60 degC",
        ),
        (
            _fitted(
                kind="rate", signal={"quantity": "temperature", "point": "oil-temp"}, rising="5 degC/h", over="6 h"
            ),
            {("oil-temp", ""): 333.15},
            "temperature at oil-temp rising fast: now 60 degC, observed over 6 h",
            "온도(oil-temp) 급격히 상승: 현재 60 degC, 관찰 기간 6시간",
        ),
    ],
)
def test_an_alert_reads_in_the_declared_unit_and_names_the_point(
    rule: Rule, values: dict[Measured, float], text: str, korean: str
) -> None:
    parameters = _parameters(rule, values)
    assert say(f"alert.{rule.message}", parameters) == text
    assert say(f"alert.{rule.message}", parameters, "ko") == korean
