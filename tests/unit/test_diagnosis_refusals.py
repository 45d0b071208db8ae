"""What a diagnosis refuses or doubts, each with its reason and what would help."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pdm.health.diagnosis.hypotheses import BEARING_FAULTS
from pdm.health.diagnosis.model import Fault, Verdict
from pdm.machines.model import Component, ComponentKind
from tests.unit.diagnosis_cases import (
    BEARINGS,
    BPFO,
    DRIVEN,
    RATE,
    SHAFT,
    SPEED,
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

CHECKS = "pdm/health/diagnosis/checks.py"
BEARING = machine(BEARINGS[0])
RUNNING = 50.013 / 2 * 0.97


def has_remedies(finding):
    return all(reason.remedy for reason in finding.reasons)


def test_nothing_recorded_is_refused_whole():
    answer = ask(BEARING)
    assert answer.verdict is Verdict.REFUSED
    assert [reason.code for reason in answer.reasons] == ["no-usable-record"]
    assert answer.findings == ()


@pytest.mark.parametrize(
    ("wave", "code"),
    [
        (np.zeros(8192), "flat"),
        (np.full(8192, np.nan), "not-finite"),
        (1e9 * np.random.default_rng(0).normal(size=8192), "out-of-range"),
        (np.random.default_rng(0).normal(size=100), "too-few-samples"),
        (np.clip(np.random.default_rng(0).normal(size=8192), -0.5, 0.5), "clipped-much"),
    ],
)
def test_a_record_that_is_no_measurement_is_refused(wave, code):
    answer = ask(BEARING, recording((point(), wave, RATE), speed=SPEED))
    assert answer.verdict is Verdict.REFUSED
    assert code in {reason.code for reason in answer.reasons}
    assert answer.speed is None
    assert answer.speed_source == "unknown"


def test_a_sound_channel_is_judged_though_its_neighbour_is_dead():
    dead = (point("b"), np.zeros(round(2 * RATE)), RATE)
    answer = ask(BEARING, recording((point("a"), strikes(BPFO), RATE), dead, speed=SPEED))
    assert find(answer, Fault.BEARING_OUTER_RACE).verdict is Verdict.SUPPORTED
    assert [(reason.code, reason.point) for reason in answer.reasons] == [("flat", "b")]


def test_a_clipped_record_supports_nothing():
    wave = strikes(BPFO, peak=20.0, resonance=700.0)
    limit = 0.88 * np.abs(wave).max()
    answer = ask(BEARING, recording((point(), np.clip(wave, -limit, limit), RATE), speed=SPEED))
    found = find(answer, Fault.BEARING_OUTER_RACE)
    assert answer.findings[0] is found
    assert found.verdict is Verdict.WEAK
    assert "clipped" in codes(found)


def test_without_a_speed_no_rate_is_known():
    rng = np.random.default_rng(3)
    answer = ask(machine(SHAFT, *BEARINGS), recording((point(), rng.normal(size=round(2 * RATE)), RATE)))
    assert answer.speed_source == "unknown"
    for fault in (*BEARING_FAULTS, Fault.UNBALANCE, Fault.MISALIGNMENT, Fault.LOOSENESS):
        finding = find(answer, fault)
        assert finding.verdict is Verdict.REFUSED
        assert codes(finding) == {"speed-unknown"}
        assert has_remedies(finding)


def test_a_speed_that_one_line_tells_is_doubted():
    answer = ask(DRIVEN, recording((point(), orders(SPEED, {1: 5.0}), RATE)))
    found = find(answer, Fault.UNBALANCE)
    assert answer.speed == pytest.approx(SPEED, rel=1e-3)
    assert found.verdict is Verdict.WEAK
    assert codes(found) == {"speed-uncertain"}


def test_a_speed_that_the_current_contradicts_is_doubted():
    answer = ask(DRIVEN, recording((point(), strikes(BPFO), RATE), *currents(bars=-38), speed=SPEED * 1.06))
    assert "speed-disagrees" in {reason.code for reason in answer.reasons}
    assert not [each for each in answer.findings if each.verdict is Verdict.SUPPORTED and each.component != "motor"]


def test_a_bearing_without_geometry_is_refused():
    unknown = machine(Component("de-bearing", ComponentKind.BEARING))
    answer = ask(unknown, recording((point(), strikes(BPFO), RATE), speed=SPEED))
    for fault in BEARING_FAULTS:
        assert find(answer, fault).verdict is Verdict.REFUSED
        assert codes(find(answer, fault)) == {"geometry-missing"}


def test_a_record_too_short_to_part_a_rate_from_the_shaft_supports_nothing():
    answer = ask(BEARING, recording((point(), strikes(BPFO)[:1024], RATE), speed=SPEED))
    for fault in BEARING_FAULTS:
        finding = find(answer, fault)
        assert finding.verdict is not Verdict.SUPPORTED
        assert codes(finding) & {"rate-unresolved", "near-shaft-harmonic"}


def test_few_turns_tell_no_half_orders():
    answer = ask(DRIVEN, recording((point(), orders(SPEED, {1: 5.0}, seconds=0.5), RATE), speed=SPEED))
    finding = find(answer, Fault.UNBALANCE)
    assert finding.verdict is Verdict.REFUSED
    (reason,) = finding.reasons
    assert (reason.code, reason.remedy) == ("record-too-short", "record-longer")
    assert reason.parameters["needed"] == pytest.approx(16 / SPEED)


@pytest.mark.parametrize(
    ("gear", "speed", "seconds", "code"),
    [
        (Component("gear", ComponentKind.GEAR), SPEED, 2.0, "teeth-missing"),
        (Component("gear", ComponentKind.GEAR, teeth=23), None, 2.0, "speed-unknown"),
        (Component("gear", ComponentKind.GEAR, teeth=23), SPEED, 0.2, "record-too-short"),
        (Component("gear", ComponentKind.GEAR, teeth=400), SPEED, 2.0, "mesh-unresolved"),
    ],
)
def test_a_gear_that_cannot_be_read_is_refused(gear, speed, seconds, code):
    answer = ask(machine(gear), recording((point(), meshing(SPEED, 23, seconds), RATE), speed=speed))
    assert codes(find(answer, Fault.GEAR_TOOTH)) == {code}
    assert codes(find(answer, Fault.GEAR_WEAR)) == {code}


def test_a_mesh_that_does_not_stand_supports_no_fault_of_the_gear():
    geared = machine(Component("gear", ComponentKind.GEAR, teeth=23))
    noise = np.random.default_rng(1).standard_normal(round(2 * RATE))
    answer = ask(geared, recording((point(), noise, RATE), speed=SPEED))
    for fault in (Fault.GEAR_TOOTH, Fault.GEAR_WEAR):
        assert "mesh-not-found" in codes(find(answer, fault))
        assert find(answer, fault).verdict is Verdict.WEAK


def test_a_blow_once_a_turn_is_not_taken_for_a_worn_gear():
    """It raises every multiple of the shaft alike: the mesh is one of many."""
    geared = machine(Component("gear", ComponentKind.GEAR, teeth=23))
    answer = ask(geared, recording((point(), strikes(SPEED, peak=30.0), RATE), speed=SPEED))
    found = find(answer, Fault.GEAR_WEAR)
    assert found.verdict is Verdict.WEAK
    assert "mesh-not-dominant" in codes(found)


def jitter(t):
    return 0.3 * np.sin(2 * np.pi * 1.5 * t)


@pytest.mark.parametrize(
    ("known", "code"), [({"wander": jitter}, "clock-wanders"), ({"supply": 51.8}, "supply-off-nominal")]
)
def test_a_clock_in_doubt_never_supports_broken_bars(known, code):
    answer = ask(DRIVEN, recording(*currents(bars=-36, **known), speed=known.get("supply", 50.013) / 2 * 0.97))
    found = find(answer, Fault.BROKEN_ROTOR_BAR)
    assert found.verdict is not Verdict.SUPPORTED
    assert code in codes(found)
    assert code in {reason.code for reason in answer.reasons}


def test_a_sound_motor_sampled_by_a_bad_clock_is_not_condemned():
    answer = ask(DRIVEN, recording(*currents(wander=jitter), speed=50.013 / 2 * (1 - 0.75 / 50.013)))
    assert not [each for each in answer.findings if each.verdict is Verdict.SUPPORTED]


def test_sidebands_in_noise_are_reported_as_such():
    answer = ask(DRIVEN, recording(*currents(noise=0.2), speed=RUNNING))
    found = find(answer, Fault.BROKEN_ROTOR_BAR)
    assert found.verdict is Verdict.WEAK
    assert "sidebands-in-noise" in codes(found)


def test_a_short_record_does_not_part_the_sidebands_of_a_small_slip():
    answer = ask(DRIVEN, recording(*currents(2.0, slip=0.008, bars=-38), speed=50.013 / 2 * 0.992))
    found = find(answer, Fault.BROKEN_ROTOR_BAR)
    assert found.verdict is Verdict.REFUSED
    (reason,) = found.reasons
    assert reason.code == "slip-unresolved"
    assert reason.parameters["needed"] > 2.0


def test_a_motor_that_idles_hides_its_bars():
    answer = ask(DRIVEN, recording(*currents(bars=-38), speed=RUNNING, load=0.1))
    assert "load-too-low" in codes(find(answer, Fault.BROKEN_ROTOR_BAR))
    assert find(answer, Fault.BROKEN_ROTOR_BAR).verdict is Verdict.WEAK


def test_one_phase_tells_bars_but_no_unbalance():
    (phase, *_) = currents(bars=-38)
    answer = ask(DRIVEN, recording(phase, speed=RUNNING))
    assert find(answer, Fault.BROKEN_ROTOR_BAR).verdict is Verdict.SUPPORTED
    for fault in (Fault.STATOR, Fault.SUPPLY_UNBALANCE):
        assert codes(find(answer, fault)) == {"phases-missing"}


@pytest.mark.parametrize(
    ("change", "code"),
    [({"supply_frequency": None}, "supply-frequency-missing"), ({"supply_frequency": 400.0}, "supply-not-found")],
)
def test_without_a_supply_the_current_is_not_judged(change, code):
    answer = ask(replace(DRIVEN, **change), recording(*currents(bars=-38), speed=RUNNING))
    assert codes(find(answer, Fault.BROKEN_ROTOR_BAR)) == {code}


def test_without_pole_pairs_slip_is_estimated_from_the_current_or_not_at_all():
    answer = ask(replace(DRIVEN, pole_pairs=None), recording(*currents(), speed=RUNNING))
    assert codes(find(answer, Fault.BROKEN_ROTOR_BAR)) == {"slip-unknown"}


def test_lines_at_the_shafts_speed_are_not_eccentricity_where_the_shaft_shakes():
    shaking = (point(), orders(RUNNING, {1: 8.0}, seconds=4.0), RATE)
    answer = ask(DRIVEN, recording(shaking, *currents(eccentricity=-38), speed=RUNNING))
    assert find(answer, Fault.UNBALANCE).verdict is Verdict.SUPPORTED
    assert "mechanical-cause" in codes(find(answer, Fault.ECCENTRICITY))
    assert find(answer, Fault.ECCENTRICITY).verdict is Verdict.WEAK


def test_every_reason_and_remedy_is_written_down():
    root = Path(__file__).parents[2]
    page = set(re.findall(r"`([a-z-]+)`", (root / "docs" / "diagnosis.md").read_text()))
    for module in set((root / "pdm" / "health" / "diagnosis").glob("*.py")) - {root / CHECKS}:
        source = module.read_text()
        assert set(re.findall(r'Reason\(\s*"([a-z-]+)"', source)) <= page, module.name
        assert set(re.findall(r'"((?:record|check|measure|give|repeat)-[a-z-]+)"\)', source)) <= page, module.name


def test_units_that_are_mixed_up_between_points_support_nothing():
    wave = orders(SPEED, {1: 5.0, 2: 0.4})
    right = recording((point("a"), wave, RATE), (point("b", "vertical"), 0.5 * wave, RATE), speed=SPEED)
    mixed = recording((point("a"), wave, RATE), (point("b", "vertical"), 1e3 * wave, RATE), speed=SPEED)
    shaft = machine(SHAFT)
    assert find(ask(shaft, right), Fault.UNBALANCE).verdict is Verdict.SUPPORTED
    found = find(ask(shaft, mixed), Fault.UNBALANCE)
    assert found.verdict is Verdict.WEAK
    assert {"levels-disagree", "level-implausible"} <= codes(found)
    assert has_remedies(found)
