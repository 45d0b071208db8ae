"""A tachometer sampled with the record: its speed counts, its angle sharpens what a varying speed smears."""

import numpy as np
import pytest

from features import BearingGeometry
from pdm.health.diagnosis.model import Fault, Verdict
from pdm.health.diagnosis.tachometer import follow, read_tachometer
from pdm.health.diagnosis.usable_channels import listen
from pdm.machines.model import Component, ComponentKind, MeasurementPoint
from tests.unit.diagnosis_cases import (
    BEARINGS,
    GEOMETRY,
    RATE,
    SHAFT,
    ask,
    codes,
    find,
    machine,
    point,
    recording,
)

SPEED, SECONDS, SWING = 24.0, 4.0, 0.06
TIME = np.arange(round(SECONDS * RATE)) / RATE
TURNS = SPEED * TIME + SWING * SPEED / (2 * np.pi * 0.3) * np.sin(2 * np.pi * 0.3 * TIME)
BPFO = BearingGeometry(9, GEOMETRY.element_diameter, GEOMETRY.pitch_diameter, 0.0).orders().bpfo
TACHOMETER = MeasurementPoint("tacho", "tachometer", "V", None, pulses_per_turn=1)
GEARED = machine(SHAFT, BEARINGS[0], Component("gear", ComponentKind.GEAR, teeth=23))


def pulses(turns=TURNS):
    return (TACHOMETER, np.clip(40 * np.cos(2 * np.pi * turns) - 36, -1.0, 3.0), RATE)


def struck(turns=TURNS, order=BPFO):
    """Return acceleration of a housing that rings whenever a part passes, in noise."""
    rng = np.random.default_rng(1)
    wave = 0.3 * rng.standard_normal(len(TIME))
    ring = np.exp(-TIME[:200] * 900) * np.sin(2 * np.pi * 3400.0 * TIME[:200])
    for place in np.searchsorted(turns * order, np.arange(1, int(turns[-1] * order))):
        if place < len(wave) - 200:
            wave[place : place + 200] += 1.2 * ring
    return wave


def shaken(turns=TURNS):
    wave = np.random.default_rng(2).standard_normal(len(TIME)) * 0.05
    for order, level in {1: 1.0, 2: 0.1}.items():
        wave += level * np.cos(2 * np.pi * order * turns)
    return wave


def meshed(turns=TURNS):
    near = (turns + 0.5) % 1.0 - 0.5
    wave = 3 * (1 + 0.05 * np.cos(2 * np.pi * turns)) * np.cos(2 * np.pi * 23 * turns)
    wave += 4.0 * np.exp(-((near * 28) ** 2)) * np.cos(2 * np.pi * 58 * turns)
    return wave + 0.3 * np.random.default_rng(3).standard_normal(len(TIME))


@pytest.mark.parametrize(
    ("fault", "wave"),
    [(Fault.BEARING_OUTER_RACE, struck()), (Fault.UNBALANCE, shaken()), (Fault.GEAR_TOOTH, meshed())],
)
def test_what_a_varying_speed_smears_is_supported_by_the_shafts_angle(fault, wave):
    channel = (point(), wave, RATE)
    without = find(ask(GEARED, recording(channel, speed=SPEED)), fault)
    with_angle = find(ask(GEARED, recording(channel, pulses())), fault)
    assert with_angle.verdict is Verdict.SUPPORTED
    assert without.verdict is not Verdict.SUPPORTED or without.score < with_angle.score - 3.0


def test_a_steady_record_is_left_as_it_is():
    steady = SPEED * TIME
    heard, _ = listen(recording((point(), shaken(steady), RATE), pulses(steady)))
    shaft, unread = read_tachometer(heard)
    assert unread == ()
    assert shaft.is_steady
    assert shaft.speed == pytest.approx(SPEED, rel=1e-4)
    assert follow(shaft, heard) == heard


def test_another_rate_than_stated_shows_in_the_tachometer_and_supports_nothing():
    wrong = tuple(
        (where, x, RATE * 1.05) for where, x, _ in ((point(), shaken(SPEED * TIME), RATE), pulses(SPEED * TIME))
    )
    answer = ask(GEARED, recording(*wrong, speed=SPEED))
    assert not [each for each in answer.findings if each.verdict is Verdict.SUPPORTED]
    reason = next(each for each in answer.reasons if each.code == "tachometer-disagrees")
    assert reason.remedy == "check-sampling-rate"
    assert reason.parameters["tachometer_hz"] == pytest.approx(1.05 * SPEED, rel=1e-3)


def test_samples_that_are_missing_show_as_a_turn_that_took_too_little_time():
    steady = SPEED * TIME
    kept = np.delete(np.arange(len(TIME)), slice(20_000, 20_080))
    channels = (point(), shaken(steady)[kept], RATE), (TACHOMETER, pulses(steady)[1][kept], RATE)
    answer = ask(machine(SHAFT), recording(*channels))
    assert "clock-jumps" in codes(find(answer, Fault.UNBALANCE))
    assert find(answer, Fault.UNBALANCE).verdict is Verdict.WEAK


def test_a_tachometer_that_cannot_be_read_is_named_and_the_stated_speed_counts():
    noise = (TACHOMETER, np.random.default_rng(5).standard_normal(len(TIME)), RATE)
    answer = ask(machine(SHAFT), recording((point(), shaken(SPEED * TIME), RATE), noise, speed=SPEED))
    reason = next(each for each in answer.reasons if each.code == "tachometer-unreadable")
    assert (reason.point, reason.remedy) == ("tacho", "check-tachometer")
    assert answer.speed == SPEED
