"""Judge the quality of the scalars of new acquisitions, by what is possible, declared, remembered, and came before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.health.detection.operating_states import is_stopped
from pdm.machines.model import MeasurementPoint
from pdm.machines.units import si_conversion
from pdm.measurements import OperatingContext
from pdm.quality.memory import ScalarMemory
from pdm.quality.rate_of_change import NEW_LEVEL, RateWatch
from pdm.quality.scalars import judge_declared, judge_scalar, needs_value_before
from pdm.quality.verdict import ChannelQuality, no_measurement
from pdm.store.analysis import analysis_inputs
from pdm.store.machines.registration import StoredMachine

Key = tuple[int, datetime]  # point or machine id, measured_at


@dataclass
class _Before:
    """What came before the scalars that are judged, read from the database where it decides; by point id."""

    conn: Connection[Any]
    owners: Mapping[int, StoredMachine]
    values: dict[int, float | None] = field(default_factory=dict)  # last measurement [unit of the point]
    watches: dict[int, RateWatch] = field(default_factory=dict)

    def value(self, point_id: int, measured_at: datetime) -> float | None:
        """Return the last measurement of a point before a time."""
        if point_id not in self.values:
            found = self._measured_before(point_id, measured_at)
            self.values[point_id] = None if found is None else found[1]
        return self.values[point_id]

    def watch(self, point_id: int, measured_at: datetime, limit: float) -> RateWatch:
        """Return the watch over the rate of change of a point before a time."""
        if point_id not in self.watches:
            self.watches[point_id] = self._recalled(point_id, measured_at, limit)
        return self.watches[point_id]

    def _recalled(self, point_id: int, measured_at: datetime, limit: float) -> RateWatch:
        last = self._measured_before(point_id, measured_at)
        if last is None:
            return RateWatch(limit)
        watch = RateWatch(limit, (last[0].timestamp(), last[1]))
        source = self.owners[point_id].corrections.counterpart(point_id, measured_at)
        for record in analysis_inputs.fetch_too_fast_since(self.conn, source, last[0], measured_at, NEW_LEVEL - 1):
            at, value = self._corrected(point_id, source, record)
            watch = watch.after(at.timestamp(), value)
        return watch

    def _measured_before(self, point_id: int, measured_at: datetime) -> tuple[datetime, float] | None:
        source = self.owners[point_id].corrections.counterpart(point_id, measured_at)
        found = analysis_inputs.fetch_measured_before(self.conn, source, measured_at)
        return None if found is None else self._corrected(point_id, source, found)

    def _corrected(self, point_id: int, source: int, record: tuple[datetime, float]) -> tuple[datetime, float]:
        """Return a record that was sent under the key of `source`, with its value in the unit of the point."""
        reading = self.owners[point_id].corrections.reading(source, record[0])
        return record[0], reading.gain * record[1] + reading.offset


def judge_scalars(
    conn: Connection[Any],
    machines: Mapping[int, StoredMachine],
    scalars: Mapping[Key, float],
    contexts: Mapping[Key, OperatingContext],
    memories: dict[int, list[float]],
) -> dict[Key, ChannelQuality]:
    """Judge scalars [unit of the point] in order of time; what is remembered of them in `memories` is updated."""
    found: dict[Key, ChannelQuality] = {}
    points = {
        stored.point_ids[point.key]: (machine_id, point)
        for machine_id, stored in machines.items()
        for point in stored.machine.points
        if not point.is_waveform
    }
    before = _Before(conn, {point_id: machines[machine_id] for point_id, (machine_id, _) in points.items()})
    for (point_id, measured_at), value in sorted(scalars.items()):
        machine_id, point = points[point_id]
        quality = _judge(point, value, (point_id, measured_at), before)
        if quality.is_measured:
            before.values[point_id] = value
            if not is_stopped(machines[machine_id].machine, contexts[machine_id, measured_at]):
                memory = ScalarMemory.from_figures(memories.get(point_id)).after(value)
                memories[point_id] = memory.to_figures()
                quality = no_measurement("stuck") if memory.is_stuck else quality
        found[point_id, measured_at] = quality
    return found


def _judge(point: MeasurementPoint, value: float, key: Key, before: _Before) -> ChannelQuality:
    """Return the quality of a value [unit of the point] but for a stuck sensor."""
    quality = judge_declared(point.limits, value)
    if quality.is_measured:
        factor, offset = si_conversion(point.quantity, point.unit)
        value_si, last = factor * value + offset, None
        if needs_value_before(point.quantity, value_si):
            last = before.value(*key)
        quality = judge_scalar(point.quantity, value_si, None if last is None else factor * last + offset)
    if not quality.is_measured or point.limits.rate is None:
        return quality
    record = (key[1].timestamp(), value)
    before.watches[key[0]] = before.watch(*key, point.limits.rate).after(*record)
    return quality if before.watches[key[0]].last == record else no_measurement("rate")
