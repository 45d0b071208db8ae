import numpy as np
import pytest

from pdm.health.baseline.contamination import examine
from pdm.health.baseline.covariates import learn_compensation
from pdm.trends.rank import mann_kendall
from tests.unit.health_snapshots import follow, snapshot

SIZE = 12
FLOOR, WEIGHT, ONE_SIDED = np.full(SIZE, 0.1), np.ones(SIZE), np.zeros(SIZE, bool)
SICK = ("rms", "velocity_rms", "high_frequency_rms", "envelope_rms")


def rows(count=30, seed=1):
    return np.random.default_rng(seed).normal(0.0, 0.3, (count, SIZE))


def test_sound_rows_have_neither_outliers_nor_trends():
    spoilt = [seed for seed in range(300) if not is_sound(examine(rows(seed=seed), FLOOR, WEIGHT, ONE_SIDED))]
    assert len(spoilt) <= 1


def is_sound(found):
    return not (found.is_spoilt_by_outliers or found.rising.any() or found.falling.any())


@pytest.mark.parametrize("sign", [1, -1])
def test_a_trend_in_several_columns_is_found_with_its_direction(sign):
    spoilt = rows()
    spoilt[:, :4] += sign * np.linspace(0.0, 3.0, len(spoilt))[:, None]
    found = examine(spoilt, FLOOR, WEIGHT, ONE_SIDED)
    assert (found.rising if sign > 0 else found.falling)[:4].all()
    assert not (found.falling if sign > 0 else found.rising).any()


def test_the_scatter_between_rows_has_no_trend_in_it():
    spoilt = rows(200) + np.linspace(0.0, 30.0, 200)[:, None]
    assert examine(spoilt, FLOOR, WEIGHT, ONE_SIDED).scatter == pytest.approx(np.full(SIZE, 0.3), rel=0.35)


def test_mann_kendall_counts_pairs_and_ignores_what_is_absent():
    falling = np.arange(20.0)[::-1, None].copy()
    assert mann_kendall(falling)[0] < -5
    falling[3:, 0] = np.nan
    assert abs(mann_kendall(falling)[0]) < 1


def test_a_fault_that_grows_while_learning_is_not_learned_as_normal():
    rng = np.random.default_rng(2)
    growths = [dict.fromkeys(SICK, 1.12**n) for n in range(50)]
    _, assessments = follow(snapshot(n, rng, growth=growth) for n, growth in enumerate(growths))
    first = next(a for a in assessments if a.health is not None)
    assert "baseline-doubt:trend-while-learning" in first.evidence["reasons"]
    assert assessments[-1].health < 0.3
    judged = [a for a in assessments if a.health is not None]
    assert judged[8].health < 0.7


def test_a_machine_that_runs_in_is_learned_when_it_has_run_in():
    rng = np.random.default_rng(3)
    growths = [dict.fromkeys(SICK, 1 + 3 * np.exp(-n / 6)) for n in range(90)]
    _, assessments = follow(snapshot(n, rng, growth=growth) for n, growth in enumerate(growths))
    assert "learning-prolonged:running-in" in {r for a in assessments for r in a.evidence["reasons"]}
    judged = [a for a in assessments if a.health is not None]
    assert len(judged) >= 30
    assert min(a.health for a in judged) > 0.8
    state_at_end = judged[-1].indicators[0]
    assert abs(state_at_end) < 3.0


def test_a_baseline_learned_in_zone_d_is_reported():
    rng = np.random.default_rng(4)
    _, assessments = follow(snapshot(n, rng, growth={"velocity_rms": 9.0}) for n in range(3))
    assert all("learning-in-zone:D" in a.evidence["reasons"] for a in assessments)


def test_what_a_covariate_explains_is_found_and_time_is_none():
    rng = np.random.default_rng(5)
    ambient = rng.uniform(280, 300, 40)
    table = rows(40)
    table[:, 3] += 0.2 * (ambient - 290)
    wear = np.linspace(0, 1, 40)
    learned = learn_compensation(table, np.stack([wear, ambient], axis=1))
    assert learned.which[3] == 1
    assert learned.slope[3] == pytest.approx(0.2, rel=0.1)
    assert np.sum(learned.which >= 0) <= 2
    worn = table + 5 * wear[:, None]
    assert not (learn_compensation(worn, wear[:, None]).which >= 0).any()


def test_beyond_what_was_learned_less_is_trusted_and_at_last_nothing_more_explained():
    rng = np.random.default_rng(6)
    ambient = rng.uniform(280, 300, 40)
    learned = learn_compensation(rows(40) + 0.2 * (ambient - 290)[:, None], ambient[:, None])
    inside, near, far, farther = (learned.explain(np.array([at])) for at in (295.0, 310.0, 330.0, 400.0))
    assert inside[1].max() < near[1].min()
    assert far[0] == pytest.approx(farther[0])
    assert learned.beyond(np.array([400.0])) == [0]
    assert learned.beyond(np.array([295.0])) == []


def test_an_absent_covariate_explains_nothing():
    rng = np.random.default_rng(7)
    ambient = rng.uniform(280, 300, 40)
    learned = learn_compensation(rows(40) + 0.2 * (ambient - 290)[:, None], ambient[:, None])
    explained, _ = learned.explain(np.array([np.nan]))
    assert not explained.any()
