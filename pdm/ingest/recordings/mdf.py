"""MDF4 files (ASAM): channels of the measured groups with the master of their group as time, read by slices."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.clock import with_clocks
from pdm.ingest.recordings.content import CHUNK, FileChannel, FileRecording, Reading, unusable_channel

_FRAGMENT = 8 << 20  # bytes of records that the library has in memory
_BLOCK = CHUNK  # samples of one call of the library
_BUS_EVENT = 1 << 1  # flag of a channel group
_UNFINALIZED = b"UnFinMF "

Loader = Callable[[int, int], NDArray[Any]]


def read_mdf(path: Path, reading: Reading, closing: ExitStack) -> FileRecording:
    """Read the numeric channels of an MDF file; names that repeat are numbered."""
    from asammdf import MDF

    stream = closing.enter_context(path.open("rb"))  # as a stream: a path would be mapped, and opened for writing
    if stream.read(8) == _UNFINALIZED:
        raise InvalidInputError("it was not finalized: the recorder did not close it; finalize it first", field="file")
    stream.seek(0)
    logging.getLogger("asammdf").setLevel(logging.CRITICAL)
    file: Any = closing.enter_context(MDF(stream))
    file.configure(read_fragment_size=_FRAGMENT)
    channels: list[FileChannel] = []
    notes: list[str] = []
    blocks = _Blocks()
    for place, group in enumerate(file.groups):
        stated = group.channel_group
        if stated.flags & _BUS_EVENT:
            notes.append(f"group {place} has bus messages: not used")
        elif stated.cycles_nr > 1:
            channels += _group(file, place, group, blocks)
    found = with_clocks(_unique(channels), reading)
    started = file.header.start_time.astimezone(UTC)
    return FileRecording(tuple(_started(each, started) for each in found), notes=tuple(notes))


def _group(file: Any, place: int, group: Any, blocks: _Blocks) -> list[FileChannel]:
    count, master = int(group.channel_group.cycles_nr), file.masters_db.get(place)
    found = []
    if master is not None:
        found.append(
            FileChannel(
                "time",
                count,
                np.dtype(np.float64),
                blocks.loader((place, -1), _times(file, place), count),
                unit="s",
                label="time",
                group=str(place),
            )
        )
    for index, channel in enumerate(group.channels):
        if index == master:
            continue
        sample = file.get(group=place, index=index, record_offset=0, record_count=1)
        dtype = sample.samples.dtype
        if dtype.names is not None or dtype.kind not in "iuf" or sample.samples.ndim != 1:
            problem = f"channel {channel.name!r} has values of type {dtype}; samples are numbers"
            found.append(unusable_channel(channel.name, count, problem, group=str(place)))
            continue
        # integers of a channel without conversion are values: MDF states a conversion for counts
        dtype = np.dtype(np.float32 if dtype == np.float32 else np.float64)
        load = blocks.loader((place, index), _values(file, place, index, dtype), count)
        found.append(
            FileChannel(
                channel.name, count, dtype, load, unit=sample.unit or None, label=channel.name, group=str(place)
            )
        )
    return found


def _times(file: Any, place: int) -> Loader:
    def load(first: int, stop: int) -> NDArray[Any]:
        return _whole(np.asarray(file.get_master(place, record_offset=first, record_count=stop - first)), first, stop)

    return load


def _values(file: Any, place: int, index: int, dtype: np.dtype[Any]) -> Loader:
    def load(first: int, stop: int) -> NDArray[Any]:
        signal = file.get(group=place, index=index, record_offset=first, record_count=stop - first)
        values = _whole(np.asarray(signal.samples), first, stop).astype(dtype)
        if signal.invalidation_bits is not None:
            values[np.asarray(signal.invalidation_bits, bool)] = np.nan  # rejected by its place
        return values

    return load


class _Blocks:
    """Loads whole blocks, since each call of the library begins with a search; one is in memory for the whole file."""

    def __init__(self) -> None:
        self._last: tuple[Any, NDArray[Any]] | None = None

    def loader(self, key: tuple[int, int], load: Loader, count: int) -> Loader:
        """Return a function that loads parts of what `load` loads, of which there are `count` samples."""

        def load_part(first: int, stop: int) -> NDArray[Any]:
            parts = []
            for begin in range(first - first % _BLOCK, stop, _BLOCK):
                if self._last is None or self._last[0] != (key, begin):
                    self._last = None
                    self._last = (key, begin), load(begin, min(begin + _BLOCK, count))
                parts.append(self._last[1][max(first - begin, 0) : stop - begin])
            return parts[0] if len(parts) == 1 else np.concatenate(parts)

        return load_part


def _whole(values: NDArray[Any], first: int, stop: int) -> NDArray[Any]:
    if len(values) != stop - first:
        raise InvalidInputError(
            f"samples {first + 1} to {stop} are not all in the file ({len(values)} are): it was cut short", field="file"
        )
    return values


def _unique(channels: list[FileChannel]) -> list[FileChannel]:
    counts, seen = Counter(each.label for each in channels if each.label != "time"), Counter[str]()
    found = []
    for each in channels:
        seen[each.label] += 1
        found.append(replace(each, name=f"{each.label}#{seen[each.label]}") if counts[each.label] > 1 else each)
    return found


def _started(channel: FileChannel, started: Any) -> FileChannel:
    """Return a channel whose times count from the start of the file."""
    clock = channel.clock
    if clock is None:
        return channel
    segments = tuple(replace(each, measured_at=started + timedelta(seconds=each.after)) for each in clock.segments)
    return replace(channel, clock=replace(clock, measured_at=started, segments=segments))
