"""The end of a component's life in the pipeline: what belongs to other components goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from features.catalogue import names
from pdm.alerts.rules.rule import DEFAULT_RULES
from pdm.health.baseline.component_columns import columns_of, owners_of, owns_all, restarts_machine
from pdm.health.baseline.feature_layout import layout_of
from pdm.health.component_end import end_component
from pdm.health.snapshot import Snapshot
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.machines.work_events import LifeEnd, SensorReplaced, TurningPoint
from pdm.measurements import OperatingContext
from pdm.service.analysis.analysis_state import AnalysisState, begin
from pdm.service.analysis.machine_pipeline import AnalysisResult, follow

START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = names("vibration", "channel")
PARTS = (Component("motor", ComponentKind.MOTOR), Component("bearing", ComponentKind.BEARING))


def machine(**mounted: str | None) -> Machine:
    points = tuple(MeasurementPoint(p, "acceleration", "g", 25600.0, component=c) for p, c in mounted.items())
    return Machine("m", "l", "s", components=PARTS, points=points, baseline_acquisitions=10)


BOTH = machine(m="motor", b="bearing")


def snapshots(count: int, strong: dict[str, range], points: tuple[str, ...] = ("m", "b")) -> list[Snapshot]:
    """Return a course in which the features of points are 8 times as strong in ranges of records."""
    rng = np.random.default_rng(3)
    made = []
    for index in range(count):
        gain = [8.0 if index in strong.get(point, ()) else 1.0 for point in points]
        vectors = np.array(gain)[:, None] * np.exp(0.05 * rng.standard_normal((len(points), len(COLUMNS))))
        context = OperatingContext(speed=25.0, load=0.8)
        at = START + timedelta(hours=index)
        vibration = {point: vector.astype(np.float32) for point, vector in zip(points, vectors, strict=True)}
        made.append(Snapshot(at, context, vibration, {}, None, {}))
    return made


def after(index: int, component: str | None) -> LifeEnd:
    return LifeEnd(START + timedelta(hours=index, minutes=1), component)


def course(plant: Machine, records: list[Snapshot], *ends: TurningPoint) -> AnalysisResult:
    return follow(plant, begin(plant), records, ends, None)


def test_columns_belong_to_the_component_of_their_point_and_the_others_to_the_machine() -> None:
    one = machine(m="motor", b="bearing", frame=None)
    assert set(owners_of(one)) == {"motor", "bearing", None}
    assert columns_of(one, "bearing").sum() == columns_of(one, "motor").sum() == len(owners_of(one)) // 3
    assert owns_all(machine(b="bearing"), "bearing")
    assert not owns_all(one, "bearing")
    phases = [MeasurementPoint(f"i{n}", "current", "A", 5000.0, component="motor") for n in (1, 2, 3)]
    driven = replace(one, points=(*one.points, *phases))
    assert columns_of(driven, "motor").sum() > len(owners_of(driven)) / 2, "with what the phases share"
    mixed = replace(driven, points=(*one.points, *phases[:2], replace(phases[2], component="bearing")))
    assert columns_of(mixed, "motor").sum() < columns_of(driven, "motor").sum()


def test_one_component_alone_or_all_that_is_measured_is_the_whole_machine() -> None:
    assert restarts_machine(BOTH, None)
    assert not restarts_machine(BOTH, "motor")
    assert restarts_machine(machine(b="bearing"), "bearing")
    assert not restarts_machine(machine(b="bearing"), "motor")
    assert restarts_machine(replace(machine(frame=None), components=PARTS[1:]), "bearing")


@pytest.mark.parametrize("plant", [BOTH, machine(m=None, b="bearing"), machine(m=None, b=None)])
def test_the_worn_bearing_stays_worn_when_the_motor_is_replaced(plant: Machine) -> None:
    records = snapshots(80, {"b": range(30, 80)})
    quiet, changed = course(plant, records), course(plant, records, after(50, "motor"))
    assert [c.kind for c in changed.changes] == [c.kind for c in quiet.changes] == ["opened", "escalated"]
    assert max(a.health or 0.0 for a in changed.assessments[51:]) < 0.3
    assert all(a.health is not None for a in changed.assessments[51:])
    known = [p.source for p in changed.prognoses[55:]]
    assert known == [p.source for p in quiet.prognoses[55:]]


def test_the_replaced_motor_is_learned_again_and_says_so_until_it_is_known() -> None:
    found = course(BOTH, snapshots(80, {"m": range(50, 80)}), after(49, "motor"))
    reasons = [a.evidence["reasons"] for a in found.assessments]
    named = [index for index, each in enumerate(reasons) if "learning-component:motor" in each]
    assert named == list(range(50, 60))
    assert not any(r.startswith("learning-beside") for each in reasons for r in each)
    motor = [a.health_at(["m"]) for a in found.assessments]
    assert motor[50:59] == [None] * 9
    assert min(health or 0.0 for health in motor[60:]) > 0.8, "the new level is its own"
    assert all(a.health_at(["b"]) is not None for a in found.assessments[50:])
    assert found.changes == ()


def test_a_replaced_bearing_ends_its_own_alert_and_its_life_begins() -> None:
    records = snapshots(80, {"b": range(30, 60)})
    found = course(BOTH, records, after(59, "bearing"))
    assert [(c.kind, c.reason) for c in found.changes][-1] == ("cleared", "life-closed")
    assert found.memory.component_lives["bearing"].records == 20
    assert found.memory.life.records == 80
    assert set(found.assessments[-1].life_indicators) == {"", "bearing"}
    assert found.assessments[58].life_indicators == {}
    alone = found.assessments[65].life_indicators[""]
    assert np.nanmax(np.abs(alone)) < 3.0, "of the motor, which is sound"


def test_the_end_of_the_machine_ends_every_life() -> None:
    found = course(BOTH, snapshots(70, {}), after(40, "bearing"), after(60, None))
    assert found.memory.component_lives == {}
    assert found.memory.life.records == 9
    assert found.assessments[-1].health is None


def test_a_machine_of_which_every_waveform_is_learned_again_has_no_health() -> None:
    oil = MeasurementPoint("oil", "temperature", "degC")
    plant = replace(BOTH, points=(BOTH.points[1], oil))
    records = [replace(s, scalars={"oil": 300.0}) for s in snapshots(60, {}, points=("b",))]
    found = course(plant, records, after(39, "bearing"))
    assert [a.health for a in found.assessments[40:49]] == [None] * 9
    assert all(a.health is not None for a in found.assessments[50:])
    assert 0 < found.assessments[42].learning_progress < 1


def test_lives_of_components_are_kept_bit_for_bit_and_a_state_without_them_is_as_before() -> None:
    whole = course(BOTH, snapshots(60, {}), after(40, "bearing")).memory
    content = whole.to_bytes()
    assert content[:4] == b"PDM2"
    assert AnalysisState.from_bytes(content).to_bytes() == content
    assert course(BOTH, snapshots(20, {})).memory.to_bytes()[:4] == b"PDM1"
    for damaged in (content[:-1], content + b"\0"):
        with pytest.raises(Exception, match="cannot be read"):
            AnalysisState.from_bytes(damaged)


def test_a_life_restarts_alike_in_any_batches() -> None:
    records, end = snapshots(70, {"b": range(30, 50)}), after(49, "bearing")
    whole = course(BOTH, records, end).memory
    first = follow(BOTH, begin(BOTH), records[:50], [], None).memory
    second = follow(BOTH, AnalysisState.from_bytes(first.to_bytes()), records[50:], [end], None).memory
    assert second.to_bytes() == whole.to_bytes()


def test_evidence_at_a_point_on_no_component_ends_with_the_component_that_it_concerns() -> None:
    plant = machine(frame=None)
    records = snapshots(80, {"frame": range(30, 50)}, points=("frame",))
    found = course(plant, records, after(49, "bearing"))
    assert found.changes[-1].kind == "cleared"
    assert found.memory.life.records == 80, "the machine's life goes on: what is measured is not of the bearing alone"


def test_a_replaced_sensor_is_learned_on_the_worn_level_and_not_as_normal() -> None:
    records = snapshots(120, {"b": range(30, 120)})
    quieter = [
        replace(s, vibration={p: v / 3 if p == "b" else v for p, v in s.vibration.items()}) for s in records[60:]
    ]
    found = course(BOTH, [*records[:60], *quieter], SensorReplaced(START + timedelta(hours=59, minutes=1), "b"))
    reasons = [a.evidence["reasons"] for a in found.assessments]
    named = [index for index, each in enumerate(reasons) if "learning-component:bearing" in each]
    assert named == list(range(60, 70))
    assert [c.kind for c in found.changes] == ["opened", "escalated"]
    assert max(a.health or 0.0 for a in found.assessments[58:]) < 0.3, "the sensor is new, the bearing is not"
    assert found.memory.life.records == 120


def test_the_case_of_an_instrument_ends_with_its_sensor() -> None:
    records = snapshots(80, {})
    silent = [replace(s, vibration={"m": s.vibration["m"]}) for s in records[40:60]]
    turn = SensorReplaced(START + timedelta(hours=59, minutes=1), "b")
    found = follow(BOTH, begin(BOTH), [*records[:40], *silent, *records[60:]], [turn], None, DEFAULT_RULES.fit(BOTH))
    assert [(c.kind, c.cause, c.reason) for c in found.changes] == [
        ("opened", "sensor:b", "sensor-silent:b"),
        ("cleared", "sensor:b", "retired"),
    ]
    assert found.changes[1].occurred_at == turn.occurred_at


def test_a_replaced_shaft_takes_the_evidence_of_its_unbalance_at_the_bearing_and_not_that_of_the_bearing() -> None:
    plant = replace(BOTH, components=(*PARTS, Component("shaft", ComponentKind.SHAFT)))
    state = course(plant, snapshots(60, {"b": range(30, 60)})).memory.health
    layout = layout_of(plant)
    unbalance, race = (layout.places["vibration", f, "b"] for f in ("order_1x", "bpfo_prominence"))
    assert min(state.smoothed[unbalance], state.smoothed[race]) > 2.0
    before = state.states[0].location.copy()
    after = end_component(plant, state, "shaft")
    assert after.smoothed[unbalance] == 0.0
    assert after.smoothed[race] > 2.0
    np.testing.assert_array_equal(after.states[0].location, before)
