"""Vibration and current together, and whether the chances that a diagnosis gives come true on a simulated fleet."""

import numpy as np
import pytest

from benchmarks.diagnosis import MODES, judge_twin
from benchmarks.diagnosis_table import BEGIN, END, PAGE, tables
from benchmarks.simulated_machines import SIMULATED
from features import BearingGeometry
from pdm.health.diagnosis.model import Fault, Verdict
from pdm.twin.faults import FaultKind
from tests.unit.diagnosis_cases import (
    BEARINGS,
    GEOMETRY,
    RATE,
    TWO_POLE,
    ask,
    currents,
    driven,
    find,
    orders,
    point,
    recording,
    strikes,
    time,
)

SUPPLY, SLIP = 50.013, 0.03
SPEED = SUPPLY / 2 * (1 - SLIP)
DRIVEN = driven(BEARINGS[0])
BPFO = SPEED * BearingGeometry(9, GEOMETRY.element_diameter, GEOMETRY.pitch_diameter, 0.0).orders().bpfo


@pytest.fixture(scope="module")
def report():
    return judge_twin(5)


def bars(*vibration):
    return find(ask(DRIVEN, recording(*vibration, *currents(bars=-42), speed=SPEED)), Fault.BROKEN_ROTOR_BAR)


def test_a_shaft_that_beats_with_the_slip_raises_broken_bars_and_a_steady_one_lowers_them():
    steady = orders(SPEED, {1: 0.6}, seconds=4.0)
    beat = 1 + 0.3 * np.cos(2 * np.pi * 2 * SLIP * SUPPLY * time(4.0))
    alone, agreed, contradicted = bars(), bars((point(), steady * beat, RATE)), bars((point(), steady, RATE))
    assert agreed.score == pytest.approx(alone.score + 1.5, abs=1e-3)
    assert contradicted.score == pytest.approx(alone.score - 1.5, abs=1e-3)
    assert contradicted.confidence < alone.confidence < agreed.confidence
    (line,) = (each for each in agreed.lines if each.name == "1x - 2sf")
    assert line.source == "velocity"
    assert line.found == pytest.approx(SPEED - 2 * SLIP * SUPPLY, abs=0.1)


def test_a_vibration_too_short_to_part_the_beat_says_nothing_of_bars():
    assert bars((point(), orders(SPEED, {1: 0.6}, seconds=0.8), RATE)).score == pytest.approx(bars().score, abs=1e-3)


def test_a_bearings_rate_in_the_current_raises_its_fault():
    struck = (point(component="de-bearing"), strikes(BPFO, seconds=4.0), RATE)
    modulated = []
    for where, x, rate in currents():
        beat = 1 + 0.004 * np.cos(2 * np.pi * BPFO * np.arange(len(x)) / rate)
        modulated.append((where, x * beat, rate))
    plain, agreed = (
        find(ask(DRIVEN, recording(struck, *phases, speed=SPEED)), Fault.BEARING_OUTER_RACE)
        for phases in (currents(), modulated)
    )
    assert agreed.score == pytest.approx(plain.score + 1.5, abs=1e-3)
    assert {line.name for line in agreed.lines if line.source == "current" and line.found} == {"f - BPFO", "f + BPFO"}


@pytest.mark.parametrize("mode", MODES)
def test_no_sound_machine_of_the_fleet_is_diagnosed(report, mode):
    assert report[mode]["false_alarms"] == 0


@pytest.mark.parametrize("mode", MODES)
def test_chances_come_true_within_five_hundredths(report, mode):
    assert report[mode]["calibration_error"] <= 0.05


def test_races_are_found_at_a_fifth_of_the_severity_of_failure(report):
    for kind in (FaultKind.OUTER_RACE, FaultKind.INNER_RACE):
        assert report["vibration"]["supported_right"][kind.value]["0.2"] == 1.0


def coupled(slip, seconds, *, shaft=0.0, pull=0.0):
    """Return a two-pole machine's vibration with velocity [mm/s RMS] at 2 x speed and at 2 x supply."""
    speed = 50.0 * (1 - slip)
    wave = orders(speed, {1: 0.5, 2: shaft}, seconds=seconds) + orders(50.0, {2: pull}, seconds=seconds, seed=3)
    return ask(TWO_POLE, recording((point(), wave, RATE), speed=speed))


def parted(slip):
    """Return the seconds from which twice the speed and twice the supply lie three lines apart."""
    return 3.0 / (2 * 50.0 * slip)


@pytest.mark.parametrize("slip", [0.004, 0.01, 0.02, 0.05])
def test_twice_the_shaft_is_the_couplings_where_the_record_parts_it_from_twice_the_supply(slip):
    answer = coupled(slip, 1.3 * parted(slip), shaft=4.0)
    assert find(answer, Fault.MISALIGNMENT).verdict is Verdict.SUPPORTED
    electrical = [each for each in answer.findings if each.fault in (Fault.STATOR, Fault.ECCENTRICITY)]
    assert all(each.verdict is not Verdict.SUPPORTED and each.score <= 0.0 for each in electrical)


@pytest.mark.parametrize("slip", [0.004, 0.01, 0.02, 0.05])
def test_twice_the_supply_is_the_motors_where_the_record_parts_it_from_twice_the_shaft(slip):
    answer = coupled(slip, 1.3 * parted(slip), pull=4.0)
    coupling, stator = find(answer, Fault.MISALIGNMENT), find(answer, Fault.STATOR)
    assert coupling.verdict is not Verdict.SUPPORTED
    assert coupling.score < 0.0 < stator.score
    assert next(line for line in stator.lines if line.name == "2f").found == pytest.approx(100.0, abs=0.1)


@pytest.mark.parametrize("which", ["shaft", "pull"])
@pytest.mark.parametrize("slip", [0.004, 0.01, 0.02, 0.03])
def test_where_the_record_does_not_separate_them_neither_is_supported_and_the_required_length_is_reported(slip, which):
    answer = coupled(slip, 0.7 * parted(slip), **{which: 4.0})
    assert not [each for each in answer.findings if each.verdict is Verdict.SUPPORTED]
    reason = next(each for each in find(answer, Fault.MISALIGNMENT).reasons if each.code == "twice-supply-unresolved")
    assert reason.remedy == "record-longer"
    assert reason.parameters["needed"] == pytest.approx(parted(slip), rel=0.05)


def test_a_pull_at_twice_the_supply_raises_an_uneven_current_and_its_absence_lowers_it():
    calm, pulled = orders(SPEED, {1: 0.1}, seconds=4.0), orders(SUPPLY, {2: 1.0}, seconds=4.0)

    def unbalance(*vibration):
        answer = ask(DRIVEN, recording(*vibration, *currents(negative=0.06), speed=SPEED))
        return find(answer, Fault.SUPPLY_UNBALANCE)

    alone, agreed, contradicted = unbalance(), unbalance((point(), pulled, RATE)), unbalance((point(), calm, RATE))
    assert agreed.score == pytest.approx(alone.score + 1.5, abs=1e-3)
    assert contradicted.score == pytest.approx(alone.score - 1.5, abs=1e-3)
    assert contradicted.confidence < alone.confidence < agreed.confidence


def test_a_shake_that_the_air_gap_explains_is_not_called_unbalance():
    wave = orders(SPEED, {1: 2.2}, seconds=4.0)
    alone = ask(DRIVEN, recording((point(), wave, RATE), speed=SPEED))
    together = ask(DRIVEN, recording((point(), wave, RATE), *currents(eccentricity=-33), speed=SPEED))
    assert find(alone, Fault.UNBALANCE).verdict is Verdict.SUPPORTED
    unbalance = find(together, Fault.UNBALANCE)
    assert unbalance.verdict is Verdict.WEAK
    assert {reason.code for reason in unbalance.reasons} == {"electrical-cause"}
    assert unbalance.confidence < find(alone, Fault.UNBALANCE).confidence


def test_the_docs_hold_what_was_measured_of_every_simulated_fault(report):
    page = PAGE.read_text(encoding="utf-8")
    measured = page.split(BEGIN)[1].split(END)[0]
    for kind in SIMULATED:
        assert f"| {kind.value} |" in measured
        assert f"| {kind.value} |" in tables(report)
    assert measured.strip().splitlines()[2] == tables(report).splitlines()[2]
