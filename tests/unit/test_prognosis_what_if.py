from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from pdm.errors import RefusalError
from pdm.prognosis.what_if import Conditions, tell_effect


def lives(count: int = 12, *, exponent: float = -3.0, noise: float = 0.0, seed: int = 0) -> list[Conditions]:
    random = np.random.default_rng(seed)
    loads = np.linspace(0.4, 1.0, count)
    return [
        Conditions(1e6 * load**exponent * math.exp(noise * random.normal()), {"load": load, "speed": 25.0})
        for load in loads.tolist()
    ]


def test_a_power_law_of_load_is_found_and_gives_its_factor() -> None:
    effect = tell_effect(lives(), {"load": 0.5, "speed": 25.0}, {"load": 1.0})
    assert effect.exponents["load"] == pytest.approx(-3.0)
    assert effect.factor == pytest.approx(1 / 8)
    assert effect.lower == pytest.approx(effect.upper)
    assert effect.lives == 12


def test_exponent_and_interval_are_those_of_a_regression_on_logarithms() -> None:
    known = lives(20, noise=0.4, seed=3)
    line = stats.linregress([math.log(x.means["load"]) for x in known], [math.log(x.life) for x in known])
    effect = tell_effect(known, {"load": 0.8}, {"load": 0.6})
    ratio, half = math.log(0.6 / 0.8), stats.t.ppf(0.95, 18) * line.stderr
    assert effect.exponents["load"] == pytest.approx(line.slope)
    assert effect.factor == pytest.approx(math.exp(line.slope * ratio))
    assert math.log(effect.upper) == pytest.approx(line.slope * ratio + half * abs(ratio))
    assert math.log(effect.lower) == pytest.approx(line.slope * ratio - half * abs(ratio))
    assert effect.lower < effect.factor < effect.upper


def test_the_interval_holds_the_true_factor_as_often_as_it_says() -> None:
    covered = estimates = 0
    for seed in range(400):
        try:
            effect = tell_effect(lives(16, noise=0.3, seed=seed), {"load": 0.9}, {"load": 0.5})
        except RefusalError:
            continue
        estimates += 1
        covered += effect.lower <= (0.5 / 0.9) ** -3 <= effect.upper
    assert estimates > 390
    assert covered / estimates == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / estimates))


@pytest.mark.parametrize(
    ("known", "now", "asked", "why"),
    [
        (lives(7), {"load": 0.5}, {"load": 0.9}, "7 run-to-failure histories"),
        (lives(), {"load": 0.5, "speed": 25.0}, {"speed": 20.0}, "its effect is unknown"),
        (lives(), {"load": 0.5}, {"load": 1.2}, "not the 1.2 that is asked"),
        (lives(), {"load": 0.2}, {"load": 0.5}, "not the 0.2 that is present"),
        (lives(), {}, {"load": 0.5}, "has no present load"),
        (lives(exponent=0.0, noise=0.5, seed=1), {"load": 0.5}, {"load": 0.9}, "is significant"),
        ([Conditions(x.life, {}) for x in lives()], {"load": 0.5}, {"load": 0.9}, "0 run-to-failure histories"),
    ],
)
def test_what_the_lives_do_not_tell_is_refused_with_the_reason(
    known: list[Conditions], now: dict[str, float], asked: dict[str, float], why: str
) -> None:
    with pytest.raises(RefusalError, match=why):
        tell_effect(known, now, asked)


def test_collinear_load_and_speed_are_not_separated() -> None:
    together = [Conditions(x.life, {"load": x.means["load"], "speed": 30 * x.means["load"]}) for x in lives(14)]
    with pytest.raises(RefusalError, match="are correlated"):
        tell_effect(together, {"load": 0.5, "speed": 15.0}, {"load": 0.9, "speed": 20.0})


def test_two_conditions_multiply() -> None:
    random = np.random.default_rng(5)
    known = [
        Conditions(1e6 * load**-3 * speed**-1, {"load": load, "speed": speed})
        for load, speed in zip(random.uniform(0.4, 1, 16).tolist(), random.uniform(10, 50, 16).tolist(), strict=True)
    ]
    effect = tell_effect(known, {"load": 0.5, "speed": 20.0}, {"load": 0.75, "speed": 40.0})
    assert effect.factor == pytest.approx(1.5**-3 / 2)


def test_what_stays_as_it_is_changes_nothing() -> None:
    assert tell_effect(lives(), {"load": 0.5}, {"load": 0.5}).factor == 1.0
