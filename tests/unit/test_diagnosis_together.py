"""Vibration and current together, and whether the chances that a diagnosis gives come true on a simulated fleet."""

import numpy as np
import pytest

from benchmarks.diagnosis import MODES, judge_twin
from features import BearingGeometry
from pdm.health.diagnosis.model import Fault
from pdm.twin.faults import FaultKind
from tests.unit.diagnosis_cases import (
    BEARINGS,
    GEOMETRY,
    MOTOR,
    RATE,
    SHAFT,
    ask,
    currents,
    find,
    machine,
    orders,
    point,
    recording,
    strikes,
    time,
)

SUPPLY, SLIP = 50.013, 0.03
SPEED = SUPPLY / 2 * (1 - SLIP)
DRIVEN = machine(MOTOR, SHAFT, BEARINGS[0], supply_frequency=50.0, pole_pairs=2, rated_speed=24.3)
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
