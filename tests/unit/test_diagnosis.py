"""Every fault found where it is, told from its neighbours, and left alone where the machine is sound."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.diagnosis import MODES
from benchmarks.simulated_machines import SEVERITIES, only, simulate_cases
from features import BearingGeometry
from pdm.health.diagnosis.checks import CHECKS
from pdm.health.diagnosis.diagnose import DIAGNOSIS_VERSION, diagnose
from pdm.health.diagnosis.model import Fault, Verdict
from pdm.machines.model import Component, ComponentKind
from pdm.twin.faults import COMPONENT
from tests.unit.diagnosis_cases import (
    AT,
    DRIVEN,
    GEOMETRY,
    OTHER_GEOMETRY,
    RATE,
    SPEED,
    TWO_POLE,
    ask,
    codes,
    currents,
    find,
    machine,
    meshing,
    orders,
    point,
    recording,
    strikes,
)

TEETH = 23
GEARED = machine(Component("gear", ComponentKind.GEAR, teeth=TEETH))
SHAKES = {
    Fault.UNBALANCE: {1: 5.0, 2: 0.4},
    Fault.MISALIGNMENT: {1: 1.0, 2: 4.0, 3: 1.0},
    Fault.LOOSENESS: {0.5: 1.0, 1: 2.0, 1.5: 0.6, 2: 1.2, 3: 1.0, 4: 0.8, 5: 0.6, 6: 0.5},
}
STRIKING = {Fault.BEARING_OUTER_RACE: "bpfo", Fault.BEARING_INNER_RACE: "bpfi", Fault.BEARING_ROLLING_ELEMENT: "bsf"}


_UNSURE = (Fault.BEARING_CAGE, Fault.BROKEN_ROTOR_BAR, Fault.RESONANCE, Fault.ECCENTRICITY)
_BESIDE = {"near-shaft-harmonic", "beside-kinematic-rate", "unsure"}


def rate_of(geometry, fault):
    known = BearingGeometry(
        geometry.rolling_elements, geometry.element_diameter, geometry.pitch_diameter, geometry.contact_angle
    ).orders()
    return getattr(known, STRIKING[fault]) * (2 if fault is Fault.BEARING_ROLLING_ELEMENT else 1) * SPEED


def supported(answer):
    return [(each.fault, each.component) for each in answer.findings if each.verdict is Verdict.SUPPORTED]


@pytest.fixture(scope="module")
def fleet():
    return list(simulate_cases(2, 77))


@pytest.mark.parametrize(
    ("fault", "geometry"),
    [
        *((fault, GEOMETRY) for fault in STRIKING),
        (Fault.BEARING_OUTER_RACE, OTHER_GEOMETRY),
        (Fault.BEARING_INNER_RACE, OTHER_GEOMETRY),
    ],
)
def test_a_bearing_fault_is_found_at_the_end_where_it_strikes_harder(fault, geometry):
    near, far = (3.0, 1.0) if geometry is GEOMETRY else (1.0, 3.0)
    rate = rate_of(geometry, fault)
    answer = ask(
        DRIVEN,
        recording(
            (point("a", component="de-bearing"), strikes(rate, peak=near), RATE),
            (point("b", component="nde-bearing"), strikes(rate, peak=far, seed=1), RATE),
            speed=SPEED,
        ),
    )
    component = "de-bearing" if geometry is GEOMETRY else "nde-bearing"
    assert answer.findings[0].fault is fault
    assert supported(answer) == [(fault, component)]
    first = answer.findings[0].lines[0]
    assert first.source == "envelope"
    assert first.expected == pytest.approx(rate, rel=1e-6)
    assert first.found == pytest.approx(rate, rel=0.005)
    assert first.level > 10


def test_a_rate_beside_a_multiple_of_the_shaft_is_doubted_until_the_record_parts_them():
    """The element of a 6203 strikes 3.984 times a turn."""
    rate = rate_of(OTHER_GEOMETRY, Fault.BEARING_ROLLING_ELEMENT)
    where = point(component="nde-bearing")
    found = [
        find(
            ask(DRIVEN, recording((where, strikes(rate, seconds), RATE), speed=SPEED)),
            Fault.BEARING_ROLLING_ELEMENT,
            "nde-bearing",
        )
        for seconds in (2.0, 4.5)
    ]
    assert [each.verdict for each in found] == [Verdict.WEAK, Verdict.SUPPORTED]
    assert codes(found[0]) == {"near-shaft-harmonic"}


def test_two_similar_bearings_are_distinguished_by_the_stronger_evidence():
    twins = machine(*(Component(key, ComponentKind.BEARING, GEOMETRY) for key in ("left", "right")))
    rate = rate_of(GEOMETRY, Fault.BEARING_OUTER_RACE)
    answer = ask(
        twins,
        recording(
            (point("l", component="left"), strikes(rate, peak=0.7, seed=1), RATE),
            (point("r", component="right"), strikes(rate, peak=4.0), RATE),
            speed=SPEED,
        ),
    )
    assert supported(answer) == [(Fault.BEARING_OUTER_RACE, "right")]


@pytest.mark.parametrize("fault", SHAKES)
@pytest.mark.parametrize("speed", [SPEED, None])
def test_a_shaft_fault_is_found_whether_the_speed_is_given_or_not(fault, speed):
    answer = ask(DRIVEN, recording((point(), orders(SPEED, SHAKES[fault]), RATE), speed=speed))
    assert answer.speed == pytest.approx(SPEED, rel=1e-3)
    assert answer.speed_source == ("measured" if speed else "estimated")
    assert supported(answer) == [(fault, "shaft")]


def test_a_coupling_that_pushes_along_the_shaft_is_misaligned():
    lines = {1: 1.5, 2: 1.2, 3: 0.4}
    along = ask(DRIVEN, recording((point("a", "axial"), orders(SPEED, lines), RATE), speed=SPEED))
    across = ask(DRIVEN, recording((point("a"), orders(SPEED, lines), RATE), speed=SPEED))
    assert find(along, Fault.MISALIGNMENT).score > find(across, Fault.MISALIGNMENT).score + 3
    assert find(along, Fault.MISALIGNMENT).verdict is Verdict.SUPPORTED


def test_velocity_is_read_as_velocity():
    time = np.arange(4 * 2048) / 2048
    wave = 5e-3 * np.sqrt(2) * np.sin(2 * np.pi * SPEED * time) + 1e-5 * np.random.default_rng(0).normal(size=len(time))
    answer = ask(DRIVEN, recording((point(quantity="velocity"), wave, 2048.0), speed=SPEED))
    assert supported(answer) == [(Fault.UNBALANCE, "shaft")]


@pytest.mark.parametrize(
    ("gear", "fault"),
    [({"second": 1.3}, Fault.GEAR_WEAR), ({"depth": 1.0}, Fault.GEAR_WEAR), ({"broken": 3.0}, Fault.GEAR_TOOTH)],
)
def test_a_worn_gear_and_a_broken_tooth_are_distinguished(gear, fault):
    answer = ask(GEARED, recording((point(component="gear"), meshing(SPEED, TEETH, **gear), RATE), speed=SPEED))
    assert supported(answer) == [(fault, "gear")]
    assert find(answer, fault).lines[0].found == pytest.approx(TEETH * SPEED, rel=1e-3)


def test_a_gear_on_a_faster_shaft_meshes_at_its_own_speed():
    geared = machine(Component("pinion", ComponentKind.GEAR, teeth=TEETH, ratio=3.0))
    wave = meshing(3 * SPEED, TEETH, second=1.3)
    answer = ask(geared, recording((point(component="pinion"), wave, RATE), speed=SPEED))
    assert supported(answer) == [(Fault.GEAR_WEAR, "pinion")]


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        ({"bars": -38}, Fault.BROKEN_ROTOR_BAR),
        ({"eccentricity": -36}, Fault.ECCENTRICITY),
        ({"negative": 0.1}, Fault.SUPPLY_UNBALANCE),
    ],
)
def test_an_electrical_fault_is_found_in_the_current(known, fault):
    speed = 50.013 / 2 * 0.97
    answer = ask(DRIVEN, recording(*currents(**known), speed=speed))
    assert supported(answer) == [(fault, "motor")]
    assert answer.supply == pytest.approx(50.013, abs=1e-3)
    assert answer.slip == pytest.approx(0.03, abs=3e-4)


def test_lines_of_shorted_turns_make_an_unbalance_the_stators():
    speed, supply = 50.013 / 2 * 0.97, 50.013
    made = []
    for number, (where, x, rate) in enumerate(currents(negative=0.08)):
        time = np.arange(len(x)) / rate
        turns = 10 * 10 ** (-45 / 20) * np.cos(2 * np.pi * (3 * speed + supply) * time - 2 * np.pi / 3 * number)
        made.append((where, x + turns, rate))
    assert supported(ask(DRIVEN, recording(*made, speed=speed))) == [(Fault.STATOR, "motor")]


def test_broken_bars_are_found_without_a_measured_speed():
    answer = ask(DRIVEN, recording(*currents(bars=-38)))
    assert supported(answer) == [(Fault.BROKEN_ROTOR_BAR, "motor")]
    assert answer.speed_source == "estimated"
    names = {line.name: line for line in find(answer, Fault.BROKEN_ROTOR_BAR).lines}
    assert names["f (1 - 2s)"].found == pytest.approx(50.013 * 0.94, abs=0.1)


def test_a_shake_at_twice_the_supply_is_the_motors_and_never_misalignment():
    lines = {1: 0.5, 100 / 48.8: 4.0}
    answer = ask(TWO_POLE, recording((point(), orders(48.8, lines, seconds=4.0), RATE), speed=48.8))
    stator = find(answer, Fault.STATOR)
    assert {Fault.STATOR, Fault.ECCENTRICITY, Fault.SUPPLY_UNBALANCE} <= {each.fault for each in answer.findings[:4]}
    assert "current-not-measured" in codes(stator)
    assert stator.verdict is Verdict.WEAK
    assert stator.lines[0].found == pytest.approx(100.0, abs=0.1)
    assert find(answer, Fault.MISALIGNMENT).score < 0


def test_a_shake_at_twice_the_shaft_is_misalignment_where_the_record_parts_it_from_the_supply():
    short, long = (
        ask(TWO_POLE, recording((point(), orders(48.8, {1: 0.5, 2: 4.0}, seconds), RATE), speed=48.8))
        for seconds in (0.6, 4.0)
    )
    assert supported(long) == [(Fault.MISALIGNMENT, "shaft")]
    weak = find(short, Fault.MISALIGNMENT)
    assert weak.verdict is Verdict.WEAK
    assert "twice-supply-unresolved" in codes(weak)
    reason = next(each for each in weak.reasons if each.code == "twice-supply-unresolved")
    assert 0.6 < reason.parameters["needed"] < 4.0


@pytest.mark.parametrize("natural", [60.0, 137.0, 410.0])
def test_a_floor_raised_around_one_frequency_is_a_hint_of_resonance_and_no_more(natural):
    noise = np.random.default_rng(0).standard_normal(round(2 * RATE))
    ratio = np.fft.rfftfreq(len(noise), 1 / RATE) / natural
    wave = np.fft.irfft(np.fft.rfft(noise) * (1 + ratio**2 / (1 - ratio**2 + 0.08j * ratio)), len(noise))
    quiet, hint = (
        find(ask(DRIVEN, recording((point(), each, RATE), speed=SPEED)), Fault.RESONANCE) for each in (noise, wave)
    )
    assert hint.verdict is Verdict.WEAK
    assert hint.confidence > 0.5 > quiet.confidence
    reason = next(each for each in hint.reasons if each.code == "hint-only")
    assert reason.parameters["centre_hz"] == pytest.approx(natural, rel=0.1)


@pytest.mark.parametrize("shake", SHAKES.values())
def test_strong_lines_are_no_resonance(shake):
    wave = orders(SPEED, {order: 3 * velocity for order, velocity in shake.items()})
    hint = find(ask(DRIVEN, recording((point(), wave, RATE), speed=SPEED)), Fault.RESONANCE)
    assert hint.confidence < 0.2


def test_a_simulated_fault_is_supported_at_its_place_and_a_sound_machine_is_left_alone(fleet):
    for case in fleet:
        answer = diagnose(case.machine, [case.recording])
        claimed = supported(answer)
        assert {fault for fault, _ in claimed} <= {case.truth}
        grown = case.truth is not None and case.severity == SEVERITIES[-1]
        if grown and case.truth not in _UNSURE:
            # An element strikes near four times the shaft speed, and geometry may be off by more than is searched.
            why = codes(find(answer, case.truth))
            # At low slip the lines of shorted turns lie beside others: winding and supply are not distinguished.
            assert claimed or why <= _BESIDE or why == {"voltage-not-measured", "rival-near"}
        for _, where in claimed:
            assert where == COMPONENT[case.kind]


def test_vibration_alone_finds_no_bars_and_current_alone_no_bearing(fleet):
    for case in fleet:
        by_vibration = diagnose(case.machine, [only(case.recording, MODES["vibration"])])
        by_current = diagnose(case.machine, [only(case.recording, MODES["current"])])
        assert codes(find(by_vibration, Fault.BROKEN_ROTOR_BAR)) == {"current-not-measured"}
        assert codes(find(by_current, Fault.BEARING_OUTER_RACE)) == {"vibration-not-measured"}


def test_more_recordings_of_the_same_machine_are_judged_together(fleet):
    case = next(each for each in fleet if each.truth is Fault.BEARING_OUTER_RACE)
    again = replace(case.recording, measured_at=AT.replace(month=4))
    alone, twice = diagnose(case.machine, [case.recording]), diagnose(case.machine, [again, case.recording])
    assert twice.acquisitions == (case.recording.measured_at, again.measured_at)
    assert twice.findings[0].fault is Fault.BEARING_OUTER_RACE
    assert twice.findings[0].score == pytest.approx(alone.findings[0].score, abs=1e-6)


def test_a_diagnosis_names_its_rules_its_machine_and_what_to_check(fleet):
    answer = diagnose(fleet[0].machine, [fleet[0].recording])
    assert (answer.rule_version, answer.machine) == (DIAGNOSIS_VERSION, fleet[0].machine.key)
    assert all(each.checks == CHECKS[each.fault] for each in answer.findings)
    judged = [each for each in answer.findings if each.verdict is not Verdict.REFUSED]
    assert [each.score for each in judged] == sorted((each.score for each in judged), reverse=True)


def test_every_fault_has_something_to_check():
    assert set(CHECKS) == set(Fault)
    assert all(CHECKS.values())
