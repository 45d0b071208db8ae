"""`pdm evaluate pronostia` on a made folder of the challenge's layout, and on the learning bearings."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pdm.cli.app import app
from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.evaluation.metrics import challenge_score
from pdm.prognosis.model.few_lives import WornLife, learn_moments
from pdm.replay.bearing_lives import find_bearings, read_level
from pdm.replay.evaluate_pronostia import PUBLISHED, evaluate_pronostia, pronostia_text

DATA = Path(os.environ.get("PDM_DATA", "../shared/data")) / "pronostia"
SAMPLES = 512


def signals(records, life, seed):
    """Return two axes (records, SAMPLES) in milli-g: noise that grows with the share of `life` lived."""
    random = np.random.default_rng(seed)
    growth = np.exp(2.5 * (np.arange(records) / life) ** 3)[:, None]
    return [(300 * growth * random.normal(0, 1, (records, SAMPLES))).astype(np.int16) for _ in "hv"]


def write_npz(path, records, life=None, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    h, v = signals(records, life or records, seed)
    empty = np.zeros(0, np.int64)
    np.savez(path, h=h, v=v, h_ovf_idx=empty, h_ovf_val=empty, v_ovf_idx=empty, v_ovf_val=empty)


def write_folder(path, records, life, seed=0, separator=","):
    path.mkdir(parents=True)
    for number, (h, v) in enumerate(zip(*signals(records, life, seed), strict=True), start=1):
        lines = [
            separator.join(["9", "39", "39", "65664", f"{a / 1e3}", f"{b / 1e3}"]) for a, b in zip(h, v, strict=True)
        ]
        (path / f"acc_{number:05d}.csv").write_text("\n".join(lines))


LIVES = {"1_1": 300, "1_2": 160, "2_1": 180, "2_2": 120, "3_1": 140, "3_2": 220}


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    """A folder of the published layout: whole learning bearings, test bearings cut short and whole, CSV and NPZ."""
    root = tmp_path_factory.mktemp("challenge")
    for number, (name, records) in enumerate(LIVES.items()):
        write_npz(root / "Learning_set" / f"Bearing{name}.npz", records, seed=number)
    write_folder(root / "Test_set" / "Bearing2_7", 172, 230, seed=10, separator=";")
    write_npz(root / "Full_Test_Set" / "Bearing2_7.npz", 230, seed=10)
    write_npz(root / "Test_set" / "Bearing3_3.npz", 352, 434, seed=11)
    return root


@pytest.fixture(scope="module")
def report(challenge):
    """What an evaluation of the folder finds."""
    return evaluate_pronostia(challenge)


def test_the_challenge_is_predicted_at_the_published_records_and_scored_against_the_published_answers(report):
    part = report["challenge"]
    assert part["bearings"] == 2
    assert part["missing"] == sorted(set(PUBLISHED) - {"2_7", "3_3"})
    assert part["cut_elsewhere"] == []
    rows = {row["bearing"]: row for row in part["rows"]}
    assert rows["Bearing2_7"]["age"] == 1710.0  # the whole recording is there, and not read beyond record 172
    assert (rows["Bearing2_7"]["actual"], rows["Bearing3_3"]["actual"]) == (580.0, 820.0)
    predicted, actual = (np.array([row[key] for row in part["rows"]]) for key in ("told", "actual"))
    assert part["score"]["told"]["mean"] == pytest.approx(challenge_score(predicted, actual).mean())
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    text = pronostia_text(report)
    assert "The challenge" in text
    assert "best constant" in text


def test_leaving_one_out_beats_the_constant_where_wear_grows_with_the_share_of_life(report):
    part = report["leave_one_out"]["all_truncations"]
    assert part["score"]["told"]["mean"] > max(part["score"]["constant"]["mean"], 0.25)
    assert set(part["score"]["told"]["by_bearing"]) == {f"Bearing{name}" for name in LIVES}


def test_a_prediction_of_a_bearing_does_not_depend_on_its_later_records(report, tmp_path):
    whole = report["challenge"]["rows"]
    for name, records in LIVES.items():
        write_npz(tmp_path / f"Bearing{name}.npz", records, seed=list(LIVES).index(name))
    write_npz(tmp_path / "Bearing3_3.npz", 352, 434, seed=11)
    (alone,) = evaluate_pronostia(tmp_path)["challenge"]["rows"]
    assert alone == next(row for row in whole if row["bearing"] == "Bearing3_3")


def test_csv_and_packed_recordings_have_the_same_level(tmp_path):
    write_npz(tmp_path / "Bearing1_1.npz", 60, seed=3)
    write_folder(tmp_path / "csv" / "Bearing1_2", 60, 60, seed=3)
    places = find_bearings(tmp_path)
    packed, text = (read_level(name, places[name]) for name in ("1_1", "1_2"))
    assert text.level == pytest.approx(packed.level, rel=1e-5)


def test_folders_that_cannot_be_evaluated_are_refused_by_name(tmp_path):
    with pytest.raises(InvalidInputError, match="contains no bearing"):
        evaluate_pronostia(tmp_path)
    write_npz(tmp_path / "Bearing1_1.npz", 60)
    with pytest.raises(InvalidInputError, match="1 learning bearings"):
        evaluate_pronostia(tmp_path)
    for name in list(LIVES)[1:]:
        write_npz(tmp_path / f"Bearing{name}.npz", 20 if name == "3_2" else 60)
    with pytest.raises(InvalidInputError, match=r"Bearing3_2: 20 records"):
        evaluate_pronostia(tmp_path)
    (tmp_path / "Bearing3_2.npz").write_bytes(b"no archive")
    with pytest.raises(InvalidInputError, match=r"Bearing3_2\.npz cannot be read"):
        evaluate_pronostia(tmp_path)
    np.savez(tmp_path / "Bearing3_2.npz", x=np.zeros(3))
    with pytest.raises(InvalidInputError, match="no axes"):
        evaluate_pronostia(tmp_path)
    folder = tmp_path / "Bearing1_3"
    folder.mkdir()
    (folder / "acc_00001.csv").write_text("1,2,3\n")
    with pytest.raises(InvalidInputError, match=r"acc_00001\.csv of Bearing1_3 must have 6"):
        read_level("1_3", folder)


def worn(name, records, power=3.0):
    share = np.arange(records) / (records - 1)
    return WornLife(name, 10.0 * np.arange(records), 2.0 * share**power)


def test_moments_of_lives_that_wear_alike_tell_the_share_that_is_left():
    moments = learn_moments([worn(f"b{n}", n) for n in (120, 300, 500, 900)])
    new = worn("new", 700)
    for fraction in (0.55, 0.7, 0.85):
        at = int(fraction * 699)
        actual = new.age[-1] - new.age[at]
        middle, lower, upper = moments.predict(new.growth()[at], new.age[at])
        assert middle == pytest.approx(actual, rel=0.35)
        assert lower <= actual <= upper
        best = moments.best(new.growth()[at], new.age[at], challenge_score)
        assert best <= middle  # late costs more than early


def test_growth_looks_at_no_later_record():
    life = worn("a", 300)
    part = WornLife("a", life.age[:200], life.level[:200])
    assert np.array_equal(part.growth(), life.growth()[:200])


def test_lives_that_cannot_teach_are_refused():
    with pytest.raises(RefusalError, match="3 histories"):
        learn_moments([worn("a", 100)] * 3)
    with pytest.raises(RefusalError, match="constant in every history"):
        learn_moments([WornLife("a", 10.0 * np.arange(100), np.zeros(100))] * 4)
    gap = WornLife("gap", np.r_[np.arange(50.0), np.arange(100.0, 150.0)], np.zeros(100))
    with pytest.raises(InvalidInputError, match="gap"):
        learn_moments([worn("a", 100)] * 3 + [gap])


@pytest.mark.real_data
def test_on_the_six_bearings_the_recipe_earns_more_than_any_constant():
    if not DATA.is_dir():
        pytest.skip("no PRONOSTIA under PDM_DATA")
    report = evaluate_pronostia(DATA)
    assert report["challenge"] is None
    part = report["leave_one_out"]["all_truncations"]
    assert part["score"]["told"]["mean"] > part["oracle_constant_score"] > part["score"]["constant"]["mean"]


def test_the_command_prints_json_and_draws_pictures(challenge, tmp_path):
    done = CliRunner().invoke(
        app, ["evaluate", "pronostia", "--path", str(challenge), "--plots", str(tmp_path), "--json"]
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert [Path(each).name for each in report["plots"]] == ["leave_one_out.png", "challenge.png"]
    for each in report["plots"]:
        assert Path(each).read_bytes()[:4] == b"\x89PNG"
    svg = ["evaluate", "pronostia", "--path", str(challenge), "--plots", str(tmp_path), "--svg"]
    assert "leave_one_out" not in CliRunner().invoke(app, svg).stdout
    assert (tmp_path / "challenge.svg").read_text().startswith("<?xml")
