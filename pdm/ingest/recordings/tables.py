"""Recordings in tables, CSV and Parquet: a column per channel, and columns of time.

A column name may end with the unit, `DE [g]`. A column of a Parquet file may have a list of samples in each row: each
row is then a recording.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.clock import is_time_name, with_clocks
from pdm.ingest.recordings.content import (
    CHUNK,
    Clock,
    FileChannel,
    FileRecording,
    Reading,
    Segment,
    channel_of_array,
    unique_names,
    unusable_channel,
)
from pdm.ingest.recordings.spelling import is_rate_name
from pdm.ingest.recordings.text import NUMBER, TextTable, read_text_table, split_name

_CLOCK_TIME = re.compile(r"(?:(\d{1,2}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_LIKE_TIME = re.compile(r"\d:\d\d")
_BUFFER = 1 << 20  # bytes; without it, the whole chunk of a column is in memory
_ZONED = re.compile(r".*(Z|[+-]\d\d:?\d\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_csv(path: Path, reading: Reading, _: ExitStack) -> FileRecording:
    """Read a text table; its lines, delimiter, decimal sign and encoding are found or declared."""
    return recording_of_text(read_text_table(path, reading), reading)


def recording_of_text(table: TextTable, reading: Reading) -> FileRecording:
    """Return the columns of a text table as channels."""
    names = unique_names([name or f"column {place + 1}" for place, name in enumerate(table.names)])
    channels = []
    for name, label, unit, cells in zip(names, table.names, table.units, table.columns, strict=True):
        channel = _text_column(name, label, unit, cells, table)
        if label == "" and channel.problem is not None and channel.count == 0:
            continue  # a delimiter at the end of each line
        channels.append(channel)
    rows = len(table.columns[0])
    clocked = with_clocks(channels, reading)
    whole = tuple(_whole(each, rows, table.first_line) for each in clocked)
    return FileRecording(whole, details=table.details, notes=table.notes)


def _whole(channel: FileChannel, rows: int, first_line: int) -> FileChannel:
    """Return the channel with a problem if it ends before the table, and no time column does too."""
    if channel.problem is not None or channel.count == rows or channel.clock is not None:
        return channel
    return replace(
        channel,
        problem=f"column {channel.name!r} is empty from line {first_line + channel.count}, "
        f"the table has values until line {first_line + rows - 1}",
    )


def _text_column(name: str, label: str, unit: str | None, cells: Any, table: TextTable) -> FileChannel:
    """Return a column of text as numbers or timestamps, or with the problem of its first other cell."""
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(cells)
    filled = pc.not_equal(trimmed, "")
    count = _last_filled(filled)
    if count == 0:
        return unusable_channel(name, 0, f"column {name!r} is empty", label=label)
    used = trimmed.slice(0, count)
    empty = pc.index(filled.slice(0, count), False).as_py()
    if empty >= 0:
        line = table.first_line + empty
        return unusable_channel(name, count, f"column {name!r}, line {line} is empty: a sample is missing", label=label)
    values = _numbers(used, table.decimal)
    if values is not None:
        bad = ~np.isfinite(values)
        if not bad.any():
            if not is_time_name(label):
                values = values.astype(np.float64)  # integers in a table are values, not counts of a converter
            return channel_of_array(name, values, label=label, unit=unit)
        place = int(np.argmax(bad))
    elif (times := _timestamps(used)) is not None:
        moments, is_utc = times
        return channel_of_array(name, moments, label=label, is_utc=is_utc)
    else:
        place = _first_text(used, table.decimal)
    text = used[place].as_py()
    problem = f"column {name!r}, line {table.first_line + place}: {text[:60]!r} is not a number"
    found = unusable_channel(name, count, problem, label=label)
    return replace(found, step=math.nan) if place == 0 and _LIKE_TIME.search(text) else found


def _last_filled(filled: Any) -> int:
    found = np.flatnonzero(np.asarray(filled))
    return int(found[-1]) + 1 if found.size else 0


def _numbers(cells: Any, decimal: str) -> NDArray[Any] | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if decimal == ",":
        if pc.any(pc.match_substring(cells, ".")).as_py():
            return None
        cells = pc.replace_substring(cells, ",", ".")
    for kind in (pa.int64(), pa.float64()):
        try:
            return np.asarray(cells.cast(kind))
        except pa.ArrowInvalid:
            continue
    if not pc.all(pc.match_substring_regex(cells, f"^({NUMBER})$")).as_py():
        return None
    plain = pc.replace_substring_regex(pc.replace_substring_regex(cells, r"^\+", ""), "[dD]", "e")
    return np.array([float(cell) for cell in plain.to_pylist()])


def _first_text(cells: Any, decimal: str) -> int:
    pattern = re.compile(NUMBER.replace(r"\.", re.escape(decimal)))
    return next((place for place, cell in enumerate(cells.to_pylist()) if pattern.fullmatch(cell) is None), 0)


def _timestamps(cells: Any) -> tuple[NDArray[Any], bool] | None:
    """Return text as timestamps and whether they have a zone; times of day count from midnight of any day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = cells[0].as_py()
    if _CLOCK_TIME.fullmatch(first):
        return _times_of_day(cells.to_pylist())
    if re.match(r"\d{4}/\d\d/\d\d[ T]", first):
        cells = pc.replace_substring_regex(cells, r"^(\d{4})/(\d\d)/(\d\d)", r"\1-\2-\3")
        first = cells[0].as_py()
    if not re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d", first):
        return None
    is_utc = _ZONED.fullmatch(first) is not None
    try:
        kind = pa.timestamp("ns", "UTC") if is_utc else pa.timestamp("ns")
        return np.asarray(cells.cast(kind)).astype("datetime64[ns]"), is_utc
    except pa.ArrowInvalid:
        return None


def _times_of_day(cells: list[str]) -> tuple[NDArray[Any], bool] | None:
    nanoseconds = np.empty(len(cells), np.int64)
    for place, cell in enumerate(cells):
        found = _CLOCK_TIME.fullmatch(cell)
        if found is None:
            return None
        seconds = float(found[3].replace(",", "."))
        nanoseconds[place] = round(((int(found[1] or 0) * 60 + int(found[2])) * 60 + seconds) * 1e9)
    return nanoseconds.astype("datetime64[ns]"), False


def read_parquet(path: Path, reading: Reading, closing: ExitStack) -> FileRecording:
    """Read a Parquet table by row groups; pandas' metadata name an index, which may be time."""
    import pyarrow.parquet as pq

    file = closing.enter_context(pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False))
    schema = file.schema_arrow
    labels = [split_name(name) for name in schema.names]
    lists = [place for place, field in enumerate(schema) if _is_list(field.type)]
    if lists:
        return _recording_of_lists(file, schema, lists, reading)
    names = unique_names([label for label, _ in labels])
    columns = [
        _stored_column(file, place, field.type, names[place], *labels[place]) for place, field in enumerate(schema)
    ]
    clock = _stated_clock(schema.metadata or {})
    columns = [each if clock is None else replace(each, clock=clock) for each in columns]
    return FileRecording(with_clocks([*_pandas_range(schema), *columns], reading))


def _stated_clock(metadata: dict[bytes, bytes]) -> Clock | None:
    """Return the clock of a rate among the metadata of a table."""
    for key, value in metadata.items():
        name, text = key.decode("utf-8", "replace"), value.decode("utf-8", "replace").strip()
        if is_rate_name(name):
            if re.fullmatch(NUMBER, text) is None or not 0 < float(text) < math.inf:
                raise InvalidInputError(f"its metadata have {name!r} = {text!r}; it must be positive", field="rate")
            return Clock(float(text), f"metadata {name!r}")
    return None


def _pandas_range(schema: Any) -> list[FileChannel]:
    """Return the index that pandas stores as a range, if it has a name or other steps than 1: it may be time."""
    found = []
    for index in (schema.pandas_metadata or {}).get("index_columns", ()):
        if isinstance(index, dict) and index.get("kind") == "range" and (index["step"] != 1 or index.get("name")):
            values = range(index["start"], index["stop"], index["step"])
            found.append(_range_channel(index.get("name") or "index", values))
    return found


def _range_channel(name: str, values: range) -> FileChannel:
    def load(first: int, stop: int) -> NDArray[Any]:
        return np.arange(first, stop, dtype=np.int64) * values.step + values.start

    return FileChannel(name, len(values), np.dtype(np.int64), load, label=name)


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _stored_column(file: Any, place: int, kind: Any, name: str, label: str, unit: str | None) -> FileChannel:
    """Return a column of a Parquet file, loaded by row groups."""
    import pyarrow as pa

    count = file.metadata.num_rows
    if pa.types.is_timestamp(kind):
        load = _loader(file, place, lambda part: np.asarray(part.cast(pa.timestamp("ns", kind.tz))).astype("M8[ns]"))
        return FileChannel(name, count, np.dtype("M8[ns]"), load, label=label, is_utc=kind.tz is not None)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        # integers in a table are values, not counts of a converter; those of a time stay exact
        dtype: np.dtype[Any] = np.dtype(np.float32 if pa.types.is_float32(kind) else np.float64)
        if pa.types.is_integer(kind) and (is_time_name(label) or not label):
            dtype = np.dtype(np.int64)
        return FileChannel(
            name, count, dtype, _loader(file, place, lambda part: _values(part, dtype)), None, unit, label=label
        )
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _stored_text(file, place, name, label, unit)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        load = _loader(file, place, lambda part: np.asarray(_nanoseconds(part)).astype("M8[ns]"))
        return FileChannel(name, count, np.dtype("M8[ns]"), load, label=label, is_utc=False)
    return unusable_channel(name, count, f"column {name!r} has values of type {kind}", label=label)


def _nanoseconds(part: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_duration(part.type):
        return part.cast(pa.duration("ns")).cast(pa.int64())
    return part.cast(pa.time64("ns")).cast(pa.int64())


def _stored_text(file: Any, place: int, name: str, label: str, unit: str | None) -> FileChannel:
    """Return a column of text as numbers or timestamps."""
    import pyarrow as pa

    column = pa.chunked_array([batch.column(0) for batch in _batches(file, place)], pa.string()).combine_chunks()
    if column.null_count:
        column = column.fill_null("")
    table = TextTable((name,), (unit,), (column,), 1, "." if not _has_comma(column) else ",", {}, ())
    channel = _text_column(name, label, unit, column, table)
    problem = channel.problem and channel.problem.replace(", line ", ", row ")
    return replace(channel, problem=problem)


def _has_comma(column: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring(column, ",")).as_py())


def _values(part: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    import pyarrow as pa

    if part.null_count:
        part = part.cast(pa.float64())
        return part.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    if pa.types.is_decimal(part.type):
        part = part.cast(pa.float64())
    return part.to_numpy(zero_copy_only=False).astype(dtype)  # type: ignore[no-any-return]


def _loader(file: Any, place: int, convert: Callable[[Any], NDArray[Any]]) -> Callable[[int, int], NDArray[Any]]:
    """Return a function that loads rows of one column, with a part of a row group in memory at a time."""
    counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    return Rows(lambda group: (convert(each.column(0)) for each in _batches(file, place, CHUNK, group)), counts).load


def _batches(file: Any, place: int, rows: int = CHUNK, group: int = 0) -> Iterator[Any]:
    """Yield parts of one column from a row group on, selected by place, since names may repeat."""
    groups = list(range(group, file.num_row_groups))
    yield from file.reader.iter_batches(rows, groups, column_indices=_places(file, place), use_threads=False)


def _places(file: Any, place: int) -> list[int]:
    """Return the columns of Parquet in which it stores a column of the table."""
    fields = list(file.schema_arrow)
    first = sum(_leaves(field.type) for field in fields[:place])
    return list(range(first, first + _leaves(fields[place].type)))


def _leaves(kind: Any) -> int:
    """Return the number of columns in which Parquet stores values of a type."""
    return sum(_leaves(kind.field(place).type) for place in range(kind.num_fields)) if kind.num_fields else 1


class Rows:
    """Random access to values that can only be read in order: a step back begins with the row group again.

    Of all that read the same file, one has its part in memory at a time. `parts` yields the values from a row group on,
    `counts` are the numbers of values of the row groups.
    """

    _last: ClassVar[Rows | None] = None

    def __init__(self, parts: Callable[[int], Iterator[NDArray[Any]]], counts: Sequence[int]) -> None:
        self._parts = parts
        self._firsts = [0, *accumulate(counts)][:-1] or [0]
        self._end()

    def _end(self) -> None:
        self._left: Iterator[NDArray[Any]] | None = None
        self._part, self._at = np.empty(0), 0  # `_at` is the place of the part's first value

    def load(self, first: int, stop: int) -> NDArray[Any]:
        """Return the values [first, stop)."""
        if Rows._last is not self and Rows._last is not None:
            Rows._last._end()
        Rows._last = self
        left = self._begin(first)
        found: list[NDArray[Any]] = []
        while True:
            begin = max(first - self._at, 0)
            taken = self._part[begin : stop - self._at]
            if len(taken):
                found.append(taken)
                first += len(taken)
            if first >= stop:
                return found[0] if len(found) == 1 else np.concatenate(found or [self._part[:0]])
            self._at += len(self._part)
            self._part = next(left)

    def _begin(self, first: int) -> Iterator[NDArray[Any]]:
        """Return the parts that follow, from another row group on if the value `first` is before or far behind."""
        group = bisect_right(self._firsts, first) - 1
        if self._left is None or first < self._at or self._firsts[group] > self._at + len(self._part):
            self._end()
            self._at, self._left = self._firsts[group], self._parts(group)
        return self._left


def _recording_of_lists(file: Any, schema: Any, lists: list[int], reading: Reading) -> FileRecording:
    """Return a table whose rows have lists of samples: each row is a recording."""
    import pyarrow as pa

    rows = file.metadata.num_rows
    names = unique_names([split_name(name)[0] for name in schema.names])
    others = [place for place in range(len(schema)) if place not in lists]
    lengths: NDArray[np.int64] | None = None
    channels: list[FileChannel] = []
    for place in lists:
        kind = schema.field(place).type.value_type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise InvalidInputError(f"column {names[place]!r} has lists of {kind}, not of numbers", field="file")
        own, counts = _list_lengths(file, place, names[place])
        if lengths is not None and not np.array_equal(own, lengths):
            row = int(np.argmax(own != lengths))
            raise InvalidInputError(
                f"row {row + 1}: column {names[place]!r} has {own[row]} samples, column {channels[0].name!r} has "
                f"{lengths[row]}",
                field="file",
            )
        lengths = own
        label, unit = split_name(schema.names[place])
        dtype = np.dtype(np.float32 if pa.types.is_float32(kind) else np.float64)
        load = _list_loader(file, place, dtype, counts)
        channels.append(FileChannel(names[place], int(own.sum()), dtype, load, None, unit, label=label))
    assert lengths is not None
    columns = {names[place]: _cells(file, place) for place in others}
    clock, notes = _clock_of_rows(columns, lengths)
    if rows > 1 and not reading.split:
        raise InvalidInputError(
            f"the file has {rows} rows with lists of samples, each a recording: read them with --split", field="file"
        )
    timed = with_clocks(channels, reading)
    return FileRecording(
        tuple(each if each.clock is not None else replace(each, clock=clock) for each in timed), notes=notes
    )


def _list_lengths(file: Any, place: int, name: str) -> tuple[NDArray[np.int64], list[int]]:
    """Return the number of samples of each row, and of each row group."""
    import pyarrow.compute as pc

    batches = _batches(file, place, _rows_of_lists(file, place))
    found = [np.asarray(pc.list_value_length(batch.column(0))) for batch in batches]
    lengths = np.concatenate(found) if found else np.empty(0, np.int64)
    if lengths.dtype.kind == "f" or not (lengths > 0).all():
        row = int(np.argmin(np.nan_to_num(lengths) > 0)) + 1
        raise InvalidInputError(f"row {row}: column {name!r} has no samples", field="file")
    stops = list(accumulate(file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)))
    counts = [int(lengths[first:stop].sum()) for first, stop in pairwise([0, *stops])]
    return lengths.astype(np.int64), counts


def _rows_of_lists(file: Any, place: int) -> int:
    """Return how many rows have about as many samples as may be in memory."""
    (leaf, *_) = _places(file, place)
    groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
    longest = max((group.column(leaf).num_values / max(1, group.num_rows) for group in groups), default=1.0)
    return max(1, int(CHUNK / max(1.0, longest)))


def _list_loader(
    file: Any, place: int, dtype: np.dtype[Any], counts: Sequence[int]
) -> Callable[[int, int], NDArray[Any]]:
    rows = _rows_of_lists(file, place)

    def parts(group: int) -> Iterator[NDArray[Any]]:
        return (_values(batch.column(0).flatten(), dtype) for batch in _batches(file, place, rows, group))

    return Rows(parts, counts).load


def _cells(file: Any, place: int) -> list[Any]:
    return [value for batch in _batches(file, place) for value in batch.column(0).to_pylist()]


def _clock_of_rows(columns: dict[str, list[Any]], lengths: NDArray[np.int64]) -> tuple[Clock, tuple[str, ...]]:
    """Return the clock of rows with lists, by a column with the rate and one with the time of each row."""
    rate, source, notes = None, "", []
    moments: list[datetime | None] = [None] * len(lengths)
    for name, values in columns.items():
        if is_rate_name(name):
            if len(set(values)) != 1 or not isinstance(values[0], int | float):
                raise InvalidInputError(f"column {name!r} has more than one rate: {sorted(set(map(str, values)))[:3]}")
            rate, source = float(values[0]), f"column {name!r}"
        elif is_time_name(name) or isinstance(values[0], datetime):
            moments = [_moment(name, value) for value in values]
        else:
            notes.append(f"column {name!r} is not used")
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    segments = tuple(
        Segment(int(first), int(count), at) for first, count, at in zip(starts, lengths, moments, strict=True)
    )
    return Clock(rate, source or "the rows", moments[0], None, segments), tuple(notes)


def _moment(name: str, value: Any) -> datetime:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidInputError(
                f"column {name!r}: {value.isoformat()} has no time zone; write it in UTC", field="time"
            )
        return value.astimezone(UTC)
    if isinstance(value, int | float):
        for factor in (1.0, 1e-3, 1e-6, 1e-9):
            if 946_684_800 <= value * factor < 4_102_444_800:
                return _EPOCH + timedelta(microseconds=round(value * factor * 1e6))
    raise InvalidInputError(f"column {name!r}: {value!r} is not a time", field="time")
