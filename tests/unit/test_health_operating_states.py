from types import SimpleNamespace

import numpy as np
import pytest

from pdm.health.assess import HealthState, initial_state
from pdm.health.baseline.baseline import LEARNING_ROWS, begin_baseline
from pdm.health.detection.operating_states import MOST_STATES, UNKNOWN, find_state
from pdm.measurements import OperatingContext
from tests.unit.health_snapshots import MOTOR, follow, learned, snapshot


def met(contexts):
    rng = np.random.default_rng(1)
    return follow(snapshot(n, rng, context=context) for n, context in enumerate(contexts))


def test_speed_and_load_fall_into_few_stable_states():
    rng = np.random.default_rng(2)
    contexts = []
    for _ in range(120):
        speed, load = ((20.0, 0.4), (25.0, 0.4), (25.0, 0.9))[rng.integers(3)]
        contexts.append(
            OperatingContext(speed * (1 + 0.01 * rng.standard_normal()), load + 0.03 * rng.standard_normal())
        )
    state, assessments = met(contexts)
    assert len(state.states) == 3
    assert len({a.operating_state for a in assessments}) == 3


def test_a_declared_state_is_known_by_its_name_whatever_the_speed():
    state, assessments = met([OperatingContext(20.0, 0.5, "drawing"), OperatingContext(26.0, 0.9, "drawing")])
    assert [a.operating_state for a in assessments] == ["drawing", "drawing"]
    assert len(state.states) == 1


def test_without_speed_load_or_name_there_is_one_unknown_state():
    _, assessments = met([OperatingContext()] * 3)
    assert {a.operating_state for a in assessments} == {UNKNOWN}
    assert all("no-speed" in a.evidence["reasons"] for a in assessments)


def test_a_context_that_lacks_the_load_is_not_mistaken_for_one_that_has_it():
    state, _ = met([OperatingContext(25.0, 0.5), OperatingContext(25.0)])
    assert len(state.states) == 2
    assert find_state(OperatingContext(25.0), state.states) == 1


def test_a_crowd_of_states_forgets_the_one_longest_unseen_and_says_so():
    state, assessments = met([OperatingContext(10.0 * 1.2**n, 0.5) for n in range(2 * MOST_STATES)])
    assert len(state.states) <= MOST_STATES
    assert any(r.startswith("state-forgotten:") for a in assessments for r in a.evidence["reasons"])


def test_signals_near_nothing_mean_off_when_the_speed_is_unknown():
    rng = np.random.default_rng(3)
    unknown = OperatingContext()
    state, _ = follow(snapshot(n, rng, context=unknown) for n in range(20))
    still = {"rms": 0.01, "velocity_rms": 0.01, "fundamental_amplitude": 0.01}
    _, assessments = follow([snapshot(20, rng, context=unknown, growth=still)], state=state)
    assert assessments[0].operating_state == "off"


@pytest.mark.parametrize("cut", [0, 3, 30, 200, -1])
def test_damaged_bytes_are_refused(cut):
    data = learned(np.random.default_rng(4)).to_bytes()
    with pytest.raises(ValueError, match="health state"):
        HealthState.from_bytes(data[:cut])


def test_bytes_left_over_are_refused():
    with pytest.raises(ValueError, match="trailing bytes"):
        HealthState.from_bytes(initial_state(MOTOR).to_bytes() + b"\0")


def test_the_state_stays_below_eight_kibibytes_a_point():
    rng = np.random.default_rng(5)
    contexts = [OperatingContext(10.0 * 1.2 ** (n % 4), 0.5, None) for n in range(4 * 19)]
    contexts = [OperatingContext(5.0 * 1.2 ** (n % 4), 0.5, None) for n in range(4 * 20)] + contexts
    largest, state = 0, initial_state(MOTOR)
    for n, context in enumerate(contexts):
        state, _ = follow([snapshot(n, rng, context=context)], state=state)
        largest = max(largest, len(state.to_bytes()))
    assert largest / len(MOTOR.points) < 8192


def unweighted(size):
    """Return what learning needs of a layout, of columns that are no evidence."""
    nothing = np.zeros(size)
    return SimpleNamespace(
        floor=np.full(size, 0.1),
        relative_floor=nothing,
        weight=nothing,
        two_sided=np.zeros(size, bool),
        related=np.empty(0, np.intp),
    )


def test_a_baseline_finds_location_and_scatter_of_what_it_saw():
    rng = np.random.default_rng(6)
    baseline = begin_baseline("s", declared=True, speed=1.0, load=1.0, carry=np.zeros(400, np.float32))
    for _ in range(300):
        baseline.learn(rng.normal(-4.0, 0.3, 400), np.array([1.0, 1.0]), 0.0)
    assert len(baseline.rows) == LEARNING_ROWS
    assert baseline.conclude(unweighted(400), 300) == []
    assert np.median(baseline.location) == pytest.approx(-4.0, abs=0.02)
    assert np.median(baseline.scale) == pytest.approx(np.hypot(0.3, 0.1), rel=0.25)
    assert len(baseline.rows) == 0


def test_a_feature_absent_in_most_of_the_learning_has_no_baseline():
    baseline = begin_baseline("s", declared=True, speed=1.0, load=1.0, carry=np.zeros(2, np.float32))
    for place in range(20):
        baseline.learn(np.array([1.0, np.nan if place % 5 else 1.0]), np.array([1.0, 1.0]), 0.0)
    baseline.conclude(unweighted(2), 20)
    assert np.isfinite(baseline.location[0])
    assert np.isnan(baseline.location[1])
