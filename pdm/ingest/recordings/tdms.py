"""TDMS files of LabVIEW: waveforms with rate, unit and start, each segment with its own start, read by slices."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.clock import with_clocks
from pdm.ingest.recordings.content import Clock, FileChannel, FileRecording, Reading, Segment, unusable_channel
from pdm.ingest.recordings.tdms_samples import Stretch, loader, stretches

_CONTIGUOUS = 0.5  # samples that the start of a segment may be off the end of the one before
_SAME_RATE = 1e-3
_START, _STEP, _OFFSET = "wf_start_time", "wf_increment", "wf_start_offset"
_NOTHING: Mapping[str, Any] = {}


def read_tdms(path: Path, reading: Reading, closing: ExitStack) -> FileRecording:
    """Read the waveforms of a TDMS file; channels with the same name are named group/channel."""
    import nptdms as tdms

    stream = closing.enter_context(path.open("rb"))  # as a stream: an index file beside it may be older
    file = closing.enter_context(tdms.TdmsFile.open(stream))
    lengths = file.file_status.channel_statuses or {}
    if file.file_status.incomplete_final_segment or any(
        each.read_length < each.expected_length for each in lengths.values()
    ):
        raise InvalidInputError("its last segment lacks samples: it was cut short, or not closed", field="file")
    parts = _parts(path)
    sampled = [channel for group in file.groups() for channel in group.channels()]
    counts = Counter(channel.name for channel in sampled if len(channel) > 1)
    channels: list[FileChannel] = []
    for channel in sampled:
        name = channel.name if counts[channel.name] <= 1 else f"{channel.group_name}/{channel.name}"
        dtype = np.dtype(channel.dtype) if channel.dtype is not None else np.dtype(object)
        if len(channel) > 1 and dtype.kind in "iufM":
            channels.append(_channel(name, channel, dtype, parts.get(channel.path, ()), stream, reading))
        elif len(channel):
            problem = f"channel {name!r} has {len(channel)} values of type {dtype}; samples are numbers"
            channels.append(unusable_channel(name, len(channel), problem, label=channel.name, group=channel.group_name))
    return FileRecording(with_clocks(channels, reading))


def _channel(
    name: str, channel: Any, dtype: np.dtype[Any], parts: Sequence[_Part], stream: BinaryIO, reading: Reading
) -> FileChannel:
    unit = str(channel.properties.get("unit_string", channel.properties.get("NI_UnitDescription", ""))).strip()
    return FileChannel(
        name,
        len(channel),
        dtype,
        _loader(channel, parts, stream),
        _clock(name, parts, len(channel), reading),
        unit or None,
        label=channel.name,
        group=channel.group_name,
    )


def _loader(channel: Any, parts: Sequence[_Part], stream: BinaryIO) -> Callable[[int, int], NDArray[Any]]:
    """Return a function that loads samples by slices, scaled; by the library where it must know more of the form."""
    from nptdms.base_segment import RawChannelDataChunk

    known = [part.stretch for part in parts if part.stretch is not None]
    if sum(each.count for each in known) != len(channel):
        return lambda first, stop: np.asarray(channel[first:stop])
    load = loader(stream, known)
    return lambda first, stop: np.asarray(channel._scale_data(RawChannelDataChunk.channel_data(load(first, stop))))


class _Part:
    """What one segment of the file has of a channel: number of samples, properties that it sets, and where they are."""

    __slots__ = ("count", "properties", "stretch")

    def __init__(self, count: int, properties: Mapping[str, Any], stretch: Stretch | None) -> None:
        self.count = count
        self.properties = properties
        self.stretch = stretch


def _parts(path: Path) -> dict[str, list[_Part]]:
    """Return the parts of each channel, by its path; the library keeps only the last value of each property."""
    from nptdms.reader import TdmsReader

    class Reader(TdmsReader):  # type: ignore[misc]
        """Keeps the properties of every segment."""

        def __init__(self, stream: Any) -> None:
            super().__init__(stream)
            self.properties: list[Mapping[str, Any]] = []

        def _update_object_properties(self, properties: Any) -> None:
            super()._update_object_properties(properties)
            self.properties.append({path: dict(each) for path, each in (properties or {}).items()})

    found: dict[str, list[_Part]] = {}
    with path.open("rb") as stream:
        reader = Reader(stream)
        reader.read_metadata()
        for segment, properties in zip(reader._segments, reader.properties, strict=True):
            counts = {
                each.path: each.number_values * segment.num_chunks for each in segment.ordered_objects if each.has_data
            }
            where = stretches(segment)
            for name in {*counts, *properties}:
                part = _Part(counts.get(name, 0), properties.get(name, _NOTHING), where.get(name))
                found.setdefault(name, []).append(part)
    return found


def _clock(name: str, parts: Sequence[_Part], count: int, reading: Reading) -> Clock | None:
    """Return the clock of a channel: a segment whose start is not the end of the one before begins a recording."""
    steps = {float(part.properties[_STEP]) for part in parts if _STEP in part.properties}
    steps = {step for step in steps if step > 0 and math.isfinite(step)}
    if len(steps) > 1 and max(steps) / min(steps) - 1.0 > _SAME_RATE:
        rates = ", ".join(f"{1 / step:g}" for step in sorted(steps, reverse=True)[:4])
        raise InvalidInputError(f"channel {name!r} has segments of several rates: {rates} Hz", field="file")
    step = min(steps) if steps else None
    segments = _segments(parts, step)
    if sum(each.count for each in segments) != count:
        segments = [Segment(0, count, segments[0].measured_at if segments else None)]
    if len(segments) > 1 and not reading.split:
        first = segments[0].measured_at
        gap = "" if first is None or step is None else f" of {segments[1].after - segments[0].count * step:.6g} s"
        raise InvalidInputError(
            f"channel {name!r} has {len(segments)} recordings with their own times, the first gap{gap} before sample "
            f"{segments[1].first + 1}: read each as a recording with --split",
            field="file",
        )
    at = segments[0].measured_at if segments else None
    if step is None and at is None:
        return None
    source = "property wf_increment" if step is not None else "property wf_start_time"
    return Clock(None if step is None else 1.0 / step, source, at, None, tuple(segments))


def _segments(parts: Sequence[_Part], step: float | None) -> list[Segment]:
    """Return the stretches without a gap; a start that does not change is not that of its segment."""
    found: list[list[Any]] = []  # first, count, start
    place, offset = 0, 0.0
    last: datetime | None = None
    for part in parts:
        offset = float(part.properties.get(_OFFSET, offset))
        stated = _moment(part.properties.get(_START), offset)
        start = stated if stated != last else None
        last = stated or last
        if not part.count:
            if start is not None and place == 0:
                found = [[0, 0, start]]
            continue
        if not found:
            found.append([0, 0, start])
        elif start is not None and not (place == 0 or _continues(found[-1], start, step)):
            found.append([place, 0, start])
        elif start is not None and place == 0:
            found[-1][2] = start
        found[-1][1] += part.count
        place += part.count
    begin = found[0][2] if found else None
    return [
        Segment(first, count, at, (at - begin).total_seconds() if at is not None and begin is not None else 0.0)
        for first, count, at in found
        if count
    ]


def _continues(stretch: list[Any], start: datetime, step: float | None) -> bool:
    if step is None or stretch[2] is None:
        return False
    late: float = (start - stretch[2]).total_seconds() - stretch[1] * step
    return abs(late) <= max(_CONTIGUOUS * step, 2e-6)


def _moment(started: Any, offset: float) -> datetime | None:
    if started is None:
        return None
    microseconds = int(started.as_datetime64("us").astype(np.int64))
    at = datetime.fromtimestamp(microseconds // 10**6, UTC) + timedelta(microseconds=microseconds % 10**6)
    return at + timedelta(seconds=offset)
