"""Tachometer evaluation: speed, shaft angle at each sample, and regularity of the clock.

A record of varying shaft speed is resampled at even steps of the shaft's angle (order tracking): lines of the shaft,
its bearings and gears are then as sharp as at constant speed (K. R. Fyfe, E. D. S. Munck, "Analysis of computed order
tracking", MSSP 11, 1997).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import features
from features.order import resample_by_angle, shaft_angle_from_pulses
from pdm.health.diagnosis.model import Reason
from pdm.health.diagnosis.spectrum import velocity_spectrum
from pdm.health.diagnosis.usable_channels import Heard

_JUMP = 0.05  # of a turn's time: more than a loaded shaft can change from one turn to the next
_STEADY = 0.002  # relative change of speed within a record up to which lines stay sharp
_TURN = 2 * math.pi  # rad


@dataclass(frozen=True)
class MeasuredShaft:
    """The shaft by its tachometer: mean speed [Hz], angle [rad] at each sample, and doubts."""

    speed: float
    angle: NDArray[np.float64]
    rate: float
    doubts: tuple[Reason, ...] = ()

    @property
    def is_steady(self) -> bool:
        """Whether the variation of speed is negligible."""
        speeds = _speeds(self.angle)
        return bool(np.ptp(speeds) <= _STEADY * speeds.mean())


def read_tachometer(heard: Sequence[Heard]) -> tuple[MeasuredShaft | None, tuple[Reason, ...]]:
    """Return the shaft from the first usable tachometer, and the reasons why others are not usable."""
    unread: list[Reason] = []
    for channel in heard:
        if channel.point.quantity != "tachometer":
            continue
        try:
            angle = shaft_angle_from_pulses(channel.samples, channel.rate, channel.point.pulses_per_turn or 1)
        except features.SignalError as error:
            figures: dict[str, float | str] = {"what": str(error)}
            unread.append(Reason("tachometer-unreadable", figures, channel.point.key, "check-tachometer"))
            continue
        speed = float(angle[-1] - angle[0]) / _TURN / (channel.seconds - 1.0 / channel.rate)
        return MeasuredShaft(speed, angle, channel.rate, _uneven(angle, channel)), tuple(unread)
    return None, tuple(unread)


def follow(shaft: MeasuredShaft | None, heard: Sequence[Heard]) -> tuple[Heard, ...]:
    """Return the channels; vibration is resampled by shaft angle if the speed varied."""
    if shaft is None or shaft.is_steady:
        return tuple(heard)
    return tuple(_follow(shaft, each) for each in heard)


def _follow(shaft: MeasuredShaft, channel: Heard) -> Heard:
    if not channel.is_vibration or channel.rate != shaft.rate or len(channel.samples) != len(shaft.angle):
        return channel
    samples = resample_by_angle(channel.samples, shaft.angle).astype(np.float32)
    return replace(
        channel,
        samples=samples,
        spectrum=velocity_spectrum(samples, channel.rate, channel.point.quantity),
    )


def _speeds(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the time of each turn, in samples."""
    turns = np.arange(math.ceil(angle[0] / _TURN), math.floor(angle[-1] / _TURN) + 1)
    return np.diff(np.interp(turns * _TURN, angle, np.arange(len(angle))))


def _uneven(angle: NDArray[np.float64], channel: Heard) -> tuple[Reason, ...]:
    """Return a doubt if consecutive turns differ much in time: samples are missing or duplicated."""
    times = _speeds(angle)
    jump = float(np.abs(np.diff(times)).max() / times.mean()) if len(times) > 2 else 0.0
    if jump <= _JUMP:
        return channel.doubts
    figures: dict[str, float | str] = {"jump": jump, "limit": _JUMP}
    return (*channel.doubts, Reason("clock-jumps", figures, channel.point.key, "check-sampling-clock"))
