"""What must not change a diagnosis: gain, the order of channels and recordings, repetition; and what noise may do."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulated_machines import simulate_cases
from pdm.health.diagnosis.confidence import RULES, confidence
from pdm.health.diagnosis.diagnose import diagnose
from pdm.health.diagnosis.model import Fault, Verdict
from pdm.health.diagnosis.spectrum import rms_spectrum, velocity_spectrum
from pdm.machines.model import Component, ComponentKind
from tests.unit.diagnosis_cases import (
    BEARINGS,
    BPFO,
    DRIVEN,
    MOTOR,
    RATE,
    SHAFT,
    SPEED,
    ask,
    currents,
    find,
    machine,
    orders,
    point,
    recording,
    scaled,
    strikes,
    time,
)

CASES = list(simulate_cases(1, 5))[::6]


@settings(deadline=None, max_examples=20)
@given(gain=st.floats(0.01, 100.0))
def test_gain_changes_no_verdict_on_a_bearing(gain):
    one = recording((point(component="de-bearing"), strikes(BPFO), RATE), speed=SPEED)
    as_it_is, louder = (find(ask(DRIVEN, each), Fault.BEARING_OUTER_RACE) for each in (one, scaled(one, gain)))
    assert louder.verdict is as_it_is.verdict
    assert louder.score == pytest.approx(as_it_is.score, abs=0.05)


@settings(deadline=None, max_examples=10)
@given(gain=st.floats(0.1, 100.0))
def test_gain_changes_no_verdict_on_a_motor(gain):
    one = recording(*currents(4.0, bars=-40, negative=0.02), speed=50.013 / 2 * 0.97)
    as_it_is, louder = ask(DRIVEN, one), ask(DRIVEN, scaled(one, gain))
    assert [(each.fault, each.verdict) for each in louder.findings] == [
        (each.fault, each.verdict) for each in as_it_is.findings
    ]


@settings(deadline=None, max_examples=20)
@given(number=st.integers(0, len(CASES) - 1), seed=st.integers(0, 99))
def test_the_order_of_channels_changes_nothing(number, seed):
    case = CASES[number]
    mixed = np.random.default_rng(seed).permutation(len(case.recording.channels))
    other = replace(case.recording, channels=tuple(case.recording.channels[place] for place in mixed))
    assert diagnose(case.machine, [other]) == diagnose(case.machine, [case.recording])


def test_the_order_of_recordings_changes_nothing():
    case = CASES[3]
    later = replace(case.recording, measured_at=case.recording.measured_at.replace(year=2027))
    assert diagnose(case.machine, [later, case.recording]) == diagnose(case.machine, [case.recording, later])


def test_the_same_recording_gives_the_same_diagnosis():
    assert diagnose(CASES[2].machine, [CASES[2].recording]) == diagnose(CASES[2].machine, [CASES[2].recording])


@pytest.mark.parametrize("seed", range(4))
def test_more_noise_never_raises_confidence_much(seed):
    rng = np.random.default_rng(seed)
    wave, noise = strikes(BPFO, seed=seed), rng.standard_normal(len(time()))
    last = 1.0
    for level in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0):
        answer = ask(DRIVEN, recording((point(component="de-bearing"), wave + level * noise, RATE), speed=SPEED))
        sure = find(answer, Fault.BEARING_OUTER_RACE).confidence
        assert sure <= last + 0.1
        last = sure
    assert last < 0.2


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_supports_nothing(seed):
    rng = np.random.default_rng(seed)
    channels = [(point(key), rng.standard_normal(8192), RATE) for key in ("a", "b")]
    answer = ask(DRIVEN, recording(*channels, speed=SPEED))
    assert not [each for each in answer.findings if each.verdict is Verdict.SUPPORTED]


@given(fault=st.sampled_from(list(RULES)), score=st.floats(-40, 40), lead=st.floats(-40, 40), more=st.floats(0.0, 20.0))
def test_confidence_never_falls_with_evidence_and_a_doubt_never_raises_it(fault, score, lead, more):
    sure = confidence(fault, score, lead, is_doubted=False)
    assert 0.0 <= sure <= 1.0
    assert confidence(fault, score + more, lead, is_doubted=False) >= sure
    assert confidence(fault, score, lead + more, is_doubted=False) >= sure
    assert confidence(fault, score, lead, is_doubted=True) <= sure


def test_every_fault_has_its_rule():
    assert set(RULES) == set(Fault)


@given(frequency=st.floats(20.0, 5000.0), amplitude=st.floats(0.01, 100.0))
@settings(max_examples=50)
def test_a_sine_is_read_at_its_frequency_and_rms_between_lines_too(frequency, amplitude):
    wave = amplitude * np.sqrt(2) * np.sin(2 * np.pi * frequency * time(1.0) + 1)
    line = rms_spectrum(wave, RATE).line(frequency)
    assert line is not None
    assert line.is_prominent
    assert line.place == pytest.approx(frequency, abs=0.02)
    assert line.rms == pytest.approx(amplitude, rel=0.01)


def test_acceleration_and_velocity_of_one_motion_have_one_velocity_spectrum():
    wave = orders(SPEED, {1: 3.0}, noise=0.0)
    turn = 2 * np.pi * SPEED
    by_acceleration = velocity_spectrum(wave, RATE, "acceleration").line(SPEED)
    speed = np.imag(np.exp(1j * np.pi / 2) * 3e-3 * np.sqrt(2) * np.exp(1j * turn * time()))
    by_velocity = velocity_spectrum(speed, RATE, "velocity").line(SPEED)
    assert by_acceleration.rms == pytest.approx(3e-3, rel=1e-3)
    assert by_velocity.rms == pytest.approx(3e-3, rel=1e-3)


def test_a_spectrum_holds_no_line_at_its_ends():
    spectrum = rms_spectrum(np.random.default_rng(0).normal(size=1000), 1000.0)
    assert spectrum.top == 500.0
    assert spectrum.line(1.0) is None
    assert spectrum.line(499.0) is None
    assert spectrum.line(900.0) is None


COMPONENTS = (
    MOTOR,
    SHAFT,
    *BEARINGS,
    Component("gear", ComponentKind.GEAR, teeth=31, ratio=2.5),
    Component("wheel", ComponentKind.GEAR),
    Component("unknown-bearing", ComponentKind.BEARING),
)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_noise_of_any_machine_and_kind_is_answered_and_never_supported(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 9999)))
    parts = data.draw(st.lists(st.sampled_from(COMPONENTS), unique=True))
    what = machine(
        *parts,
        supply_frequency=data.draw(st.sampled_from([None, 5.0, 50.0, 60.0, 400.0])),
        pole_pairs=data.draw(st.sampled_from([None, 1, 2, 6])),
        rated_speed=data.draw(st.sampled_from([None, 0.5, 24.3, 200.0])),
        rotor_slots=data.draw(st.sampled_from([None, 28])),
    )
    channels = [
        (
            point(f"p{number}", data.draw(st.sampled_from([None, "axial"])), quantity=quantity),
            rng.standard_normal(data.draw(st.sampled_from([16, 256, 999, 2560])))
            * data.draw(st.sampled_from([1e-6, 1.0, 1e6])),
            data.draw(st.sampled_from([50.0, 2048.0, 12_800.0, 1e6])),
        )
        for number, quantity in enumerate(data.draw(st.lists(st.sampled_from(["acceleration", "velocity", "current"]))))
    ]
    answer = ask(what, recording(*channels, speed=data.draw(st.sampled_from([None, 0.01, 24.3, 900.0]))))
    assert answer.verdict is not Verdict.SUPPORTED
    for finding in answer.findings:
        assert finding.reasons
        assert np.isfinite([finding.score, finding.confidence]).all()
        assert all(reason.remedy for reason in finding.reasons)
    assert answer.findings or answer.reasons or not parts
