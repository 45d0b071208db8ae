"""Whether sidebands are the machine's, or of a sampling clock that swings to and fro.

A clock that swings by dt shifts the phase of a component of frequency f by 2 pi f dt: it makes sidebands of phase
alone, and those of the supply's fifth harmonic are five times as deep. What turns in the motor modulates the
amplitude as well, and leaves the supply's harmonics alone. (The two modulations of a pair of sidebands: B. Boashash,
"Time-Frequency Signal Analysis and Processing", 2016, ch. 1.)
"""

from __future__ import annotations

import numpy as np

from pdm.health.diagnosis.usable_channels import Heard

_PURE = 0.25  # amplitude over phase modulation up to which a pair of sidebands is of phase alone
_GROWS = 0.5  # of the depth in proportion to frequency, from which a harmonic's sidebands tell the same clock
_HARMONICS = (5, 7)  # of the supply, 6k +- 1: the strongest that a converter or a motor puts into its current
_PROMINENT = 20.0  # dB over its surroundings from which a harmonic of the supply carries sidebands that can be read


def swings_with_clock(phase: Heard, supply: float, distance: float) -> bool:
    """Return whether sidebands of the supply at `distance` [Hz] are the clock's rather than the motor's.

    Where no harmonic of the supply stands out to tell, sidebands of phase alone count as the clock's.
    """
    amplitude, swing = _modulation(phase, supply, distance)
    if amplitude > _PURE * swing:
        return False
    matches = [
        _modulation(phase, harmonic * supply, distance)[1] > _GROWS * harmonic * swing
        for harmonic in _HARMONICS
        if _carries(phase, harmonic * supply)
    ]
    return all(matches)


def _carries(phase: Heard, frequency: float) -> bool:
    line = None if phase.spectrum is None else phase.spectrum.line(frequency)
    return line is not None and line.level >= _PROMINENT


def _modulation(phase: Heard, carrier: float, distance: float) -> tuple[float, float]:
    """Return the depths to which a carrier is modulated in amplitude and in phase at `distance`."""
    samples = len(phase.samples)
    time = (np.arange(samples) - samples / 2) / phase.rate
    windowed = phase.samples * np.hanning(samples)
    lower, middle, upper = (
        complex(windowed @ np.exp(-2j * np.pi * frequency * time))
        for frequency in (carrier - distance, carrier, carrier + distance)
    )
    above, below = upper / middle, np.conj(lower / middle)
    return abs(above + below), abs(above - below)
