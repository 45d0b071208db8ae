"""Stored waveforms in, feature vectors out: groups channels of equal shape so that kernels see batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

import features
from features.catalogue import names
from pdm.machines.model import ComponentKind, Machine, MeasurementPoint
from pdm.machines.units import si_conversion

VIBRATION_COLUMNS = names("vibration", "channel")
CURRENT_COLUMNS = names("current", "channel") + names("current", "group")

_UNKNOWN_ORDERS = np.full(4, np.nan)


@dataclass(frozen=True)
class Channel:
    """One stored waveform with what its features need to know: speed [Hz], geometry and motor data."""

    point_id: int
    measured_at: datetime
    point: MeasurementPoint
    machine: Machine
    speed: float | None
    samples: NDArray[np.float32] | NDArray[np.int16]
    sampling_rate: float
    scale: float | None


@dataclass(frozen=True)
class FeatureRows:
    """Feature vectors of one quantity, a row a channel; NaN is absent for the reasons in the mask."""

    columns: tuple[str, ...]
    point_ids: list[int]
    measured_at: list[datetime]
    values: NDArray[np.float32]
    reasons: NDArray[np.uint32]


def vibration_rows(channels: Iterable[Channel]) -> FeatureRows:
    """Return the vibration features of acceleration channels; each channel stands alone."""
    groups: dict[tuple[float, int, bool], list[Channel]] = defaultdict(list)
    for channel in channels:
        groups[channel.sampling_rate, len(channel.samples), _is_counts(channel)].append(channel)
    parts = []
    for (sampling_rate, _, is_counts), members in groups.items():
        table = features.extract(
            _stack_counts(members) if is_counts else _stack(members),
            sampling_rate,
            scale=_scales(members) if is_counts else None,
            quantity="vibration",
            speed=_speeds(members),
            bearing_orders=np.stack([bearing_orders(c.machine, c.point) for c in members]),
        )
        parts.append((members, table.values[:, 0], table.reasons[:, 0]))
    return _rows(VIBRATION_COLUMNS, parts)


def current_rows(channels: Iterable[Channel]) -> FeatureRows:
    """Return the current features; three phases of one acquisition are read together.

    What is said of the phases together stands in the row of the first phase.
    """
    parts = []
    for (sampling_rate, phases, supply, pole_pairs), records in _acquisitions_of_current(channels).items():
        members = [channel for record in records for channel in record]
        first = [record[0] for record in records]
        is_counts = all(_is_counts(c) and c.scale == members[0].scale for c in members)
        stacked = _stack_counts(members) if is_counts else _stack(members)
        table = features.extract(
            stacked.reshape(len(records), phases, stacked.shape[1]),
            sampling_rate,
            scale=_scales(first) if is_counts else None,
            quantity="current",
            speed=_speeds(first),
            bearing_orders=np.stack([bearing_orders(c.machine, c.point) for c in first]),
            supply_frequency=supply,
            pole_pairs=pole_pairs,
        )
        values = np.full((len(records), phases, len(CURRENT_COLUMNS)), np.nan, np.float32)
        values[:, :, : len(table.names)] = table.values
        values[:, 0, len(table.names) :] = table.group_values
        parts.append((members, values.reshape(len(members), -1), table.reasons.reshape(-1)))
    return _rows(CURRENT_COLUMNS, parts)


def bearing_orders(machine: Machine, point: MeasurementPoint) -> NDArray[np.float64]:
    """Return BPFO, BPFI, BSF, FTF as multiples of shaft speed for what `point` looks at, NaN if unknown.

    That is the bearing the point is mounted on, or the machine's only bearing.
    """
    bearings = [c for c in machine.components if c.kind is ComponentKind.BEARING and c.bearing is not None]
    own = [c for c in bearings if c.key == point.component]
    chosen = own or (bearings if len(bearings) == 1 else [])
    if not chosen or chosen[0].bearing is None:
        return _UNKNOWN_ORDERS
    geometry = chosen[0].bearing
    orders = features.BearingGeometry(
        rolling_elements=geometry.rolling_elements,
        element_diameter=geometry.element_diameter,
        pitch_diameter=geometry.pitch_diameter,
        contact_angle=geometry.contact_angle,
    ).orders()
    return np.array([orders.bpfo, orders.bpfi, orders.bsf, orders.ftf])


def _acquisitions_of_current(
    channels: Iterable[Channel],
) -> dict[tuple[float, int, float | None, int | None], list[list[Channel]]]:
    by_acquisition: dict[tuple[str, datetime, float, int], list[Channel]] = defaultdict(list)
    for channel in channels:
        key = (channel.machine.key, channel.measured_at, channel.sampling_rate, len(channel.samples))
        by_acquisition[key].append(channel)
    groups: dict[tuple[float, int, float | None, int | None], list[list[Channel]]] = defaultdict(list)
    for record in by_acquisition.values():
        record.sort(key=lambda channel: channel.point.key)
        machine = record[0].machine
        motor = (machine.supply_frequency, machine.pole_pairs)
        together = [record] if len(record) == 3 else [[channel] for channel in record]
        for phases in together:
            groups[(phases[0].sampling_rate, len(phases), *motor)].append(phases)
    return groups


def _is_counts(channel: Channel) -> bool:
    """Whether the samples can stay integers, in which clipping shows."""
    return channel.samples.dtype == np.int16


def _stack_counts(channels: Sequence[Channel]) -> NDArray[np.int16]:
    return np.stack([channel.samples for channel in channels]).astype(np.int16, copy=False)


def _scales(channels: Sequence[Channel]) -> NDArray[np.float64]:
    """Return what a count is worth in SI."""
    return np.array([si_conversion(c.point.quantity, c.point.unit)[0] * (c.scale or 1.0) for c in channels])


def _stack(channels: Sequence[Channel]) -> NDArray[np.float32]:
    """Return the samples in SI; accelerations and currents have no offset."""
    stacked = np.empty((len(channels), len(channels[0].samples)), np.float32)
    for row, channel in zip(stacked, channels, strict=True):
        factor = si_conversion(channel.point.quantity, channel.point.unit)[0] * (channel.scale or 1.0)
        np.multiply(channel.samples, np.float32(factor), out=row, casting="unsafe")
    return stacked


def _speeds(channels: Sequence[Channel]) -> NDArray[np.float64]:
    return np.array([c.speed if c.speed else np.nan for c in channels], np.float64)


def _rows(
    columns: tuple[str, ...],
    parts: Sequence[tuple[Sequence[Channel], NDArray[np.float32], NDArray[np.uint32]]],
) -> FeatureRows:
    members = [channel for part in parts for channel in part[0]]
    return FeatureRows(
        columns=columns,
        point_ids=[channel.point_id for channel in members],
        measured_at=[channel.measured_at for channel in members],
        values=np.concatenate([p[1] for p in parts]) if parts else np.empty((0, len(columns)), np.float32),
        reasons=np.concatenate([p[2] for p in parts]) if parts else np.empty(0, np.uint32),
    )
