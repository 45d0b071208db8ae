import math

import numpy as np
import pytest

from pdm.health.detection.control_charts import (
    ALLOWANCE,
    DECISION,
    Charts,
    cusum_run_length,
    ewma_run_length,
    siegmund_run_length,
)
from pdm.health.detection.state_detection import SMOOTHING, WARNING_SEVERITY
from tests.unit.health_snapshots import follow, learned, snapshot


def simulated_run_length(advance, signals, runs, seed, longest=20_000):
    """Return the mean run length of `runs` charts side by side."""
    rng, chart = np.random.default_rng(seed), np.zeros(runs)
    lengths, alive = np.full(runs, float(longest)), np.ones(runs, bool)
    for place in range(1, longest):
        chart = advance(chart, rng.standard_normal(runs))
        hit = alive & signals(chart)
        lengths[hit] = place
        alive &= ~hit
        if not alive.any():
            break
    return lengths.mean()


@pytest.mark.parametrize(("allowance", "decision"), [(0.5, 4.0), (1.0, 2.5), (1.0, 3.0)])
def test_the_run_length_of_a_cusum_is_that_of_a_simulation(allowance, decision):
    found = simulated_run_length(
        lambda chart, values: np.maximum(chart + values - allowance, 0.0), lambda chart: chart > decision, 3000, 1
    )
    assert cusum_run_length(allowance, decision) == pytest.approx(found, rel=0.06)


@pytest.mark.parametrize(("allowance", "decision"), [(0.5, 4.0), (0.5, 5.0), (1.0, 8.0)])
def test_the_markov_chain_agrees_with_siegmund(allowance, decision):
    assert cusum_run_length(allowance, decision) == pytest.approx(siegmund_run_length(allowance, decision), rel=0.08)


@pytest.mark.parametrize(("weight", "limit"), [(0.15, 0.8), (0.1, 0.6), (0.3, 1.1)])
def test_the_run_length_of_an_ewma_is_that_of_a_simulation(weight, limit):
    found = simulated_run_length(
        lambda chart, values: chart + weight * (values - chart), lambda chart: chart > limit, 3000, 2
    )
    assert ewma_run_length(weight, limit) == pytest.approx(found, rel=0.06)


def test_the_charts_in_use_cry_out_over_nothing_as_seldom_as_the_documents_say():
    assert cusum_run_length(ALLOWANCE, DECISION) == pytest.approx(4.3e7, rel=0.02)
    assert cusum_run_length(ALLOWANCE, DECISION, shift=3.0) < 5
    assert math.isinf(ewma_run_length(SMOOTHING, WARNING_SEVERITY))


def test_a_change_is_dated_where_it_began():
    charts = Charts.of(1)
    rng = np.random.default_rng(3)
    for at in range(100):
        shift = 0.0 if at < 60 else 3.0
        charts = charts.advance(np.array([rng.standard_normal() * 0.5 + shift]), float(at))
    assert charts.sums[0, 0] > DECISION
    assert abs(charts.since[0, 0] - 60) <= 1


def test_one_outlier_makes_no_chart_signal_and_an_absent_value_leaves_it():
    charts = Charts.of(2).advance(np.array([1e9, 0.0]), 1.0)
    assert charts.sums[0, 0] < DECISION
    after = charts.advance(np.array([np.nan, 0.0]), 2.0)
    assert after.sums[0, 0] == charts.sums[0, 0]


def test_an_assessment_says_since_when_something_has_changed():
    rng = np.random.default_rng(4)
    state = learned(rng)
    sick = dict.fromkeys(("rms", "velocity_rms", "envelope_rms"), 1.6)
    state, before = follow((snapshot(n, rng) for n in range(20, 60)), state=state)
    _, after = follow((snapshot(n, rng, growth=sick) for n in range(60, 80)), state=state)
    assert all(a.evidence["change"] is None for a in before)
    found = after[-1].evidence["change"]
    assert found["indicator"] in sick
    days = (np.datetime64(found["since"][:19]) - np.datetime64("2026-03-01")) / np.timedelta64(1, "h")
    assert 58 <= days <= 62
