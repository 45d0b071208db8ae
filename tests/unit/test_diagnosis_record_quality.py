"""What is no measurement is said to be none, for the reason that is so."""

import numpy as np
import pytest

from pdm.health.diagnosis.model import RecordedChannel
from pdm.health.diagnosis.record_quality import examine, is_refused
from pdm.machines.model import MeasurementPoint

RATE = 12_800.0
TIME = np.arange(25_600) / RATE
RNG = np.random.default_rng(0)
LIVE = np.sin(2 * np.pi * 29.3 * TIME) + 0.3 * RNG.normal(size=len(TIME))


def channel(samples, *, rate=RATE, quantity="acceleration", unit="m/s2", declared=RATE):
    point = MeasurementPoint("de-h", quantity, unit, declared)
    samples = samples if np.asarray(samples).dtype == np.int16 else np.asarray(samples, np.float32)
    return RecordedChannel(point, samples, rate, 1e-3 if samples.dtype == np.int16 else None)


def codes(samples, **options):
    return [doubt.code for doubt in examine(channel(samples, **options))]


def test_a_live_signal_is_sound():
    assert codes(LIVE) == []
    assert codes((LIVE * 3000).astype(np.int16)) == []


def test_counts_without_a_declared_scale_are_doubted():
    counts = RecordedChannel(channel(LIVE).point, (LIVE * 3000).astype(np.int16), RATE)
    assert [doubt.code for doubt in examine(counts)] == ["scale-missing"]


def test_the_pulses_of_a_tachometer_stand_at_their_levels_and_are_not_clipped():
    point = MeasurementPoint("tacho", "tachometer", "V", RATE, pulses_per_turn=1)
    pulses = 5.0 * (np.arange(25_600) % 400 < 40)
    assert examine(RecordedChannel(point, pulses.astype(np.float32), RATE)) == ()


@pytest.mark.parametrize("value", [0.0, 9.81, -3e5])
def test_a_flat_line_is_refused(value):
    doubts = examine(channel(np.full(4096, value)))
    assert [doubt.code for doubt in doubts] == ["flat"]
    assert is_refused(doubts)


def test_little_clipping_weakens_and_much_refuses():
    limit = np.sort(np.abs(LIVE))[-20]
    assert codes(np.clip(LIVE, -limit, limit)) in ([], ["clipped"])
    assert codes(np.clip(LIVE, -1.1, 1.1)) == ["clipped-much"]
    assert codes(np.clip(LIVE, -1.45, 1.45)) == ["clipped"]


def test_a_cable_that_loses_contact_is_refused():
    broken = LIVE.copy()
    for start in range(1000, 25_000, 3000):
        broken[start : start + 200] = 0.0
    assert "dropouts" in codes(broken)


def test_a_converter_with_few_steps_under_the_signal_makes_false_lines():
    assert codes(np.round(LIVE * 2).astype(np.int16)) == ["too-coarse"]
    assert codes(np.round(LIVE * 8).astype(np.int16)) == ["coarse"]
    assert codes(np.round(LIVE * 8) / 8) == ["coarse"]


def test_the_stated_rate_is_compared_with_the_declared_one():
    assert codes(LIVE, rate=RATE * 1.0005) == []
    assert codes(LIVE, rate=RATE * 1.01) == ["rate-differs"]
    assert codes(LIVE, rate=RATE * 2) == ["rate-differs-much"]
    assert codes(LIVE, declared=None) == []


def test_an_amplifier_that_recovers_from_a_blow_is_no_vibration():
    settling = 30 * np.exp(-TIME / 0.5)
    assert codes(LIVE + settling) == ["overloaded"]
    assert codes(LIVE + settling, quantity="current", unit="A") == []
    swell = 40 * np.sin(2 * np.pi * 0.7 * TIME) ** 3 + 20 * np.sin(2 * np.pi * 0.5 * TIME)
    assert codes(LIVE + swell) == ["overloaded"]


def test_too_few_samples_are_refused_with_what_is_needed():
    (doubt,) = examine(channel(LIVE[:100]))
    assert doubt.code == "too-few-samples"
    assert doubt.parameters == {"samples": 100.0, "needed": 256.0}
