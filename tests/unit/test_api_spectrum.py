"""Spectra that the API shows, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from features.envelope import envelope_spectrum
from pdm.errors import InvalidInputError, RefusalError
from pdm.service.machines.measurements import Measured, compute_spectrum

RATE = 8192.0
TIME = np.arange(8192) / RATE


def _acceleration(samples: NDArray[np.float64]) -> Measured:
    return Measured("acceleration", "m/s2", RATE, samples)


def test_a_sine_on_a_line_reads_its_amplitude() -> None:
    spectrum = compute_spectrum(_acceleration(3.0 * np.sin(2 * np.pi * 100 * TIME)), "amplitude")
    assert (spectrum.of, spectrum.unit, spectrum.resolution) == ("signal", "m/s2", 1.0)
    assert spectrum.amplitudes.argmax() == 100
    assert spectrum.amplitudes[100] == pytest.approx(3.0, rel=1e-9)


def test_a_sine_between_lines_reads_at_most_15_percent_low() -> None:
    spectrum = compute_spectrum(_acceleration(np.sin(2 * np.pi * 100.5 * TIME)), "amplitude")
    assert 0.84 < spectrum.amplitudes.max() < 0.86


@pytest.mark.parametrize("count", [8191, 8192])
def test_a_constant_has_no_spectrum(count: int) -> None:
    spectrum = compute_spectrum(_acceleration(np.full(count, 5.0)), "amplitude")
    assert len(spectrum.amplitudes) == count // 2 + 1
    assert np.abs(spectrum.amplitudes).max() < 1e-12


def test_the_squared_envelope_shows_how_often_a_resonance_is_struck() -> None:
    ringing = 3.0 * (1 + 0.5 * np.cos(2 * np.pi * 37 * TIME)) * np.cos(2 * np.pi * 2000 * TIME)
    disturbed = ringing + 4 * np.sin(2 * np.pi * 50 * TIME)
    spectrum = compute_spectrum(_acceleration(disturbed), "envelope", (1500.0, 2500.0))
    assert (spectrum.of, spectrum.unit) == ("squared-envelope", "(m/s2)^2")
    assert spectrum.resolution == pytest.approx(1.0)
    # (3 (1 + 0.5 c))^2 = 9 (1 + c + 0.25 c^2): 9 at 37 Hz, 9 / 8 at 74 Hz
    assert spectrum.amplitudes.argmax() == 37
    assert spectrum.amplitudes[37] == pytest.approx(9.0, rel=1e-3)
    assert spectrum.amplitudes[74] == pytest.approx(9 / 8, rel=1e-3)
    assert spectrum.amplitudes[50] < 1e-3


def test_the_envelope_is_the_one_of_the_features_unless_a_band_is_named() -> None:
    record = np.random.default_rng(0).normal(size=4096)
    _, expected = envelope_spectrum(record, RATE)
    assert np.array_equal(compute_spectrum(_acceleration(record), "envelope").amplitudes, expected)
    _, whole = envelope_spectrum(record, RATE, (0.0, 1000.0))
    assert np.array_equal(compute_spectrum(_acceleration(record), "envelope", (None, 1000.0)).amplitudes, whole)


@pytest.mark.parametrize("band", [(10, 5), (0, 5000), (7, 7)])
def test_a_band_that_does_not_fit_is_refused(band: tuple[float, float]) -> None:
    with pytest.raises(InvalidInputError):
        compute_spectrum(_acceleration(np.sin(TIME)), "envelope", band)


@pytest.mark.parametrize("kind", ["amplitude", "envelope"])
def test_fifteen_samples_have_no_spectrum(kind: str) -> None:
    with pytest.raises(RefusalError):
        compute_spectrum(_acceleration(np.zeros(15)), kind)
