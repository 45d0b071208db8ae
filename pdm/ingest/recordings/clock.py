"""Time axes of recordings: which channel is time, its unit, the sampling rate, and where samples are missing.

A channel is time by its name (`time`, `elapsed_ms`, `Timestamp_UTC`, `X_Value`) or because it contains timestamps. A
channel whose values only increase may be time: it is marked, and the caller decides. No time is ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.content import CHUNK, Clock, FileChannel, Reading, Segment, find_channel

_FACTORS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "days": 86400.0}
_UNIT_SPELLINGS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "sek": "s", "초": "s",
    "msec": "ms", "msecs": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
    "µs": "us", "μs": "us", "usec": "us", "micros": "us", "microsecond": "us", "microseconds": "us",
    "nsec": "ns", "nanos": "ns", "nanosecond": "ns", "nanoseconds": "ns",
    "minute": "min", "minutes": "min", "hour": "h", "hours": "h", "hr": "h", "day": "days", "d": "days",
}  # fmt: skip
_TIME_WORDS = frozenset(
    [
        "time",
        "t",
        "times",
        "timestamp",
        "ts",
        "timestamps",
        "datetime",
        "elapsed",
        "epoch",
        "unixtime",
        "zeit",
        "zeitstempel",
        "uhrzeit",
        "temps",
        "tempo",
        "tiempo",
        "시간",
        "시각",
        "時間",
        "时间",
    ]
)
_BESIDE_TIME = frozenset(
    [
        "utc",
        "gmt",
        "local",
        "date",
        "stamp",
        "value",
        "values",
        "axis",
        "relative",
        "rel",
        "absolute",
        "abs",
        "since",
        "start",
        "unix",
        "measurement",
        "sample",
        "samples",
        "sampling",
        "measured",
        "at",
        "of",
        "the",
        "in",
        "iso",
        "datum",
    ]
)
_WHOLE_NAMES = frozenset(("x value", "x values", "xvalue"))  # LabVIEW writes X_Value
_UNITS_AS_NAMES = frozenset(("sec", "secs", "second", "seconds", "msec", "milliseconds", "microseconds", "nanoseconds"))
_COUNTERS = frozenset(("", "#", "n", "no", "nr", "num", "number", "index", "idx", "i", "sample", "samples", "count"))
_COUNTER_NAME = re.compile(r"unnamed:? ?\d*|sample ?(no|nr|number|index)|row ?(no|nr|number)?|line ?(no|nr)?")
_EPOCH_UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))
_EPOCH_FROM, _EPOCH_TO = 946_684_800.0, 4_102_444_800.0  # 2000 and 2100 [s since 1970]
_A_YEAR = 31_536_000.0  # s: a count from the begin of a recording is smaller
_DAY_NUMBERS = ((20_000.0, 86_400.0, "days since 1900, or seconds of the day"), (690_000.0, 770_000.0, "day numbers"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAME_RATE = 1e-3  # relative
_MISSING = 1.5  # a step of more medians means that samples are missing
_FEWEST_MONOTONE = 8  # samples from which a channel that only increases is called a possible time axis
_SHORTEST_SEGMENT = 3


def time_unit(text: str | None) -> str | None:
    """Return the unit of time of a spelling, such as ms of `msec`; None if it is no unit of time.

    Examples
    --------
    >>> time_unit("msec"), time_unit("g")
    ('ms', None)
    """
    if text is None:
        return None
    cleaned = text.strip().strip(".").lower()
    unit = _UNIT_SPELLINGS.get(cleaned, cleaned)
    return unit if unit in _FACTORS else None


def is_time_name(label: str) -> bool:
    """Whether a channel is time by its name.

    Examples
    --------
    >>> [is_time_name(name) for name in ("Timestamp_UTC", "elapsed_ms", "X_Value", "T", "de", "runtime")]
    [True, True, True, False, False, False]
    """
    if label.strip() == "T":  # temperature, more often than time
        return False
    words = _words(label)
    if " ".join(words) in _WHOLE_NAMES or (len(words) == 1 and words[0] in _UNITS_AS_NAMES):
        return True
    return any(word in _TIME_WORDS for word in words) and all(
        word in _TIME_WORDS or word in _BESIDE_TIME or time_unit(word) for word in words
    )


def _unit_in_name(label: str) -> str | None:
    words = _words(label)
    return time_unit(words[-1]) if len(words) > 1 or words[0] in _UNITS_AS_NAMES else None


def _words(label: str) -> list[str]:
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label.strip())
    return [word for word in re.split(r"[\s_\-.:/]+", parted.lower()) if word]


def is_counter(channel: FileChannel) -> bool:
    """Whether a channel counts samples: by its step, which is 1, and its name."""
    name = " ".join(_words(channel.label))
    return channel.step == 1.0 and (name in _COUNTERS or _COUNTER_NAME.fullmatch(name) is not None)


def with_clocks(channels: Sequence[FileChannel], reading: Reading) -> tuple[FileChannel, ...]:
    """Return the channels that are no time, each with the clock of its time channel, and possible times marked.

    A time channel is that of the channels behind it up to the next one; those before the first have the first. Only
    channels of the same group and number of samples belong together.

    Raises
    ------
    InvalidInputError
        The times do not increase, have gaps, are of an unknown unit, or contradict each other.
    """
    axes = _axes(channels, reading)
    clocks = {id(axis): _clock(axis, unit, reading) for axis, unit in axes}
    _check_neighbours(channels, axes, clocks)
    found = []
    for place, channel in enumerate(channels):
        if id(channel) in clocks:
            continue
        axis = _axis_of(place, channels, [each for each, _ in axes])
        clocked = channel if axis is None else _join(channel, clocks[id(axis)])
        step = _step(channel) if channel.step is None else channel.step
        found.append(replace(clocked, step=step, problem=channel.problem or _without_times(clocked, axes)))
    return tuple(found)


def _without_times(channel: FileChannel, axes: Sequence[tuple[FileChannel, str | None]]) -> str | None:
    """Return the problem of a channel with no rate whose group has times, but another number of them."""
    own = [axis for axis, _ in axes if axis.group == channel.group]
    if not own or channel.clock is not None:
        return None
    return (
        f"channel {channel.name!r} has {channel.count} samples, its times {own[0].name!r} have {own[0].count}: "
        "samples are missing, or declare --time none and the rate"
    )


def _axes(channels: Sequence[FileChannel], reading: Reading) -> list[tuple[FileChannel, str | None]]:
    """Return the time channels with the unit that the caller gives."""
    if reading.time == "none":
        return []
    if reading.time is not None:
        name, _, unit = reading.time.partition("=")
        axis = find_channel(channels, name, f"--time {reading.time}")
        if unit and time_unit(unit) is None:
            raise InvalidInputError(
                f"--time {reading.time}: {unit!r} is no unit of time; allowed: {', '.join(_FACTORS)}", field="time"
            )
        return [(axis, unit or None)]
    return [(each, None) for each in channels if is_time_name(each.label) or each.dtype.kind == "M"]


def _axis_of(place: int, channels: Sequence[FileChannel], axes: Sequence[FileChannel]) -> FileChannel | None:
    channel = channels[place]
    fitting = [each for each in axes if each.count == channel.count and each.group == channel.group]
    before = [each for each in channels[:place] if any(each is axis for axis in fitting)]
    return before[-1] if before else next(iter(fitting), None)


def _check_neighbours(
    channels: Sequence[FileChannel], axes: Sequence[tuple[FileChannel, str | None]], clocks: dict[int, Clock]
) -> None:
    """Reject time channels of which one has no channel behind it and another rate than the one before."""
    last: FileChannel | None = None
    is_used = True
    for channel in [*channels, None]:
        is_axis = channel is not None and id(channel) in clocks
        if channel is not None and not is_axis:
            is_used = is_used or last is None or (channel.count == last.count and channel.group == last.group)
            continue
        if last is not None and not is_used:
            others = [each for each, _ in axes if each is not last and each.group == last.group]
            for other in others:
                first, second = clocks[id(other)].rate, clocks[id(last)].rate
                if first and second and abs(first / second - 1.0) > _SAME_RATE:
                    raise InvalidInputError(
                        f"the times {other.name!r} and {last.name!r} contradict each other: {first:g} and "
                        f"{second:g} Hz; select one with --time COLUMN",
                        field="time",
                    )
        if channel is not None:
            last, is_used = channel, False


def _join(channel: FileChannel, clock: Clock) -> FileChannel:
    own = channel.clock
    if own is None or own.rate is None:
        return replace(channel, clock=clock)
    if clock.rate is not None and abs(own.rate / clock.rate - 1.0) > _SAME_RATE:
        raise InvalidInputError(
            f"channel {channel.name!r} has {own.rate:g} Hz from {own.source}, and {clock.rate:g} Hz from "
            f"{clock.source}: select with --time COLUMN, or --time none",
            field="time",
        )
    if clock.is_unit_assumed or own.segments:
        return channel
    return replace(channel, clock=replace(own, jitter=clock.jitter, segments=clock.segments))


def _clock(axis: FileChannel, declared: str | None, reading: Reading) -> Clock:
    if axis.problem is not None:
        raise InvalidInputError(f"{axis.problem}; it is needed as time, unless --time none", field="time")
    if axis.dtype.kind not in "iufM":
        raise InvalidInputError(f"the time column {axis.name!r} has neither numbers nor timestamps", field="time")
    unit, origin, is_assumed = _unit_of(axis, declared)
    rate, jitter, starts = _measure(axis, _FACTORS[unit], reading.split)
    begin = None if origin is None else _EPOCH + timedelta(seconds=origin)
    at = begin if axis.is_utc else None
    segments = tuple(
        Segment(first, count, None if at is None else at + timedelta(seconds=after), after)
        for first, count, after in starts
    )
    note = None
    if begin is not None and not axis.is_utc:
        note = f"the times in {axis.name!r} have no time zone ({begin:%Y-%m-%dT%H:%M:%S}): the time of day is not used"
    elif begin is None:
        note = _note_of_old(axis, _FACTORS[unit])
    return Clock(rate, f"column {axis.name!r}", at, jitter, segments, is_assumed, note, axis.name)


def _note_of_old(axis: FileChannel, factor: float) -> str | None:
    """Return a note on times that begin between 1971 and 2000, if they count since 1970: a device may count too."""
    since = float(axis.load(0, 1)[0]) * factor
    if not _A_YEAR <= since < _EPOCH_FROM:
        return None
    at = _EPOCH + timedelta(seconds=since)
    return (
        f"the times in {axis.name!r} begin at {since:.10g} s: {at:%Y-%m-%dT%H:%M:%SZ} if they count since 1970, which "
        "is not assumed before 2000; name the file after its time"
    )


def _unit_of(axis: FileChannel, declared: str | None) -> tuple[str, float | None, bool]:
    """Return the unit of a time channel, the time of its first value [s since 1970], and whether s was assumed."""
    first = axis.load(0, 1)[0]
    if axis.dtype.kind == "M":
        if np.isnat(first):
            raise InvalidInputError(f"column {axis.name!r}: sample 1 has no time", field="time")
        return "ns", int(first.astype("datetime64[ns]").astype(np.int64)) * 1e-9, False
    stated = declared or axis.unit
    if stated and time_unit(stated) is None:
        raise InvalidInputError(
            f"column {axis.name!r}: time in {stated!r} is unknown; allowed: {', '.join(_FACTORS)}; "
            f"declare it with --time {axis.name}=UNIT",
            field="time",
        )
    unit, value = time_unit(stated) or _unit_in_name(axis.label), float(first)
    if unit is not None:
        since = value * _FACTORS[unit]
        is_epoch = unit in dict(_EPOCH_UNITS) and _EPOCH_FROM <= since < _EPOCH_TO
        return unit, since if is_epoch else None, False
    for each, factor in _EPOCH_UNITS:
        if _EPOCH_FROM <= value * factor < _EPOCH_TO:
            return each, value * factor, False
    for low, high, what in _DAY_NUMBERS:
        if low <= value < high:
            raise InvalidInputError(
                f"the unit of time column {axis.name!r} is unknown: it starts at {value:.10g}, which may be {what}; "
                f"declare --time {axis.name}=days or --time {axis.name}=s",
                field="time",
            )
    if value > high:
        raise InvalidInputError(
            f"the unit of time column {axis.name!r} is unknown: it starts at {value:.10g}; "
            f"declare --time {axis.name}=UNIT, one of {', '.join(_FACTORS)}",
            field="time",
        )
    return "s", None, True


def _seconds(channel: FileChannel, factor: float) -> Callable[[int, int], NDArray[np.float64]]:
    """Return a function that loads times [s] relative to the first one, exact for integers."""
    origin = channel.load(0, 1)[0]

    def load(first: int, stop: int) -> NDArray[np.float64]:
        values = channel.load(first, stop)
        if values.dtype.kind == "M":
            nanoseconds = np.asarray((values - origin).astype("timedelta64[ns]"), np.float64)
            nanoseconds[np.isnat(values)] = np.nan
            return nanoseconds * 1e-9
        if values.dtype.kind in "iu":
            return np.asarray(values.astype(np.int64) - int(origin), np.float64) * factor
        seconds = (values.astype(np.float64) - float(origin)) * factor
        return np.asarray(seconds, np.float64)

    return load


@dataclass
class _Fit:
    """Sums of a straight line through times over their places, by parts."""

    n: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def add(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self.n += x.size
        self.x += float(x.sum())
        self.y += float(y.sum())
        self.xx += float(x @ x)
        self.xy += float(x @ y)

    def line(self) -> tuple[float, float]:
        """Return slope and value at place 0."""
        spread = self.n * self.xx - self.x * self.x
        slope = (self.n * self.xy - self.x * self.y) / spread
        return slope, (self.y - slope * self.x) / self.n


def _measure(axis: FileChannel, factor: float, split: bool) -> tuple[float, float, list[tuple[int, int, float]]]:
    """Return rate [Hz], jitter [samples] and the parts (first, count, start [s]) of a time channel."""
    load, count, name = _seconds(axis, factor), axis.count, axis.name
    if count < _SHORTEST_SEGMENT:
        raise InvalidInputError(f"the time column {name!r} requires at least three samples", field="time")
    step = _median_step(load, count, name)
    breaks = _breaks(load, count, step, name)
    if breaks and not split:
        place, jump = breaks[0]
        others = f", and at {len(breaks) - 1} other places" if len(breaks) > 1 else ""
        raise InvalidInputError(
            f"samples are missing before sample {place + 1}, where time {name!r} jumps by {jump:.6g} s{others}; "
            "give one continuous part, or read each part as a recording with --split",
            field="time",
        )
    edges = [0, *(place for place, _ in breaks), count]
    slopes, jitter, parts = [], 0.0, []
    for first, stop in pairwise(edges):
        if stop - first < _SHORTEST_SEGMENT:
            raise InvalidInputError(
                f"the part from sample {first + 1} has {stop - first} samples: the times {name!r} are not even",
                field="time",
            )
        slope, deviation, begin = _straight(load, first, stop)
        slopes.append(slope)
        jitter = max(jitter, deviation)
        parts.append((first, stop - first, begin))
    if max(slopes) / min(slopes) - 1.0 > _SAME_RATE and len(slopes) > 1:
        raise InvalidInputError(
            f"the parts have different rates, {1 / max(slopes):g} to {1 / min(slopes):g} Hz", field="time"
        )
    weights = [part[1] for part in parts]
    return 1.0 / float(np.average(slopes, weights=weights)), jitter, parts


def _median_step(load: Callable[[int, int], NDArray[np.float64]], count: int, name: str) -> float:
    """Return the median step of the first samples [s]."""
    head = load(0, min(count, 4096))
    steps = np.diff(head)
    bad = ~np.isfinite(head)
    if bad.any():
        raise InvalidInputError(f"sample {int(np.argmax(bad)) + 1} has no time in {name!r}", field="time")
    median = float(np.median(steps))
    if median <= 0:
        raise _not_increasing(name, int(np.argmax(steps <= 0)) + 2)
    return median


def _breaks(
    load: Callable[[int, int], NDArray[np.float64]], count: int, step: float, name: str
) -> list[tuple[int, float]]:
    """Return the places of samples before which time jumps, and by how much [s]."""
    found: list[tuple[int, float]] = []
    last: float | None = None
    for start in range(0, count, CHUNK):
        seconds = load(start, min(start + CHUNK, count))
        bad = ~np.isfinite(seconds)
        if bad.any():
            raise InvalidInputError(f"sample {start + int(np.argmax(bad)) + 1} has no time in {name!r}", field="time")
        steps = np.diff(seconds, prepend=seconds[0] - step if last is None else last)
        if not (steps > 0).all():
            raise _not_increasing(name, start + int(np.argmax(steps <= 0)) + 1)
        places = np.flatnonzero(steps >= _MISSING * step)
        found += [(start + int(place), float(steps[place])) for place in places]
        last = float(seconds[-1])
    return found


def _not_increasing(name: str, sample: int) -> InvalidInputError:
    return InvalidInputError(
        f"time does not increase at sample {sample} of {name!r}: the resolution is too coarse, or parts are joined; "
        "declare --time none and the rate, or give one continuous part",
        field="time",
    )


def _short_in_memory(
    load: Callable[[int, int], NDArray[np.float64]], first: int, stop: int
) -> Callable[[int, int], NDArray[np.float64]]:
    """Return a function that loads of a short part from memory: some formats can only be read in order."""
    if stop - first > CHUNK:
        return load
    seconds = load(first, stop)
    return lambda start, end: seconds[start - first : end - first]


def _straight(load: Callable[[int, int], NDArray[np.float64]], first: int, stop: int) -> tuple[float, float, float]:
    """Return the step [s] of a part by a straight line, the largest deviation from it [samples], and its begin [s]."""
    edges = range(first, stop, CHUNK)
    load = _short_in_memory(load, first, stop)
    fit, begin = _Fit(), float(load(first, first + 1)[0])
    middle = (stop - first - 1) / 2
    for start in edges:
        since = load(start, min(start + CHUNK, stop)) - begin
        fit.add(np.arange(start - first, start - first + since.size, dtype=np.float64) - middle, since)
    slope, value = fit.line()
    deviation = 0.0
    for start in edges:
        since = load(start, min(start + CHUNK, stop)) - begin
        places = np.arange(start - first, start - first + since.size) - middle
        deviation = max(deviation, float(np.abs(since - value - slope * places).max()))
    return slope, deviation / slope, begin


def _step(channel: FileChannel) -> float | None:
    """Return the step of a channel whose values only increase, NaN if the steps differ, None if they do not."""
    if channel.dtype.kind not in "iuf" or channel.problem is not None or channel.count < _FEWEST_MONOTONE:
        return None
    head = channel.load(0, min(64, channel.count)).astype(np.float64)
    if not (np.diff(head) >= 0).all() or (head[0] == head[-1] and channel.count <= head.size):
        return None
    smallest, largest, distinct, last = math.inf, -math.inf, 1, None
    for start in range(0, channel.count, CHUNK):
        values = channel.load(start, min(start + CHUNK, channel.count)).astype(np.float64)
        steps = np.diff(values) if last is None else np.diff(values, prepend=last)
        if steps.size == 0:
            continue
        if not (steps >= 0).all():
            return None
        smallest, largest = min(smallest, float(steps.min())), max(largest, float(steps.max()))
        distinct += int(np.count_nonzero(steps))
        last = values[-1]
    mean = (float(last or 0.0) - float(head[0])) / (channel.count - 1)
    if smallest > 0 and largest < _MISSING * mean:
        return mean
    return math.nan if distinct >= max(_FEWEST_MONOTONE, channel.count // 200) else None


def check_times(channel: FileChannel, others: Sequence[FileChannel], rate: float, is_declared: bool) -> None:
    """Reject a channel beside which another may be its time axis and gives another rate.

    Parameters
    ----------
    channel : FileChannel
        A channel of the recording.
    others : sequence of FileChannel
        All channels of the file that are not measured at a point.
    rate : float
        The sampling rate that is going to be used [Hz].
    is_declared : bool
        Whether the caller declared that rate for this file.

    Raises
    ------
    InvalidInputError
        A channel of as many samples only increases, and its step is that rate in no unit of time.
    """
    for other in others:
        if other.step is None or other.count != channel.count or other.group != channel.group or is_counter(other):
            continue
        if math.isnan(other.step) and channel.clock is not None:
            continue
        if other.step == 1.0 and (is_declared or channel.clock is not None):
            continue
        if any(abs(other.step * factor * rate - 1.0) <= _SAME_RATE for factor in _FACTORS.values()):
            continue
        steps = "increases unevenly" if math.isnan(other.step) else f"increases by {other.step:.6g} a sample"
        steps = steps if other.problem is None else "has texts like times, which are not as in RFC 3339,"
        own = channel.clock
        otherwise = "none" if own is None or own.axis is None else f"{own.axis} if only that is time"
        raise InvalidInputError(
            f"channel {other.name!r} {steps} and may be the time of {channel.name!r}, which would not be sampled at "
            f"{rate:g} Hz then: declare --time {other.name}=UNIT (one of {', '.join(_FACTORS)}), or --time {otherwise}",
            field="time",
        )
