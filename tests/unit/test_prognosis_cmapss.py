"""The recipe that any fleet's remaining life is learned with, on simulated wear and on C-MAPSS where it is at hand."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pdm.errors import InvalidInputError, ModelError, RefusalError
from pdm.ingest.cmapss import SENSORS, read_engines, read_remaining
from pdm.prognosis.evaluation.fleet_evaluation import (
    AlertRule,
    alpha_lambda,
    describe_alerts,
    describe_errors,
    describe_out_of_fold,
)
from pdm.prognosis.model.channels import learn_channels
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.life_state import life_columns
from pdm.prognosis.model.regimes import find_regimes
from pdm.prognosis.statistics.conformal import calibrate
from pdm.prognosis.training.comparison import compare
from pdm.prognosis.training.train import FleetLife, OutOfFold, train_fleet
from pdm.replay.evaluate import evaluate_cmapss, evaluation_text

DATA = Path(os.environ.get("PDM_DATA", "../shared/data")) / "cmapss"
NAMES = ("wear", "load_and_wear", "noise", "constant")


def worn_lives(count=14, seed=0, unit=1.0):
    """Lives in two regimes whose sensors shift with the regime and grow towards the end."""
    random = np.random.default_rng(seed)
    lives = []
    for number in range(count):
        length = int(random.integers(80, 160))
        time = np.arange(1, length + 1) * unit
        regime = random.integers(0, 2, length)
        wear = np.exp(4.0 * (np.arange(length) / length - 1.0))
        values = np.column_stack(
            [
                10.0 * regime + wear + random.normal(0, 0.05, length),
                -40.0 * regime - (1 + regime) * wear + random.normal(0, 0.1, length),
                random.normal(0, 1.0, length),
                np.full(length, 7.0),
            ]
        )
        settings = np.column_stack([20.0 * regime + random.normal(0, 0.01, length), np.full(length, 100.0)])
        lives.append(FleetLife(f"m{number}", time, settings, values, "failure", float(time[-1])))
    return lives


@pytest.fixture(scope="module")
def trained():
    return train_fleet(worn_lives(), NAMES)


def test_regimes_are_found_where_settings_are_tight_clusters_and_only_there():
    random = np.random.default_rng(0)
    centres = np.array([[0, 0.0], [10, 0.25], [20, 0.7], [25, 0.62], [35, 0.84], [42, 0.84]])
    own = random.integers(0, 6, 3000)
    regimes = find_regimes(centres[own] + random.normal(0, 1e-3, (3000, 2)))
    assert regimes.count == 6
    found = regimes.assign(centres)
    assert sorted(found.tolist()) == [0, 1, 2, 3, 4, 5]
    assert find_regimes(random.normal(0, 1, (2000, 3))).count == 1
    assert find_regimes(random.uniform(0, 1, (2000, 1))).count == 1
    assert find_regimes(np.full((50, 3), 100.0)).count == 1
    assert find_regimes(np.empty((50, 0))).count == 1


def test_a_few_stray_settings_are_no_regime():
    random = np.random.default_rng(0)
    settings = np.repeat([[0.0], [10.0]], 500, axis=0) + random.normal(0, 1e-3, (1000, 1))
    settings[[3, 700]] = 30.0
    assert find_regimes(settings).count == 2


def test_settings_that_are_missing_are_refused():
    with pytest.raises(InvalidInputError):
        find_regimes(np.array([[0.0], [np.nan]]))


def test_channels_have_no_trace_of_the_regime_and_drop_constant_sensors():
    lives = worn_lives()
    settings, values = (np.concatenate([getattr(life, name) for life in lives]) for name in ("settings", "values"))
    remaining = np.concatenate([life.ended_at - life.life_time for life in lives])
    channels = learn_channels(settings, values, remaining, 60.0, NAMES)
    assert channels.names[:4] == ("wear", "load_and_wear", "noise", "health_index")
    made = channels.of(settings, values)
    regime = channels.regimes.assign(settings)
    assert np.abs(made[regime == 0].mean(axis=0) - made[regime == 1].mean(axis=0)).max() < 0.2
    assert np.corrcoef(made[:, 3], remaining)[0, 1] < -0.5
    with pytest.raises(InvalidInputError):
        channels.of(settings, values[:, :2])
    with pytest.raises(RefusalError):
        learn_channels(settings, values[:, 3:], remaining, 60.0, NAMES[3:])


def test_a_missing_sensor_leaves_the_other_channels_as_they_are():
    life = worn_lives(1)[0]
    remaining = life.ended_at - life.life_time
    channels = learn_channels(life.settings, life.values, remaining, 60.0, NAMES)
    values = life.values.copy()
    values[:, 2] = np.nan
    made, whole = channels.of(life.settings, values), channels.of(life.settings, life.values)
    assert np.isnan(made[:, 2]).all()
    assert np.array_equal(made[:, :2], whole[:, :2])


def test_the_same_lives_give_the_same_bytes_and_the_bytes_the_same_model(trained):
    model, _ = trained
    body = train_fleet(worn_lives(), NAMES)[0].to_bytes()
    assert body == model.to_bytes()
    read = FleetModel.from_bytes(body, sha256=hashlib.sha256(body).digest())
    life = worn_lives(1, seed=9)[0]
    for ours, theirs in zip(
        model.predict(life.life_time, life.settings, life.values),
        read.predict(life.life_time, life.settings, life.values),
        strict=True,
    ):
        assert np.array_equal(ours, theirs, equal_nan=True)


def test_damaged_bytes_are_refused_before_they_are_read(trained):
    body = trained[0].to_bytes()
    with pytest.raises(ModelError, match="checksum"):
        FleetModel.from_bytes(body[:-1] + b" ", sha256=hashlib.sha256(body).digest())
    for other in (b"{}", b"no json", json.dumps({"format": "fleet-1"}).encode()):
        with pytest.raises(ModelError):
            FleetModel.from_bytes(other, sha256=hashlib.sha256(other).digest())


def test_a_prediction_at_a_record_does_not_depend_on_later_ones(trained):
    life = worn_lives(1, seed=5)[0]
    whole = trained[0].predict(life.life_time, life.settings, life.values)
    part = trained[0].predict(life.life_time[:40], life.settings[:40], life.values[:40])
    for all_of_it, first in zip(whole, part, strict=True):
        assert np.array_equal(all_of_it[:40], first, equal_nan=True)


def test_a_stream_of_many_machines_has_the_bits_of_each_whole_life(trained):
    model, _ = trained
    lives = worn_lives(5, seed=7)
    states = [model.begin() for _ in lives]
    streams = []
    for record in range(60):
        states, answers = model.advance(
            states,
            [life.life_time[record] for life in lives],
            np.array([life.settings[record] for life in lives]),
            np.array([life.values[record] for life in lives]),
        )
        streams.append(answers)
    for place, life in enumerate(lives):
        whole = model.predict(life.life_time[:60], life.settings[:60], life.values[:60])
        for part, streamed in zip(whole, zip(*streams, strict=True), strict=True):
            assert part.tobytes() == np.array([row[place] for row in streamed]).tobytes()


def test_a_training_that_was_ended_goes_on_with_the_members_it_had(trained):
    kept: dict[str, bytes] = {}

    def die(_, share):
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_fleet(worn_lives(), NAMES, progress=die, kept=kept)
    begun = dict(kept)
    assert 2 <= len(begun) < 5
    model, _ = train_fleet(worn_lives(), NAMES, kept=kept)
    assert model.to_bytes() == trained[0].to_bytes()
    assert begun.items() <= kept.items()
    assert len(kept) == 5
    train_fleet(worn_lives(), NAMES, seed=1, kept=kept)
    assert len(kept) == 10


def test_quantiles_of_an_answer_rise_and_a_new_operating_state_is_known_as_such(trained):
    model, _ = trained
    life = worn_lives(1, seed=3)[0]
    columns = [life_columns(life.life_time, e.channels.of(life.settings, life.values)) for e in model.ensembles]
    assert (np.diff(model.quantiles(model.target(columns)), axis=1) >= 0).all()
    regimes = model.ensembles[0].channels.regimes
    assert regimes.know(life.settings).all()
    assert not regimes.know(life.settings + np.array([10.0, 0.0])).any()
    assert not regimes.know(life.settings + np.array([0.0, 5.0])).any()


def test_in_an_operating_state_never_seen_the_answer_is_at_least_nothing(trained):
    model, _ = trained
    life = worn_lives(1, seed=3)[0]
    settings = life.settings.copy()
    settings[-5:] += 10.0
    assert model.know(settings).tolist() == [True] * (len(settings) - 5) + [False] * 5
    usual, other = (model.predict(life.life_time, given, life.values) for given in (life.settings, settings))
    assert (other[1][-5:] == 0.0).all() and np.isnan(other[2][-5:]).all()
    assert all(np.array_equal(a[:-5], b[:-5], equal_nan=True) for a, b in zip(usual, other, strict=True))


def test_lives_in_another_unit_of_time_give_the_same_model_in_that_unit(trained):
    model, seen = train_fleet(worn_lives(unit=3600.0), NAMES)
    assert model.cap == pytest.approx(3600.0 * trained[0].cap)
    assert seen.predicted == pytest.approx(3600.0 * trained[1].predicted)


def test_remaining_life_of_an_unseen_life_is_predicted_with_an_interval_that_mostly_covers_it(trained):
    model, seen = trained
    actual = np.minimum(seen.actual, model.cap)
    assert np.sqrt(np.mean((seen.predicted - actual) ** 2)) < 0.5 * actual.std()
    assert np.mean((seen.lower <= actual) & (actual <= seen.upper)) > 0.8
    assert (seen.lower <= seen.predicted).all()
    assert (seen.predicted <= seen.upper).all()


def test_censored_lives_teach_only_where_they_outlived_the_cap():
    lives = worn_lives()
    unending = [
        FleetLife(f"c{i}", x.life_time, x.settings, x.values, "censored", x.ended_at) for i, x in enumerate(lives[:4])
    ]
    model, seen = train_fleet([*lives, *unending], NAMES)
    assert model.trained_on["lives"] == 18
    assert model.trained_on["failed_lives"] == 14
    assert set(seen.life.tolist()) == set(range(14))


def test_lives_that_cannot_teach_are_refused_by_name():
    lives = worn_lives(5)
    with pytest.raises(RefusalError, match="3 run-to-failure"):
        train_fleet(lives[:3], NAMES)
    bad = lives[4]
    backwards = FleetLife("m4", bad.life_time[::-1].copy(), bad.settings, bad.values, "failure", bad.ended_at)
    with pytest.raises(InvalidInputError, match="m4: life time decreases"):
        train_fleet([*lives[:4], backwards], NAMES)
    early = FleetLife("m4", bad.life_time, bad.settings, bad.values, "failure", bad.ended_at - 10)
    with pytest.raises(InvalidInputError, match="after the end"):
        train_fleet([*lives[:4], early], NAMES)
    narrow = FleetLife("m4", bad.life_time, bad.settings, bad.values[:, :2], "failure", bad.ended_at)
    with pytest.raises(InvalidInputError, match=r"m4: .*shape"):
        train_fleet([*lives[:4], narrow], NAMES)
    with pytest.raises(InvalidInputError, match="cap"):
        train_fleet(lives, NAMES, cap=0.0)
    with pytest.raises(InvalidInputError, match="m4: the same life occurs twice"):
        train_fleet([*lives, bad], NAMES)
    with pytest.raises(InvalidInputError, match="different versions: , v2"):
        train_fleet([*lives[:4], replace(bad, reads="v2")], NAMES)
    repeated = bad.life_time.copy()
    repeated[5] = repeated[4]
    with pytest.raises(InvalidInputError, match=r"m4: life time .* repeats"):
        train_fleet([*lives[:4], replace(bad, life_time=repeated)], NAMES)
    with pytest.raises(RefusalError, match="0 run-to-failure"):
        train_fleet([replace(life, ended_by="censored") for life in lives], NAMES)
    with pytest.raises(RefusalError, match="no sensor varies"):
        train_fleet([replace(life, values=np.full_like(life.values, 7.0)) for life in lives], NAMES)


def test_a_sensor_in_another_unit_in_one_life_is_named():
    lives = worn_lives(8)
    lives = [replace(life, values=np.column_stack([life.values, 100 + life.values[:, 0]])) for life in lives]
    mixed = lives[3].values * [1, 1, 1, 1, 9.80665]
    with pytest.raises(InvalidInputError, match=r"m3: level differs by a factor of [89]\."):
        train_fleet([*lives[:3], replace(lives[3], values=mixed), *lives[4:]], (*NAMES, "level"))


def test_a_gap_in_a_life_ages_it_by_a_few_intervals_only(trained):
    life = worn_lives(1, seed=5)[0]
    gap = life.life_time + np.where(np.arange(len(life.life_time)) >= 40, 1000.0, 0.0)
    predicted = trained[0].predict(gap, life.settings, life.values)[0]
    usual = trained[0].predict(life.life_time, life.settings, life.values)[0]
    assert np.abs(predicted - usual)[60:].max() < 0.25 * trained[0].cap


def test_a_challenger_serves_only_if_it_surely_errs_less_on_lives_neither_has_seen(trained):
    model, _ = trained
    lives = worn_lives()
    assert compare(model, None, lives).is_better
    same = compare(model, model, lives)
    assert not same.is_better
    assert same.rmse == same.champion_rmse
    poor, _ = train_fleet(
        [replace(life, values=life.values * [0.0, 0.0, 1.0, 1.0] + [0.0, 0.0, 0.0, 0.0]) for life in lives], NAMES
    )
    verdict = compare(model, poor, lives)
    assert verdict.is_better
    assert verdict.better_share == 1.0
    assert verdict.lives == len(lives)
    assert "held-out histories" in verdict.reason
    assert not compare(poor, model, lives).is_better
    assert compare(model, replace(poor, reads="older"), lives).is_better
    assert not compare(model, poor, lives[:2]).is_better


def test_the_prediction_of_a_training_life_comes_from_the_member_not_trained_on_it(trained):
    model, seen = trained
    life = worn_lives()[2]
    predicted = model.predict_unseen(life.key, life.life_time, life.settings, life.values)
    rows = seen.select(seen.life == 2)
    assert predicted[rows.record - 1] == pytest.approx(rows.predicted, rel=1e-12)
    other = model.predict_unseen("elsewhere@0.0", life.life_time, life.settings, life.values)
    assert np.array_equal(other, model.predict(life.life_time, life.settings, life.values)[0])


def test_every_band_of_predictions_keeps_the_level_by_itself_where_that_is_asked_for():
    random = np.random.default_rng(0)
    life = np.repeat(np.arange(100), 150)
    predicted = random.uniform(0.1, 0.9, len(life))
    wide = predicted > 0.5  # heavy-tailed errors: one width for all would cover too much here and too little there
    error = np.where(wide, random.laplace(0, 0.02, len(life)), random.uniform(-0.1, 0.1, len(life)))
    is_new = life >= 50
    calibration = calibrate(
        predicted[~is_new], (predicted + error)[~is_new], life[~is_new], most_bands=12, each_band_holds=True
    )
    lower, upper = calibration.interval(predicted)
    is_covered = (lower <= predicted + error) & (predicted + error <= upper)
    for band in (predicted < 0.45, predicted > 0.55):
        assert is_covered[is_new & band].mean() == pytest.approx(0.9 * 51 / 50, abs=0.02)  # 50 lives, one more to come
    one = calibrate(predicted[~is_new], (predicted + error)[~is_new], life[~is_new], most_bands=12)
    lower, upper = one.interval(predicted)
    is_covered = (lower <= predicted + error) & (predicted + error <= upper)
    assert is_covered[is_new & (predicted < 0.45)].mean() - is_covered[is_new & (predicted > 0.55)].mean() > 0.025


def test_errors_carry_a_bootstrap_interval_over_machines():
    random = np.random.default_rng(0)
    actual = random.uniform(0, 125, 200)
    figures = describe_errors(actual + random.normal(0, 10, 200), actual)
    low, high = figures["rmse_95"]
    assert low < figures["rmse"] < high
    assert high - low == pytest.approx(2 * 1.96 * 10 / np.sqrt(2 * 200), rel=0.25)


def rows_of(predict, lives=2, length=160):
    """Out-of-fold rows of lives that count down, of which `said` (a function) makes predictions."""
    actual = np.tile(np.arange(length)[::-1].astype(float), lives)
    life, record = np.repeat(np.arange(lives), length), np.tile(np.arange(1, length + 1), lives)
    middle = predict(np.minimum(actual, 125.0))
    return OutOfFold(life, record, actual, middle, middle - 5.0, middle + 5.0)


def test_out_of_fold_figures_count_the_rows_they_say():
    seen = rows_of(lambda actual: actual + 3.0)
    figures = describe_out_of_fold(seen, 125.0)
    assert figures["rmse"] == pytest.approx(3.0)
    assert figures["bias"] == pytest.approx(3.0)
    assert figures["rows"] == 2 * (135 - 5 + 1)
    assert figures["interval"]["coverage"] == 1.0
    assert figures["interval"]["mean_width"] == pytest.approx(10.0)
    assert alpha_lambda(seen, 10.0) == 0.0
    assert alpha_lambda(seen, 15.0) == 1.0


def test_alerts_say_notice_missed_failures_and_needless_calls():
    rule = AlertRule(threshold=30.0, needless=60.0)
    figures = describe_alerts(rows_of(lambda actual: actual + 5.0), rule)
    assert figures["lead_p5_p50_p95"] == [25.0, 25.0, 25.0]
    assert (figures["missed_failures"], figures["needless_calls"]) == (0, 0)
    assert describe_alerts(rows_of(lambda actual: actual + 50.0), rule)["missed_failures"] == 2
    assert describe_alerts(rows_of(lambda actual: actual - 40.0), rule)["needless_calls"] == 2


def write_engines(path, lengths, seed=0):
    random = np.random.default_rng(seed)
    rows = []
    for unit, length in enumerate(lengths, start=1):
        cycle = np.arange(1, length + 1)
        wear = np.exp(4.0 * (cycle / length - 1.0))[:, None] * np.linspace(0.5, 2, 21)
        rows.append(
            np.column_stack(
                [np.full(length, unit), cycle, np.zeros((length, 3)), wear + random.normal(0, 0.05, wear.shape)]
            )
        )
    np.savetxt(path, np.concatenate(rows))


def test_the_command_predicts_test_engines_under_both_conventions_and_writes_them_down(tmp_path):
    write_engines(tmp_path / "train_X.txt", [150, 160, 170, 180, 190, 200])
    write_engines(tmp_path / "test_X.txt", [60, 70], seed=1)
    np.savetxt(tmp_path / "RUL_X.txt", [20, 180])
    report = evaluate_cmapss(tmp_path, "X", predictions=tmp_path / "said" / "x.csv", plots=tmp_path / "drawn")
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {"told.png", "alpha_lambda.png", "calibration.png"}
    assert 0.0 <= report["over_life"]["alpha_lambda"]["0.75"]["value"] <= 1.0
    errors = report["test"]["errors"]
    assert set(errors) == {"capped at 125", "uncapped"}
    assert errors["uncapped"]["rmse"] != errors["capped at 125"]["rmse"]
    lines = (tmp_path / "said" / "x.csv").read_text().splitlines()
    assert lines[0] == "unit,cycle,rul,rul_lower,rul_upper,actual"
    assert len(lines) == 3
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert "labels uncapped" in evaluation_text(report)
    (tmp_path / "RUL_X.txt").unlink()
    assert evaluate_cmapss(tmp_path, "X")["test"]["errors"] is None
    (tmp_path / "test_X.txt").unlink()
    report = evaluate_cmapss(tmp_path, "X")
    assert report["test"] is None
    assert "no test file" in evaluation_text(report)


def test_files_that_are_not_of_cmapss_are_refused_by_name(tmp_path):
    with pytest.raises(InvalidInputError, match=r"train_X\.txt is missing"):
        evaluate_cmapss(tmp_path, "X")
    bad = tmp_path / "train_X.txt"
    for text, message in (("1 2 3\n", "3 columns"), ("", "empty|cannot be read"), ("a b\n", "cannot be read")):
        bad.write_text(text)
        with pytest.raises(InvalidInputError, match=message):
            read_engines(bad)
    write_engines(bad, [5, 6])
    table = np.loadtxt(bad)
    np.savetxt(bad, table[1:])
    with pytest.raises(InvalidInputError, match="engine 1 must count from 1"):
        read_engines(bad)
    (tmp_path / "RUL_X.txt").write_text("3\n-1\n")
    with pytest.raises(InvalidInputError):
        read_remaining(tmp_path / "RUL_X.txt", 2)


@pytest.mark.real_data
@pytest.mark.parametrize(("subset", "regimes", "engines"), [("FD001", 1, 100), ("FD002", 6, 260), ("FD003", 1, 100)])
def test_the_published_fleets_have_their_known_regimes(subset, regimes, engines):
    if not DATA.is_dir():
        pytest.skip("no C-MAPSS under PDM_DATA")
    found = read_engines(DATA / f"train_{subset}.txt")
    assert len(found) == engines
    assert find_regimes(np.concatenate([engine.settings for engine in found])).count == regimes
    assert len(SENSORS) == found[0].sensors.shape[1]
