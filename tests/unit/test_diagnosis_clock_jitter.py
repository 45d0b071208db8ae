"""A sound motor stays sound when its samples' times are wrong: refused or weak, never a fault.

Published analyses show a healthy motor "failing" by tens of decibels through bad timestamps alone.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from pdm.health.diagnosis.clock_jitter import swings_with_clock
from pdm.health.diagnosis.model import Fault, Reason, Verdict
from pdm.health.diagnosis.usable_channels import listen
from tests.unit.diagnosis_cases import (
    BEARINGS,
    RATE,
    SHAFT,
    ask,
    codes,
    currents,
    driven,
    find,
    machine,
    orders,
    point,
    recording,
)

SUPPLY, SLIP, SECONDS, CURRENT_RATE = 50.013, 0.03, 8.0, 2_500.0
SPEED = SUPPLY / 2 * (1 - SLIP)
DRIVEN = driven(BEARINGS[0])
TIME = np.arange(round(SECONDS * CURRENT_RATE)) / CURRENT_RATE
RNG = np.random.default_rng(4)


def swing(radians, beat):
    """Return by how many samples a clock is off that shifts the supply's phase by `radians`, `beat` times a second."""
    return radians / (2 * np.pi * SUPPLY) * CURRENT_RATE * np.sin(2 * np.pi * beat * TIME)


CLOCKS = {
    "each sample a third of a step beside": 0.3 * RNG.standard_normal(len(TIME)),
    "each sample two steps beside": 2.0 * RNG.standard_normal(len(TIME)),
    "half a second of every second late": np.where(TIME % 1.0 > 0.5, 20.0, 0.0),
    "samples lost now and then": 5.0 * np.cumsum(RNG.uniform(size=len(TIME)) < 2e-3),
    "a clock that walks": 0.02 * np.cumsum(RNG.standard_normal(len(TIME))),
    "a swing with the slip, faint": swing(0.02, 2 * SLIP * SUPPLY),
    "a swing with the slip": swing(0.04, 2 * SLIP * SUPPLY),
    "a swing with the slip, deep": swing(0.3, 2 * SLIP * SUPPLY),
    "a swing with the shaft": swing(0.04, SPEED),
    "a swing at 7 Hz": swing(0.04, 7.0),
}


def sound(**known):
    return currents(SECONDS, CURRENT_RATE, bars=-62, eccentricity=-60, **known)


def mistimed(channels, late):
    """Return the channels as sampled at times other than they are stated to be."""
    count = np.arange(len(TIME))
    return tuple(
        (where, CubicSpline(count, x)(np.clip(count + late, 0, count[-1])), rate) for where, x, rate in channels
    )


def supported(answer):
    return [each.fault for each in answer.findings if each.verdict is Verdict.SUPPORTED]


def test_the_motor_is_sound_by_its_true_clock():
    assert supported(ask(DRIVEN, recording(*sound(), speed=SPEED))) == []


@pytest.mark.parametrize("speed", [SPEED, None])
@pytest.mark.parametrize("late", CLOCKS.values(), ids=CLOCKS)
def test_a_sound_motor_sampled_at_other_times_than_stated_is_not_called_faulty(late, speed):
    context = {} if speed is None else {"speed": speed}
    assert supported(ask(DRIVEN, recording(*mistimed(sound(), late), **context))) == []


@pytest.mark.parametrize("speed", [SPEED, None])
@pytest.mark.parametrize("error", [-0.2, -0.05, -0.01, 0.002, 0.005, 0.01, 0.03, 0.05, 0.3])
def test_a_sound_motor_at_another_rate_than_stated_is_not_called_faulty(error, speed):
    channels = tuple((where, x, rate * (1 + error)) for where, x, rate in sound())
    context = {} if speed is None else {"speed": speed}
    assert supported(ask(DRIVEN, recording(*channels, **context))) == []


def test_the_swing_is_named_and_the_converters_clock_is_what_to_check():
    late = CLOCKS["a swing with the slip"]
    bars = find(ask(DRIVEN, recording(*mistimed(sound(), late), speed=SPEED)), Fault.BROKEN_ROTOR_BAR)
    assert bars.score > 10.0
    assert bars.verdict is Verdict.WEAK
    (reason,) = (each for each in bars.reasons if each.code == "clock-swings")
    assert reason.remedy == "check-sampling-clock"
    assert reason.parameters["beat_hz"] == pytest.approx(2 * SLIP * SUPPLY, rel=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_broken_bars_are_not_taken_for_a_swinging_clock(seed):
    heard, _ = listen(recording(*currents(SECONDS, CURRENT_RATE, bars=-40, seed=seed)))
    assert not swings_with_clock(heard[0], SUPPLY, 2 * SLIP * SUPPLY)


def test_a_bearing_supported_by_an_even_clock_is_weak_by_an_uneven_one():
    wave = orders(SPEED, {1: 8.0, 2: 0.4}, seconds=4.0)
    even = recording((point(), wave, RATE), speed=SPEED)
    jitter = Reason("clock-jitter", {"samples": 0.4, "limit": 0.1, "rate_hz": RATE}, None, "check-sampling-clock")
    uneven = replace(even, channels=tuple(replace(each, doubts=(jitter,)) for each in even.channels))
    one, other = ask(machine(SHAFT), even), ask(machine(SHAFT), uneven)
    assert supported(one) == [Fault.UNBALANCE]
    assert supported(other) == []
    assert codes(find(other, Fault.UNBALANCE)) == {"clock-jitter"}
    assert "clock-jitter" in {reason.code for reason in other.reasons}
    assert find(other, Fault.UNBALANCE).confidence < find(one, Fault.UNBALANCE).confidence


def test_currents_that_do_not_sum_to_nothing_are_a_sensors_fault_before_the_motors():
    scaled = [(where, x * gain, rate) for (where, x, rate), gain in zip(sound(), (1.0, 1.0, 1.6), strict=True)]
    answer = ask(DRIVEN, recording(*scaled, speed=SPEED))
    assert supported(answer) == []
    found = find(answer, Fault.SUPPLY_UNBALANCE)
    assert found.score > 6.0
    assert "phases-do-not-add-up" in codes(found)


def test_an_unbalanced_supply_sums_to_nothing_and_is_supported():
    answer = ask(DRIVEN, recording(*sound(negative=0.12), speed=SPEED))
    assert supported(answer) == [Fault.SUPPLY_UNBALANCE]


def test_levels_are_doubted_in_an_operating_state_that_is_not_learned_and_patterns_are_not():
    wave = orders(SPEED, {1: 8.0, 2: 0.4}, seconds=4.0)
    known = replace(recording((point(), wave, RATE), speed=SPEED), is_state_learned=True)
    new = replace(known, is_state_learned=False)
    assert supported(ask(machine(SHAFT), known)) == [Fault.UNBALANCE]
    found = find(ask(machine(SHAFT), new), Fault.UNBALANCE)
    assert found.verdict is Verdict.WEAK
    (reason,) = found.reasons
    assert (reason.code, reason.remedy) == ("state-not-learned", "learn-state")
