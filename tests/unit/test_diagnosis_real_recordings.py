"""Diagnosis of public recordings whose faults are known: the gates that a change of rules must not pass through."""

import os
from pathlib import Path

import pytest

from benchmarks.seeded_bearings import judge_both_ends, judge_cwru

pytestmark = pytest.mark.real_data

DATA = Path(os.environ.get("PDM_DATA") or Path(__file__).parents[3] / "shared" / "data")


@pytest.fixture(scope="module")
def folder():
    if not (DATA / "cwru" / "manifest.csv").exists():
        message = f"{DATA} holds no recordings of CWRU; set PDM_DATA to the folder of the recordings"
        if os.environ.get("PDM_REQUIRE_DATA") == "1" or os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return DATA / "cwru"


@pytest.fixture(scope="module")
def judged(folder):
    return judge_cwru(folder)


def test_no_seeded_bearing_is_called_by_another_fault(judged):
    assert judged["supported_wrong"] == []


def test_a_sound_bearing_is_left_alone_whole_and_in_ten_parts(judged):
    assert judged["files"]["healthy"] == 11
    assert judged["supported_healthy"] == 0


def test_the_right_fault_comes_first_on_most_seeded_bearings(judged):
    assert {name: count for name, count in judged["files"].items() if name != "healthy"} == {
        "bearing_inner_race": 8,
        "bearing_outer_race": 14,
        "bearing_rolling_element": 8,
    }
    first = judged["ranked_first_right"]
    assert first["bearing_inner_race"] >= 7
    assert first["bearing_outer_race"] >= 12
    assert first["bearing_rolling_element"] >= 4


def test_most_races_are_supported(judged):
    """The others are those that Smith and Randall could not diagnose, or only in part."""
    assert judged["supported_right"]["bearing_inner_race"] >= 6
    assert judged["supported_right"]["bearing_outer_race"] >= 12
    assert judged["supported_right"]["bearing_rolling_element"] >= 2


def test_the_damaged_end_is_named_without_a_given_speed(folder):
    judged = judge_both_ends(folder)
    assert judged["files"] == 27
    assert judged["misplaced"] == []
    assert judged["located"] >= 17
    assert judged["largest_error_of_speed"] < 0.005
