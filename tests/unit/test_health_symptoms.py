from dataclasses import replace

import numpy as np
import pytest

from pdm.health.baseline.indicators import INDICATORS
from pdm.health.baseline.tracked_features import CURRENT, CURRENT_GROUP, TEMPERATURE, VIBRATION
from pdm.health.detection.symptoms import find_component
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint
from pdm.quality.verdict import doubtful
from tests.unit.health_snapshots import follow, learned, snapshot

ENERGY = {"rms": 1.5, "high_frequency_rms": 1.8, "envelope_rms": 2.0}
BARS = {"broken_bar_index": 20.0, "broken_bar_prominence": 20.0}
GAP = ("eccentricity_lower", "eccentricity_upper", "eccentricity_prominence")
GROWTHS = {
    "bearing_outer_race": ("bearing", {"bpfo_prominence": 20.0, **ENERGY}),
    "bearing_inner_race": ("bearing", {"bpfi_prominence": 20.0, "bpfi_sideband_prominence": 12.0, **ENERGY}),
    "bearing_rolling_element": ("bearing", {"bsf_prominence": 20.0, "bsf_sideband_prominence": 12.0, **ENERGY}),
    "bearing_cage": ("bearing", {"ftf_prominence": 20.0, **ENERGY}),
    "bearing_wear": ("bearing", {"high_frequency_rms": 4.0, "envelope_rms": 4.0, "kurtosis": 2.0}),
    "unbalance": ("shaft", {"order_1x": 5.0, "velocity_rms": 2.5}),
    "misalignment": ("shaft", {"order_2x": 7.0, "order_3x": 2.5, "velocity_rms": 1.8}),
    "looseness": ("bearing", {"order_0_5x": 9.0, "order_1x": 3.0, "order_2x": 3.0, "order_3x": 9.0}),
    "broken_rotor_bar": ("motor", {**BARS, "park_ripple_2sf": 2.0}),
    "eccentricity": ("motor", dict.fromkeys(GAP, 20.0)),
    "supply_unbalance": ("motor", {"current_unbalance": 5.0, "negative_sequence_ratio": 6.0}),
    "overheating": ("bearing", {"temperature": 30.0}),
    "overall_vibration": ("bearing", {"rms": 6.0, "velocity_rms": 6.0}),
}


@pytest.mark.parametrize("symptom", GROWTHS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_symptom_is_named_from_the_features_that_grew(symptom, seed):
    rng = np.random.default_rng(seed)
    component, growth = GROWTHS[symptom]
    _, assessments = follow((snapshot(n, rng, growth=growth) for n in range(20, 45)), state=learned(rng))
    last = assessments[-1]
    assert (last.symptom, last.component) == (symptom, component)
    assert last.health < 0.6
    assert 0.3 < last.confidence <= 1.0


@pytest.mark.parametrize(
    "growth",
    [
        {**BARS, "broken_bar_prominence": 0.0},
        {**BARS, "phase_wander": 300.0},
        {**dict.fromkeys(GAP, 20.0), "eccentricity_prominence": 0.0},
        {**dict.fromkeys(GAP, 20.0), "phase_wander": 300.0},
    ],
)
def test_sidebands_in_the_noise_or_of_a_wandering_clock_name_nothing(growth):
    rng = np.random.default_rng(7)
    _, assessments = follow((snapshot(n, rng, growth=growth) for n in range(20, 45)), state=learned(rng))
    assert assessments[-1].symptom not in ("broken_rotor_bar", "eccentricity")
    assert assessments[-1].health > 0.75


@pytest.mark.parametrize("indicator", INDICATORS, ids=lambda indicator: indicator.name)
def test_every_feature_that_an_indicator_reads_is_followed(indicator):
    tables = {"vibration": VIBRATION, "current": CURRENT, "current_group": CURRENT_GROUP, "temperature": (TEMPERATURE,)}
    assert set(indicator.features) <= {each.feature for each in tables[indicator.source]}


def test_nothing_is_named_on_a_healthy_machine():
    rng = np.random.default_rng(4)
    _, assessments = follow((snapshot(n, rng) for n in range(20, 60)), state=learned(rng))
    assert all(a.symptom is None and a.component is None and a.confidence is None for a in assessments)


def test_two_faults_alike_in_strength_lower_the_confidence():
    def last(growth):
        rng = np.random.default_rng(5)
        _, assessments = follow((snapshot(n, rng, growth=growth) for n in range(20, 45)), state=learned(rng))
        return assessments[-1]

    alone = last({**BARS, "park_ripple_2sf": 2.0})
    beside = last({**BARS, "park_ripple_2sf": 2.0, "order_1x": 4.5, "velocity_rms": 2.5})
    assert beside.confidence < 0.8 * alone.confidence


def test_a_doubtful_channel_lowers_the_confidence_of_what_it_shows_and_is_named():
    def last(quality):
        rng = np.random.default_rng(5)
        growth = GROWTHS["unbalance"][1]
        seen = (replace(snapshot(n, rng, growth=growth), quality=quality) for n in range(20, 45))
        return follow(seen, state=learned(rng))[1][-1]

    sure, clipped = last({}), last({"h": doubtful("clipped"), "v": doubtful("clipped")})
    assert (clipped.symptom, clipped.health) == (sure.symptom, sure.health)
    assert clipped.confidence == pytest.approx(0.7 * sure.confidence)
    assert clipped.doubtful == ("h", "v")
    assert {"doubtful:h:clipped", "doubtful:v:clipped"} <= {*clipped.evidence["reasons"]}
    assert last({"u": doubtful("coarse")}).confidence == sure.confidence, "the current shows no unbalance"


def test_impulsiveness_that_comes_and_goes_is_no_warning_and_lasting_one_is():
    rng = np.random.default_rng(6)
    impulsive = {"kurtosis": 5.0, "crest_factor": 3.0, "envelope_kurtosis": 5.0}
    state = learned(rng)
    now_and_then = (snapshot(n, rng, growth=impulsive if n % 3 == 0 else None) for n in range(20, 110))
    state, assessments = follow(now_and_then, state=state)
    assert min(a.health for a in assessments) > 0.6
    _, assessments = follow((snapshot(n, rng, growth=impulsive) for n in range(110, 170)), state=state)
    assert assessments[-1].health < 0.6
    assert assessments[-1].symptom == "bearing_wear"


def test_a_symptom_of_an_unknown_bearing_names_none_of_several():
    machine = Machine(
        key="m",
        line="l",
        site="s",
        components=(Component("de", ComponentKind.BEARING), Component("nde", ComponentKind.BEARING)),
        points=(
            MeasurementPoint("p", "acceleration", "g", 25600.0, component="nde"),
            MeasurementPoint("q", "acceleration", "g", 25600.0),
        ),
    )
    assert find_component(machine, "bearing_wear", "p") == "nde"
    assert find_component(machine, "bearing_wear", "q") is None
    assert find_component(machine, "unbalance", "p") == "nde"
    assert find_component(machine, "broken_rotor_bar", "q") is None
