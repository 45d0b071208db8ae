"""The usable channels of a recording, in SI units, with the doubts about each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.arguments import LARGEST_SAMPLE
from pdm.health.diagnosis.model import Reason, RecordedChannel, Recording
from pdm.health.diagnosis.record_quality import examine, is_refused
from pdm.health.diagnosis.spectrum import Spectrum, rms_spectrum, velocity_spectrum
from pdm.machines.model import MeasurementPoint

_VIBRATION = ("acceleration", "velocity")
_BAND = (10.0, 1000.0)  # Hz, band of the velocity for severity (ISO 20816-1)
_IMPLAUSIBLE = 1.0  # m/s RMS: a hundred times the trip level of machines
_MIXED = 30.0  # ratio between two points of one component: axes differ by less, mm/s from m/s and g from mm/s2 by more


@dataclass(frozen=True)
class Heard:
    """A usable channel: samples in SI units, spectrum, doubts.

    The spectrum is of velocity for vibration, of current for a current, None for anything else.
    """

    point: MeasurementPoint
    samples: NDArray[np.float32]
    rate: float
    spectrum: Spectrum | None
    doubts: tuple[Reason, ...]

    @property
    def seconds(self) -> float:
        """Length of the record [s]."""
        return len(self.samples) / self.rate

    @property
    def velocity(self) -> float:
        """Velocity of a vibration from 10 to 1000 Hz [m/s RMS], corrected for the power of the Hann window."""
        if self.spectrum is None or not self.is_vibration:
            return 0.0
        first, last = (int(limit / self.spectrum.step) for limit in _BAND)
        lines = self.spectrum.rms[first + 1 : last + 1]
        return math.sqrt(float(np.square(lines).sum()) / 1.5)

    @property
    def is_vibration(self) -> bool:
        """Whether the channel is of vibration."""
        return self.point.quantity in _VIBRATION


def listen(recording: Recording) -> tuple[tuple[Heard, ...], tuple[Reason, ...]]:
    """Return the usable channels, ordered by the key of their point, and the reasons why others are not usable."""
    heard: list[Heard] = []
    refusals: list[Reason] = []
    for channel in sorted(recording.channels, key=lambda each: each.point.key):
        beyond = _beyond(channel)
        doubts = (*channel.doubts, *examine(channel)) if beyond is None else (beyond,)
        if beyond is not None or is_refused(doubts):
            refusals += doubts
        else:
            heard.append(_heard(channel, doubts))
    return _compare_levels(heard), tuple(refusals)


def _compare_levels(heard: list[Heard]) -> tuple[Heard, ...]:
    """Return the channels, with a doubt if their levels indicate a wrong declared unit."""
    velocities = {each.point.key: each.velocity for each in heard if each.is_vibration}
    compared = []
    for each in heard:
        velocity = velocities.get(each.point.key, 0.0)
        beside = [
            velocities[other.point.key]
            for other in heard
            if other.is_vibration and other.point.component == each.point.component and velocities[other.point.key] > 0
        ]
        ratio = max(beside) / min(beside) if velocity > 0 and beside else 1.0
        doubts: list[Reason] = []
        if velocity > _IMPLAUSIBLE:
            doubts.append(Reason("level-implausible", {"velocity": velocity}, each.point.key, "check-unit"))
        if ratio > _MIXED:
            doubts.append(Reason("levels-disagree", {"ratio": ratio}, each.point.key, "check-unit"))
        compared.append(replace(each, doubts=(*each.doubts, *doubts)) if doubts else each)
    return tuple(compared)


def _beyond(channel: RecordedChannel) -> Reason | None:
    """Return the reason if samples are not finite or not plausible for a sensor, else None."""
    if len(channel.samples) == 0:
        return None
    scale = 1.0 if channel.scale is None else abs(channel.scale)
    largest = 32768.0
    if channel.samples.dtype != np.int16:
        largest = max(float(channel.samples.max()), -float(channel.samples.min()))
    if not np.isfinite(largest):
        return Reason("not-finite", {}, channel.point.key, "check-sensor")
    if largest * scale > LARGEST_SAMPLE:
        return Reason("out-of-range", {"largest": largest * scale}, channel.point.key, "check-unit")
    return None


def _heard(channel: RecordedChannel, doubts: tuple[Reason, ...]) -> Heard:
    scale = 1.0 if channel.scale is None else channel.scale
    samples = np.multiply(channel.samples, np.float32(scale), dtype=np.float32)
    point, spectrum = channel.point, None
    if point.quantity in _VIBRATION:
        spectrum = velocity_spectrum(samples, channel.sampling_rate, point.quantity)
    elif point.quantity == "current":
        spectrum = rms_spectrum(samples, channel.sampling_rate)
    return Heard(point, samples, channel.sampling_rate, spectrum, doubts)
