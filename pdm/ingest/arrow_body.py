"""Arrow IPC bodies, streams or files: one row per channel, samples as views of the body."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from pdm.errors import MalformedBodyError
from pdm.ingest.json_body import check_count
from pdm.ingest.records import (
    MAX_CHANNELS,
    Decoded,
    RefusedPartError,
    assemble,
    make_context,
    make_scalar,
    make_waveform,
    refused_record,
)
from pdm.measurements import OperatingContext, Problem, Scalar, Waveform

MAX_ROWS = 65536
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_MICROSECOND = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}
_REQUIRED = ("machine", "measured_at", "point", "unit")
_TEXT = ("machine", "point", "unit", "state")
_NUMBERS = ("sampling_rate_hz", "scale", "value", "speed_hz", "speed_rpm", "load")
_CONTEXT = ("speed_hz", "speed_rpm", "load", "state")
_SAMPLE_TYPES = (pa.int16(), pa.float32(), pa.float64())
_FILE_MAGIC, _FILE_HEAD = b"ARROW1", 8  # an Arrow file: magic, padding, a stream, a footer, magic
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # MessageHeader in Arrow's Message.fbs


@dataclass
class _Group:
    """The rows of one (machine, measured_at)."""

    context: tuple[Any, ...]
    waveforms: list[Waveform] = field(default_factory=list)
    scalars: list[Scalar] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    conflict: Problem | None = None


def decode_arrow(body: bytes) -> list[Decoded]:
    """Decode an Arrow IPC stream or file; rows of one (machine, measured_at) form one acquisition.

    Raises
    ------
    MalformedBodyError
        It is neither an Arrow stream nor a whole Arrow file, it is compressed, or a column is missing or has the wrong
        type.
    """
    stream = _find_stream(body)
    groups: dict[tuple[Any, Any], _Group] = {}
    rows = 0
    unit = "us"
    try:
        _refuse_compression(stream)
        with pa.ipc.open_stream(stream) as reader:
            unit = _check_schema(reader.schema)
            for batch in reader:
                batch.validate(full=True)
                rows += batch.num_rows
                if rows > MAX_ROWS:
                    raise MalformedBodyError(f"more than {MAX_ROWS} rows in one body")
                _read_batch(batch, groups, rows - batch.num_rows)
    except (pa.ArrowException, struct.error, UnicodeDecodeError, OSError, ValueError) as error:
        raise MalformedBodyError(f"the body is not an Arrow IPC stream: {error}"[:300]) from None
    check_count(len(groups))
    return [_finish(index, key, unit, group) for index, (key, group) in enumerate(groups.items())]


def _find_stream(body: bytes) -> Any:
    """Return the stream of a body: the body itself, or the stream that an Arrow file has between its magic numbers."""
    whole = pa.py_buffer(body)
    if not body.startswith(_FILE_MAGIC):
        return whole
    if not body.endswith(_FILE_MAGIC) or len(body) < 2 * _FILE_HEAD:
        raise MalformedBodyError("the Arrow file has no end: its last bytes are not ARROW1; close it before it is sent")
    return whole.slice(_FILE_HEAD)


def _check_schema(schema: Any) -> str:
    """Check names and types of the columns, and return the unit of measured_at."""
    names = schema.names
    for name in _REQUIRED:
        if name not in names:
            raise MalformedBodyError(f"the Arrow stream has no column {name!r}", field=name)
    if len(set(names)) != len(names):
        raise MalformedBodyError("the Arrow stream has two columns of one name")
    for column in schema:
        _check_column(column.name, column.type)
    time: str = schema.field("measured_at").type.unit
    return time


def _check_column(name: str, kind: Any) -> None:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    if name == "measured_at":
        good = pa.types.is_timestamp(plain) and plain.tz is not None and plain is kind
        wanted = "timestamp[us, tz=UTC]; a time without a time zone, or a number, is not accepted"
    elif name in _TEXT:
        good, wanted = pa.types.is_string(plain) or pa.types.is_large_string(plain), "string"
    elif name in _NUMBERS:
        good = (pa.types.is_floating(plain) or pa.types.is_integer(plain)) and plain is kind
        wanted = "float64"
    elif name == "samples":
        is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        good, wanted = is_list and kind.value_type in _SAMPLE_TYPES, "list of float32, float64 or int16"
    else:
        raise MalformedBodyError(f"unknown column {name[:64]!r} in the Arrow stream", field=name[:64])
    # a column of type null has no values; only optional columns may have it
    if not good and not (pa.types.is_null(kind) and name not in _REQUIRED):
        raise MalformedBodyError(f"column {name!r} is {kind}, not {wanted}"[:300], field=name)


def _read_batch(batch: Any, groups: dict[tuple[Any, Any], _Group], first_row: int) -> None:
    columns = {name: _values(batch, name) for name in (*_TEXT, *_NUMBERS)}
    times = _to_list(batch.column("measured_at").cast(pa.int64()))
    samples = _sample_views(batch)
    for row in range(batch.num_rows):
        cells = {name: column[row] for name, column in columns.items()}
        context = tuple(cells[name] for name in _CONTEXT)
        group = groups.setdefault((cells["machine"], times[row]), _Group(context))
        if context != group.context:
            group.conflict = Problem(
                "conflicting-context",
                f"row {first_row + row}: rows of one acquisition have different context values",
                "context",
            )
        try:
            _read_row(group, cells, samples[row], f"rows[{first_row + row}]")
        except RefusedPartError as refusal:
            if len(group.problems) <= MAX_CHANNELS:
                group.problems.append(refusal.problem)


def _read_row(group: _Group, cells: dict[str, Any], samples: Any, where: str) -> None:
    for name in ("point", "unit"):
        if cells[name] is None:
            raise RefusedPartError("missing-field", f"{where}: {name} is null", f"{where}.{name}")
    value = cells["value"]
    if (samples is None) == (value is None):
        raise RefusedPartError(
            "wrong-type", f"{where}: a channel must have either samples or a value", f"{where}.samples"
        )
    if value is not None:
        group.scalars.append(make_scalar(cells["point"], cells["unit"], float(value), where))
        return
    if isinstance(samples, RefusedPartError):
        raise samples
    group.waveforms.append(
        make_waveform(cells["point"], cells["unit"], cells["sampling_rate_hz"], cells["scale"], samples, where)
    )


def _values(batch: Any, name: str) -> list[Any]:
    if name not in batch.schema.names:
        return [None] * int(batch.num_rows)
    column = batch.column(name)
    if pa.types.is_dictionary(column.type):
        # not dictionary_decode: it would copy a long entry for every row
        entries = column.dictionary.to_pylist()
        return [None if place is None else entries[place] for place in column.indices.to_pylist()]
    return _to_list(column)


def _to_list(column: Any) -> list[Any]:
    """Return an array's values; the shortcuts avoid most of the cost of `to_pylist`."""
    if column.null_count == len(column):
        return [None] * len(column)
    is_number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    values: list[Any] = column.to_numpy().tolist() if is_number and not column.null_count else column.to_pylist()
    return values


def _sample_views(batch: Any) -> list[NDArray[Any] | RefusedPartError | None]:
    """Return each row's samples as a view of the values buffer, None where the list is null."""
    if "samples" not in batch.schema.names or pa.types.is_null(batch.schema.field("samples").type):
        return [None] * int(batch.num_rows)
    column = batch.column("samples")
    child = column.values
    nulls = child.null_count > 0
    flat = (child.fill_null(0) if nulls else child).to_numpy(zero_copy_only=not nulls)
    offsets = _to_list(column.offsets)
    present = column.is_valid().to_pylist()
    views: list[NDArray[Any] | RefusedPartError | None] = []
    for row, (begin, end) in enumerate(itertools.pairwise(offsets)):
        if not present[row]:
            views.append(None)
        elif nulls and child.slice(begin, end - begin).null_count:
            first = child.slice(begin, end - begin).is_null().to_pylist().index(True)
            views.append(RefusedPartError("not-finite", f"sample {first} has no value", f"samples[{first}]"))
        else:
            views.append(flat[begin:end])
    return views


def _finish(index: int, key: tuple[Any, Any], unit: str, group: _Group) -> Decoded:
    machine, time = key
    if machine is None or time is None:
        name = "machine" if machine is None else "measured_at"
        return refused_record(index, machine, None, [Problem("missing-field", f"{name} is null", name)])
    try:
        if group.conflict is not None:
            return refused_record(index, machine, _to_time(time, unit).isoformat(), [group.conflict])
        measured_at = _to_time(time, unit)
        context = _to_context(group.context)
    except RefusedPartError as refusal:
        return refused_record(index, machine, f"{time} {unit}", [refusal.problem])
    return assemble(index, machine, measured_at, group.waveforms, group.scalars, context, group.problems)


def _to_time(value: int, unit: str) -> datetime:
    factor, divisor = _PER_MICROSECOND[unit]
    microseconds, rest = divmod(value * factor, divisor)
    if rest:
        raise RefusedPartError("timestamp", f"{value} ns is finer than one microsecond", "measured_at")
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        raise RefusedPartError("timestamp", f"{value} {unit} since 1970 is not a valid time", "measured_at") from None


def _to_context(cells: tuple[Any, ...]) -> OperatingContext:
    speed_hz, speed_rpm, load, state = cells
    if speed_hz is not None and speed_rpm is not None:
        raise RefusedPartError(
            "wrong-type", "speed_rpm and speed_hz exclude each other; give one of them", "context.speed_rpm"
        )
    speed = speed_hz if speed_rpm is None else speed_rpm / 60
    return make_context(speed, load, state, "context")


def _refuse_compression(stream: Any) -> None:
    """Reject compressed buffers: a small body could expand beyond the available memory."""
    for metadata in _messages(stream):
        (table,) = struct.unpack_from("<I", metadata, 0)
        kind_at = _field(metadata, table, 1)
        kind = metadata[kind_at] if kind_at else 0
        header_at = _field(metadata, table, 2)
        if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH) or not header_at:
            continue
        header = _follow(metadata, header_at)
        if kind == _DICTIONARY_BATCH:
            data_at = _field(metadata, header, 1)
            header = _follow(metadata, data_at) if data_at else header
        if _field(metadata, header, 3):  # RecordBatch.compression
            raise MalformedBodyError("compressed Arrow buffers are not accepted; write the stream uncompressed")


def _messages(stream: Any) -> Iterator[bytes]:
    reader = pa.ipc.MessageReader.open_stream(stream)
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        yield message.metadata.to_pybytes()


def _field(buffer: bytes, table: int, slot: int) -> int:
    """Return the position of a field of a flatbuffer table, 0 if the table does not have it."""
    if table >= len(buffer):
        raise MalformedBodyError("the body is not an Arrow IPC stream: a table lies outside its message")
    (distance,) = struct.unpack_from("<i", buffer, table)
    vtable = table - distance
    if not 0 <= vtable < len(buffer):
        raise MalformedBodyError("the body is not an Arrow IPC stream: a table lies outside its message")
    (size,) = struct.unpack_from("<H", buffer, vtable)
    if 4 + 2 * slot >= size:
        return 0
    (offset,) = struct.unpack_from("<H", buffer, vtable + 4 + 2 * slot)
    return table + offset if offset else 0


def _follow(buffer: bytes, position: int) -> int:
    (offset,) = struct.unpack_from("<I", buffer, position)
    return position + int(offset)
