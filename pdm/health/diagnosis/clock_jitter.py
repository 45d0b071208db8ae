"""Whether sidebands come from the machine or from jitter of the sampling clock.

A clock error of dt shifts the phase of a component of frequency f by 2 pi f dt: it causes sidebands of phase modulation
only, and those of the supply's fifth harmonic are five times as deep. The rotor modulates the amplitude as well, and
does not modulate the supply's harmonics. (The two modulations of a pair of sidebands: B. Boashash, "Time-Frequency
Signal Analysis and Processing", 2016, ch. 1.)
"""

from __future__ import annotations

import numpy as np

from pdm.health.diagnosis.usable_channels import Heard

_PURE = 0.25  # amplitude over phase modulation up to which a pair of sidebands is of phase modulation only
_GROWS = 0.5  # of the depth in proportion to frequency, from which a harmonic's sidebands are of the same clock
_HARMONICS = (5, 7)  # of the supply, 6k +- 1: the strongest in the current of a converter or a motor
_PROMINENT = 20.0  # dB over its surroundings from which the sidebands of a supply harmonic can be measured


def swings_with_clock(phase: Heard, supply: float, distance: float) -> bool:
    """Return whether sidebands of the supply at `distance` [Hz] come from the clock rather than the motor.

    If no harmonic of the supply is prominent, sidebands of phase modulation only count as the clock's.
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
    """Return the depths of amplitude and phase modulation of a carrier at `distance`."""
    samples = len(phase.samples)
    time = (np.arange(samples) - samples / 2) / phase.rate
    windowed = phase.samples * np.hanning(samples)
    lower, middle, upper = (
        complex(windowed @ np.exp(-2j * np.pi * frequency * time))
        for frequency in (carrier - distance, carrier, carrier + distance)
    )
    above, below = upper / middle, np.conj(lower / middle)
    return abs(above + below), abs(above - below)
