"""Lines of a record's spectrum: where they were expected, where found, and how far above what lies around."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy import fft

STANDING = 12.0
"""dB over the local floor from which a line is not noise: one of noise in 60 000 reaches it, exp(-ln 2 10^1.2)."""
_LOBE = 2  # lines either side that a Hann window spreads a line over
_NEIGHBOURS = 24  # lines of either side whose median is the floor
_TINY = 1e-300


@dataclass(frozen=True)
class Line:
    """A line: its place [Hz], its amplitude RMS, and its level over the median of the lines around [dB]."""

    place: float
    rms: float
    level: float

    @property
    def stands(self) -> bool:
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

    def line(self, frequency: float, reach: float = 0.0) -> Line | None:
        """Return the strongest line within `reach` [Hz] of a frequency, at least within a line either side.

        None where the spectrum does not hold it: under three lines from zero, or beyond its top.
        """
        centre = frequency / self.step
        radius = max(1.0, reach / self.step)
        first, last = math.ceil(centre - radius), math.floor(centre + radius)
        if first < _LOBE + 1 or last + _LOBE + 1 >= len(self.rms):
            return None
        best = first + int(np.argmax(self.rms[first : last + 1]))
        left, peak, right = (float(value) for value in self.rms[best - 1 : best + 2])
        level = 20.0 * math.log10(max(peak, _TINY) / self._floor(best))
        shift = _hann_shift(left, peak, right)
        return Line((best + shift) * self.step, peak / _hann_gain(shift), level)

    def _floor(self, best: int) -> float:
        # Sorted lists of fifty are ten times faster than arrays.
        low = self.rms[max(1, best - _NEIGHBOURS) : best - _LOBE].tolist()
        high = self.rms[best + _LOBE + 1 : best + _NEIGHBOURS + 1].tolist()
        return max(float(median(low + high)), _TINY)


def _hann_shift(left: float, peak: float, right: float) -> float:
    """Return where between lines a sine stands: T. Grandke, IEEE Trans. Instrum. Meas. 32 (1983), Hann window."""
    if not peak > 0 or (left > peak or right > peak):
        return 0.0
    side, sign = (right, 1.0) if right >= left else (left, -1.0)
    ratio = side / peak
    return sign * min(0.5, max(0.0, (2.0 * ratio - 1.0) / (ratio + 1.0)))


def _hann_gain(shift: float) -> float:
    """Return what a Hann window leaves of a sine `shift` lines beside one."""
    return float(np.sinc(shift) / (1.0 - shift * shift))


@lru_cache(maxsize=8)
def _window(samples: int) -> NDArray[np.float64]:
    window = np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(samples) / samples))
    window.setflags(write=False)
    return window


def rms_spectrum(samples: NDArray[np.float64], rate: float) -> Spectrum:
    """Return the spectrum of a record (samples,) [any unit] taken at `rate` [Hz]; its mean is removed."""
    lines = fft.rfft((samples - samples.mean()) * _window(len(samples)))
    return Spectrum(rate / len(samples), np.abs(lines) * (2.0 * math.sqrt(2.0) / len(samples)))


def velocity_spectrum(samples: NDArray[np.float64], rate: float, quantity: str) -> Spectrum:
    """Return the velocity spectrum [m/s RMS] of acceleration [m/s2] or velocity [m/s]."""
    spectrum = rms_spectrum(samples, rate)
    if quantity == "velocity":
        return spectrum
    angular = 2.0 * math.pi * spectrum.step * np.arange(len(spectrum.rms))
    angular[0] = math.inf
    return Spectrum(spectrum.step, spectrum.rms / angular)
