"""Waveforms that a sensor, cable or gateway spoils are no measurement; what machines do is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from features.kernels.record import find_repetition, record_figures
from pdm.quality.verdict import Quality
from pdm.quality.waveforms import judge_waveform
from tests.sensor_faults import FAULTS

RATE = 25600.0


def noise(samples: int = 4096, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0.0, 1.0, samples).astype(np.float32)


def tone(frequency: float, samples: int = 4096) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * frequency * np.arange(samples) / RATE)


def impacts(samples: int = 25600, rate: float = 107.3, resonance: float = 3500.0) -> NDArray[np.float64]:
    """Return ringing blows, as of a damaged race."""
    t = np.arange(samples) / RATE
    since = t % (1.0 / rate)
    return np.exp(-800.0 * since) * np.sin(2 * np.pi * resonance * since)


@pytest.mark.parametrize("samples", [256, 1000, 4096, 25600])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_an_instrument_is_no_measurement(fault: str, scale: float, samples: int) -> None:
    sound = (scale * (noise(samples) + 2.0 * tone(29.7, samples))).astype(np.float32)
    assert judge_waveform(sound, "acceleration").quality is Quality.OK
    spoiled = FAULTS[fault](sound, np.random.default_rng(1))
    assert judge_waveform(spoiled, "acceleration").quality is Quality.NO_MEASUREMENT


SOUND = {
    "noise": noise(),
    "a tone in noise": tone(29.7) + 0.01 * noise(),
    "a rounded sine of 100 steps": np.round(100 * tone(50.0, 25600)),
    "a rounded sine of 2000 steps": np.round(2000 * tone(50.0, 25600)),
    "a slow rounded sine of 50 steps with noise": np.round(50 * tone(5.0, 25600) + 0.6 * noise(25600)),
    "blows": impacts() + 0.01 * noise(25600),
    "hard blows": 50.0 * impacts(resonance=6400.0) + 0.01 * noise(25600),
    "blows near half the sampling rate": 50.0 * impacts(resonance=11000.0) + 0.01 * noise(25600),
    "a sawtooth": (np.arange(4096) % 253) / 253.0 + 0.001 * noise(),
    "an offset of a thousand times": 1000.0 + noise(),
    "a few turns of a slow shaft": tone(0.5) + 0.001 * noise(),
    "twelve bits": np.round(200 * noise()),
    "a run-up": np.sin(2 * np.pi * 0.002 * np.arange(4096) ** 1.5) + 0.01 * noise(),
}


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("as_counts", [False, True])
def test_what_machines_do_is_a_measurement(name: str, as_counts: bool) -> None:
    x = SOUND[name]
    if as_counts:
        x = np.round(x / np.abs(x).max() * 32000).astype(np.int16)
    assert judge_waveform(np.asarray(x, x.dtype if as_counts else np.float32), "acceleration").is_measured


def test_a_few_clipped_samples_are_a_doubt_and_many_no_measurement() -> None:
    x = noise(25600)
    assert judge_waveform(np.clip(x, -3.0, 3.0), "acceleration").reasons == ("clipped",)
    assert judge_waveform(np.clip(x, -2.0, 2.0), "acceleration").reasons == ("clipped-much",)


def test_few_steps_of_the_converter_are_a_doubt() -> None:
    assert judge_waveform(np.round(2.0 * noise()).astype(np.int16), "acceleration").reasons == ("coarse",)


def test_pulses_of_a_tachometer_are_at_two_levels() -> None:
    pulses = (np.arange(4096) % 400 < 20).astype(np.float32)
    assert judge_waveform(pulses, "tachometer").quality is Quality.OK
    assert judge_waveform(np.zeros(4096, np.float32), "tachometer").reasons == ("flat",)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_sample_that_is_no_number_is_named(bad: float) -> None:
    x = noise()
    x[7] = bad
    assert judge_waveform(x, "current").reasons == ("not-finite",)


def test_the_figures_are_those_of_plain_numpy() -> None:
    x = np.round(20.0 * noise(5000)).astype(np.int16)
    found = record_figures(x)
    assert (found.low, found.high, found.step) == (x.min(), x.max(), 1.0)
    assert found.mean == pytest.approx(x.mean())
    assert found.spread == pytest.approx(x.std())
    assert (found.at_low, found.at_high) == ((x == x.min()).sum(), (x == x.max()).sum())


def test_a_repetition_is_found_with_its_period() -> None:
    x = noise(3000)
    assert find_repetition(x) == 0
    assert find_repetition(np.tile(x[:700], 5)[:3000]) == 700
    assert find_repetition(np.concatenate([x, x])) == 3000


def test_two_doubts_are_both_named() -> None:
    x = np.clip(tone(50.0, 25600), -0.99999, 0.99999)
    x[:8] = 1.2  # a few samples at a limit of their own
    x[8] = 1.1
    found = judge_waveform(x.astype(np.float32), "acceleration", RATE)
    assert set(found.reasons) == {"clipped", "mains"}
