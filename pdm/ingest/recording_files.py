"""Single recordings in files of several formats, as input of a diagnosis or of an import.

There are no assumed values: if neither file, machine nor caller declares a value, the error names what to add.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError, PdmError
from pdm.health.diagnosis.model import Reason, RecordedChannel, Recording
from pdm.ingest.recordings.clock import check_times, is_counter
from pdm.ingest.recordings.content import CHUNK, FileChannel, FileRecording, Reading, Segment
from pdm.ingest.recordings.open import READERS, open_file
from pdm.ingest.recordings.spelling import spelled
from pdm.machines.model import Machine, MeasurementPoint
from pdm.machines.units import UNITS, si_conversion
from pdm.measurements import OperatingContext

__all__ = ["READERS", "Declared", "ReadFile", "each_recording", "read_recording_file", "read_recordings"]

Conversion = Callable[[MeasurementPoint, str], tuple[float, float]]  # factor and offset from a unit

_SAME_RATE = 1e-3  # relative
_JITTER = 0.1  # samples: at a fifth of the sampling rate a phase error of 0.13 rad, 18 dB below the line
_SIGNALS = frozenset(("acceleration", "velocity", "displacement", "current", "voltage", "tachometer"))
_USUAL_RATES = (100.0, 1e6)  # Hz, of signals: beyond, a time without a unit is rejected rather than taken as seconds


@dataclass(frozen=True)
class Declared:
    """Declarations of the caller about a file, in addition to file and machine.

    `points` maps point keys to channel names; if it is empty, channels are assigned to points of the same name.
    `speed` is the shaft speed [Hz], `rate` the sampling rate [Hz], `unit` the unit of the samples, `unknown_unit` that
    of channels for which the file has a unit that pdm does not know. `scale` contains units per count (WAV: units at
    full scale) by channel name, or under "" for all channels. `reading` is the layout of the file.
    """

    points: Mapping[str, str] = field(default_factory=dict)
    speed: float | None = None
    rate: float | None = None
    unit: str | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    unknown_unit: str | None = None
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True)
class ReadFile:
    """A recording, doubts about its sampling clock, the channel of each point, and what of the file is not used.

    `has_time` is whether the time of the recording is from the file and not that of the file itself.
    `recordings` is how many the file has.
    """

    recording: Recording
    doubts: tuple[Reason, ...]
    channels: Mapping[str, str]
    notes: tuple[str, ...] = ()
    has_time: bool = False
    recordings: int = 1


def read_recording_file(path: Path, machine: Machine, declared: Declared | None = None) -> ReadFile:
    """Read one file as a recording of a machine.

    Parameters
    ----------
    path : Path
        One of the formats in `READERS`, by file extension.
    machine : Machine
        Its points give the quantity of each channel, and the unit unless another one is declared.
    declared : Declared, optional
        Values that neither file nor machine gives.

    Returns
    -------
    ReadFile

    Raises
    ------
    InvalidInputError
        The file cannot be read or has several recordings, or channel, unit, scale or sampling rate are missing or
        contradict each other.
    ConfigurationError
        The format needs a library that is not installed.
    """
    found = read_recordings(path, machine, declared)
    if len(found) > 1:
        raise InvalidInputError(f"{path.name}: the file has {len(found)} recordings; one is required", field="file")
    return found[0]


def read_recordings(
    path: Path, machine: Machine, declared: Declared | None = None, *, in_point_units: bool = False
) -> tuple[ReadFile, ...]:
    """Read one file as the recordings that it has: several only where `declared.reading.split` is set.

    With `in_point_units` the samples are in the units of the points instead of SI, for an import: then every channel
    of the file must belong to a point.

    Raises
    ------
    InvalidInputError
        As `read_recording_file`.
    """
    return tuple(each_recording(path, machine, declared, in_point_units=in_point_units))


def each_recording(
    path: Path, machine: Machine, declared: Declared | None = None, *, in_point_units: bool = False
) -> Iterator[ReadFile]:
    """Yield the recordings of a file as `read_recordings`, with one of them in memory at a time.

    All are checked before the first one is yielded: a file is used as a whole, or rejected.

    Raises
    ------
    InvalidInputError
        As `read_recording_file`.
    """
    declared = declared or Declared()
    try:
        if declared.speed is not None and not 0 < declared.speed < math.inf:
            raise InvalidInputError("the speed must be positive", field="speed")
        wanted = set(declared.points.values()) | {point.key for point in machine.points}
        with open_file(path, declared.reading, wanted) as content:
            mapping = _map(content, machine, declared)
            modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            if in_point_units:
                _check_all_belong(content, mapping, machine)
            convert = _to_point if in_point_units else _to_si
            yield from _recordings(content, machine, declared, mapping, modified, convert)
    except PdmError as error:
        raise type(error)(f"{path.name}: {error.message}", field=error.field) from error


def _recordings(
    content: FileRecording,
    machine: Machine,
    declared: Declared,
    mapping: Mapping[str, str],
    modified: datetime,
    convert: Conversion,
) -> Iterator[ReadFile]:
    points = {point.key: point for point in machine.points}
    used = {key: content.channel(name) for key, name in mapping.items()}
    others = [each for each in content.channels if each.name not in mapping.values()]
    for key, channel in used.items():
        rate = _rate(points[key], channel, declared)
        if declared.reading.time is None:
            check_times(channel, others, rate, declared.rate is not None)
    notes, doubts = _notes(content, machine, mapping), _doubts(list(used.values()))
    speed = declared.speed if declared.speed is not None else content.speed

    def read(segment: Segment) -> tuple[RecordedChannel, ...]:
        return tuple(_channel(points[key], channel, declared, segment, convert) for key, channel in used.items())

    segments = _segments(list(used.values()))
    if len(segments) > 1:
        for segment in segments:
            read(segment)  # or rejects the file, before a part of it is used
    for segment in segments:
        at = segment.measured_at or modified + timedelta(seconds=segment.after)
        recording = Recording(at, read(segment), OperatingContext(speed=speed))
        has_time = segment.measured_at is not None
        yield ReadFile(recording, doubts, mapping, notes, has_time, len(segments))


def _notes(content: FileRecording, machine: Machine, mapping: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the file has and the recording has not, and the points without a channel."""
    unused = [each.problem or f"channel {each.name!r} is of no point" for each in content.channels]
    unused = [text for text, each in zip(unused, content.channels, strict=True) if each.name not in mapping.values()]
    absent = [f"point {point.key!r} has no channel in the file" for point in machine.points if point.key not in mapping]
    counts = {each.name: each.count for each in content.channels if each.name in mapping.values()}
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"{name} {count}" for name, count in counts.items())
        unused.append(f"the channels have different numbers of samples: {shown}")
    clocks = dict.fromkeys(each.clock.note for each in content.channels if each.clock and each.clock.note)
    return (*content.notes, *clocks, *unused, *absent)


def _map(content: FileRecording, machine: Machine, declared: Declared) -> dict[str, str]:
    points = [point.key for point in machine.points]
    names = [channel.name for channel in content.channels]
    has = f"the file has {', '.join(names)}; machine {machine.key!r} has the points {', '.join(points) or 'none'}"
    for key, name in declared.points.items():
        if key not in points:
            raise InvalidInputError(f"the machine has no point {key!r}: {has}", field="point")
        if not _named(content, name):
            raise InvalidInputError(f"unknown channel {name!r}: {has}", field="point")
    pairs = dict(declared.points) or {key: key for key in points if _named(content, key)}
    mapping = {}
    for key, name in pairs.items():
        found = _named(content, name)
        if len(found) > 1:
            raise InvalidInputError(
                f"the name {name!r} repeats in the file: select one of {', '.join(each.name for each in found)} with "
                f"--point {key}={found[0].name}",
                field="point",
            )
        if found[0].problem is not None:
            raise InvalidInputError(found[0].problem, field="file")
        mapping[key] = found[0].name
    if not mapping:
        problems = "".join(f"; {each.problem}" for each in content.channels if each.problem is not None)
        raise InvalidInputError(
            f"no channel has the name of a point: {has}{problems}. Assign channels with --point POINT=CHANNEL",
            field="point",
        )
    return mapping


def _named(content: FileRecording, name: str) -> list[FileChannel]:
    """Return the channel of a unique name, else all with that name in the file."""
    exact = [each for each in content.channels if each.name == name]
    return exact or [each for each in content.channels if each.label == name]


def _segments(channels: Sequence[FileChannel]) -> tuple[Segment, ...]:
    """Return the parts of the recordings, which all channels must have alike."""
    found: tuple[Segment, ...] = ()
    for channel in channels:
        clock = channel.clock
        own = clock.segments if clock is not None else ()
        if len(own) <= 1:
            at = None if clock is None else clock.measured_at
            own = (Segment(0, channel.count, at),)
        if (
            found
            and [(s.measured_at, s.after) for s in own] != [(s.measured_at, s.after) for s in found]
            and (len(own) > 1 or len(found) > 1)
        ):
            raise InvalidInputError(
                f"channels {channels[0].name!r} and {channel.name!r} have parts of different times: read them one by "
                "one with --point",
                field="file",
            )
        found = found or own
    return found


def _check_all_belong(content: FileRecording, mapping: Mapping[str, str], machine: Machine) -> None:
    """Reject an import of a file with channels of no point, other than a count of the samples."""
    scalars = {point.key for point in machine.points if point.sampling_rate is None}
    for key in mapping:
        if key in scalars:
            raise InvalidInputError(
                f"point {key!r} is registered for scalars, a file has waveforms; leave it out with --columns",
                field="point",
            )
    left = [each.name for each in content.channels if each.name not in mapping.values() and not is_counter(each)]
    if left:
        raise InvalidInputError(
            f"machine {machine.key!r} has no waveform point {left[0]!r}; it has the points "
            f"{', '.join(point.key for point in machine.points)}. Name the columns to import with "
            f"--columns {','.join(mapping)}",
            field="point",
        )


def _to_si(point: MeasurementPoint, unit: str) -> tuple[float, float]:
    return si_conversion(point.quantity, unit)


def _to_point(point: MeasurementPoint, unit: str) -> tuple[float, float]:
    """Return factor and offset from a unit to that of the point."""
    if unit == point.unit:
        return 1.0, 0.0
    (factor, offset), (own, zero) = (si_conversion(point.quantity, each) for each in (unit, point.unit))
    return factor / own, (offset - zero) / own


def _channel(
    point: MeasurementPoint, channel: FileChannel, declared: Declared, segment: Segment, convert: Conversion
) -> RecordedChannel:
    rate = _rate(point, channel, declared)
    factor, offset = convert(point, unit_of(point, channel, declared))
    scale = _scale(channel, declared)
    first, stop = segment.first, segment.first + segment.count
    if channel.clock is None or len(channel.clock.segments) <= 1:
        first, stop = 0, channel.count
    doubts = _clock_doubts(channel)
    if channel.dtype == np.int16 and scale is not None and offset == 0.0:
        counts = np.empty(stop - first, np.int16)
        for start, part in zip(range(0, stop - first, CHUNK), channel.chunks(first, stop), strict=True):
            counts[start : start + len(part)] = part
        return RecordedChannel(point, counts, rate, scale * factor, doubts)
    values = np.empty(stop - first, np.float32)
    place = 0
    for part in channel.chunks(first, stop):
        values[place : place + len(part)] = _converted(channel, part, (scale or 1.0) * factor, offset, first + place)
        place += len(part)
    return RecordedChannel(point, values, rate, None, doubts)


def _converted(
    channel: FileChannel, part: NDArray[np.float64], factor: float, offset: float, first: int
) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        values = (part.astype(np.float64) * factor + offset).astype(np.float32)
    bad = ~np.isfinite(values)
    if bad.any():
        place = int(np.argmax(bad))
        what = "is not finite" if not math.isfinite(part[place]) else "is beyond single precision"
        raise InvalidInputError(
            f"channel {channel.name!r}, sample {first + place + 1} ({part[place]:g}) {what}: {int(bad.sum())} samples "
            "of this part are no measurement; remove the part, or repair the file",
            field="file",
        )
    return values


def _rate(point: MeasurementPoint, channel: FileChannel, declared: Declared) -> float:
    clock = channel.clock
    known = None if clock is None else clock.rate
    if known is not None and declared.rate is not None and abs(declared.rate / known - 1.0) > _SAME_RATE:
        raise InvalidInputError(
            f"the file says {known:g} Hz of channel {channel.name!r}, --rate says {declared.rate:g} Hz; "
            "remove --rate or correct the file, or declare the time with --time COLUMN=UNIT",
            field="rate",
        )
    rate = next((each for each in (known, declared.rate, point.sampling_rate) if each is not None), None)
    if rate is None:
        raise InvalidInputError(
            f"the sampling rate of channel {channel.name!r} is missing: add --rate HZ, "
            f"or sampling_rate_hz to point {point.key!r} of the machine",
            field="rate",
        )
    if clock is not None and clock.is_unit_assumed and known is not None and declared.rate is None:
        _check_unit_of_time(point, clock.source, known)
    if not 0 < rate <= 10e6:
        raise InvalidInputError(f"sampling rate {rate:g} Hz must be in (0, 10 MHz]", field="rate")
    return rate


def _check_unit_of_time(point: MeasurementPoint, source: str, rate: float) -> None:
    """Reject a rate that is unusual for the quantity, if the file does not give the unit of its times."""
    low, high = _USUAL_RATES
    stated = point.sampling_rate
    if stated is not None and abs(stated / rate - 1.0) <= _SAME_RATE:
        return
    if point.quantity in _SIGNALS and not low <= rate <= high:
        guesses = ", ".join(f"{rate / factor:g} Hz as {unit}" for unit, factor in (("ms", 1e-3), ("us", 1e-6)))
        raise InvalidInputError(
            f"the times of {source} have no unit: as s they give {rate:g} Hz, {guesses}; declare the unit with "
            "--time COLUMN=UNIT (UFF: --time abscissa=UNIT)",
            field="time",
        )


def unit_of(point: MeasurementPoint, channel: FileChannel, declared: Declared) -> str:
    """Return the unit of a channel: that of the caller, of the file, or of the point.

    Raises
    ------
    InvalidInputError
        The file has another unit than the point, or an unknown one.
    """
    if declared.unit is not None:
        return spelled(declared.unit)
    if channel.unit is None:
        return point.unit
    unit = spelled(channel.unit)
    if unit == point.unit:
        return unit
    known = ", ".join(UNITS[point.quantity])
    if unit not in UNITS[point.quantity]:
        if declared.unknown_unit is not None:
            return spelled(declared.unknown_unit)
        raise InvalidInputError(
            f"the file gives channel {channel.name!r} in {channel.unit!r}, which is no unit of {point.quantity}; the "
            f"machine has point {point.key!r} in {point.unit!r}: select one with --unit (one of {known}), or with "
            "--unknown-unit for unknown ones only",
            field="unit",
        )
    raise InvalidInputError(
        f"the file gives channel {channel.name!r} in {channel.unit!r}, the machine has point {point.key!r} in "
        f"{point.unit!r}: select one with --unit (one of {known})",
        field="unit",
    )


def _scale(channel: FileChannel, declared: Declared) -> float | None:
    declared_scale = declared.scale.get(channel.name, declared.scale.get(""))
    if channel.scale is not None and declared_scale is not None:
        raise InvalidInputError(f"the file has a scale of channel {channel.name!r}; remove --scale", field="scale")
    scale = channel.scale if declared_scale is None else declared_scale * (channel.part_of_full_scale or 1.0)
    if scale is None and channel.needs_scale:
        what = "its units per count" if channel.part_of_full_scale is None else "its units at full scale"
        raise InvalidInputError(
            f"the scale of channel {channel.name!r} is missing: add --scale {channel.name}=VALUE, {what}",
            field="scale",
        )
    if scale is not None and not 0 < abs(scale) < math.inf:
        raise InvalidInputError(
            f"scale {scale:g} of channel {channel.name!r} must be a number other than 0", field="scale"
        )
    return scale


def _doubts(channels: Sequence[FileChannel]) -> tuple[Reason, ...]:
    return tuple({reason.code: reason for each in channels for reason in _clock_doubts(each)}.values())


def _clock_doubts(channel: FileChannel) -> tuple[Reason, ...]:
    """Return a doubt if the times in the file show uneven sampling."""
    clock = channel.clock
    if clock is None or clock.jitter is None or clock.jitter <= _JITTER:
        return ()
    figures: dict[str, float | str] = {
        "samples": clock.jitter,
        "limit": _JITTER,
        "rate_hz": math.nan if clock.rate is None else clock.rate,
    }
    return (Reason("clock-jitter", figures, None, "check-sampling-clock"),)
