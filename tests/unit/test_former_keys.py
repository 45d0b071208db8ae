"""Former keys in stored states, cases and documents: what was learned and raised under them continues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from pdm.alerts.evaluation.renamed_causes import rename_cases, rename_cause
from pdm.alerts.evaluation.rule_state import Case, Cases, Remembered, RuleTimer
from pdm.alerts.kinds.behaviour import Severity
from pdm.alerts.rules.rule import DEFAULT_RULES, RateOfChange, Rule, RuleSet, SensorFault, Signal
from pdm.health.assess import HealthState
from pdm.machines.former_keys import FormerKeys
from pdm.machines.model import Machine
from pdm.prognosis.model.life_state import begin_life
from pdm.service.analysis.analysis_state import AnalysisState
from pdm.service.analysis.present_state import read_state
from tests.unit.health_snapshots import MOTOR, follow, learned, snapshot

AT = datetime(2026, 11, 1, tzinfo=UTC)
POINTS = {"h": "drive-h", "u": "phase-1", "temp": "bearing-temp"}
PARTS = {"bearing": "drive-bearing"}
KEYS = FormerKeys(POINTS, PARTS)


def renamed(machine: Machine) -> Machine:
    return replace(
        machine,
        components=tuple(
            replace(c, key=PARTS[c.key], former_keys=(c.key,)) if c.key in PARTS else c for c in machine.components
        ),
        points=tuple(
            replace(
                p,
                key=POINTS.get(p.key, p.key),
                former_keys=(p.key,) if p.key in POINTS else (),
                component=None if p.component is None else PARTS.get(p.component, p.component),
            )
            for p in machine.points
        ),
    )


def with_present_keys(of: Mapping[str, Any]) -> dict[str, Any]:
    return {POINTS.get(key, key): value for key, value in of.items()}


def test_health_of_renamed_points_is_that_of_points_that_were_not_renamed() -> None:
    growth = {"velocity_rms": 3.0, "envelope_rms": 4.0}
    rng = np.random.default_rng(7)
    state = learned(rng)
    rest = [snapshot(100 + place, rng, growth=growth) for place in range(30)]
    blob = state.to_bytes()
    _, expected = follow(rest, MOTOR, HealthState.from_bytes(blob))
    now = [
        replace(
            each,
            vibration=with_present_keys(each.vibration),
            current=with_present_keys(each.current),
            scalars=with_present_keys(each.scalars),
        )
        for each in rest
    ]
    after, found = follow(now, renamed(MOTOR), HealthState.from_bytes(blob))
    assert [each.health for each in found] == [each.health for each in expected]
    assert expected[-1].health is not None
    assert expected[-1].health < 0.5
    assert all("learning" not in reason for each in found for reason in each.evidence["reasons"])
    assert [each.evidence["reasons"] for each in found] == [each.evidence["reasons"] for each in expected]
    assert {each["point"] for each in found[-1].evidence["points"]} >= set(POINTS.values())
    state, _ = follow(rest, MOTOR, HealthState.from_bytes(blob))
    assert np.array_equal(after.smoothed, state.smoothed)


def test_a_process_value_that_explains_others_is_renamed_with_its_relation() -> None:
    ambient = replace(MOTOR.points[-1], key="ambient-air", component=None)
    machine = replace(MOTOR, points=(*MOTOR.points, ambient))
    rng = np.random.default_rng(3)

    def with_ambient(place: int, key: str) -> Any:
        one = snapshot(place, rng)
        return replace(one, scalars={**one.scalars, key: 290.0 + place % 5})

    state, _ = follow([with_ambient(place, "ambient-air") for place in range(20)], machine)
    other = replace(ambient, key="ambient-hall", former_keys=("ambient-air",))
    after, (found,) = follow([with_ambient(50, "ambient-hall")], replace(machine, points=(*MOTOR.points, other)), state)
    assert found.health is not None
    assert not any("changed" in reason or "learning" in reason for reason in found.evidence["reasons"])
    assert after.layout is not None
    assert "ambient-hall" in after.layout.covariates


def test_cases_timers_and_memories_take_the_present_keys() -> None:
    case = Case("bearing", "bearing", Severity.WARNING, AT, "m", {"point": "h"}, rule_key="hot")
    silent = Case("sensor:h", "bearing", Severity.ADVISORY, AT, rule_key="sensor-silent:h")
    cases = Cases(
        {"hot": RuleTimer(1, AT, 0, "bearing"), "sensor-silent:h": RuleTimer(1, AT, 0, "sensor:h")},
        {"bearing": case, "sensor:h": silent},
        {"rate:h": Remembered((1.0,), "x"), "rate": Remembered((2.0,))},
        True,
    )
    found = rename_cases(cases, KEYS)
    assert found.timers == {
        "hot": RuleTimer(1, AT, 0, "drive-bearing"), "sensor-silent:drive-h": RuleTimer(1, AT, 0, "sensor:drive-h"),
    }  # fmt: skip
    assert set(found.open) == {"drive-bearing", "sensor:drive-h"}
    assert found.open["drive-bearing"].parameters == {"point": "drive-h"}
    assert found.open["sensor:drive-h"].rule_key == "sensor-silent:drive-h"
    assert set(found.memories) == {"rate:drive-h", "rate"}
    assert rename_cases(cases, FormerKeys()) is cases


@pytest.mark.parametrize(
    ("cause", "present"),
    [
        ("bearing", "drive-bearing"),
        ("component:bearing", "drive-bearing"),
        ("sensor:u", "sensor:phase-1"),
        ("machine", "machine"),
        ("data-gap", "data-gap"),
        ("motor", "motor"),
        ("", ""),
    ],
)
def test_a_cause_takes_the_present_key(cause: str, present: str) -> None:
    assert rename_cause(cause, KEYS) == present


def test_a_stored_state_takes_the_present_keys_of_lives_and_cases() -> None:
    cases = Cases(open={"bearing": Case("bearing", "bearing", Severity.WARNING, AT)})
    blob = AnalysisState(HealthState(), begin_life(), cases, {"bearing": begin_life()}).to_bytes()
    state = read_state(renamed(MOTOR), blob)
    assert (list(state.cases.open), list(state.component_lives)) == (["drive-bearing"], ["drive-bearing"])
    assert read_state(MOTOR, blob).to_bytes() == blob


def test_rules_that_name_former_keys_fit_and_remain_the_same_rules() -> None:
    signal = Signal("temperature", point="temp", component="bearing", unit="K")
    rules = RuleSet((Rule("hot", Severity.WARNING, RateOfChange(signal, "rising", 1.0, 0.5, 3600.0)),))
    before, after = rules.fit(MOTOR), rules.fit(renamed(MOTOR))
    assert after.wanted == (("bearing-temp", ""),)
    assert before.bases == after.bases, "the memory of the rule continues"
    silent = RuleSet((Rule("silent", Severity.ADVISORY, SensorFault("h")),)).fit(renamed(MOTOR))
    assert list(silent.by_key) == ["silent:drive-h"]
    assert len(DEFAULT_RULES.fit(renamed(MOTOR)).rules) == len(DEFAULT_RULES.fit(MOTOR).rules)


def test_stored_documents_are_shown_with_present_keys() -> None:
    document = {
        "reasons": [
            "absent:h", "no-measurement:temp:flat", "learning-component:bearing", "no-speed", "state-forgotten:h",
        ],
        "contributors": [{"indicator": "rms", "point": "h"}, {"indicator": "x", "point": None}],
        "points": [{"point": "v", "contributors": []}],
        "components": [{"component": "bearing"}],
        "life_of": "bearing",
        "symptom": "bearing",
        "missing": ["h", "v"],
    }  # fmt: skip
    assert KEYS.document(document) == {
        "reasons": [
            "absent:drive-h", "no-measurement:bearing-temp:flat", "learning-component:drive-bearing", "no-speed",
            "state-forgotten:h",
        ],
        "contributors": [{"indicator": "rms", "point": "drive-h"}, {"indicator": "x", "point": None}],
        "points": [{"point": "v", "contributors": []}],
        "components": [{"component": "drive-bearing"}],
        "life_of": "drive-bearing",
        "symptom": "bearing",
        "missing": ["drive-h", "v"],
    }  # fmt: skip
    assert FormerKeys().document(document) is document
