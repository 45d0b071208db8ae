"""Compute feature vectors of stored waveforms, in batches of channels with equal shape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

import features
from features.catalogue import names
from pdm.machines.units import si_conversion
from pdm.service.analysis.shaft_lookup import FeatureChannel, Shaft, bearing_orders, shafts_of

VIBRATION_COLUMNS = names("vibration", "channel")
CURRENT_COLUMNS = names("current", "channel") + names("current", "group")

_Motor = tuple[float | None, int | None, int | None]  # supply frequency [Hz], pole pairs, rotor slots


@dataclass(frozen=True)
class FeatureRows:
    """Feature vectors of one quantity, one row per channel; NaN is absent, with the reasons in the mask."""

    columns: tuple[str, ...]
    point_ids: list[int]
    measured_at: list[datetime]
    values: NDArray[np.float32]
    reasons: NDArray[np.uint32]


def vibration_rows(channels: Sequence[FeatureChannel], tachometers: Iterable[FeatureChannel] = ()) -> FeatureRows:
    """Return the vibration features of acceleration channels; channels share only the tachometer of their acquisition.

    The row of an invalid record contains no features, only the reason.
    """
    groups: dict[tuple[float, int, bool, bool], list[tuple[FeatureChannel, Shaft]]] = defaultdict(list)
    for channel, shaft in zip(channels, shafts_of(channels, tachometers), strict=True):
        key = (channel.sampling_rate, len(channel.samples), _is_counts(channel), shaft.angle is not None)
        groups[key].append((channel, shaft))
    parts = []
    for (sampling_rate, _, is_counts, _), pairs in groups.items():
        members, shafts = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        angles = [shaft.angle for shaft in shafts if shaft.angle is not None]
        table = features.extract(
            _stack_counts(members) if is_counts else _stack(members),
            sampling_rate,
            scale=_scales(members) if is_counts else None,
            quantity="vibration",
            speed=np.array([shaft.speed for shaft in shafts]),
            shaft_angle=np.stack(angles) if angles else None,
            bearing_orders=np.stack([shaft.bearing_orders for shaft in shafts]),
            gear_teeth=np.array([shaft.teeth for shaft in shafts]),
            bad="flag",
        )
        parts.append((members, table.values[:, 0], table.reasons[:, 0]))
    return _rows(VIBRATION_COLUMNS, parts)


def current_rows(channels: Iterable[FeatureChannel]) -> FeatureRows:
    """Return the current features; the three phases of one acquisition are evaluated together.

    Features of all phases together are in the row of the first phase.
    """
    parts = []
    for (sampling_rate, phases, (supply, pole_pairs, rotor_slots)), records in _acquisitions_of_current(
        channels
    ).items():
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
            rotor_slots=rotor_slots,
            bad="flag",
        )
        values = np.full((len(records), phases, len(CURRENT_COLUMNS)), np.nan, np.float32)
        values[:, :, : len(table.names)] = table.values
        values[:, 0, len(table.names) :] = table.group_values
        parts.append((members, values.reshape(len(members), -1), table.reasons.reshape(-1)))
    return _rows(CURRENT_COLUMNS, parts)


def _acquisitions_of_current(
    channels: Iterable[FeatureChannel],
) -> dict[tuple[float, int, _Motor], list[list[FeatureChannel]]]:
    by_acquisition: dict[tuple[str, datetime, float, int], list[FeatureChannel]] = defaultdict(list)
    for channel in channels:
        by_acquisition[channel.sampled_with].append(channel)
    groups: dict[tuple[float, int, _Motor], list[list[FeatureChannel]]] = defaultdict(list)
    for record in by_acquisition.values():
        record.sort(key=lambda channel: channel.point.key)
        machine = record[0].machine
        motor = (machine.supply_frequency, machine.pole_pairs, machine.rotor_slots)
        together = [record] if len(record) == 3 else [[channel] for channel in record]
        for phases in together:
            groups[phases[0].sampling_rate, len(phases), motor].append(phases)
    return groups


def _is_counts(channel: FeatureChannel) -> bool:
    """Whether the samples can remain integers, so that clipping is visible."""
    return channel.samples.dtype == np.int16


def _stack_counts(channels: Sequence[FeatureChannel]) -> NDArray[np.int16]:
    return np.stack([channel.samples for channel in channels]).astype(np.int16, copy=False)


def _scales(channels: Sequence[FeatureChannel]) -> NDArray[np.float64]:
    """Return the scale of a count in SI."""
    return np.array([si_conversion(c.point.quantity, c.point.unit)[0] * (c.scale or 1.0) for c in channels])


def _stack(channels: Sequence[FeatureChannel]) -> NDArray[np.float32]:
    """Return the samples in SI; accelerations and currents have no offset."""
    stacked = np.empty((len(channels), len(channels[0].samples)), np.float32)
    for row, channel in zip(stacked, channels, strict=True):
        factor = si_conversion(channel.point.quantity, channel.point.unit)[0] * (channel.scale or 1.0)
        np.multiply(channel.samples, np.float32(factor), out=row, casting="unsafe")
    return stacked


def _speeds(channels: Sequence[FeatureChannel]) -> NDArray[np.float64]:
    return np.array([c.speed if c.speed else np.nan for c in channels], np.float64)


def _rows(
    columns: tuple[str, ...],
    parts: Sequence[tuple[Sequence[FeatureChannel], NDArray[np.float32], NDArray[np.uint32]]],
) -> FeatureRows:
    members = [channel for part in parts for channel in part[0]]
    return FeatureRows(
        columns=columns,
        point_ids=[channel.point_id for channel in members],
        measured_at=[channel.measured_at for channel in members],
        values=np.concatenate([p[1] for p in parts]) if parts else np.empty((0, len(columns)), np.float32),
        reasons=np.concatenate([p[2] for p in parts]) if parts else np.empty(0, np.uint32),
    )
