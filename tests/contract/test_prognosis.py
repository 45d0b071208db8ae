"""What every remaining-life model promises: training, refusals, intervals, its file, and prognoses."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pdm.errors import InvalidInputError, ModelError, RefusalError
from pdm.health.assessment import Assessment
from pdm.health.baseline.indicators import INDICATOR_VERSION, INDICATORS
from pdm.prognosis.explanation import PastLife, explain, find_alike, weigh_columns
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.life_state import advance, begin_life, life_columns
from pdm.prognosis.model.lives import FleetLife
from pdm.prognosis.predict import LifeStep, prognose_batch
from pdm.prognosis.training.train import train_fleet

NAMES = [indicator.name for indicator in INDICATORS]
K = len(NAMES)
FLEET = "default"
HOUR = 3600.0


def simulated_life(random, name="m", ended_by="failure"):
    """Indicators grow exponentially from a random onset, under noise; some are never seen."""
    count = int(random.integers(90, 160))
    growth = random.uniform(15, 40)
    t = np.arange(count)
    rise = 25 * np.exp((t - count) / growth)
    values = rise[:, None] * np.linspace(0.2, 1, K) + random.normal(0, 1, (count, K))
    values[:, -2:] = np.nan
    return life_of(name, 8 * HOUR * t, values.astype(np.float32), ended_by, 8 * HOUR * count)


def life_of(name, times, values, ended_by, ended_at):
    return FleetLife(name, times, np.empty((len(times), 0)), values, ended_by, ended_at, INDICATOR_VERSION)


def train(lives, seed=0):
    return train_fleet(lives, NAMES, are_relative=True, seed=seed)[0]


def answers(model, life):
    return model.predict(life.life_time, life.settings, life.values)


def fleet(count, seed=0):
    random = np.random.default_rng(seed)
    return [simulated_life(random, f"m{i}") for i in range(count)]


@pytest.fixture(scope="module")
def model():
    return train(fleet(20))


def test_intervals_hold_on_lives_not_seen_and_the_model_beats_plain_guesses(model):
    assert model.metrics["skill"] > 0.2
    covered, errors = [], []
    for life in fleet(25, seed=99):
        middle, lower, upper = answers(model, life)
        actual = life.ended_at - life.life_time
        assert (lower <= middle).all() and not (upper < middle).any()
        covered.append(np.mean((lower <= actual) & ~(upper < actual)))
        errors.append(np.mean(np.abs(middle - np.minimum(actual, model.cap))))
    assert 0.83 <= np.mean(covered) <= 0.99
    assert np.mean(errors) < 0.2 * model.cap


def test_less_life_is_predicted_later_in_life_and_the_healthy_have_at_least_much(model):
    healthy, failing = [], []
    for life in fleet(10, seed=5):
        middle, lower, upper = answers(model, life)
        healthy.append(lower[25])
        failing.append(middle[-1])
        assert middle[-1] < middle[len(middle) // 2]
        assert np.isnan(upper[25])
    assert np.median(healthy) > 0.3 * model.cap
    assert np.median(failing) < 0.1 * model.cap


def test_the_same_lives_and_seed_give_the_same_bytes():
    lives = fleet(6)
    assert train(lives, seed=3).to_bytes() == train(lives, seed=3).to_bytes()


def test_too_few_failures_are_refused_and_the_attainable_level_is_named():
    with pytest.raises(RefusalError, match="75%"):
        train([*fleet(3), simulated_life(np.random.default_rng(8), "x", "replacement")])
    with pytest.raises(RefusalError):
        train([])


def test_few_lives_publish_the_level_they_can_carry():
    assert train(fleet(5)).calibration.level == pytest.approx(5 / 6)


def test_lives_that_did_not_fail_are_used_as_lower_bounds_only():
    random = np.random.default_rng(1)
    healthy = life_of(
        "h",
        8 * HOUR * np.arange(300),
        random.normal(0, 1, (300, K)).astype(np.float32),
        "censored",
        8 * HOUR * 300,
    )
    model = train([*fleet(8), healthy])
    assert model.trained_on["lives"] == 9
    assert model.trained_on["failed_lives"] == 8
    assert model.metrics["lives"] == 8
    _, lower, upper = answers(model, healthy)
    assert np.isnan(upper[250])
    assert lower[250] > 0


def test_lives_without_information_are_refused():
    flat = [life_of(f"m{i}", np.arange(50.0), np.ones((50, K), np.float32), "failure", 50.0) for i in range(5)]
    with pytest.raises(RefusalError, match="no sensor varies"):
        train(flat)
    absent = [
        life_of(f"m{i}", np.arange(50.0), np.full((50, K), np.nan, np.float32), "failure", 50.0) for i in range(5)
    ]
    with pytest.raises(RefusalError, match="records with values"):
        train(absent)


def test_unordered_times_and_other_indicators_are_refused():
    lives = fleet(5)
    swapped = lives[0].life_time.copy()
    swapped[[4, 5]] = swapped[[5, 4]]
    broken = life_of("m", swapped, lives[0].values, "failure", lives[0].ended_at)
    with pytest.raises(InvalidInputError, match="m: life time decreases"):
        train([*lives, broken])
    narrow = life_of("m", lives[0].life_time, lives[0].values[:, :4], "failure", lives[0].ended_at)
    with pytest.raises(InvalidInputError, match=r"m: .* 20 sensors"):
        train([*lives, narrow])


def test_a_model_survives_its_file_bit_for_bit(model):
    body = model.to_bytes()
    read = FleetModel.from_bytes(body, sha256=hashlib.sha256(body).digest())
    life = fleet(1, seed=4)[0]
    assert read.to_bytes() == body
    for one, other in zip(answers(model, life), answers(read, life), strict=True):
        assert np.array_equal(one, other, equal_nan=True)


def test_a_damaged_file_is_refused_before_it_is_parsed(model):
    body = model.to_bytes()
    digest = hashlib.sha256(body).digest()
    random = np.random.default_rng(0)
    for place in random.integers(0, len(body), 50):
        damaged = bytearray(body)
        damaged[place] ^= 1
        with pytest.raises(ModelError, match="checksum"):
            FleetModel.from_bytes(bytes(damaged), sha256=digest)
    for body in (b"", b"{}", b"[]", b'{"format": 2}', b"\xff"):
        with pytest.raises(ModelError):
            FleetModel.from_bytes(body, sha256=hashlib.sha256(body).digest())


def test_columns_of_another_width_are_refused(model):
    with pytest.raises(ModelError, match="columns"):
        model.target([np.zeros((2, 7), np.float32)])


def steps_of(life, health=0.5, progress=1.0):
    state, steps = begin_life(), []
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for at, values in zip(life.life_time.tolist(), life.values, strict=True):
        when = start + timedelta(seconds=at)
        value = health(at) if callable(health) else health
        verdict = Assessment(when, value, progress, "1", None, None, None, None, values, {})
        state, columns = advance(state, when.timestamp(), values, value)
        steps.append(LifeStep.of(state, columns, verdict))
    return steps


def test_a_prognosis_is_the_same_alone_and_in_a_batch(model):
    steps = steps_of(simulated_life(np.random.default_rng(3)))
    alone = [prognose_batch(model, 7, FLEET, [step])[0] for step in steps]
    assert prognose_batch(model, 7, FLEET, steps) == alone
    declining = steps_of(simulated_life(np.random.default_rng(3)), lambda at: 1 - at / (8 * HOUR * 160))
    alone = [prognose_batch(None, None, FLEET, [step])[0] for step in declining]
    assert prognose_batch(None, None, FLEET, declining) == alone
    assert alone[-1].source == "trend"


def test_a_prognosis_carries_interval_level_model_and_evidence(model):
    prognoses = prognose_batch(model, 7, FLEET, steps_of(simulated_life(np.random.default_rng(3))))
    last = prognoses[-1]
    assert last.source == "model" and last.model_id == 7 and last.level == 0.9
    assert last.rul_lower is not None and last.rul is not None and last.rul_upper is not None
    assert last.rul_lower <= last.rul <= last.rul_upper
    assert last.evidence["training_lives"] == 20
    assert last.evidence["cap_s"] == model.cap
    assert prognoses[30].rul_upper is None
    by_age = prognoses[30].evidence["by_age"]
    assert 0 < by_age["lower"] < by_age["middle"] < by_age["upper"]
    assert by_age["level"] == 0.9
    assert by_age["middle"] == pytest.approx(125 * 8 * HOUR - prognoses[30].evidence["age_s"], rel=0.25)
    assert "by_age" not in last.evidence


def test_quantiles_of_a_prognosis_never_cross_and_end_in_at_least(model):
    prognoses = prognose_batch(model, 7, FLEET, steps_of(simulated_life(np.random.default_rng(3))))
    for prognosis in prognoses:
        quantiles = prognosis.evidence["quantiles"]
        assert list(quantiles) == ["0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95"]
        known = [value for value in quantiles.values() if value is not None]
        assert known == sorted(known) and all(0 <= value < model.cap for value in known)
        assert list(quantiles.values())[len(known) :] == [None] * (len(quantiles) - len(known))
    assert None in prognoses[30].evidence["quantiles"].values()
    assert None not in prognoses[-1].evidence["quantiles"].values()


def test_there_is_no_prognosis_while_learning_or_without_model_and_trend(model):
    life = simulated_life(np.random.default_rng(3))
    for step_model in (model, None):
        prognoses = prognose_batch(step_model, 7, FLEET, steps_of(life, None, 0.4)[:5])
        assert {(p.source, p.reason, p.rul) for p in prognoses} == {("none", "learning", None)}
    off = prognose_batch(model, 7, FLEET, steps_of(life, None)[:1])[0]
    assert (off.source, off.reason) == ("none", "machine-off-or-no-data")
    steady = prognose_batch(None, None, FLEET, steps_of(life, 1.0))[-1]
    assert (steady.source, steady.reason) == ("none", "no-model-and-no-trend")


def test_a_model_of_other_indicators_and_a_life_beyond_training_are_named(model):
    steps = steps_of(simulated_life(np.random.default_rng(3)), 1.0)
    old = replace(model, reads="indicators-0 life-3")
    assert prognose_batch(old, 7, FLEET, steps)[-1].reason == "model-reads-other-indicators"
    weak = replace(model, metrics={**model.metrics, "skill": -0.1})
    assert prognose_batch(weak, 7, FLEET, steps)[-1].reason == "no-better-than-a-plain-guess"
    assert not prognose_batch(weak, 7, FLEET, steps)[-1].can_decide
    young = replace(model, longest_age=HOUR)
    assert not prognose_batch(young, 7, FLEET, steps)[-1].can_decide
    last = prognose_batch(young, 7, FLEET, steps)[-1]
    assert last.reason == "older-than-any-training-life"
    assert last.rul_lower == 0.0 and last.level is None


def test_a_doubtful_measurement_widens_the_interval_and_says_so(model):
    steps = steps_of(simulated_life(np.random.default_rng(3)))
    doubtful = [replace(step, assessment=replace(step.assessment, doubtful=("de-h",))) for step in steps]
    sure, wide = (prognose_batch(model, 7, FLEET, each) for each in (steps, doubtful))
    assert [each.rul for each in wide] == [each.rul for each in sure]
    assert [each.rul_lower for each in wide] == [each.rul_lower / 2 for each in sure]
    assert [each.rul_upper for each in wide] == [each.rul_upper and 2 * each.rul_upper for each in sure]
    assert {each.level for each in wide} == {None}, "no calibration holds for it"
    assert all("doubtful-measurement" in each.doubts and each.reason for each in wide)
    assert all(each.evidence["reasons"] == list(each.doubts) for each in wide)
    assert all("quantiles" not in each.evidence for each in wide)
    assert wide[-1].can_decide, "an alert is raised rather earlier than not at all"


def test_a_doubtful_measurement_widens_a_trend_and_makes_no_figure_of_none():
    life = simulated_life(np.random.default_rng(3))
    (sure, wide), (none, still) = (
        [
            prognose_batch(None, None, FLEET, [replace(step, assessment=replace(step.assessment, doubtful=points))])[0]
            for points in ((), ("de-h",))
        ]
        for step in (
            steps_of(life, lambda at: 1 - at / (8 * HOUR * 160))[-1],
            steps_of(life, 1.0)[-1],
        )
    )
    assert sure.source == wide.source == "trend"
    assert (wide.rul, wide.rul_lower, wide.rul_upper) == (sure.rul, sure.rul_lower / 2, 2 * sure.rul_upper)
    assert (wide.level, wide.evidence["reasons"]) == (None, ["no-model", "doubtful-measurement"])
    assert none == still


@pytest.mark.parametrize("record", [10, 60, -1])
def test_what_moves_a_prediction_adds_up_to_it(model, record):
    life = fleet(1, seed=4)[0]
    columns = [life_columns(life.life_time, life.values)[record : record + 1 or None]]
    why = explain(model, columns)
    assert why.predicted == pytest.approx(float(model.answer(model.target(columns))[0][0]))
    assert why.base + why.limited + sum(part.amount for part in why.contributors) == pytest.approx(
        why.predicted, abs=1.0
    )
    amounts = [abs(part.amount) for part in why.contributors]
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[0] > 0
    assert {part.name for part in why.contributors} <= {*NAMES, "age"}
    assert all(part.column in model.ensembles[0].columns for part in why.contributors)


def test_what_takes_most_from_a_life_that_ends_is_what_has_risen(model):
    life = fleet(1, seed=4)[0]
    columns = [life_columns(life.life_time, life.values)[-1:]]
    why = explain(model, columns)
    unseen = {NAMES[-1], NAMES[-2]}
    assert why.contributors[0].amount < 0
    assert sum(part.amount for part in why.contributors) < 0
    assert unseen.isdisjoint(part.name for part in why.contributors[:3])


def past(life):
    remaining = life.ended_at - life.life_time
    return PastLife(life.machine, life_columns(life.life_time, life.values), life.life_time, remaining)


def test_a_past_life_is_most_alike_to_itself_at_the_same_moment(model):
    lives = [past(life) for life in fleet(6, seed=9)]
    now = lives[2].columns[70]
    found = find_alike(now, lives, weigh_columns(model, [now[None]]))
    assert [found[0].machine, found[0].distance] == ["m2", 0.0]
    assert found[0].remaining == lives[2].remaining[70]
    assert len(found) == 3
    assert [each.distance for each in found] == sorted(each.distance for each in found)
    assert all(0.0 <= each.distance <= 1.0 for each in found)
    assert find_alike(now, [], weigh_columns(model, [now[None]])) == []


def test_a_column_that_is_known_once_only_counts_as_far_apart():
    weight = np.array([0.5, 0.5])
    lives = [PastLife("full", np.array([[0.0, 5.0]]), np.zeros(1), np.ones(1))]
    lives += [PastLife("bare", np.array([[0.0, np.nan]]), np.zeros(1), np.ones(1))]
    alike = {each.machine: each.distance for each in find_alike(np.array([0.0, np.nan]), lives, weight)}
    assert alike == {"bare": 0.0, "full": pytest.approx(np.sqrt(0.5))}
    alike = {each.machine: each.distance for each in find_alike(np.array([0.0, 5.0]), lives, weight)}
    assert alike == {"full": 0.0, "bare": pytest.approx(np.sqrt(0.5))}
