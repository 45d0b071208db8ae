"""What makes a diagnosis due, which recordings it is made from, and how much of a worker's time it may take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdm.health.assessment import Assessment
from pdm.health.detection.operating_states import OFF
from pdm.health.detection.symptoms import LEAST_SEVERITY
from pdm.machines.model import MeasurementPoint
from pdm.service.diagnosis.runner import Budget, choose, recorded
from pdm.service.diagnosis.schedule import RELIEF, Watch, find_due
from pdm.store.analysis.analysis_inputs import StoredWaveform
from pdm.store.analysis.diagnoses import Diagnosable

AT = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SICK, WELL = LEAST_SEVERITY + 1, LEAST_SEVERITY * RELIEF - 0.1


def assessed(
    hours: float,
    severity: float | None = 0.5,
    symptom: str | None = None,
    state: str = "run",
    progress: float = 1.0,
    component: str | None = "bearing-de",
) -> Assessment:
    return Assessment(
        measured_at=AT + hours * HOUR,
        health=None,
        learning_progress=progress,
        operating_state=state,
        zone=None,
        symptom=symptom,
        component=component if symptom else None,
        confidence=None,
        indicators=np.zeros(0, np.float32),
        evidence={},
        severity=severity,
    )


def causes(*assessments: Assessment) -> list[str | None]:
    """What each of them asks for, one after another."""
    watch: Watch | None = None
    found: list[str | None] = []
    for assessment in assessments:
        watch, due = find_due(watch, [assessment], DAY)
        found.append(None if due is None else due[0])
    return found


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        (
            [assessed(0), assessed(1), assessed(23), assessed(24), assessed(25)],
            ["interval", None, None, "interval", None],
        ),
        ([assessed(0), assessed(1, SICK, "unbalance"), assessed(2, SICK, "unbalance")], ["interval", "severity", None]),
        (
            [assessed(0), assessed(1, SICK, "bearing_wear"), assessed(2, SICK, "bearing_outer_race")],
            ["interval", "severity", "symptom"],
        ),
        (
            [assessed(0), assessed(1, SICK, "unbalance"), assessed(2, SICK, "unbalance", component="shaft")],
            ["interval", "severity", "symptom"],
        ),
        (
            [assessed(0), assessed(1, SICK, "unbalance"), assessed(2, WELL), assessed(3, SICK, "unbalance")],
            ["interval", "severity", None, "severity"],
        ),
        (
            [assessed(0), assessed(1, SICK, "unbalance"), assessed(2, WELL + 0.2), assessed(3, SICK, "unbalance")],
            ["interval", "severity", None, None],
        ),
        (
            [assessed(0), assessed(1, state="idle"), assessed(2), assessed(3, state="idle")],
            ["interval", "operating-state", None, None],
        ),
        (
            [assessed(0), assessed(1, None, state="idle", progress=0.5), assessed(2, state="idle")],
            ["interval", None, "operating-state"],
        ),
        (
            [assessed(0, SICK, "unbalance"), assessed(1, None, progress=0.1), assessed(2, SICK, "unbalance")],
            ["severity", None, "severity"],
        ),
        ([assessed(0, None, state=OFF), assessed(1), assessed(30, None, state="transient")], [None, "interval", None]),
    ],
    ids=[
        "the clock asks once an interval",
        "a crossing asks once",
        "another symptom asks",
        "another component asks",
        "a machine that was well asks again",
        "one that was nearly well does not",
        "each state asks once an interval",
        "a state asks when it is learned",
        "a new life may fall sick again",
        "a machine that is off asks for nothing",
    ],
)
def test_what_asks_for_a_diagnosis(course: list[Assessment], expected: list[str | None]) -> None:
    assert causes(*course) == expected


def test_of_a_batch_the_last_acquisition_that_asks_counts() -> None:
    batch = [
        assessed(0),
        assessed(1, SICK, "unbalance"),
        assessed(2, SICK, "misalignment"),
        assessed(3, SICK, "unbalance"),
    ]
    watch, due = find_due(None, batch, DAY)
    assert due is not None
    assert due == ("symptom", AT + 2 * HOUR)
    assert watch is not None
    assert watch.measured_at == AT


STEPS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(0, 10)),
        st.sampled_from([None, "unbalance", "bearing_wear"]),
        st.sampled_from(["run", "idle", OFF]),
        st.sampled_from([0.5, 1.0]),
    ),
    max_size=40,
)


@given(STEPS, st.integers(1, 7))
def test_batches_lead_to_the_same_memory_however_they_are_cut(steps: list[Any], size: int) -> None:
    course = [assessed(i, *step) for i, step in enumerate(steps)]
    whole, _ = find_due(None, course, DAY)
    part: Watch | None = None
    for start in range(0, len(course), size):
        part, _ = find_due(part, course[start : start + size], DAY)
    assert part == whole


def diagnosable(hours: float, state: str | None = "run", missing: tuple[str, ...] = ()) -> Diagnosable:
    return Diagnosable(AT - hours * HOUR, missing, state)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([diagnosable(h) for h in range(6)], [0, 1, 2, 3]),
        ([diagnosable(0), diagnosable(1, "idle"), diagnosable(2), diagnosable(3)], [0, 2, 3]),
        ([diagnosable(0, missing=("a", "b")), diagnosable(1), diagnosable(2)], [1, 2]),
        ([diagnosable(0, missing=("a",)), diagnosable(1), diagnosable(2)], [1, 2]),
        ([*(diagnosable(h, missing=("a",)) for h in range(5)), diagnosable(5)], [0, 1, 2, 3]),
        ([diagnosable(0), diagnosable(1), diagnosable(24 * 8)], [0, 1]),
        ([diagnosable(0, None), diagnosable(1)], [0]),
        ([diagnosable(0, missing=("a", "b"))], []),
    ],
    ids=[
        "the newest",
        "of the newest one's operating state",
        "not without waveforms",
        "complete ones before others",
        "incomplete ones where a sensor is dead",
        "not of weeks ago",
        "not of an unknown state beside a known one",
        "none",
    ],
)
def test_which_recordings_are_diagnosed_together(found: list[Diagnosable], expected: list[int]) -> None:
    assert [round((AT - each.measured_at) / HOUR) for each in choose(found, 2, 4)] == expected


def test_counts_stay_counts_in_si_and_an_offset_makes_them_samples() -> None:
    counts = np.array([1, -2, 32767], np.int16)
    kept = recorded(MeasurementPoint("a", "acceleration", "g", 100.0), StoredWaveform(1, AT, 100.0, counts, 0.5))
    assert kept.samples is counts
    assert kept.scale == pytest.approx(0.5 * 9.80665)
    warm = recorded(MeasurementPoint("t", "temperature", "degC", 100.0), StoredWaveform(1, AT, 100.0, counts, 0.5))
    assert warm.scale is None
    np.testing.assert_allclose(warm.samples[:2], [273.65, 272.15], rtol=1e-6)
    plain = np.array([1.0, 2.0], np.float32)
    volts = recorded(MeasurementPoint("v", "voltage", "kV", 100.0), StoredWaveform(1, AT, 100.0, plain, None))
    np.testing.assert_allclose(volts.samples, [1000.0, 2000.0])


def clock_of(moments: list[float]) -> Callable[[], float]:
    return lambda: moments[-1]


def test_diagnoses_take_their_share_of_the_time_and_no_more() -> None:
    now = [0.0]
    budget = Budget(0.2, clock=clock_of(now))
    spent = 0.0
    while now[-1] < 100.0:
        if budget.is_open():
            budget.spend(0.03)
            spent += 0.03
            now.append(now[-1] + 0.03)
        else:
            now.append(now[-1] + 0.01)
    assert 19.9 < spent <= 20.0


def test_a_long_rest_saves_up_only_so_much() -> None:
    now = [0.0]
    budget = Budget(0.2, most=5.0, clock=clock_of(now))
    now.append(1e6)
    assert budget.is_open()
    budget.spend(5.0)
    assert not budget.is_open()
    budget.spend(1.0)
    now.append(1e6 + 4.9)
    assert not budget.is_open()
    now.append(1e6 + 5.3)
    assert budget.is_open()
