"""Lines of a record's spectrum: expected frequency, found frequency, and level over the local floor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features import fft
from features.kernels.record import amplitudes, strongest, windowed

STANDING = 12.0
"""dB over the local floor from which a line is not noise: one of noise in 60 000 reaches it, exp(-ln 2 10^1.2)."""
_LOBE = 2  # lines either side in a Hann window's main lobe
_NEIGHBOURS = 24  # lines on either side whose median is the floor
_TINY = 1e-300  # keeps the logarithm finite


@dataclass(frozen=True)
class SpectralLine:
    """A line: its frequency [Hz], its amplitude RMS, and its level over the median of the lines around [dB]."""

    place: float
    rms: float
    level: float

    @property
    def is_prominent(self) -> bool:
        """Whether the line is more than noise."""
        return self.level >= STANDING


@dataclass(frozen=True)
class Spectrum:
    """RMS amplitude of each line of a record under a Hann window, every `step` Hz."""

    step: float
    rms: NDArray[np.float64]

    @property
    def top(self) -> float:
        """The highest frequency [Hz]."""
        return self.step * (len(self.rms) - 1)

    def line(self, frequency: float, reach: float = 0.0) -> SpectralLine | None:
        """Return the strongest line within `reach` [Hz] of a frequency, at least within a line either side.

        None outside the spectrum: below three lines from zero, or beyond its top.
        """
        centre = frequency / self.step
        radius = max(1.0, reach / self.step)
        first, last = math.ceil(centre - radius), math.floor(centre + radius)
        if first < _LOBE + 1 or last + _LOBE + 1 >= len(self.rms):
            return None
        best, floor = strongest(self.rms, first, last, _LOBE, _NEIGHBOURS)
        left, peak, right = self.rms[best - 1 : best + 2].tolist()
        level = 20.0 * math.log10(max(peak, _TINY) / max(floor, _TINY))
        shift = _hann_shift(left, peak, right)
        return SpectralLine((best + shift) * self.step, peak / _hann_gain(shift), level)


def _hann_shift(left: float, peak: float, right: float) -> float:
    """Return the position of a sine between lines: T. Grandke, IEEE Trans. Instrum. Meas. 32 (1983), Hann window."""
    if not peak > 0 or (left > peak or right > peak):
        return 0.0
    side, sign = (right, 1.0) if right >= left else (left, -1.0)
    ratio = side / peak
    return sign * min(0.5, max(0.0, (2.0 * ratio - 1.0) / (ratio + 1.0)))


def _hann_gain(shift: float) -> float:
    """Return the gain of a Hann window for a sine at a distance of `shift` lines."""
    turn = math.pi * shift
    return (math.sin(turn) / turn if shift else 1.0) / (1.0 - shift * shift)


@lru_cache(maxsize=8)
def _window(samples: int) -> NDArray[np.float32]:
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / samples)).astype(np.float32)
    window.setflags(write=False)
    return window


def rms_spectrum(samples: NDArray[np.float32], rate: float) -> Spectrum:
    """Return the spectrum of a record (samples,) [any unit] taken at `rate` [Hz]; its mean is removed."""
    prepared = np.empty(len(samples), np.float32)
    windowed(samples, _window(len(samples)), prepared)
    lines = fft.rfft(prepared)
    rms = np.empty(len(lines), np.float64)
    amplitudes(lines, 2.0 * math.sqrt(2.0) / len(samples), rms)
    return Spectrum(rate / len(samples), rms)


def velocity_spectrum(samples: NDArray[np.float32], rate: float, quantity: str) -> Spectrum:
    """Return the velocity spectrum [m/s RMS] of acceleration [m/s2] or velocity [m/s]."""
    spectrum = rms_spectrum(samples, rate)
    if quantity == "velocity":
        return spectrum
    return Spectrum(spectrum.step, spectrum.rms * _integral(spectrum.step, len(spectrum.rms)))


@lru_cache(maxsize=8)
def _integral(step: float, lines: int) -> NDArray[np.float64]:
    """Return the factors from lines of acceleration to lines of velocity."""
    angular = 2.0 * math.pi * step * np.arange(lines)
    angular[0] = math.inf
    integral: NDArray[np.float64] = np.asarray(1.0 / angular, np.float64)
    integral.setflags(write=False)
    return integral
