"""What comes back every day or week is normal at its hour, and only that."""

from dataclasses import replace

import numpy as np
import pytest

from features.catalogue import definitions
from pdm.health.assess import HealthState, assess, initial_state
from pdm.health.baseline.season import PERIODS, learn_season
from tests.unit.health_snapshots import MOTOR, snapshot

DAY, WEEK = PERIODS["day"], PERIODS["week"]
AMPLITUDES = [each.name for each in definitions("vibration", "channel") if each.unit not in ("dB", "1")]
SICK = ("rms", "velocity_rms", "high_frequency_rms", "envelope_rms", "peak")
FAULT = 20  # day on which a fault begins


def wandering(count: int, columns: int, step_h: float, lasting_h: float, seed: int = 3):
    """Noise that forgets what it was within `lasting_h`."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-step_h / lasting_h)
    noise = rng.normal(size=(count, columns))
    for place in range(1, count):
        noise[place] = keep * noise[place - 1] + np.sqrt(1 - keep**2) * noise[place]
    return noise


@pytest.mark.parametrize(("name", "period", "step"), [("day", DAY, 3600.0), ("week", WEEK, 6 * 3600.0)])
def test_a_season_is_found_with_its_height_and_hour(name, period, step):
    times = 1.7e9 + np.arange(0, 4 * period, step)
    rows = np.random.default_rng(0).normal(0.0, 0.2, (len(times), 6))
    rows[:, :3] += np.cos(2 * np.pi * (times - 5 * 3600) / period)[:, None]
    season = learn_season(rows, times)
    assert season.found == (name,)
    explained = np.stack([season.explain(at)[0] for at in times])
    assert explained[:, :3] == pytest.approx(
        np.repeat(np.cos(2 * np.pi * (times - 5 * 3600) / period)[:, None], 3, axis=1), abs=0.15
    )
    assert (explained[:, 3:] == 0).all()
    assert season.explain(times[0])[1][:3] == pytest.approx(np.full(3, 0.2 * np.sqrt(2 / len(times))), rel=0.4)


@pytest.mark.parametrize("lasting_h", [0.1, 3.0, 12.0, 48.0])
@pytest.mark.parametrize(("days", "step_h"), [(3, 0.5), (7, 1.0), (7, 8.0)])
def test_noise_that_wanders_has_hardly_ever_a_season(days, step_h, lasting_h):
    times = 1.7e9 + np.arange(0, 24 * days, step_h) * 3600
    season = learn_season(wandering(len(times), 200, step_h, lasting_h), times)
    assert (season.doubt > 0).sum() <= 5


def test_wear_is_no_season():
    times = 1.7e9 + np.arange(0, 10 * DAY, 3600.0)
    rows = 3.0 * ((times - times[0]) / np.ptp(times))[:, None] ** 2 + np.random.default_rng(1).normal(
        0, 0.1, (len(times), 20)
    )
    assert learn_season(rows, times).found == ()


@pytest.mark.parametrize(
    "times",
    [
        1.7e9 + np.arange(0, 2 * DAY, 1800.0),  # too short
        1.7e9 + np.arange(0, 30 * DAY, DAY),  # the same hour each day
        1.7e9 + np.concatenate([np.arange(n * DAY, n * DAY + 8 * 3600, 1800.0) for n in range(10)]),  # one shift
    ],
)
def test_no_season_is_learned_where_hours_are_missing(times):
    rows = np.cos(2 * np.pi * times / DAY)[:, None] + np.zeros((1, 4))
    assert learn_season(rows, times).found == ()


def in_a_hall_that_sways(swing: float, seed: int, learning: int = 96, hours: int = 720):
    """Follow a motor whose vibration sways every day, and doubles within nine days from day `FAULT` on."""
    rng = np.random.default_rng(seed)
    state = initial_state(replace(MOTOR, baseline_acquisitions=learning))
    machine, lowest, found = replace(MOTOR, baseline_acquisitions=learning), 1.0, None
    for hour in range(hours):
        growth = dict.fromkeys(AMPLITUDES, 1 + swing * np.cos(2 * np.pi * (hour - 15) / 24))
        days_sick = hour / 24 - FAULT
        for name in SICK if days_sick > 0 else ():
            growth[name] *= np.exp(0.08 * days_sick)
        state, assessment = assess(machine, state, snapshot(hour, rng, growth=growth))
        if assessment.health is None:
            continue
        if days_sick <= 0:
            lowest = min(lowest, assessment.health)
        elif assessment.health < 0.6 and found is None:
            found = days_sick
    return state, lowest, found


def test_a_fault_is_found_as_soon_in_a_hall_that_sways_as_in_one_that_does_not():
    still, lowest_still, found_still = in_a_hall_that_sways(0.0, seed=1)
    swaying, lowest, found = in_a_hall_that_sways(0.4, seed=1)
    assert still.states[0].season.found == ()
    assert swaying.states[0].season.found == ("day",)
    assert lowest_still > 0.9
    assert lowest > 0.9
    assert found == pytest.approx(found_still, abs=1.5)
    assert HealthState.from_bytes(swaying.to_bytes()).to_bytes() == swaying.to_bytes()
