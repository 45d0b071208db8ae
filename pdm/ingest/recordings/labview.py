"""LabVIEW measurement files (`.lvm`): a header, and a part with a header for each recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.clock import with_clocks
from pdm.ingest.recordings.content import (
    Clock,
    FileChannel,
    FileRecording,
    Reading,
    Segment,
    channel_of_array,
    unique_names,
)
from pdm.ingest.recordings.text import decode_text, split_name

_END = "***End_of_Header***"
_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";"}


class _Part:
    """One recording: its header by name, and its columns as numbers."""

    def __init__(
        self, header: Mapping[str, Sequence[str]], names: Sequence[str], columns: Sequence[NDArray[np.float64]]
    ) -> None:
        self.header = header
        self.names = names
        self.columns = columns


def read_lvm(path: Path, reading: Reading, _: ExitStack) -> FileRecording:
    """Read a LabVIEW measurement file; the rate is that of Delta_X, or of its X columns."""
    encoding, text = decode_text(path.read_bytes(), reading.encoding)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines[0].startswith("LabVIEW Measurement"):
        raise InvalidInputError(
            "not a LabVIEW measurement file: its first line is not 'LabVIEW Measurement'", field="file"
        )
    header, start = _header(lines, 1, "\t")
    separator = _SEPARATORS.get(_first(header, "Separator").lower(), "\t")
    if separator == ",":
        header, start = _header(lines, 1, separator)
    decimal = _first(header, "Decimal_Separator") or "."
    parts = _parts(lines, start, separator, decimal)
    channels = _channels(parts, reading)
    stated = {name: _first(header, name) for name in ("Date", "Time") if _first(header, name)}
    notes = [f"its date and time have no time zone ({' '.join(stated.values())}): not used"] if stated else []
    return FileRecording(
        with_clocks(channels, reading), details={"encoding": encoding, "decimal": decimal}, notes=tuple(notes)
    )


def _header(lines: Sequence[str], start: int, separator: str) -> tuple[dict[str, list[str]], int]:
    """Return the lines up to the end of a header by their first cell, and the place behind it."""
    found: dict[str, list[str]] = {}
    for place in range(start, len(lines)):
        if lines[place].startswith(_END):
            return found, place + 1
        name, *values = lines[place].split(separator)
        found[name.strip()] = [value.strip() for value in values]
    raise InvalidInputError(f"it has no line {_END}: it was cut short", field="file")


def _first(header: Mapping[str, Sequence[str]], name: str) -> str:
    return next(iter(header.get(name, ())), "")


def _parts(lines: Sequence[str], start: int, separator: str, decimal: str) -> list[_Part]:
    found = []
    place = start
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        header, place = _header(lines, place, separator)
        if place >= len(lines):
            raise InvalidInputError("its last part has no values: it was cut short", field="file")
        names, place = lines[place].split(separator), place + 1
        begin = place
        while place < len(lines) and lines[place].strip() and not lines[place].startswith("Channels"):
            place += 1
        found.append(_part(header, names, lines[begin:place], begin, separator, decimal))
    if not found:
        raise InvalidInputError("it has no values behind its header: it was cut short", field="file")
    return found


def _part(
    header: Mapping[str, Sequence[str]], names: Sequence[str], rows: Sequence[str], begin: int, separator: str,
    decimal: str,
) -> _Part:  # fmt: skip
    width = len([name for name in names if name.strip() != "Comment"])
    columns: list[list[float]] = [[] for _ in range(width)]
    for number, row in enumerate(rows):
        cells = row.split(separator)[:width]
        if len(cells) < width:
            raise InvalidInputError(
                f"line {begin + number + 1} has {len(cells)} of {width} cells: it was cut short", field="file"
            )
        for place, cell in enumerate(cells):
            if cell.strip():
                if len(columns[place]) < number:
                    raise InvalidInputError(
                        f"line {begin + len(columns[place]) + 1}: {names[place]!r} has no value", field="file"
                    )
                columns[place].append(_number(cell, decimal, begin + number + 1, names[place]))
    labels = [name.strip() for name in names[:width]]
    _check_counts(header, labels, columns)
    return _Part(header, labels, [np.array(column) for column in columns])


def _number(cell: str, decimal: str, line: int, name: str) -> float:
    try:
        return float(cell.strip().replace(decimal, "."))
    except ValueError:
        raise InvalidInputError(
            f"line {line}: {cell.strip()[:40]!r} of {name.strip()!r} is not a number", field="file"
        ) from None


def _check_counts(
    header: Mapping[str, Sequence[str]], names: Sequence[str], columns: Sequence[Sequence[float]]
) -> None:
    stated = [int(text) for text in header.get("Samples", ()) if text.isdigit()]
    values = [column for name, column in zip(names, columns, strict=True) if name != "X_Value"]
    for name, count, column in zip((n for n in names if n != "X_Value"), stated, values, strict=False):
        if count != len(column):
            raise InvalidInputError(
                f"its header says {count} samples of {name!r}, {len(column)} follow: cut short or damaged", field="file"
            )


def _channels(parts: Sequence[_Part], reading: Reading) -> list[FileChannel]:
    """Return the channels of all parts: several parts are several recordings."""
    first = parts[0]
    if any(part.names != first.names for part in parts):
        raise InvalidInputError("its parts have different channels; store each in a separate file", field="file")
    names = unique_names([split_name(name)[0] for name in first.names])
    values = [place for place, name in enumerate(first.names) if name != "X_Value"]
    starts = [_started(part.header) for part in parts]
    channels: list[FileChannel] = []
    for order, place in enumerate(values):
        clock = _clock(parts, order, [len(part.columns[place]) for part in parts], starts, reading)
        samples = np.concatenate([part.columns[place] for part in parts])
        unit = _cell(first.header, "Y_Unit_Label", order) or split_name(first.names[place])[1]
        label = split_name(first.names[place])[0]
        axis = next((each for each in range(place - 1, -1, -1) if first.names[each] == "X_Value"), None)
        if clock is None and axis is not None and len(parts) == 1 and first.columns[axis].size:
            times = channel_of_array("X_Value", first.columns[axis], unit="s", label="X_Value")
            channel = channel_of_array(names[place], samples, unit=unit or None, label=label)
            channels += with_clocks([times, channel], Reading(split=reading.split))
        else:
            channels.append(channel_of_array(names[place], samples, clock=clock, unit=unit or None, label=label))
    return channels


def _cell(header: Mapping[str, Sequence[str]], name: str, place: int) -> str:
    values = header.get(name, ())
    return values[place] if place < len(values) else ""


def _clock(
    parts: Sequence[_Part], order: int, counts: Sequence[int], starts: Sequence[datetime | None], reading: Reading
) -> Clock | None:
    steps = {_cell(part.header, "Delta_X", order).replace(",", ".") for part in parts} - {""}
    if len(steps) > 1:
        raise InvalidInputError(f"its parts have different steps Delta_X: {', '.join(sorted(steps))}", field="file")
    dimension = _cell(parts[0].header, "X_Dimension", order)
    if dimension and dimension.lower() != "time":
        raise InvalidInputError(f"its X dimension is {dimension!r}, not Time", field="file")
    if len(parts) > 1 and not reading.split:
        raise InvalidInputError(
            f"the file has {len(parts)} recordings, each with a header: read each as a recording with --split",
            field="file",
        )
    step = float(next(iter(steps))) if steps else 0.0
    segments, place = [], 0
    for count, start in zip(counts, starts, strict=True):
        after = (start - starts[0]).total_seconds() if start is not None and starts[0] is not None else 0.0
        segments.append(Segment(place, count, None, after))
        place += count
    return Clock(1.0 / step, "Delta_X", segments=tuple(segments)) if step > 0 else None


def _started(header: Mapping[str, Sequence[str]]) -> datetime | None:
    date, time = _first(header, "Date"), _first(header, "Time").replace(",", ".")
    try:
        return datetime.strptime(f"{date} {time[:15]}", "%Y/%m/%d %H:%M:%S.%f")
    except ValueError:
        return None
