"""What is stored is recognised by an explicit document: tuning and renaming in the code change no identity."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from copy import copy
from dataclasses import fields, replace
from datetime import time
from typing import Any

import numpy as np
import pytest

from features.catalogue import names
from features.errors import SignalError
from features.over_life import OverLife
from pdm.alerts.rules.rule import (
    DEFAULT_RULES,
    DataGap,
    FaultDiagnosed,
    ForecastCrossing,
    HealthLow,
    OffDelay,
    OnDelay,
    RateOfChange,
    RemainingLifeShort,
    Rule,
    RuleSet,
    Schedule,
    SensorFault,
    Severity,
    Signal,
    SymptomNamed,
    Threshold,
    ZoneReached,
)
from pdm.health import component_health
from pdm.health.assess import HealthState, assess
from pdm.health.baseline import feature_layout, tracked_features
from pdm.health.baseline.tracked_features import Tracked
from pdm.prognosis.model.lives import fingerprint
from tests.unit.health_snapshots import MOTOR, follow, learned, snapshot

RENAMED = "as after a field was renamed"


@pytest.fixture
def fresh_layouts() -> Iterator[None]:
    """Layouts are worked out once a machine: forget them before and after the code is another."""
    feature_layout.layout_of.cache_clear()
    component_health.parts_of.cache_clear()
    yield
    feature_layout.layout_of.cache_clear()
    component_health.parts_of.cache_clear()


def follow_another(monkeypatch: pytest.MonkeyPatch, vibration: tuple[Tracked, ...]) -> None:
    """Let health follow other features of vibration, as a later release may."""
    monkeypatch.setattr(feature_layout, "VIBRATION", vibration)
    monkeypatch.setattr(
        feature_layout, "_VIBRATION_INDEX", feature_layout._index(vibration, names("vibration", "channel"))
    )
    feature_layout.layout_of.cache_clear()
    component_health.parts_of.cache_clear()


def test_a_tuned_floor_and_weight_relearn_nothing(monkeypatch: pytest.MonkeyPatch, fresh_layouts: None) -> None:
    rng = np.random.default_rng(1)
    state = HealthState.from_bytes(learned(rng).to_bytes())
    before = state.states[0].location.copy(), state.states[0].scale.copy()
    first, *rest = tracked_features.VIBRATION
    follow_another(monkeypatch, (replace(first, floor=0.11, weight=0.9, persistent=True), *rest))
    state, assessment = assess(MOTOR, state, snapshot(20, rng))
    assert "points-changed" not in assessment.evidence["reasons"]
    assert assessment.health is not None
    np.testing.assert_array_equal(before[0], state.states[0].location)
    np.testing.assert_array_equal(before[1], state.states[0].scale)


def test_a_renamed_field_of_a_tracked_feature_relearns_nothing(
    monkeypatch: pytest.MonkeyPatch, fresh_layouts: None
) -> None:
    rng = np.random.default_rng(2)
    state = HealthState.from_bytes(learned(rng).to_bytes())
    monkeypatch.setattr(Tracked, "__repr__", lambda _: RENAMED)
    feature_layout.layout_of.cache_clear()
    _, assessment = assess(MOTOR, state, snapshot(20, rng))
    assert "points-changed" not in assessment.evidence["reasons"]
    assert assessment.health is not None


@pytest.mark.parametrize("place", [0, 3, len(tracked_features.VIBRATION)])
def test_a_new_feature_is_learned_beside_the_old_baseline_which_goes_on(
    monkeypatch: pytest.MonkeyPatch, fresh_layouts: None, place: int
) -> None:
    rng = np.random.default_rng(3)
    state = HealthState.from_bytes(learned(rng).to_bytes())
    old_places = dict(feature_layout.layout_of(MOTOR).places)
    old = state.states[0].location.copy(), state.states[0].scale.copy()
    more = Tracked("skewness", "linear", 0.5)
    follow_another(monkeypatch, (*tracked_features.VIBRATION[:place], more, *tracked_features.VIBRATION[place:]))
    now = feature_layout.layout_of(MOTOR)
    moved = [now.places[key] for key in old_places]
    added = [i for i, column in enumerate(now.columns) if column.tracked is more]
    assert len(added) == 2
    for number in range(20, 20 + MOTOR.baseline_acquisitions):
        state, assessment = assess(MOTOR, HealthState.from_bytes(state.to_bytes()), snapshot(number, rng))
        assert assessment.health is not None
        assert assessment.health > 0.6
        assert assessment.learning_progress == 1.0
        assert "learning-beside:skewness" in assessment.evidence["reasons"]
        assert "points-changed" not in assessment.evidence["reasons"]
    (baseline,) = state.states
    np.testing.assert_array_equal(baseline.location[moved], old[0])
    np.testing.assert_array_equal(baseline.scale[moved], old[1])
    assert np.isfinite(baseline.location[added]).all()
    assert (baseline.scale[added] >= 0.5).all()
    state, assessment = assess(MOTOR, HealthState.from_bytes(state.to_bytes()), snapshot(60, rng))
    assert not [r for r in assessment.evidence["reasons"] if r.startswith("learning")]
    grown = (snapshot(number, rng, growth={"skewness": 1e4}) for number in range(61, 80))
    _, assessments = follow(grown, state=state)
    assert assessments[-1].health is not None
    assert assessments[-1].health < 0.6
    assert assessments[-1].evidence["contributors"][0]["indicator"] == "skewness"


def test_a_feature_that_is_no_longer_followed_takes_nothing_with_it(
    monkeypatch: pytest.MonkeyPatch, fresh_layouts: None
) -> None:
    rng = np.random.default_rng(4)
    state = learned(rng)
    follow_another(monkeypatch, tracked_features.VIBRATION[1:])
    _, assessment = assess(MOTOR, HealthState.from_bytes(state.to_bytes()), snapshot(20, rng))
    assert assessment.health is not None
    assert not [r for r in assessment.evidence["reasons"] if r.startswith(("learning", "points"))]


def test_a_machine_that_is_still_learning_goes_on_with_what_it_has(
    monkeypatch: pytest.MonkeyPatch, fresh_layouts: None
) -> None:
    rng = np.random.default_rng(5)
    state, _ = follow(snapshot(n, rng) for n in range(15))
    follow_another(monkeypatch, (Tracked("skewness", "linear", 0.5), *tracked_features.VIBRATION))
    state = HealthState.from_bytes(state.to_bytes())
    state, assessments = follow((snapshot(n, rng) for n in range(15, 20)), state=state)
    assert assessments[-1].learning_progress == 1.0
    state, assessments = follow((snapshot(n, rng) for n in range(20, 40)), state=state)
    assert all(a.health is not None for a in assessments)
    assert "learning-beside:skewness" in assessments[0].evidence["reasons"]
    assert np.isfinite(state.states[0].location).all()


def test_a_renamed_field_of_a_configuration_leaves_its_states_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    life = OverLife()
    state, _ = life.advance(life.begin(), [0.0, 1.0], np.ones((2, len(life.channels))))
    blob = life.to_bytes(state)
    monkeypatch.setattr(OverLife, "__repr__", lambda _: RENAMED)
    np.testing.assert_array_equal(OverLife().from_bytes(blob), state)


@pytest.mark.parametrize("renamed", [Rule, OnDelay, OffDelay, ZoneReached, Signal])
def test_a_renamed_field_of_a_rule_keeps_the_version_of_the_rules(
    monkeypatch: pytest.MonkeyPatch, renamed: type
) -> None:
    monkeypatch.setattr(renamed, "__repr__", lambda _: RENAMED)
    assert RuleSet(DEFAULT_RULES.rules).version == DEFAULT_RULES.version


def test_the_identity_of_a_training_is_of_its_values_not_of_their_types() -> None:
    assert fingerprint([], "recipe", np.float64(2.0), [1]) == fingerprint([], "recipe", 2.0, (1,))
    assert fingerprint([], "recipe", 2.0) != fingerprint([], "recipe", 3.0)


EVERY_KIND = RuleSet(
    (
        Rule("zone", Severity.WARNING, ZoneReached("C")),
        Rule("health", Severity.CRITICAL, HealthLow(0.3, 0.4), OnDelay(2, 3, 60.0), OffDelay(4, 5.0)),
        Rule("life", Severity.WARNING, RemainingLifeShort("lower", 1.0, health_below=0.8), is_latching=True),
        Rule("symptom", Severity.ADVISORY, SymptomNamed(0.7, ("unbalance",)), operating_states=("run*",)),
        Rule("diagnosis", Severity.WARNING, FaultDiagnosed(0.8, ("looseness",)), OnDelay(1, 1), escalate_after=600.0),
        Rule(
            "hot",
            Severity.CRITICAL,
            Threshold(Signal("temperature", component="bearing", unit="K"), "above", 366.15, 5.0, (("t", ""),)),
            schedule=Schedule(("mon", "sun"), time(6, 30), time(22, 0), "Asia/Seoul"),
            needs_acknowledgement=True,
            note="of no account",
        ),
        Rule("rate", Severity.WARNING, RateOfChange(Signal("flow", unit="m3/s"), "rising", 1.0, 0.5, 3600.0)),
        Rule("ahead", Severity.WARNING, ForecastCrossing(None, "below", 0.5, 86400.0, 86400.0)),
        Rule("silent", Severity.ADVISORY, SensorFault("h", ("h", "v")), OnDelay(5, 8)),
        Rule("gap", Severity.ADVISORY, DataGap(86400.0), OnDelay(1, 1), OffDelay(1)),
    )
)


def test_rules_are_recognised_by_the_name_that_the_older_revision_gave_them() -> None:
    assert EVERY_KIND.former_version == "2.1785cb75"  # as revision 080f245 names them
    assert RuleSet(EVERY_KIND.rules[:1]).former_version == "2.17aecd28"


def test_the_version_of_every_kind_of_rule_is_fixed() -> None:
    assert EVERY_KIND.version == "3.bd6be0de"


def test_whatever_a_rule_does_is_in_the_version_of_its_set_and_its_note_is_not() -> None:
    versions = [EVERY_KIND.version]
    for place, rule in enumerate(EVERY_KIND.rules):
        for field in fields(rule.condition):
            value = getattr(rule.condition, field.name)
            other = Signal("flow") if field.name == "signal" and value is None else _another(value)
            changed = copy(rule.condition)
            object.__setattr__(changed, field.name, other)
            versions.append(_with(place, replace(rule, condition=changed)).version)
        for name in ("operating_states", "escalate_after", "needs_acknowledgement", "is_latching"):
            changed_rule = copy(rule)
            object.__setattr__(changed_rule, name, _another(getattr(rule, name)))
            versions.append(_with(place, changed_rule).version)
    assert len(set(versions)) == len(versions)
    assert _with(0, replace(EVERY_KIND.rules[0], note="another")).version == EVERY_KIND.version
    whole = replace(EVERY_KIND.rules[-1], condition=DataGap(86400))
    assert _with(-1, whole).version == EVERY_KIND.version, "86400 is 86400.0"


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, Signal):
        return replace(value, unit="another")
    if isinstance(value, tuple):
        return (*value, "another")
    return value + 1 if isinstance(value, int | float) else f"another than {value}"


def _with(place: int, rule: Rule) -> RuleSet:
    rules = list(EVERY_KIND.rules)
    rules[place] = rule
    return RuleSet(tuple(rules))


def test_a_state_over_life_of_the_former_format_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    life = OverLife(("a", "b"), (3.0, 6.0), (25.0,), 15)
    state, _ = life.advance(life.begin(), [0.0, 1.0], np.ones((2, 2)))
    former = bytearray(life.to_bytes(state))
    former[:4] = b"OVL1"
    former[8:12] = struct.pack("<I", 0xBE996176)  # as revision 080f245 wrote it
    np.testing.assert_array_equal(life.from_bytes(bytes(former)), state)
    with pytest.raises(SignalError, match="another configuration"):
        OverLife(("a", "b"), (3.0, 7.0), (25.0,), 15).from_bytes(bytes(former))
