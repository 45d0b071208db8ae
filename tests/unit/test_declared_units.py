"""People read values in the unit that the sender declared; what is stored and compared stays in SI."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pdm.alerts.documents.parser import parse_document
from pdm.alerts.documents.writer import write_rule, write_rule_for
from pdm.alerts.kinds.declared_units import declare_contributors
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


def test_parameters_stay_in_si_and_have_the_declared_values_beside() -> None:
    parameters = _parameters(_limit("oil-temp", "temperature", "80 degC", "2 K"), {("oil-temp", ""): 368.05})
    assert (parameters["value"], parameters["limit"], parameters["unit"]) == (368.1, 353.15, "K")
    assert parameters["declared"] == {"value": 94.9, "limit": 80.0, "unit": "degC"}
    rate = _fitted(kind="rate", signal={"quantity": "temperature", "point": "old-temp"}, rising="9 degF/h", over="6 h")
    falling = _parameters(rate, {("old-temp", ""): 363.15})
    assert falling["rate_per_s"] == pytest.approx(5 / 3600)
    assert falling["declared"]["rate_per_s"] == pytest.approx(9 / 3600, rel=1e-8), "a difference has no offset"
    assert "declared" not in _parameters(_limit("abs-temp", "temperature", "80 degC", "2 K"), {("abs-temp", ""): 300.0})


def test_points_of_several_units_are_shown_in_that_of_the_worst_and_without_a_value_in_si() -> None:
    rule = _fitted(kind="threshold", signal={"quantity": "temperature"}, above="80 degC", deadband="2 K")
    values = {("oil-temp", ""): 360.0, ("old-temp", ""): 363.15, ("abs-temp", ""): 300.0}
    assert _parameters(rule, values)["declared"] == {"value": 194.0, "limit": 176.0, "unit": "degF"}
    assert "declared" not in _parameters(rule, {})


def test_the_rules_of_a_machine_are_read_back_in_the_units_of_its_points() -> None:
    rule = _limit("oil-temp", "temperature", "80 degC", "2 K")
    assert (write_rule(rule)["above"], write_rule(rule)["deadband"]) == ("353.15 K", "2.0 K")
    shown = write_rule_for(rule, MACHINE)
    assert (shown["above"], shown["deadband"]) == ("80.0 degC", "2.0 degC")
    again = _fitted(**{name: value for name, value in shown.items() if name != "key"})
    assert again.condition == rule.condition
    rate = _fitted(kind="rate", signal={"quantity": "ratio", "point": "fill"}, rising="36 %/h", over="6 h")
    assert write_rule_for(rate, MACHINE)["rising"] == "0.01 %/s"
    zone = _fitted(kind="zone", zone="C")
    assert write_rule_for(zone, MACHINE) == write_rule(zone)


def test_contributors_of_an_assessment_have_the_declared_values_beside() -> None:
    hot = {
        "indicator": "temperature",
        "point": "oil-temp",
        "unit": "K",
        "value": 368.05,
        "baseline": 323.15,
        "limit": 343.15,
    }
    shaken = {"indicator": "rms", "point": "de-h", "unit": "m/s2", "value": 1.0, "baseline": 1.0, "limit": 2.0}
    found = declare_contributors({"severity": 0.5, "contributors": [hot, shaken]}, MACHINE)
    declared = {"unit": "degC", "value": 94.9, "baseline": 50.0, "limit": 70.0}
    assert found == {"severity": 0.5, "contributors": [hot | {"declared": declared}, shaken]}
    assert declare_contributors({"reasons": []}, MACHINE) == {"reasons": []}
