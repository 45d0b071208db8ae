"""What every assessment owes whoever reads it, over arbitrary streams of acquisitions."""

import json

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pdm.health.assess import HealthState, assess, initial_state
from pdm.health.baseline.indicators import INDICATORS
from pdm.health.snapshot import Snapshot
from pdm.measurements import OperatingContext
from tests.unit.health_snapshots import CURRENT, GROUP, MOTOR, START, VIBRATION

numbers = st.floats(width=32, allow_nan=True, allow_infinity=True)
contexts = st.builds(
    OperatingContext,
    speed=st.none() | st.floats(0, 100),
    load=st.none() | st.floats(0, 2),
    state=st.none() | st.sampled_from(["a", "b", "off"]),
)


def vectors(size):
    return st.lists(numbers, min_size=4, max_size=4).map(lambda v: np.resize(np.array(v, np.float32), size))


snapshots = st.builds(
    Snapshot,
    measured_at=st.just(START),
    context=contexts,
    vibration=st.dictionaries(st.sampled_from(["h", "v", "other"]), vectors(len(VIBRATION))),
    current=st.dictionaries(st.sampled_from(["u", "v2", "w"]), vectors(len(CURRENT))),
    current_group=st.none() | vectors(len(GROUP)),
    scalars=st.dictionaries(st.just("temp"), st.floats(200, 500)),
)


@settings(max_examples=25, phases=(Phase.explicit, Phase.generate), deadline=None, derandomize=True)
@given(st.lists(snapshots, min_size=1, max_size=4), st.integers(1, 12))
def test_every_assessment_is_complete_bounded_and_writable(stream, repeats):
    state = initial_state(MOTOR)
    for snapshot in stream * repeats:
        state, assessment = assess(MOTOR, state, snapshot)
        assert assessment.health is None or 0.0 <= assessment.health <= 1.0
        assert 0.0 <= assessment.learning_progress <= 1.0
        assert assessment.confidence is None or 0.0 <= assessment.confidence <= 1.0
        assert (assessment.symptom is None) == (assessment.confidence is None)
        assert assessment.zone in {None, "A", "B", "C", "D"}
        assert assessment.indicators.shape == (len(INDICATORS),)
        assert assessment.indicators.dtype == np.float32
        assert assessment.operating_state
        json.dumps(assessment.evidence, allow_nan=False)
    data = state.to_bytes()
    assert HealthState.from_bytes(data).to_bytes() == data


def test_indicators_are_named_once():
    names = [indicator.name for indicator in INDICATORS]
    assert len(set(names)) == len(names)
