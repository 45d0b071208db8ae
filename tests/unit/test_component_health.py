from dataclasses import replace

import numpy as np
import pytest

from pdm.health.state import HealthState
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from tests.unit.health_snapshots import START, follow, learned, snapshot

PUMP = Machine(
    key="pump-1",
    line="line-1",
    site="site-1",
    baseline_acquisitions=60,
    components=(Component("pump", ComponentKind.SHAFT),),
    points=(
        MeasurementPoint("suction", "pressure", "bar", component="pump"),
        MeasurementPoint("delivery", "flow", "l/min", component="pump"),
        MeasurementPoint("vibration", "velocity", "mm/s", component="pump"),
    ),
)


def follow_growth(growth, count=30, seed=1):
    rng = np.random.default_rng(seed)
    _, assessments = follow((snapshot(n, rng, growth=growth) for n in range(20, 20 + count)), state=learned(rng))
    evidence = assessments[-1].evidence
    points = {each["point"]: each for each in evidence["points"]}
    components = {each["component"]: each for each in evidence["components"]}
    return assessments[-1], points, components


@pytest.mark.parametrize(
    ("growth", "component"),
    [
        ({"order_1x": 6.0}, "shaft"),
        ({"bpfo_prominence": 20.0, "envelope_rms": 4.0}, "bearing"),
        ({"broken_bar_index": 20.0, "broken_bar_prominence": 20.0}, "motor"),
        ({"temperature": 40.0}, "bearing"),
    ],
)
def test_a_fault_shows_at_the_component_that_its_features_speak_of(growth, component):
    _, _, components = follow_growth(growth)
    worst = min(components.values(), key=lambda each: each["health"])
    assert worst["component"] == component
    assert {each["indicator"] for each in worst["contributors"]} & set(growth)
    assert all(each["health"] > 0.8 for key, each in components.items() if key != component)


@pytest.mark.parametrize("growth", [None, {"rms": 3.0}, {"rms": 8.0, "temperature": 30.0, "broken_bar_index": 15.0}])
def test_a_machine_is_never_better_than_its_worst_part(growth):
    whole, points, components = follow_growth(growth)
    parts = [each["health"] for each in (*points.values(), *components.values())]
    assert whole.health <= min(parts) + 1e-4
    assert all(each["severity"] == pytest.approx(1 - each["health"], abs=1e-4) for each in points.values())


def test_a_sound_machine_lists_no_contributors():
    _, points, components = follow_growth(None)
    assert not any(each["contributors"] for each in (*points.values(), *components.values()))
    assert {each["urgency"] for each in points.values()} == {"none"}


def test_a_point_that_was_not_heard_has_no_health():
    rng = np.random.default_rng(3)
    one = replace(snapshot(20, rng), vibration={"h": snapshot(20, rng).vibration["h"]})
    _, (assessment,) = follow([one], state=learned(rng))
    healths = {each["point"]: each["health"] for each in assessment.evidence["points"]}
    assert healths["v"] is None
    assert healths["h"] is not None


def scalars(count, seed, *, against=0.0, fall=0.0):
    """Return snapshots of a pump whose flow follows its pressure; `against` breaks that, `fall` lowers the pressure."""
    rng = np.random.default_rng(seed)
    for place in range(count):
        duty = rng.standard_normal()
        late = place >= 80
        values = {
            "suction": 2e5 * (1 + 0.05 * duty - fall * late),
            "delivery": 1e-3 * (1 + 0.05 * (duty - against * late)) + 2e-6 * rng.standard_normal(),
            "vibration": 1e-3 * np.exp(0.05 * rng.standard_normal()),
        }
        yield replace(snapshot(place, rng), vibration={}, current={}, current_group=None, scalars=values)


def test_a_machine_of_scalars_alone_is_followed():
    _, sound = follow(scalars(240, 1), PUMP)
    assert min(a.health for a in sound if a.health is not None) > 0.75
    assert sum(a.health is not None for a in sound) >= 170
    _, sick = follow(scalars(240, 1, fall=0.6), PUMP)
    assert sick[-1].health < 0.5
    assert sick[-1].symptom == "process_change"
    assert sick[-1].component == "pump"


def test_channels_that_no_longer_go_together_are_noticed_though_each_stays_within_its_scatter():
    state, assessments = follow(scalars(300, 2, against=1.5), PUMP)
    first = assessments[-1].evidence["contributors"][0]
    assert state.states[0].relation is not None
    assert first["indicator"] == "relation"
    assert assessments[-1].health < 0.75
    assert HealthState.from_bytes(state.to_bytes()).to_bytes() == state.to_bytes()


def test_the_points_of_scalars_have_health_too():
    _, assessments = follow(scalars(240, 3, fall=0.6), PUMP)
    healths = {each["point"]: each["health"] for each in assessments[-1].evidence["points"]}
    assert healths["suction"] < healths["vibration"]
    assert assessments[0].measured_at == START
