"""What a point can measure is declared in its registration, and judges its values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import machine_from_document, machine_to_document
from pdm.machines.point_limits import PointLimits
from pdm.quality.rate_of_change import NEW_LEVEL, RateWatch
from pdm.quality.scalars import SENTINELS, judge_declared, named_value
from pdm.quality.verdict import Quality
from pdm.quality.waveforms import judge_waveform

OIL = {"key": "oil", "quantity": "temperature", "unit": "degC"}
ACCELERATION = {"key": "de-h", "quantity": "acceleration", "unit": "g", "sampling_rate_hz": 25600.0}


def document(**fields: Any) -> dict[str, Any]:
    return {"key": "press-07", "site": "busan", "line": "line-1", "points": [{**OIL, **fields}]}


def limits(**fields: Any) -> PointLimits:
    return machine_from_document(document(**fields)).points[0].limits


def test_a_point_says_what_it_can_measure_and_the_document_comes_back() -> None:
    declared = {
        "range": {"lowest": -40.0, "highest": 125.0},
        "not_a_measurement": [999.0, -127.0],
        "rate_limit_per_s": 2.5,
    }
    machine = machine_from_document(document(**declared))
    assert machine.points[0].limits == PointLimits(-40.0, 125.0, (999.0, -127.0), 2.5)
    written = machine_to_document(machine)
    assert written["points"] == [{**OIL, **declared}]
    assert machine_from_document(written) == machine
    assert machine_to_document(machine_from_document(document()))["points"] == [OIL]


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"lowest": 0.0}, (0.0, None)),
        ({"highest": 16}, (None, 16.0)),
        ([0, 16], (0.0, 16.0)),
        ([None, 16.0], (None, 16.0)),
    ],
)
def test_one_limit_is_enough_and_a_list_of_two_is_a_range(declared: Any, expected: tuple[float | None, ...]) -> None:
    found = limits(range=declared)
    assert (found.lowest, found.highest) == expected


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"range": {"lowest": 125.0, "highest": -40.0}}, "range", "must be less than highest -40"),
        ({"range": [20.0, 20.0]}, "range", "must be less than"),
        ({"range": [20.0]}, "range", r"give \[lowest, highest\]"),
        ({"range": {}}, "range", "give lowest, highest or both"),
        ({"range": {"low": 3.0}}, "range", "unknown field 'low'; did you mean 'lowest'"),
        ({"range": "0-16"}, "range", "Expected"),
        ({"range": [float("-inf"), 3.0]}, "range.lowest", "finite"),
        ({"not_a_measurement": ["ds18b20-power-of"]}, "not_a_measurement", "did you mean 'ds18b20-power-on'"),
        ({"not_a_measurement": [float("nan")]}, "not_a_measurement", "finite"),
        ({"not_a_measurement": [True]}, "not_a_measurement[0]", "Expected"),
        ({"not_a_measurement": list(range(40))}, "not_a_measurement", "allowed 32"),
        ({"rate_limit_per_s": 0.0}, "rate_limit_per_s", "per second"),
        ({"rate_limit_per_s": -1.0}, "rate_limit_per_s", "positive"),
        ({**ACCELERATION, "rate_limit_per_s": 1.0}, "rate_limit_per_s", "waveforms"),
        ({**ACCELERATION, "not_a_measurement": [0.0]}, "not_a_measurement", "waveforms"),
        (
            {"quantity": "pressure", "unit": "bar", "not_a_measurement": ["pt100-broken-wire"]},
            "not_a_measurement",
            "pres",
        ),
    ],
)
def test_what_no_sensor_is_like_is_refused_by_name(fields: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as refusal:
        machine_from_document(document(**fields))
    assert refusal.value.field == f"points[0].{field}"


def test_values_of_common_probes_are_declared_by_name() -> None:
    named = [each.name for each in SENTINELS] + ["int16-tenths"]
    assert limits(not_a_measurement=named).not_a_measurement == (-127.0, 85.0, 327.67, 850.0, -200.0, -242.02, 3276.7)
    assert limits(unit="K", not_a_measurement=["ds18b20-power-on"]).not_a_measurement == (358.15,)
    assert limits(unit="degF", not_a_measurement=["ds18b20-power-on"]).not_a_measurement == (185.0,)
    assert named_value("int16-tenths", "pressure", "bar") == 3276.7


def test_a_declared_value_is_no_measurement_also_without_a_jump_and_as_single_precision() -> None:
    declared = PointLimits(not_a_measurement=(85.0, 327.67, 0.0))
    for value in (85.0, float(np.float32(327.67)), 0.0):
        assert judge_declared(declared, value).reasons == ("not-a-measurement",)
    for value in (85.01, 327.6, 1e-9, -85.0):
        assert judge_declared(declared, value).is_measured


def test_a_range_has_its_limits() -> None:
    declared = PointLimits(0.1, 16.0)
    assert all(judge_declared(declared, value).is_measured for value in (0.1, float(np.float32(0.1)), 7.0, 16.0))
    assert judge_declared(declared, 0.09).reasons == ("outside-range",)
    assert judge_declared(declared, 16.1).reasons == ("outside-range",)
    assert judge_declared(PointLimits(highest=16.0), -1e9).is_measured


def measured(watch: RateWatch, *values: float, step: float = 10.0) -> list[bool]:
    """Return of each value, `step` seconds apart, whether it is a measurement."""
    found = []
    for index, value in enumerate(values, start=1):
        at = index * step
        watch = watch.after(at, value)
        found.append(watch.last == (at, value))
    return found


def test_a_value_that_changes_too_fast_is_refused_and_the_next_good_one_is_a_measurement() -> None:
    assert measured(RateWatch(0.1), 20.0, 21.0, 60.0, 21.5) == [True, True, False, True]


def test_a_true_step_is_the_new_level_after_records_that_agree() -> None:
    watch = RateWatch(0.1)
    assert measured(watch, 20.0, *[80.0] * NEW_LEVEL, 80.5) == [True, *[False] * (NEW_LEVEL - 1), True, True]


def test_values_that_do_not_agree_are_no_new_level() -> None:
    noise = [80.0, 30.0] * 10
    assert measured(RateWatch(0.01), 20.0, *noise)[1:] == [False] * 20


def test_what_the_time_since_the_last_measurement_allows_is_a_measurement() -> None:
    watch = RateWatch(0.1, (0.0, 20.0))
    assert watch.after(600.0, 79.0).last == (600.0, 79.0)
    assert RateWatch(1.0, (0.0, 20.0)).after(0.001, 20.9).last == (0.001, 20.9), "noise between close records"


@pytest.mark.parametrize(("outside", "quality"), [(1, Quality.DOUBTFUL), (200, Quality.NO_MEASUREMENT)])
def test_samples_beyond_the_range_of_the_sensor_are_named(outside: int, quality: Quality) -> None:
    x = np.random.default_rng(0).normal(size=4096).astype(np.float32)
    limit = float(np.sort(np.abs(x))[-outside - 1])
    found = judge_waveform(x, "acceleration", possible=(-limit, limit))
    assert (found.quality, found.reasons) == (quality, ("outside-range",))
    assert judge_waveform(x, "acceleration", possible=(-10.0, 10.0)).quality is Quality.OK
    assert judge_waveform(x[:32], "acceleration", possible=(-0.1, 0.1)).reasons == ("outside-range",)
