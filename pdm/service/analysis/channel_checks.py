"""Judge the quality of the channels of new acquisitions, and store that of those that are not good."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from features.catalogue import names
from pdm.health.detection.operating_states import is_stopped
from pdm.measurements import OperatingContext
from pdm.quality.memory import FIGURES, LEAST_OTHER, SAMPLING_RATE, SCALE, SIZE, WaveformMemory, are_swapped, levels_of
from pdm.quality.polarity import PairMemory
from pdm.quality.verdict import GOOD, ChannelQuality, doubtful, no_measurement
from pdm.quality.waveforms import UNLIMITED, judge_waveform
from pdm.service.analysis.pair_checks import find_reversed
from pdm.service.analysis.scalar_checks import judge_scalars
from pdm.service.analysis.shaft_lookup import FeatureChannel
from pdm.store.analysis import channel_quality
from pdm.store.machines.registration import StoredMachine

Key = tuple[int, datetime]  # point or machine id, measured_at
Memories = dict[int, list[float]]  # by point id: pdm/quality/memory.py
RECORDS_COMPARED = 16  # earlier records of a point with which a waveform is compared: a few buffers sent in turn
_MOVED = 6.0  # standard deviations of a level
_PLACES = {
    "acceleration": np.array([names("vibration", "channel").index(name) for name in FIGURES], np.intp),
    "current": np.array([], np.intp),
}
_OFFSET = {
    "acceleration": names("vibration", "channel").index("mean"),
    "current": names("current", "channel").index("mean"),
}


@dataclass(frozen=True)
class NewRecords:
    """What arrived with some acquisitions: sampled channels, their features, scalars [unit of the point], contexts."""

    channels: Sequence[FeatureChannel]
    vectors: Mapping[Key, NDArray[np.float32]]
    scalars: Mapping[Key, float]
    contexts: Mapping[Key, OperatingContext]


def judge_channels(
    conn: Connection[Any], machines: Mapping[int, StoredMachine], new: NewRecords, given: Memories | None = None
) -> dict[Key, ChannelQuality]:
    """Return, and store, the quality of those channels and scalars of new acquisitions that are not good.

    It is judged by the memories `given`, which are updated in place, or by the stored ones.
    """
    points = [*{key[0] for key in (*new.scalars, *new.vectors)}]
    memories = channel_quality.fetch_memories(conn, points) if given is None else given
    found = {
        (each.point_id, each.measured_at): judge_waveform(
            each.samples, each.point.quantity, each.sampling_rate, each.speed, _possible(each)
        )
        for each in new.channels
    }
    stored_as = {(each.sent_as, each.measured_at): (each.point_id, each.measured_at) for each in new.channels}
    for sent in channel_quality.fetch_repeated(conn, list(stored_as), RECORDS_COMPARED):
        key = stored_as[sent]
        if found[key].is_measured:
            found[key] = no_measurement("frozen")
    _compare_with_before(machines, new, found, memories)
    found |= judge_scalars(conn, machines, new.scalars, new.contexts, memories)
    doubted = {key: quality for key, quality in found.items() if quality != GOOD}
    channel_quality.save_quality(conn, doubted, list(found))
    if given is None:
        channel_quality.save_memories(conn, memories)
    return doubted


def _possible(channel: FeatureChannel) -> tuple[float, float]:
    """Return the lowest and the highest value of the sensor of a channel, in the unit of its samples."""
    limits = channel.point.limits
    if not limits.has_range:
        return UNLIMITED
    scale = channel.scale or 1.0
    low = -math.inf if limits.lowest is None else limits.lowest / scale
    return low, math.inf if limits.highest is None else limits.highest / scale


@dataclass(frozen=True)
class _Compared:
    """A record by what is remembered of its channel."""

    key: Key
    memory: WaveformMemory
    levels: tuple[float, ...]
    offset: float
    spread: float
    speed: float
    distance: float  # from the levels that are remembered [standard deviations]

    @property
    def contradiction(self) -> str | None:
        return self.memory.contradiction(self.levels, self.offset, self.spread, self.speed)

    @property
    def remembered(self) -> WaveformMemory:
        return self.memory.after(self.levels, self.offset, self.spread, self.speed)


def _compare_with_before(
    machines: Mapping[int, StoredMachine],
    new: NewRecords,
    found: dict[Key, ChannelQuality],
    memories: dict[int, list[float]],
) -> None:
    """Compare good records, in order of time, with what is remembered of their channels, and remember them."""
    groups: dict[tuple[datetime, str, str], list[FeatureChannel]] = defaultdict(list)
    ids = {stored.machine.key: machine_id for machine_id, stored in machines.items()}
    for each in new.channels:
        key, context = (each.point_id, each.measured_at), new.contexts[ids[each.machine.key], each.measured_at]
        if key in new.vectors and found[key].is_measured and not is_stopped(each.machine, context):
            groups[each.measured_at, each.machine.key, each.point.quantity].append(each)
    known, pairs = _memories(memories, {each.point_id for each in new.channels})
    for (_, _, quantity), channels in sorted(groups.items()):
        records = [_compared(each, new.vectors, known[each.point_id]) for each in channels]
        bad = {record.key: why for record in records if (why := record.contradiction) is not None}
        if bad:
            bad = _without_the_machine(bad, [record.key for record in records if record.distance > _MOVED])
        bad |= _swapped(records) if quantity == "acceleration" else {}
        good = [
            (each, (record.offset, record.spread))
            for each, record in zip(channels, records, strict=True)
            if record.key not in bad and record.memory.is_same_speed(record.speed)
        ]
        for each in chain.from_iterable(find_reversed(good, pairs)):
            key = each.point_id, each.measured_at
            found[key] = doubtful(*dict.fromkeys((*found[key].reasons, "polarity")))
        for record in records:
            if record.key in bad:
                found[record.key] = no_measurement(bad[record.key])
            else:
                known[record.key[0]] = record.remembered
    for point_id, memory in known.items():
        if memory.records:
            pair = pairs.get(point_id)
            memories[point_id] = memory.to_figures() + (pair.to_figures() if pair else [])


def _memories(
    memories: Mapping[int, list[float]], point_ids: Collection[int]
) -> tuple[dict[int, WaveformMemory], dict[int, PairMemory]]:
    """Return what is remembered of channels, and of their relation to others; their figures follow each other."""
    known, pairs = {}, {}
    for point_id in point_ids:
        figures = memories.get(point_id, [])
        known[point_id] = WaveformMemory.from_figures(figures[:SIZE])
        if len(figures) > SIZE:
            pairs[point_id] = PairMemory.from_figures(figures[SIZE:])
    return known, pairs


def _without_the_machine(bad: Mapping[Key, str], moved: Sequence[Key]) -> dict[Key, str]:
    """Return the contradictions without those that the machine explains.

    A change of scale moves one channel, a wrong sampling rate moves all that have moved in the same way.
    """
    explained = {SCALE} if len(moved) > 1 else set()
    if any(bad.get(key) != SAMPLING_RATE for key in moved):
        explained.add(SAMPLING_RATE)
    return {key: why for key, why in bad.items() if why not in explained}


def _compared(channel: FeatureChannel, vectors: Mapping[Key, NDArray[np.float32]], memory: WaveformMemory) -> _Compared:
    key = (channel.point_id, channel.measured_at)
    levels, offset, spread = _figures(channel.point.quantity, vectors[key])
    speed = channel.speed or np.nan
    return _Compared(key, memory, levels, offset, spread, speed, memory.distance(levels))


def _figures(quantity: str, vector: NDArray[np.float32]) -> tuple[tuple[float, ...], float, float]:
    """Return levels, offset and spread of a record."""
    levels = levels_of(vector, _PLACES[quantity]) or (np.nan,) * len(FIGURES)
    offset, rms = float(vector[_OFFSET[quantity]]), float(vector[_OFFSET[quantity] + 1])
    return levels, offset, math.sqrt(max(rms * rms - offset * offset, 0.0))


def _swapped(records: Sequence[_Compared]) -> dict[Key, str]:
    """Return the channels of an acquisition that have the levels of each other."""
    found: dict[Key, str] = {}
    for one, other in combinations([each for each in records if each.distance >= LEAST_OTHER], 2):
        if are_swapped(one.memory, other.memory, one.levels, other.levels):
            found |= {one.key: "swapped", other.key: "swapped"}
    return found


def remember(memory: WaveformMemory, quantity: str, vector: NDArray[np.float32], speed: float | None) -> WaveformMemory:
    """Return what is remembered of a channel after a good record with these features."""
    levels, offset, spread = _figures(quantity, vector)
    return memory.after(levels, offset, spread, speed or np.nan)
