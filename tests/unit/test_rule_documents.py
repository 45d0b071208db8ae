"""Documents of rules: what they mean, what is refused and where, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from typing import Any

import pytest

from pdm.alerts.documents.parser import KINDS, InvalidRulesError, RuleDocument, parse_document
from pdm.alerts.documents.scopes import Scope, ScopedRules, resolve
from pdm.alerts.documents.writer import differences, write_document
from pdm.alerts.kinds.symptom import SYMPTOMS
from pdm.alerts.rules.rule import (
    DEFAULT_RULES,
    ForecastCrossing,
    OffDelay,
    OnDelay,
    RateOfChange,
    RemainingLifeShort,
    Rule,
    Schedule,
    Severity,
    Threshold,
)
from pdm.ingest.rule_file import read_rule_text
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.service.platform.feature_units import feature_units
from pdm.service.rules.rule_sets import check_text
from pdm.words.catalogue import messages

pytestmark = pytest.mark.xdist_group("alone")

EVERY_KIND = """
rules:
  - {key: zone, kind: zone, zone: D, severity: critical}
  - {key: low, kind: health, below: 0.5, deadband: 0.2}
  - {key: life, kind: remaining-life, within: 36 h, bound: median, health_below: 0.7}
  - {key: worn, kind: symptom, confidence: 80 %, symptoms: [unbalance]}
  - {key: found, kind: diagnosis, confidence: 0.9, faults: [bearing_outer_race]}
  - key: hot
    kind: threshold
    severity: warning
    signal: {quantity: temperature, component: bearing}
    above: 80 degC
    deadband: 5 degC
    on_delay: {required: 3, of: 6, for: 10 min}
    off_delay: {count: 12, for: 1 h}
    operating_states: ["run*"]
    schedule: {days: [mon, sat], from: "22:00", to: "06:00", time_zone: Asia/Seoul}
    latch: true
    escalate_after: 8 h
    note: the motor's makers say 85 degC
  - {key: shaking, kind: rate, signal: {feature: velocity_rms}, rising: 0.36 mm/s per h, over: 2 d}
  - {key: ahead, kind: forecast, signal: {feature: velocity_rms, point: de-h}, above: 7.1 mm/s, within: 7 d, over: 14 d}
  - {key: declining, kind: forecast, of: health, below: 0.3, within: 7 d, over: 14 d}
  - {key: blind, kind: sensor-fault}
  - {key: silent, kind: data-gap, after: 6 h}
  - {key: doubted, kind: not-monitored}
off: [life-warning]
"""


def _parsed() -> dict[str, Rule]:
    return {rule.key: rule for rule in check_text(EVERY_KIND).rules}


def test_every_kind_of_rule_can_be_written_and_its_units_are_those_of_the_core() -> None:
    rules = _parsed()
    assert {type(rule.condition).__name__ for rule in rules.values()} == {
        "ZoneReached", "HealthLow", "RemainingLifeShort", "SymptomNamed", "FaultDiagnosed", "Threshold",
        "RateOfChange", "ForecastCrossing", "SensorFault", "DataGap", "NotMonitored",
    }  # fmt: skip
    assert len(KINDS) == 11
    hot = rules["hot"].condition
    assert isinstance(hot, Threshold)
    assert (hot.limit, hot.deadband, hot.signal.unit) == (pytest.approx(353.15), 5.0, "K")
    assert (rules["hot"].on_delay, rules["hot"].off_delay) == (OnDelay(3, 6, 600.0), OffDelay(12, 3600.0))
    assert rules["hot"].is_latching
    assert rules["hot"].escalate_after == 8 * 3600
    shaking = rules["shaking"].condition
    assert isinstance(shaking, RateOfChange)
    assert shaking.rate == pytest.approx(1e-7)
    ahead = rules["ahead"].condition
    assert isinstance(ahead, ForecastCrossing)
    assert ahead.limit == pytest.approx(0.0071)
    life = rules["life"].condition
    assert isinstance(life, RemainingLifeShort)
    assert life.limit(Machine("m", "l", "s")) == 36 * 3600
    assert rules["hot"].note == "the motor's makers say 85 degC"
    assert rules["zone"].needs_acknowledgement
    assert not rules["low"].needs_acknowledgement


def test_what_is_written_reads_back_as_the_very_same_rules() -> None:
    for document in (check_text(EVERY_KIND), RuleDocument(DEFAULT_RULES.rules)):
        written = write_document(document)
        assert parse_document(written, feature_units()) == document
        assert write_document(parse_document(written, feature_units())) == written, "and the notes"


def _rule(**changed: Any) -> dict[str, Any]:
    rule = {
        "key": "hot", "kind": "threshold", "signal": {"quantity": "temperature"}, "above": "80 degC", "deadband": "5 K",
    }  # fmt: skip
    return {"rules": [{name: value for name, value in {**rule, **changed}.items() if value is not None}]}


def _of(kind: str, **fields: Any) -> dict[str, Any]:
    return {"rules": [{"key": "own", "kind": kind, **fields}]}


@pytest.mark.parametrize(
    ("document", "place", "word"),
    [
        ([], "document", "mapping"),
        ({"rules": []}, "document", "no rule"),
        ({"rules": {}}, "rules", "list"),
        ({"rules": [1]}, "rules[0]", "mapping"),
        ({"ruels": []}, "ruels", "did you mean 'rules'"),
        ({"rules": [], "off": "zone"}, "off", "list"),
        (_rule(key=None), "rules[0].key", "missing"),
        (_rule(key="Hot!"), "rules[0].key", "a-z"),
        (_rule(kind="treshold"), "rules[0].kind", "one of"),
        (_rule(severity="bad"), "rules[0].severity", "advisory"),
        (_rule(above="80"), "rules[0].above", "units K, degC"),
        (_rule(above="80 mm/s"), "rules[0].above", "units K"),
        (_rule(above="hot"), "rules[0].above", "not a number"),
        (_rule(above="nan degC"), "rules[0].above", "not a number"),
        (_rule(above="1e999 degC"), "rules[0].above", "not finite"),
        (_rule(above=True), "rules[0].above", "not a number"),
        (_rule(above=None), "rules[0].above", "missing"),
        (_rule(deadband="0 K"), "rules[0].deadband", "chatters"),
        (_rule(deadband=None), "rules[0].deadband", "missing"),
        (_rule(signal={"quantity": "heat"}), "rules[0].signal.quantity", "one of"),
        (_rule(signal={"feature": "velocity_rsm"}), "rules[0].signal.feature", "velocity_rms"),
        (_rule(signal={"feature": "rms", "quantity": "temperature"}), "rules[0].signal.feature", "report scalars"),
        (_rule(signal=None), "rules[0].signal", "missing"),
        (_rule(on_delay={"required": 1, "of": 3}), "rules[0].on_delay", "single acquisition"),
        (_rule(on_delay={"required": 9, "of": 3}), "rules[0].on_delay", "<="),
        (_rule(on_delay={"required": 2.5}), "rules[0].on_delay.required", "whole"),
        (_rule(off_delay={"count": 0}), "rules[0].off_delay", "1..10000"),
        (_rule(off_delay={"for": "1"}), "rules[0].off_delay.for", "unit of time"),
        (_rule(schedule={"from": 6}), "rules[0].schedule.from", "quotes"),
        (_rule(schedule={"days": ["monday"]}), "rules[0].schedule.days", "mon"),
        (_rule(schedule={"time_zone": "Mars/Olympus"}), "rules[0].schedule.time_zone", "unknown"),
        (_rule(latch="yes"), "rules[0].latch", "true or false"),
        (_rule(escalate_after="1 s"), "rules[0].escalate_after", "at least 60 s"),
        (_rule(abvoe="1 K"), "rules[0].abvoe", "did you mean 'above'"),
        ({"rules": [*_rule()["rules"], *_rule()["rules"]]}, "rules[1].key", "twice"),
        ({**_rule(), "off": ["hot"]}, "off[0]", "same document"),
        ({"rules": [{"key": "z", "kind": "zone", "zone": "A"}]}, "rules[0].zone", "B, C, D"),
        ({"rules": [{"key": "h", "kind": "health", "below": 0.95}]}, "rules[0].below", "clear_above"),
        ({"rules": [{"key": "d", "kind": "diagnosis", "confidence": 0.2}]}, "rules[0].confidence", "probably wrong"),
        ({"rules": [{"key": "g", "kind": "data-gap", "after": "3"}]}, "rules[0].after", "unit of time"),
        ({"rules": [{"key": "g", "kind": "data-gap", "after": "1e300 d"}]}, "rules[0].after", "31 years"),
        (_of("data-gap", after="1 h", on_delay={"required": 2, "of": 3}), "rules[0].on_delay", "'after' is its delay"),
        (_of("data-gap", after="1 h", schedule={"days": ["mon"]}), "rules[0].schedule", "wall clock"),
        (_of("health", below=None), "rules[0].below", "no value"),
        (_of("health", below=0.5, deadband=None), "rules[0].deadband", "no value"),
        (_of("health", below=0.5, severity=None), "rules[0].severity", "no value"),
        (_of("health", below=0.5, on_delay=None), "rules[0].on_delay", "no value"),
        (_of("remaining-life", healthy_above=None), "rules[0].healthy_above", "no value"),
        (_of("remaining-life", clear_ratio=None), "rules[0].clear_ratio", "no value"),
        (_of("remaining-life", within="-1 d"), "rules[0].within", "positive"),
        (_of("remaining-life", health_below=0), "rules[0].health_below", "0 < health_below"),
        (_of("symptom", confidence=0.8, symptoms=["unbalnce"]), "rules[0].symptoms", "similar: unbalance"),
        (_of("diagnosis", confidence=0.8, faults=["gear_tooht"]), "rules[0].faults", "similar: gear_tooth"),
        (_of("forecast", of="health", below=0.3, within="7 d", over="1 us"), "rules[0].over", "unit of time"),
        (
            _of("forecast", of="health", below=0.3, within="7 d", over="1e-300 s"),
            "rules[0].over",
            "one second per step",
        ),
        (_of("forecast", of="health", below=0.3, within="1e30 d", over="7 d"), "rules[0].within", "310 years"),
        (_rule(schedule={"from": "06:00+02:00", "to": "22:00"}), "rules[0].schedule.from", "without a UTC offset"),
        (_rule(schedule={"time_zone": "../../etc/passwd"}), "rules[0].schedule.time_zone", "unknown"),
        (_rule(above="-500 degC"), "rules[0].above", "absolute zero"),
        (_rule(deadband="500 K"), "rules[0].deadband", "negative"),
        (_rule(above=10**400), "rules[0].above", "not a number"),
        (_rule(above="1" * 99 + "e9 degC"), "rules[0].above", "not a number"),
        (_rule(on_delay={"for": "1e300 d"}), "rules[0].on_delay", "31 years"),
        (_rule(operating_states=["\0"]), "rules[0].operating_states", "printable"),
        (_rule(operating_states=["\ud800"]), "rules[0].operating_states", "printable"),
        (_rule(note=["a list"]), "rules[0].note", "1000 printable"),
        (_rule(note="x" * 1001), "rules[0].note", "1000 printable"),
        ({"off": ["a", "b", "a"]}, "off[2]", "twice"),
        ({"off": ["\0"]}, "off[0]", "a-z"),
        ({"off": [{}]}, "off[0]", "a-z"),
        ({"off": [f"k{number}" for number in range(201)]}, "off", "at most 200"),
    ],
)
def test_a_bad_document_is_refused_with_the_place_and_the_reason(document: Any, place: str, word: str) -> None:
    with pytest.raises(InvalidRulesError) as refused:
        parse_document(document, feature_units())
    problem = next(each for each in refused.value.problems if each.place == place)
    assert word in problem.reason


def test_every_problem_is_reported_with_its_line() -> None:
    text = "rules:\n  - key: a\n    kind: zone\n    zone: Z\n  - key: b\n    kind: health\n    belov: 0.5\n"
    with pytest.raises(InvalidRulesError) as refused:
        check_text(text)
    found = {(problem.line, problem.place) for problem in refused.value.problems}
    assert (4, "rules[0].zone") in found
    assert (7, "rules[1].belov") in found
    assert (5, "rules[1].below") in found
    assert "line 4" in refused.value.message


@pytest.mark.parametrize(
    "text",
    ["rules: [", "a: &x [1]\nb: *x", "rules: []\nrules: []", "{" * 200, "\x00", "rules: !!python/object:os.system {}"],
)
def test_a_text_that_is_no_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(InvalidRulesError):
        check_text(text)


def test_off_without_quotes_is_the_name_off() -> None:
    assert read_rule_text("off: [zone-c]").content == {"off": ["zone-c"]}
    assert check_text("off: [zone-c]").off == ("zone-c",)


def test_differences_name_what_was_added_removed_and_changed() -> None:
    before = check_text("rules:\n- {key: a, kind: zone, zone: C}\n- {key: b, kind: zone, zone: D}").rules
    after = check_text("rules:\n- {key: a, kind: zone, zone: B}\n- {key: c, kind: zone, zone: D}").rules
    found = differences(before, after)
    assert found == {"added": ["c"], "removed": ["b"], "changed": {"a": {"zone": ["C", "B"]}}}


MACHINE = Machine(
    "press-07", "line-1", "seoul", fleet="presses",
    components=(Component("de", ComponentKind.BEARING), Component("drive", ComponentKind.MOTOR)),
    points=(
        MeasurementPoint("de-h", "acceleration", "g", 25600.0, component="de"),
        MeasurementPoint("de-v", "acceleration", "g", 25600.0, component="de"),
        MeasurementPoint("de-t", "temperature", "degC", component="de"),
        MeasurementPoint("oil-t", "temperature", "degC"),
    ),
)  # fmt: skip


def _scoped(scope: Scope, target: str, text: str) -> ScopedRules:
    return ScopedRules(scope, target, check_text(text))


def test_the_narrower_scope_wins_and_can_switch_off() -> None:
    rule = "rules:\n- {{key: health-warning, kind: health, below: {below}}}"
    documents = [
        _scoped(Scope.MACHINE, "press-07", "off: [life-warning]\nrules:\n- {key: own, kind: zone, zone: B}"),
        _scoped(Scope.SITE, "seoul", rule.format(below=0.5)),
        _scoped(Scope.CLASS, "presses", rule.format(below=0.4)),
        _scoped(Scope.CLASS, "motor", rule.format(below=0.35)),
        _scoped(Scope.ALL, "", rule.format(below=0.2)),
        _scoped(Scope.SITE, "busan", "off: [zone-c]"),
    ]
    found = resolve(MACHINE, documents)
    assert found.by_key["health-warning"].condition.raise_below == 0.5  # type: ignore[union-attr]
    assert "life-warning" not in found.by_key
    assert {"own", "zone-c"} <= set(found.by_key)
    of_classes = resolve(MACHINE, documents[2:5])
    assert of_classes.by_key["health-warning"].condition.raise_below == 0.4  # type: ignore[union-attr]


def test_the_defaults_fit_each_machine_with_one_rule_a_sensor_and_only_what_it_has_points_for() -> None:
    found = resolve(MACHINE, [])
    assert {"sensor-silent:de-h", "sensor-silent:de-v", "bearing-hot"} <= set(found.by_key)
    assert found.by_key["bearing-hot"].condition.keys == (("de-t", ""),)  # type: ignore[union-attr]
    assert set(found.wanted) == {("de-h", "rms"), ("de-v", "rms"), ("de-t", ""), ("oil-t", "")}
    bare = resolve(Machine("m", "l", "s"), [])
    assert "bearing-hot" not in bare.by_key
    assert bare.wanted == ()
    assert all(rule.severity is not Severity.CRITICAL or rule.needs_acknowledgement for rule in found.rules)


def test_a_schedule_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    schedule = _parsed()["hot"].schedule
    assert schedule is not None
    monday = datetime(2026, 11, 23, tzinfo=UTC)  # in Seoul nine hours ahead
    assert schedule.covers(monday.replace(hour=13))  # Monday 22:00
    assert schedule.covers(monday.replace(hour=20))  # Tuesday 05:00, still Monday's
    assert not schedule.covers(monday.replace(hour=21))  # Tuesday 06:00
    assert not schedule.covers(monday.replace(hour=12))
    assert not schedule.covers(datetime(2026, 11, 24, 13, tzinfo=UTC))


def test_every_symptom_that_has_words_can_be_asked_for_and_no_other() -> None:
    assert {*SYMPTOMS, "none"} == {key.removeprefix("fault.") for key in messages("en") if key.startswith("fault.")}


def test_a_text_nested_without_end_is_refused_at_once() -> None:
    began = perf_counter()
    with pytest.raises(InvalidRulesError, match="nested too deeply"):
        read_rule_text("rules: " + "[" * 100_000)
    assert perf_counter() - began < 1.0


@pytest.mark.parametrize(
    ("day", "begins", "ends", "hours"),
    [
        (datetime(2026, 10, 25, tzinfo=UTC), time(2), time(3), 2.0),  # the hour comes twice
        (datetime(2026, 3, 29, tzinfo=UTC), time(2), time(3), 0.0),  # the hour does not come
        (datetime(2026, 10, 25, tzinfo=UTC), time(1), time(5), 5.0),
        (datetime(2026, 3, 29, tzinfo=UTC), time(1), time(5), 3.0),
        (datetime(2026, 3, 29, tzinfo=UTC), time(22), time(6), 7.0),  # the night that began on Saturday, to Sunday noon
    ],
)
def test_a_schedule_follows_the_clock_on_the_wall_through_the_change_of_summer_time(
    day: datetime, begins: time, ends: time, hours: float
) -> None:
    schedule = Schedule(("sat", "sun"), begins, ends, "Europe/Berlin")
    first = day - timedelta(hours=4)
    covered = [schedule.covers(first + timedelta(minutes=minute)) for minute in range(16 * 60)]
    assert sum(covered) / 60 == hours
