"""Recordings in tables, CSV and Parquet: a column per channel, and an optional time column.

A column name may end with the unit, `DE [g]`. The time column is named time, t or timestamp: seconds unless the name
ends with [ms] or [us], or timestamps.
"""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pdm.errors import InvalidInputError
from pdm.ingest.recordings_read import FileChannel, FileRecording, measure_clock

if TYPE_CHECKING:
    import pyarrow as pa

_TIME_NAMES = {"time", "t", "timestamp"}
_TIME_UNITS = {None: 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_NAMED = re.compile(r"(?P<name>.*?)\s*(?:\[(?P<square>[^\]]*)\]|\((?P<round>[^)]*)\))?\s*")
_LOOKED_AT = 4096  # characters used to detect the delimiter
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_csv(path: Path) -> FileRecording:
    """Read a text table; the first line has the column names, separated by comma, semicolon, tab or bar."""
    from pyarrow import csv as tables

    with path.open(encoding="utf-8-sig", newline="") as stream:
        head = stream.read(_LOOKED_AT)
    first, _, rest = head.partition("\n")
    if not first.strip():
        raise InvalidInputError("the file is empty, or its first line has no column names", field="file")
    try:
        delimiter = csv.Sniffer().sniff(first, ",;\t|").delimiter
    except csv.Error:
        delimiter = ","
    if all(_is_number(cell) for cell in first.strip().split(delimiter)):
        raise InvalidInputError("the first line must have column names but has numbers", field="file")
    has_comma = delimiter != "," and re.search(r"\d,\d", rest) is not None
    table = tables.read_csv(
        path,
        read_options=tables.ReadOptions(use_threads=False),
        parse_options=tables.ParseOptions(delimiter=delimiter),
        convert_options=tables.ConvertOptions(decimal_point="," if has_comma else "."),
    )
    return _recording(table)


def read_parquet(path: Path) -> FileRecording:
    """Read a Parquet table."""
    import pyarrow.parquet as pq

    return _recording(pq.read_table(path, use_threads=False))


def _recording(table: pa.Table) -> FileRecording:
    import pyarrow as pa

    rate = jitter = measured_at = None
    channels = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        label, unit = _named(name)
        if label.lower() in _TIME_NAMES:
            seconds, measured_at = _times(column, unit)
            rate, jitter = measure_clock(seconds)
        elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            # integers in a table are values, not counts of a converter
            channels.append((label, column.to_numpy().astype(np.float64), unit))
    return FileRecording(
        tuple(FileChannel(label, samples, rate, unit) for label, samples, unit in channels),
        measured_at=measured_at,
        jitter=jitter,
    )


def _times(column: Any, unit: str | None) -> tuple[np.ndarray[Any, np.dtype[np.float64]], datetime | None]:
    """Return times [s] relative to any origin, and the first timestamp if the column has timestamps."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        moments = column.cast(pa.timestamp("ns")).to_numpy().astype("datetime64[ns]").astype(np.int64)
        at = _EPOCH + timedelta(microseconds=int(moments[0]) // 1000)
        return (moments - moments[0]) * 1e-9, at
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise InvalidInputError("the time column has neither numbers nor timestamps", field="time")
    if unit not in _TIME_UNITS:
        raise InvalidInputError(f"time in {unit!r} is unknown; allowed: s, ms, us", field="time")
    return column.to_numpy().astype(np.float64) * _TIME_UNITS[unit], None


def _named(name: str) -> tuple[str, str | None]:
    found = _NAMED.fullmatch(name.strip())
    if found is None or not found["name"]:
        return name.strip(), None
    return found["name"], found["square"] or found["round"] or None


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip('"').replace(",", "."))
    except ValueError:
        return False
    return True
