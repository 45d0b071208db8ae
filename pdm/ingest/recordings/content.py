"""Content of a recording file: channels by name, with clock, unit and scale where the file has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError

CHUNK = 1 << 18  # samples that are in memory at a time


@dataclass(frozen=True)
class Reading:
    """How a caller wants a file to be read; None: as the file itself shows.

    `time` is COLUMN or COLUMN=UNIT, or `none` if no column is time. `columns` are the names of the columns of a table
    without a header, or the columns to use of any other file. `skip` is the number of lines before the table. With
    `split`, each part without a gap is a recording; without it, a file with gaps is rejected. `mapping` is a file that
    names the channels of an HDF5 file.
    """

    time: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    skip: int | None = None
    columns: tuple[str, ...] = ()
    split: bool = False
    mapping: str | None = None


@dataclass(frozen=True)
class Segment:
    """Samples without a gap: index of the first, their number, and the time of the first.

    `after` is the time of the first sample relative to that of the file's first sample [s].
    """

    first: int
    count: int
    measured_at: datetime | None = None
    after: float = 0.0


@dataclass(frozen=True)
class Clock:
    """Sampling rate [Hz] and times of a channel as the file has them.

    `jitter` is the largest deviation from an even grid [samples]. `source` is where the rate is from. With
    `is_unit_assumed` the file gives numbers without unit, taken as seconds. Several `segments` have gaps between them.
    `axis` is the channel of time.
    """

    rate: float | None
    source: str
    measured_at: datetime | None = None
    jitter: float | None = None
    segments: tuple[Segment, ...] = ()
    is_unit_assumed: bool = False
    note: str | None = None
    axis: str | None = None


@dataclass(frozen=True)
class FileChannel:
    """One channel; None where the file has no value. `load` returns the samples [first, stop).

    `label` is the name in the file, which may repeat; `name` is unique. `scale` is in units per count. For sound files
    the caller declares units at full scale instead; one count is `part_of_full_scale` of it. `step` is the step of
    values that only increase, as times do (NaN if the steps differ). `problem` is why the channel cannot be used.
    `group` limits which channels a time channel belongs to.
    """

    name: str
    count: int
    dtype: np.dtype[Any]
    load: Callable[[int, int], NDArray[Any]]
    clock: Clock | None = None
    unit: str | None = None
    scale: float | None = None
    part_of_full_scale: float | None = None
    label: str = ""
    step: float | None = None
    problem: str | None = None
    is_utc: bool = True
    group: str = ""

    @property
    def needs_scale(self) -> bool:
        """Whether the samples are counts."""
        return self.part_of_full_scale is not None or self.dtype.kind in "iu"

    def chunks(self, first: int = 0, stop: int | None = None) -> Iterator[NDArray[Any]]:
        """Yield the samples [first, stop) in parts of at most `CHUNK`."""
        stop = self.count if stop is None else stop
        for start in range(first, stop, CHUNK):
            yield self.load(start, min(start + CHUNK, stop))


@dataclass(frozen=True)
class FileRecording:
    """Channels and shaft speed [Hz] of a file.

    `details` are how the file was read, by what it was found: encoding, delimiter, and so on. `notes` name what the
    file has and what is not used.
    """

    channels: tuple[FileChannel, ...]
    speed: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def channel(self, name: str) -> FileChannel:
        """Return a channel of the file by its name."""
        return next(channel for channel in self.channels if channel.name == name)


def channel_of_array(name: str, samples: NDArray[Any], **known: Any) -> FileChannel:
    """Return a channel whose samples are in memory or mapped."""
    return FileChannel(
        name, len(samples), samples.dtype, lambda first, stop: samples[first:stop], **{"label": name} | known
    )


def unusable_channel(name: str, count: int, problem: str, **known: Any) -> FileChannel:
    """Return a channel that is rejected with its problem where it is needed."""
    return FileChannel(
        name,
        count,
        np.dtype(np.float64),
        lambda first, stop: np.full(stop - first, np.nan),
        **{"label": name, "problem": problem} | known,
    )


def unique_names(names: Sequence[str]) -> list[str]:
    """Return names of which none repeats: those that do end with `#1`, `#2`, ...

    Examples
    --------
    >>> unique_names(["time", "de", "de"])
    ['time', 'de#1', 'de#2']
    """
    counts, seen = Counter(names), Counter[str]()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(f"{name}#{seen[name]}" if counts[name] > 1 else name)
    return unique


def find_channel(channels: Sequence[FileChannel], name: str, what: str) -> FileChannel:
    """Return the channel of a unique name, or of a label that only one channel has.

    Raises
    ------
    InvalidInputError
        No channel, or more than one, has the name; the message begins with `what`.
    """
    found = [each for each in channels if each.name == name] or [each for each in channels if each.label == name]
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in (found or channels))
    if found:
        raise InvalidInputError(f"{what}: {name!r} repeats in the file; select one of {names}", field="point")
    raise InvalidInputError(f"{what}: the file has no {name!r}; it has {names or 'none'}", field="point")
