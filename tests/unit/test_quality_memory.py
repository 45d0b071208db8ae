"""What is remembered of good records names what contradicts it, and machines that change are no contradiction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pdm.quality.mains import judge_mains
from pdm.quality.memory import FIGURES, LEVELS, ScalarMemory, WaveformMemory, are_swapped
from pdm.quality.scalars import SENTINELS, Sentinel, judge_scalar
from pdm.quality.verdict import Quality

RATE = 25600.0


def memory(records: int = 30, level: float = 0.0, seed: int = 0) -> WaveformMemory:
    rng = np.random.default_rng(seed)
    found = WaveformMemory.from_figures(None)
    for _ in range(records):
        found = found.after(tuple(level + 0.05 * rng.normal(size=len(FIGURES))), 0.0, 1.0, 29.5)
    return found


def moved(by: float) -> tuple[float, ...]:
    return tuple([by] * len(LEVELS) + [0.0] * (len(FIGURES) - len(LEVELS)))


@pytest.mark.parametrize("factor", [10.0, 0.1, 100.0, 1e-3, 9.80665])
def test_the_factor_of_a_unit_is_a_change_of_scale(factor: float) -> None:
    assert memory().contradiction(moved(math.log(factor)), 0.0, 1.0, 29.5) == "scale"


@pytest.mark.parametrize("factor", [0.5, 3.0, 5.0, 30.0, 300.0])
def test_any_other_factor_is_the_machine(factor: float) -> None:
    assert memory().contradiction(moved(math.log(factor)), 0.0, 1.0, 29.5) is None


def test_at_another_speed_or_with_another_shape_it_is_the_machine() -> None:
    assert memory().contradiction(moved(math.log(10.0)), 0.0, 1.0, 12.0) is None
    assert memory().contradiction(tuple([math.log(10.0)] * len(FIGURES)), 0.0, 1.0, 29.5) is None


def stretched(by: float, level: float = 0.0) -> tuple[float, ...]:
    """Return the levels of a record with all frequencies moved by a factor, as a logarithm."""
    of = dict.fromkeys(FIGURES, 0.0) | dict.fromkeys(LEVELS, level)
    of |= {"velocity_rms": level - by, "mean_absolute_difference": level + by}
    of |= {"zero_crossing_rate": by, "hjorth_mobility": by}
    return tuple(of[name] for name in FIGURES)


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 4.0])
def test_frequencies_that_all_moved_by_one_factor_are_a_wrong_sampling_rate(factor: float) -> None:
    assert memory().contradiction(stretched(math.log(factor)), 0.0, 1.0, 29.5) == "sampling-rate"
    assert memory().contradiction(stretched(math.log(factor)), 0.0, 1.0, 12.0) is None, "at another speed"
    assert memory(15).contradiction(stretched(math.log(factor)), 0.0, 1.0, 29.5) is None, "too few records"


def test_other_frequencies_with_other_levels_or_of_some_figures_are_the_machine() -> None:
    assert memory().contradiction(stretched(math.log(2.0), level=0.7), 0.0, 1.0, 29.5) is None
    assert memory().contradiction(stretched(math.log(1.2)), 0.0, 1.0, 29.5) is None
    of = dict(zip(FIGURES, stretched(math.log(2.0)), strict=True))
    for name in ("zero_crossing_rate", "hjorth_mobility", "mean_absolute_difference", "kurtosis"):
        other = tuple((of | {name: 1.0 if name == "kurtosis" else 0.0})[each] for each in FIGURES)
        assert memory().contradiction(other, 0.0, 1.0, 29.5) is None


def test_a_mean_that_jumps_is_an_offset_and_gravity_from_the_beginning_is_none() -> None:
    assert memory().contradiction(moved(0.0), 9.0, 1.0, 29.5) == "offset"
    steady = WaveformMemory.from_figures(None)
    for _ in range(20):
        steady = steady.after(moved(0.0), 9.8, 0.1, math.nan)
    assert steady.contradiction(moved(0.0), 9.8, 0.1, math.nan) is None


def test_nothing_is_named_before_ten_records_and_figures_restore_a_memory() -> None:
    assert memory(9).contradiction(moved(math.log(10.0)), 90.0, 1.0, 29.5) is None
    known = memory()
    assert WaveformMemory.from_figures(known.to_figures()) == known
    assert WaveformMemory.from_figures([1.0]).records == 0


def test_channels_with_the_levels_of_each_other_are_swapped() -> None:
    one, other = memory(level=0.0), memory(level=0.7, seed=1)
    low, high = tuple([0.0] * len(FIGURES)), tuple([0.7] * len(FIGURES))
    assert are_swapped(one, other, high, low)
    assert not are_swapped(one, other, low, high)
    assert not are_swapped(one, other, high, high), "one of them rose"


def test_a_scalar_is_stuck_after_five_times_its_longest_run_if_it_ever_changed() -> None:
    found = ScalarMemory()
    for value in np.repeat(np.arange(12.0), 8):
        found = found.after(float(value))
    for _ in range(32):
        found = found.after(11.0)
    assert not found.is_stuck
    found = found.after(11.0)
    assert found.is_stuck
    assert not found.after(12.0).is_stuck
    constant = ScalarMemory()
    for _ in range(1000):
        constant = constant.after(3.0)
    assert not constant.is_stuck, "a set point"
    assert ScalarMemory.from_figures(found.to_figures()) == found


@pytest.mark.parametrize("sentinel", SENTINELS, ids=lambda each: str(each.value))
def test_the_value_of_a_broken_probe_is_no_measurement_after_a_jump(sentinel: Sentinel) -> None:
    value = sentinel.value + 273.15
    assert not judge_scalar("temperature", value, 60.0 + 273.15).is_measured
    assert judge_scalar("temperature", value + 0.5, 60.0 + 273.15).is_measured
    assert judge_scalar("pressure", value, 0.0).is_measured


def test_a_process_may_reach_the_value_of_a_sentinel() -> None:
    assert judge_scalar("temperature", 85.0 + 273.15, 84.6 + 273.15).is_measured
    assert judge_scalar("temperature", 850.0 + 273.15, 846.0 + 273.15).is_measured


@pytest.mark.parametrize(("quantity", "value"), [("temperature", -1.0), ("temperature", 0.0), ("pressure", -2e5)])
def test_what_is_physically_impossible_is_no_measurement(quantity: str, value: float) -> None:
    assert judge_scalar(quantity, value).reasons == ("impossible",)
    assert judge_scalar("voltage", value).is_measured


@pytest.mark.parametrize("line", [50.0, 49.9, 60.0])
@pytest.mark.parametrize(("speed", "quality"), [(21.0, Quality.NO_MEASUREMENT), (None, Quality.DOUBTFUL)])
def test_the_mains_alone_is_no_measurement(line: float, speed: float | None, quality: Quality) -> None:
    angle = 2 * np.pi * line / RATE * np.arange(5120)
    x = np.sin(angle) + 0.2 * np.sin(3 * angle + 1.0) + 0.002 * np.random.default_rng(0).normal(size=5120)
    travel = float(np.abs(np.diff(x)).mean())
    assert judge_mains(x, RATE, travel, float(x.std()), speed).quality is quality


def test_a_shaft_at_the_line_is_a_doubt_and_another_line_nothing() -> None:
    for frequency, speed, expected in ((50.0, 25.0, Quality.DOUBTFUL), (37.0, 37.0, Quality.OK)):
        x = np.sin(2 * np.pi * frequency / RATE * np.arange(5120))
        travel = float(np.abs(np.diff(x)).mean())
        assert judge_mains(x, RATE, travel, float(x.std()), speed).quality is expected
