"""The shaft of a vibration point: speed, gear, bearing, and angle by a tachometer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

import features
from features.order import shaft_angle_from_pulses
from pdm.health.diagnosis.bearing_orders import orders_of
from pdm.machines.model import Component, ComponentKind, Machine, MeasurementPoint

Angle = NDArray[np.float64]

_UNKNOWN_ORDERS = np.full(4, np.nan)


@dataclass(frozen=True)
class FeatureChannel:
    """One stored waveform with the data that its features require: speed [Hz], geometry and motor data.

    `sent_as` is the point under whose key it is stored.
    """

    point_id: int
    measured_at: datetime
    point: MeasurementPoint
    machine: Machine
    speed: float | None
    samples: NDArray[np.float32] | NDArray[np.int16]
    sampling_rate: float
    scale: float | None
    sent_as: int = 0

    @property
    def sampled_with(self) -> tuple[str, datetime, float, int]:
        """Key of channels that were sampled simultaneously."""
        return self.machine.key, self.measured_at, self.sampling_rate, len(self.samples)


@dataclass(frozen=True)
class Shaft:
    """A shaft in the form of `features.extract`; NaN is unknown. `angle` is (samples,) [rad], or None."""

    speed: float
    teeth: float
    bearing_orders: NDArray[np.float64]
    angle: Angle | None


def shafts_of(channels: Iterable[FeatureChannel], tachometers: Iterable[FeatureChannel]) -> list[Shaft]:
    """Return the shaft of each channel.

    A point on a component measures its shaft, which turns `ratio` times as fast as the machine; any other point
    measures the main shaft. A tachometer is used for channels with its rate and length; of several the first by
    key. It also gives the speed if the context has none.
    """
    pulses: dict[tuple[str, datetime, float, int], FeatureChannel] = {}
    for tachometer in sorted(tachometers, key=lambda channel: channel.point.key):
        pulses.setdefault(tachometer.sampled_with, tachometer)
    angles: dict[tuple[str, datetime, float, int], Angle | None] = {}
    found = []
    for channel in channels:
        key = channel.sampled_with
        if key in pulses and key not in angles:
            angles[key] = _angle(pulses[key])
        found.append(_shaft(channel, angles.get(key)))
    return found


def bearing_orders(machine: Machine, point: MeasurementPoint) -> NDArray[np.float64]:
    """Return BPFO, BPFI, BSF, FTF as multiples of machine speed for the bearing of `point`, NaN if unknown.

    That is the bearing the point is mounted on, or the machine's only bearing.
    """
    bearings = [c for c in machine.components if c.kind is ComponentKind.BEARING and c.bearing is not None]
    chosen = _own_or_only(bearings, point)
    if chosen is None or chosen.bearing is None:
        return _UNKNOWN_ORDERS
    orders = orders_of(chosen)
    return np.array([orders.bpfo, orders.bpfi, orders.bsf, orders.ftf])


def _shaft(channel: FeatureChannel, angle: Angle | None) -> Shaft:
    gears = [c for c in channel.machine.components if c.kind is ComponentKind.GEAR]
    gear = _own_or_only(gears, channel.point)
    ratio = next((c.ratio for c in channel.machine.components if c.key == channel.point.component), 1.0)
    is_on_shaft = gear is not None and gear.ratio == ratio
    speed = channel.speed if channel.speed else _mean_speed(angle, channel.sampling_rate)
    return Shaft(
        speed=speed * ratio,
        teeth=float(gear.teeth) if gear is not None and is_on_shaft and gear.teeth is not None else np.nan,
        bearing_orders=bearing_orders(channel.machine, channel.point) / ratio,
        angle=angle if angle is None else angle * ratio,
    )


def _own_or_only(components: list[Component], point: MeasurementPoint) -> Component | None:
    own = [c for c in components if c.key == point.component]
    chosen = own or (components if len(components) == 1 else [])
    return chosen[0] if chosen else None


def _angle(tachometer: FeatureChannel) -> Angle | None:
    """Return the angle of the shaft, or None if the pulses do not determine it."""
    try:
        return shaft_angle_from_pulses(
            tachometer.samples, tachometer.sampling_rate, tachometer.point.pulses_per_turn or 1
        )
    except features.SignalError:
        return None


def _mean_speed(angle: Angle | None, sampling_rate: float) -> float:
    if angle is None:
        return np.nan
    return float(angle[-1] - angle[0]) / (2 * np.pi) * sampling_rate / (len(angle) - 1)
