"""Corrections of what points reported and components are, from a date on.

They are applied when records are read; samples and values stay as they were sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pdm.machines.model import Bearing, Machine, MeasurementPoint
from pdm.machines.units import si_conversion


class CorrectedField(StrEnum):
    """What was wrong."""

    FACTOR = "factor"
    UNIT = "unit"
    SAMPLING_RATE = "sampling_rate_hz"
    SWAP = "swap_with"
    DIRECTION = "direction"
    BEARING = "bearing"


@dataclass(frozen=True)
class MeasurementCorrection:
    """One correction in [begins_at, ends_at); without an end it also applies to records that are still to come.

    `value` is right instead of the `registered` one: a factor on the values as they were sent, the unit in which they
    were sent, the rate at which they were sampled, the direction, the bearing. Under the key of a point with
    `swapped_with`, the values of that other point were sent, and the reverse. `component` is that of a bearing; then
    there is no point. `quantity` and `unit` are those of the point.
    """

    id: int
    field: CorrectedField
    value: float | str | Bearing | None
    registered: float | str | Bearing | None
    begins_at: datetime
    ends_at: datetime | None
    point_id: int | None = None
    swapped_with: int | None = None
    component: str | None = None
    quantity: str = ""
    unit: str = ""

    def covers(self, measured_at: datetime) -> bool:
        """Whether it applies to a record of this time."""
        return self.begins_at <= measured_at and (self.ends_at is None or measured_at < self.ends_at)

    def overlaps(self, since: datetime, before: datetime | None) -> bool:
        """Whether it applies to a time in [since, before)."""
        return (before is None or self.begins_at < before) and (self.ends_at is None or since < self.ends_at)


@dataclass(frozen=True)
class Reading:
    """How a channel of a record is read: the point that it measured, gain * value + offset, and the rate [Hz]."""

    point_id: int
    gain: float = 1.0
    offset: float = 0.0
    sampling_rate: float | None = None

    @property
    def has_other_values(self) -> bool:
        """Whether the values are not as they were sent."""
        return (self.gain, self.offset) != (1.0, 0.0)


@dataclass(frozen=True)
class SourceSpan:
    """A span [since, before) in which the values of a point are those sent under the key of `source_id`."""

    source_id: int
    since: datetime
    before: datetime
    gain: float
    offset: float
    is_corrected: bool


@dataclass(frozen=True)
class Corrections:
    """The corrections of a machine that are in force, in the order in which they were made.

    Of several of one field that cover a time, the last one counts; channels that were swapped twice are not swapped.
    """

    of: tuple[MeasurementCorrection, ...] = ()

    def reading(self, point_id: int, measured_at: datetime) -> Reading:
        """Return how a channel that was sent under the key of a point is read."""
        if not self.of:
            return Reading(point_id)
        found = {c.field: c for c in self.of if c.point_id == point_id and c.covers(measured_at)}
        gain, offset, rate = 1.0, 0.0, None
        if CorrectedField.FACTOR in found:
            gain = float(found[CorrectedField.FACTOR].value)  # type: ignore[arg-type]
        if CorrectedField.UNIT in found:
            unit = found[CorrectedField.UNIT]
            factor, shift = si_conversion(unit.quantity, str(unit.value))
            registered, start = si_conversion(unit.quantity, unit.unit)
            gain, offset = gain * factor / registered, (shift - start) / registered
        if CorrectedField.SAMPLING_RATE in found:
            rate = float(found[CorrectedField.SAMPLING_RATE].value)  # type: ignore[arg-type]
        return Reading(self.counterpart(point_id, measured_at), gain, offset, rate)

    def counterpart(self, point_id: int, measured_at: datetime) -> int:
        """Return the point with which this one was swapped, in either direction; itself if it was not."""
        other, is_swapped = point_id, False
        for each in self.of:
            if each.point_id is None or each.swapped_with is None or not each.covers(measured_at):
                continue
            if point_id in (each.point_id, each.swapped_with):
                other = each.swapped_with if point_id == each.point_id else each.point_id
                is_swapped = not is_swapped
        return other if is_swapped else point_id

    def spans(self, point_id: int, since: datetime, before: datetime) -> list[SourceSpan]:
        """Return where the values of a point in [since, before) are, and how they are read, in order."""
        ends = {at for c in self.of for at in (c.begins_at, c.ends_at) if at is not None and since < at < before}
        starts = [since, *sorted(ends)]
        found = []
        for start, end in zip(starts, [*starts[1:], before], strict=True):
            source = self.counterpart(point_id, start)
            read = self.reading(source, start)
            is_corrected = source != point_id or read.has_other_values
            found.append(SourceSpan(source, start, end, read.gain, read.offset, is_corrected))
        return found

    def applied(
        self, point_id: int, since: datetime, before: datetime, *, with_bearings: bool = False
    ) -> list[MeasurementCorrection]:
        """Return the corrections by which the values of a point in [since, before) are read, in order.

        `with_bearings`: those of bearings too, on which features depend.
        """
        ids: set[int] = set()
        for span in self.spans(point_id, since, before):
            last: dict[tuple[str, str | None], int] = {}
            for each in self.of:
                if not each.overlaps(span.since, span.before):
                    continue
                if each.field is CorrectedField.SWAP:
                    if point_id in (each.point_id, each.swapped_with):
                        ids.add(each.id)
                elif each.point_id == span.source_id or (with_bearings and each.component is not None):
                    last[each.field, each.component] = each.id
            ids |= set(last.values())
        return [each for each in self.of if each.id in ids]

    def correct_point(self, point: MeasurementPoint, point_id: int, measured_at: datetime) -> MeasurementPoint:
        """Return a point as it was at a time: its direction and sampling rate."""
        found = {c.field: c for c in self.of if c.point_id == point_id and c.covers(measured_at)}
        rate, direction = found.get(CorrectedField.SAMPLING_RATE), found.get(CorrectedField.DIRECTION)
        if rate is not None:
            point = replace(point, sampling_rate=float(rate.value))  # type: ignore[arg-type]
        if direction is not None and direction.registered == point.direction:
            point = replace(point, direction=None if direction.value is None else str(direction.value))
        return point

    def correct_machine(self, machine: Machine, measured_at: datetime) -> Machine:
        """Return a machine with the bearings that it had at a time.

        A component of which another bearing was registered since the correction keeps the registered one.
        """
        found = {c.component: c for c in self.of if c.component is not None and c.covers(measured_at)}
        if not found:
            return machine
        components = []
        for each in machine.components:
            bearing = found.get(each.key)
            if bearing is not None and bearing.registered == each.bearing:
                each = replace(each, bearing=bearing.value)  # type: ignore[arg-type]
            components.append(each)
        return replace(machine, components=tuple(components))


NO_CORRECTIONS = Corrections()
