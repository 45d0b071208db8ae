"""Every kind of rule through one suite: documents, screens, standstill, words and docs; and what a new kind needs."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
import yaml

from pdm.alerts import kinds
from pdm.alerts.backtest.replay import replay
from pdm.alerts.backtest.tuning import variants
from pdm.alerts.documents.parser import InvalidRulesError, parse_document
from pdm.alerts.documents.writer import write_document, write_rule
from pdm.alerts.evaluation.evaluate import Cases, close_all, evaluate
from pdm.alerts.evaluation.standstill import is_judged_at_standstill
from pdm.alerts.kinds import KINDS
from pdm.alerts.kinds.behaviour import Observation, OffDelay, OnDelay
from pdm.alerts.kinds.fields import Fields, number
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Plain, RuleKind
from pdm.alerts.kinds.rule_input import DiagnosedFault, DiagnosisNote, Reading
from pdm.alerts.rules.rule import Rule, RuleSet
from pdm.alerts.rules.rule_identity import rule_document
from pdm.ingest.rule_file import read_rule_text
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.work_events import LifeEnd
from pdm.service.platform.feature_units import feature_units
from pdm.words.catalogue import LANGUAGES, messages
from tests.unit.rule_histories import START, history, hour

STORED = json.loads((Path(__file__).parent / "rule_documents.json").read_text(encoding="utf-8"))
"""Documents of every kind, and how they were stored before each kind had a file of its own."""
DOCS = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
MACHINE = Machine(
    "press-07", "line-1", "seoul", planning_horizon=48 * 3600.0,
    components=(Component("de", ComponentKind.BEARING),),
    points=(
        MeasurementPoint("de-h", "acceleration", "m/s2", 25600.0, component="de"),
        MeasurementPoint("de-v", "acceleration", "m/s2", 25600.0, component="de"),
        MeasurementPoint("de-t", "temperature", "K", component="de"),
        MeasurementPoint("oil", "pressure", "Pa"),
    ),
)  # fmt: skip
QUICK = {"on_delay": OnDelay(2, 3), "off_delay": OffDelay(2)}


def _rule(given: Document) -> Rule:
    return parse_document({"rules": [given]}, feature_units()).rules[0]


def _fitted(given: Document) -> RuleSet:
    rule = _rule(given)
    quick = {} if rule.on_delay.window == 1 else QUICK
    return RuleSet((replace(rule, operating_states=(), schedule=None, **quick),)).fit(MACHINE)  # type: ignore[arg-type]


def _past(seed: int, count: int = 90) -> MachineHistory:
    """Return a random past in which every kind finds something now and then."""
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.normal(0.0, 1.0, count))
    maybe = np.array([np.nan, 1.0])

    def some(*values: float) -> Any:
        return rng.choice(np.array(values), count)

    return history(
        some(np.nan, 0.2, 0.5, 0.65, 0.95, 0.95),
        zones=some(0, 1, 3, 4).astype(int).tolist(),
        rul=some(np.nan, 3600.0, 1e5, 1e7),
        states=rng.choice(["run", "run", "run", "off", "transient"], count).tolist(),
        symptoms=rng.choice(["", "unbalance", "bearing_wear"], count).tolist(),
        confidence=some(np.nan, 0.5, 0.78, 0.95),
        measured={
            ("de-t", ""): 350.0 + 3.0 * drift,
            ("oil", ""): some(0.5e5, 1.55e5, 3e5),
            ("de-h", "rms"): rng.choice(maybe, count),
            ("de-v", "rms"): np.ones(count),
            ("de-h", "velocity_rms"): 5e-3 + 1e-3 * np.abs(drift),
            ("de-v", "velocity_rms"): some(1e-3, 8e-3, np.nan),
        },
        present={("de-h", "rms"): rng.random(count) < 0.6},
        diagnoses=tuple(
            DiagnosisNote(hour(at), (DiagnosedFault("bearing_outer_race", "de", "SUPPORTED", sure),))
            for at, sure in ((10.5, 0.95), (30.0, 0.5), (60.5, 0.93))
        ),
        life_ends=(LifeEnd(hour(45.5)),),
        machine=MACHINE,
    )


def _ids(row: dict[str, Any]) -> str:
    return f"{row['given']['key']}-{row['given']['kind']}"


def test_there_are_documents_of_every_kind() -> None:
    assert {row["given"]["kind"] for row in STORED} == set(KINDS)


@pytest.mark.parametrize("row", STORED, ids=_ids)
def test_a_document_is_parsed_and_written_byte_for_byte_as_before(row: dict[str, Any]) -> None:
    rule = _rule(row["given"])
    assert json.dumps(write_rule(rule)) == json.dumps(row["written"])
    again = _rule(row["written"])
    assert again == rule
    assert json.dumps(write_rule(again)) == json.dumps(row["written"])
    assert rule_document(again) == rule_document(rule)


@pytest.mark.parametrize("row", STORED, ids=_ids)
def test_every_field_of_a_condition_is_part_of_its_identity(row: dict[str, Any]) -> None:
    condition = _rule(row["given"]).condition
    assert set(condition.identity()) == {field.name for field in dataclasses.fields(condition)}


@pytest.mark.parametrize("row", STORED, ids=_ids)
def test_a_text_in_yaml_or_json_says_the_same(row: dict[str, Any]) -> None:
    document = {"rules": [row["given"]]}
    for text in (yaml.safe_dump(document, sort_keys=False, allow_unicode=True), json.dumps(document)):
        read = read_rule_text(text)
        written = write_document(parse_document(read.content, feature_units()))
        assert json.dumps(written) == json.dumps({"rules": [row["written"]]})


@pytest.mark.parametrize("row", STORED, ids=_ids)
def test_a_field_that_no_kind_has_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(InvalidRulesError, match="is unknown"):
        _rule({**row["given"], "belwo": 1})


@pytest.mark.parametrize("row", STORED, ids=_ids)
def test_the_screen_passes_over_nothing_that_a_rule_says_or_remembers(row: dict[str, Any]) -> None:
    rules = _fitted(row["given"])
    flagged = 0
    for seed in range(4):
        past = _past(seed)
        for rule in rules.evaluated:
            flags = rule.condition.screen(past)
            flagged += int(flags.sum())
            memory: tuple[float, ...] = ()  # of a diagnosis, which says something once only
            for index in range(len(past)):
                seen, after = rule.condition.look(past.reading(index, rules.wanted), memory)
                assert flags[index] or (seen is not Observation.VIOLATED and after == memory)
                memory = after
        assert replay(past, rules) == replay(past, rules, skip=False)
    assert flagged or not rules.evaluated, "the pasts say something to every kind"


AT_STANDSTILL = {
    "zone": {False}, "health": {False}, "remaining-life": {False}, "symptom": {False}, "diagnosis": {True},
    "threshold": {True, False}, "rate": {False}, "forecast": {False}, "sensor-fault": {True}, "data-gap": {True},
    "not-monitored": {True},
}  # fmt: skip


def test_each_kind_declares_whether_it_is_valid_at_standstill() -> None:
    found: dict[str, set[bool]] = {}
    for row in STORED:
        condition = _rule(row["given"]).condition
        found.setdefault(condition.kind, set()).add(condition.holds_at_standstill)
        plain = Rule("a", _rule({"key": "a", "kind": "zone", "zone": "C"}).severity, condition, condition.on_delay)
        assert is_judged_at_standstill(plain) is condition.holds_at_standstill
    assert found == AT_STANDSTILL


@pytest.mark.parametrize("row", STORED, ids=_ids)
def test_what_is_remembered_is_stored_and_a_life_that_ends_is_forgotten(row: dict[str, Any]) -> None:
    rules, past, cases = _fitted(row["given"]), _past(7), Cases()
    for index in range(40):
        reading = past.reading(index, rules.wanted)
        cases, _ = evaluate(
            MACHINE, cases, reading.assessment, reading.prognosis, rules, reading.values, reading.diagnosis
        )
        assert Cases.from_bytes(cases.to_bytes()) == cases
    after, _ = close_all(cases, START, rules=rules)
    kept = {rule.key: rule.condition.memory_of_end(START) for rule in rules.evaluated}
    assert {key: known.values for key, known in after.memories.items()} == {k: v for k, v in kept.items() if v}


@pytest.mark.parametrize("row", STORED, ids=_ids)
def test_every_variant_of_a_rule_can_be_written_and_fitted(row: dict[str, Any]) -> None:
    for fitted in _fitted(row["given"]).evaluated:
        for variant, _, _, _ in variants(fitted):
            assert variant.condition.fit_like(fitted.condition).wanted == fitted.condition.wanted
            assert _rule(write_rule(replace(variant, key="a"))).condition.kind == variant.condition.kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_words_in_every_language_and_a_row_in_the_docs(kind: str) -> None:
    for language in LANGUAGES:
        assert f"alert.{KINDS[kind].message}" in messages(language)
    assert re.search(rf"^\| `{kind}` \|", DOCS, flags=re.MULTILINE)


def test_every_file_of_a_kind_is_listed_and_no_kind_leaves_an_answer_out() -> None:
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(kinds.__path__):
        for _, each in inspect.getmembers(importlib.import_module(f"{kinds.__name__}.{module.name}"), inspect.isclass):
            if each.__module__.endswith(f".{module.name}") and issubclass(each, RuleKind) and "kind" in vars(each):
                found[each.kind] = module.name
                assert not inspect.isabstract(each)
    assert found.keys() == KINDS.keys(), "a new kind is listed in `Condition` of pdm/alerts/kinds/__init__.py"
    assert len(set(found.values())) == len(found), "one file a kind"


@dataclass(frozen=True)
class Loud(Plain):
    """A kind that is planted: the first point's RMS is above a limit."""

    limit: float
    keys: ClassVar[tuple[tuple[str, str], ...]] = (("de-v", "rms"),)
    kind: ClassVar[str] = "loud"
    message: ClassVar[str] = "threshold-crossed"

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        before = len(fields.problems)
        limit = fields.read("above", number)
        return cls.made(fields, before, lambda: cls(limit))

    def write(self) -> Document:
        return {"above": self.limit}

    def identity(self) -> Document:
        return {"limit": self.limit}

    @property
    def wanted(self) -> tuple[tuple[str, str], ...]:
        return self.keys

    def observe(self, reading: Reading) -> Observation:
        found = reading.extreme(self.keys, largest=True)
        return Observation.VIOLATED if found and found[0] > self.limit else Observation.RETURNED

    def screen(self, history: MachineHistory) -> Flags:
        return history.measured[self.keys[0]].values > self.limit

    def parameters(self, reading: Reading) -> dict[str, Any]:
        return {"limit": self.limit}

    @property
    def holds_at_standstill(self) -> bool:
        return False


def test_a_new_kind_needs_its_file_and_its_name_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"key": "noise", "kind": "loud", "above": 0.5}
    with pytest.raises(InvalidRulesError, match="'loud' must be one of"):
        _rule(given)
    monkeypatch.setitem(KINDS, "loud", Loud)  # type: ignore[arg-type]
    rule = _rule(given)
    assert _rule(write_rule(rule)) == rule
    (run,) = replay(replace(_past(1), life_ends=()), RuleSet((rule,)).fit(MACHINE))
    assert (run.rule_key, run.opened_at) == ("noise", hour(2))
    assert [variant.condition for variant, _, _, _ in variants(rule)] == [rule.condition] * 5


def test_a_kind_that_leaves_its_screen_out_cannot_be_made() -> None:
    class Forgetful(Loud):
        screen = Plain.screen

    assert inspect.isabstract(Forgetful)
    with pytest.raises(TypeError, match="screen"):
        Forgetful(0.5)  # type: ignore[abstract]
