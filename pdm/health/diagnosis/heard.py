"""The channels of a recording that can be judged, in SI units, with what is doubtful about each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.arguments import LARGEST_SAMPLE
from pdm.health.diagnosis.model import Reason, RecordedChannel, Recording
from pdm.health.diagnosis.record_quality import examine, is_refused
from pdm.health.diagnosis.spectrum import Spectrum, rms_spectrum, velocity_spectrum
from pdm.machines.model import MeasurementPoint

_VIBRATION = ("acceleration", "velocity")


@dataclass(frozen=True)
class Heard:
    """A channel that may be judged: samples in SI units, spectrum, doubts.

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
    def is_vibration(self) -> bool:
        """Whether the channel is of vibration."""
        return self.point.quantity in _VIBRATION


def listen(recording: Recording) -> tuple[tuple[Heard, ...], tuple[Reason, ...]]:
    """Return the channels that may be judged, by key of their point, and why others may not."""
    heard: list[Heard] = []
    refusals: list[Reason] = []
    for channel in sorted(recording.channels, key=lambda each: each.point.key):
        beyond = _beyond(channel)
        doubts = (*channel.doubts, *examine(channel)) if beyond is None else (beyond,)
        if beyond is not None or is_refused(doubts):
            refusals += doubts
        else:
            heard.append(_heard(channel, doubts))
    return tuple(heard), tuple(refusals)


def _beyond(channel: RecordedChannel) -> Reason | None:
    """Return why samples are no numbers or none that a sensor gives, None if they are."""
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
