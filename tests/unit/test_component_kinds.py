"""Kinds of component: what each takes, its known lines, and what will not be diagnosed."""

from __future__ import annotations

import math

import pytest

from pdm.errors import InvalidInputError
from pdm.health.diagnosis.model import Fault, Verdict
from pdm.ingest.fleet_file import machine_from_document, machine_to_document
from pdm.machines.kinds import ComponentKind
from pdm.machines.model import Component, Machine, MeasurementPoint
from pdm.machines.undiagnosed import list_undiagnosed
from pdm.service.analysis.shaft_lookup import shafts_of
from pdm.service.diagnosis.document import to_document
from tests.unit.diagnosis_cases import RATE, SHAFT, SPEED, ask, codes, find, machine, orders, point, recording
from tests.unit.test_shaft_lookup import channel

BELT = {"length_mm": 2000.0, "driver_diameter_mm": 200.0, "driven_diameter_mm": 400.0}


def read(**component: object) -> Machine:
    document = {"key": "m", "site": "s", "line": "l", "components": [{"key": "c", **component}]}
    found = machine_from_document(document)
    assert machine_from_document(machine_to_document(found)) == found
    return found


def trains(**component: object) -> dict[str, float]:
    return {train.name: train.order for train in read(**component).components[0].pulse_trains}


@pytest.mark.parametrize("kind", [kind.value for kind in ComponentKind])
def test_every_kind_is_read_and_written(kind: str) -> None:
    assert machine_to_document(read(kind=kind))["components"] == [{"key": "c", "kind": kind}]


@pytest.mark.parametrize(("kind", "close"), [("impellor", "impeller"), ("Pump", "pump"), ("gear box", "gearbox")])
def test_an_unknown_kind_is_refused_with_the_closest_and_the_list(kind: str, close: str) -> None:
    with pytest.raises(InvalidInputError, match=f"did you mean '{close}'") as refused:
        read(kind=kind)
    assert refused.value.field == "components[0].kind"
    assert all(each.value in refused.value.message for each in ComponentKind)


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ({"kind": "pump", "vanes": 6}, {"vane-pass": 6.0}),
        ({"kind": "fan", "blades": 8, "ratio": 0.5}, {"blade-pass": 4.0}),
        ({"kind": "impeller", "vanes": 1}, {"vane-pass": 1.0}),
        ({"kind": "belt", "belt": BELT}, {"belt": math.pi * 0.2 / 2.0, "driven-pulley": 0.5}),
        ({"kind": "roller", "ratio": 0.25}, {"turn": 0.25}),
        ({"kind": "pump"}, {}),
        ({"kind": "seal"}, {}),
    ],
)
def test_vanes_blades_belts_and_rollers_are_known_lines(component: dict, expected: dict[str, float]) -> None:
    assert trains(**component) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("component", "field"),
    [
        ({"kind": "motor", "vanes": 6}, "vanes"),
        ({"kind": "motor", "vanes": 1}, "vanes"),
        ({"kind": "seal", "ratio": 2.0}, "ratio"),
        ({"kind": "pump", "teeth": 20}, "teeth"),
        ({"kind": "pump", "vanes": 0}, "vanes"),
        ({"kind": "fan", "blades": 5, "vanes": 5}, "blades"),
        ({"kind": "fan", "ratio": 0.0}, "ratio"),
        ({"kind": "pulley", "belt": BELT}, "belt"),
        ({"kind": "belt", "belt": BELT | {"length_mm": 1500.0}}, "belt.length_mm"),
        ({"kind": "belt", "belt": BELT | {"driven_diameter_mm": -1.0}}, "belt.driven_diameter_mm"),
        ({"kind": "pump", "bearing": 6205}, "bearing"),
    ],
)
def test_what_a_kind_does_not_take_is_refused_by_name(component: dict, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read(**component)
    assert refused.value.field == f"components[0].{field}"


def undiagnosed(*components: Component, points: tuple[MeasurementPoint, ...] = ()) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    whole = Machine(key="m", line="l", site="s", components=components, points=points)
    for each in list_undiagnosed(whole):
        found.setdefault(each.component, []).append(each.code)
    return found


def test_what_will_not_be_diagnosed_is_listed_by_component() -> None:
    points = (MeasurementPoint("h", "acceleration", "g", 12800.0), MeasurementPoint("i", "current", "A", 2500.0))
    vague = (
        Component("de", ComponentKind.BEARING),
        Component("wheel", ComponentKind.GEAR),
        Component("pump", ComponentKind.PUMP),
        Component("v-belt", ComponentKind.BELT),
        Component("coupling", ComponentKind.COUPLING),
        Component("motor", ComponentKind.MOTOR),
    )
    assert undiagnosed(*vague, points=points) == {
        "de": ["geometry-missing"],
        "wheel": ["teeth-missing"],
        "pump": ["kind-not-diagnosed", "passes-missing"],
        "v-belt": ["kind-not-diagnosed", "belt-missing"],
        "coupling": ["kind-not-diagnosed"],
    }


def test_a_machine_without_waveforms_is_warned_of_all_its_faults() -> None:
    known = read(kind="bearing", bearing="6205").components[0]
    scalar = (MeasurementPoint("h", "acceleration", "g"),)
    motor, shaft = Component("motor", ComponentKind.MOTOR), Component("shaft", ComponentKind.SHAFT)
    assert undiagnosed(known, motor, shaft, points=scalar) == {
        "c": ["vibration-not-measured"],
        "motor": ["current-not-measured"],
        "shaft": ["vibration-not-measured"],
    }
    vibration = (MeasurementPoint("h", "acceleration", "g", 12800.0),)
    assert undiagnosed(known, shaft, points=vibration) == {}


def test_a_point_on_a_fan_refers_to_the_speed_of_the_fan() -> None:
    fan = Component("fan", ComponentKind.FAN, blades=8, ratio=0.5)
    whole = Machine(
        key="m",
        line="l",
        site="s",
        components=(SHAFT, fan),
        points=(
            MeasurementPoint("at-fan", "acceleration", "g", 10_000.0, None, "fan"),
            MeasurementPoint("at-shaft", "acceleration", "g", 10_000.0, None, "shaft"),
        ),
    )
    found = shafts_of([channel(whole, "at-fan"), channel(whole, "at-shaft")], [])
    assert [shaft.speed for shaft in found] == [12.5, 25.0]


def test_a_vane_pass_is_a_known_line_and_no_looseness() -> None:
    pump = Component("pump", ComponentKind.PUMP, vanes=5)
    record = recording((point(), orders(SPEED, {1.0: 0.2, 5.0: 6.0}), RATE), speed=SPEED)
    answer = ask(machine(SHAFT, pump), record)
    assert find(answer, Fault.LOOSENESS).verdict is not Verdict.SUPPORTED
    (line,) = to_document(answer)["known_lines"]
    assert line == {"component": "pump", "name": "vane-pass", "order": 5.0, "expected_hz": pytest.approx(5 * SPEED)}
    assert find(answer, Fault.LOOSENESS).score < find(ask(machine(SHAFT), record), Fault.LOOSENESS).score


def test_a_pass_at_three_times_the_speed_doubts_misalignment() -> None:
    record = recording((point(), orders(SPEED, {1.0: 1.0, 2.0: 4.0, 3.0: 3.0}), RATE), speed=SPEED)
    plain = find(ask(machine(SHAFT), record), Fault.MISALIGNMENT)
    pump = Component("pump", ComponentKind.PUMP, vanes=3)
    doubted = find(ask(machine(SHAFT, pump), record), Fault.MISALIGNMENT)
    assert plain.verdict is Verdict.SUPPORTED
    assert doubted.verdict is Verdict.WEAK
    assert codes(doubted) == {"known-line"}
