from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from pdm.health.detection.operating_states import MOST_STATES
from pdm.health.detection.transients import TRANSIENT, context_of
from pdm.machines.model import MeasurementPoint
from pdm.measurements import OperatingContext
from tests.unit.health_snapshots import CURRENT, MOTOR, START, follow, learned, snapshot


def at(place, seconds, rng, **kept):
    return replace(snapshot(place, rng, **kept), measured_at=START + timedelta(days=30, seconds=seconds))


@pytest.mark.parametrize("name", ["transient", "run-up", "Coast-Down", "starting"])
def test_a_transient_named_by_the_sender_is_not_judged(name):
    rng = np.random.default_rng(1)
    _, (one,) = follow([snapshot(20, rng, context=OperatingContext(20.0, 0.5, name))], state=learned(rng))
    assert (one.operating_state, one.health) == (TRANSIENT, None)
    assert "state-transient" in one.evidence["reasons"]
    assert np.isnan(one.indicators).all()


def test_a_run_up_between_acquisitions_is_not_judged_and_is_no_new_state():
    rng = np.random.default_rng(2)
    speeds = [5.0, 10.0, 15.0, 20.0, 24.5, 24.5, 24.5, 12.0]
    rising = [
        at(20, 10 * n, rng, context=OperatingContext(speed, 0.7, "normal"), growth={"rms": 5.0 if speed < 24 else 1.0})
        for n, speed in enumerate(speeds)
    ]
    state, assessments = follow(rising, state=learned(rng))
    names = [a.operating_state for a in assessments]
    assert names == ["normal", *[TRANSIENT] * 4, "normal", "normal", TRANSIENT]
    assert len(state.states) == 1


def test_another_speed_hours_later_is_another_state_and_no_run_up():
    rng = np.random.default_rng(3)
    _, assessments = follow(
        [snapshot(n, rng, context=OperatingContext(speed, 0.7)) for n, speed in enumerate((25.0, 15.0))]
    )
    assert TRANSIENT not in {a.operating_state for a in assessments}


@pytest.mark.parametrize(("feature", "value"), [("inrush_ratio", 5.0), ("fundamental_variation", 0.4)])
def test_a_start_within_an_acquisition_is_seen_in_its_current(feature, value):
    rng = np.random.default_rng(4)
    state, one = learned(rng), snapshot(20, rng)
    one.current["u"][CURRENT.index(feature)] = value
    _, (assessment,) = follow([one], state=state)
    assert assessment.operating_state == TRANSIENT


def test_scalars_tell_speed_and_load_where_the_context_does_not():
    points = (*MOTOR.points, MeasurementPoint("rpm", "speed", "rpm"), MeasurementPoint("meter", "power", "kW"))
    machine = replace(MOTOR, points=points, rated_power=10e3)
    bare = snapshot(0, np.random.default_rng(5), context=OperatingContext())
    measured = replace(bare, scalars={"rpm": 24.0, "meter": 5e3})
    assert context_of(machine, measured) == OperatingContext(24.0, 0.5, None)
    named = replace(measured, context=OperatingContext(20.0, 0.9))
    assert context_of(machine, named) == OperatingContext(20.0, 0.9)


def test_a_machine_at_any_speed_gets_few_wide_states_that_are_learned():
    rng = np.random.default_rng(6)
    snapshots = [
        snapshot(n, rng, context=OperatingContext(float(rng.uniform(10, 25)), float(rng.uniform(0.2, 1.0))))
        for n in range(400)
    ]
    state, assessments = follow(snapshots)
    assert len(state.states) <= MOST_STATES
    assert state.width > 1.0
    assert "states-widened" in {r for a in assessments for r in a.evidence["reasons"]}
    judged = [a.health for a in assessments[200:] if a.health is not None]
    assert len(judged) > 150
    assert min(judged) > 0.8


def test_what_speed_explains_within_a_wide_state_is_compensated():
    rng = np.random.default_rng(7)
    speeds = rng.uniform(20, 25, 200)
    snapshots = [
        snapshot(
            n,
            rng,
            context=OperatingContext(float(speed), 0.7, "converter"),
            growth={"velocity_rms": (speed / 22) ** 4, "rms": (speed / 22) ** 4},
        )
        for n, speed in enumerate(speeds)
    ]
    machine = replace(MOTOR, baseline_acquisitions=30)
    state, assessments = follow(snapshots, machine)
    (baseline,) = state.states
    assert baseline.compensation.slope[state.layout.places["vibration", "velocity_rms", "h"]] > 0.1
    moved = np.array([a.indicators[1] for a in assessments[30:]])
    assert np.std(moved) < 2.0  # dB; speed alone moves it by 7.8 dB from end to end


def test_the_operating_states_are_reported_with_their_ranges():
    rng = np.random.default_rng(8)
    contexts = [OperatingContext(24.0 + 0.01 * (n % 5), 0.7) for n in range(20)]
    _, assessments = follow(snapshot(n, rng, context=context) for n, context in enumerate(contexts))
    (state,) = assessments[-1].evidence["operating_states"]
    assert state["speed_hz"] == pytest.approx([24.0, 24.04])
    assert state["load"] == pytest.approx([0.7, 0.7])
    assert state["learned"]
    assert state["acquisitions"] == 20
    assert "1440 rpm" in state["name"]


def test_a_summer_that_the_air_explains_is_no_fault_and_a_fault_under_it_is():
    points = (*MOTOR.points, MeasurementPoint("ambient", "temperature", "degC"))
    machine = replace(MOTOR, points=points, baseline_acquisitions=40)
    rng = np.random.default_rng(9)

    def year(rise):
        for n in range(160):
            air = 290 + 4 * np.sin(n / 3) + (8 * n / 160 if n > 60 else 0)
            one = snapshot(n, rng, growth={"temperature": air - 290 + rise * max(0, n - 100) / 60})
            yield replace(one, scalars={**one.scalars, "ambient": air})

    _, sound = follow(year(0.0), machine)
    _, sick = follow(year(60.0), machine)
    place = -1
    assert min(a.health for a in sound if a.health is not None) > 0.8
    assert abs(sound[place].indicators[-1]) < 6.0
    assert sick[place].indicators[-1] > 40.0
    assert sick[place].evidence["contributors"][0]["indicator"] == "temperature"
