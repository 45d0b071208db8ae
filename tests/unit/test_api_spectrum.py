"""Spectra that the API shows, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from pdm.errors import InvalidInputError, RefusalError
from pdm.service.measured import amplitude_spectrum, envelope_spectrum

RATE = 8192.0
TIME = np.arange(8192) / RATE


def test_a_sine_on_a_line_reads_its_amplitude() -> None:
    amplitudes, resolution = amplitude_spectrum(3.0 * np.sin(2 * np.pi * 100 * TIME), RATE)
    assert resolution == 1.0
    assert amplitudes.argmax() == 100
    assert amplitudes[100] == pytest.approx(3.0, rel=1e-9)


def test_a_sine_between_lines_reads_at_most_15_percent_low() -> None:
    amplitudes, _ = amplitude_spectrum(np.sin(2 * np.pi * 100.5 * TIME), RATE)
    assert 0.84 < amplitudes.max() < 0.86


@pytest.mark.parametrize("count", [8191, 8192])
def test_a_constant_has_no_spectrum(count: int) -> None:
    amplitudes, _ = amplitude_spectrum(np.full(count, 5.0), RATE)
    assert len(amplitudes) == count // 2 + 1
    assert np.abs(amplitudes).max() < 1e-12


def test_the_envelope_shows_how_often_a_resonance_is_struck() -> None:
    ringing = (1 + 0.5 * np.cos(2 * np.pi * 37 * TIME)) * np.cos(2 * np.pi * 2000 * TIME)
    disturbed = ringing + 4 * np.sin(2 * np.pi * 50 * TIME)
    amplitudes, _ = envelope_spectrum(disturbed, RATE, (1500, 2500))
    assert amplitudes.argmax() == 37
    assert amplitudes[37] == pytest.approx(0.5, rel=1e-3)
    assert amplitudes[50] < 1e-3


@pytest.mark.parametrize("band", [(10, 5), (0, 5000), (7, 7)])
def test_a_band_that_does_not_fit_is_refused(band: tuple[float, float]) -> None:
    with pytest.raises(InvalidInputError):
        envelope_spectrum(np.sin(TIME), RATE, band)


def test_three_samples_have_no_spectrum() -> None:
    with pytest.raises(RefusalError):
        amplitude_spectrum(np.zeros(3), RATE)
