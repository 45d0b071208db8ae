"""Universal files (UFF, UNV, UFB): time records of dataset 58, as text and as binary 58b.

The reader is pdm's own: it holds the number of samples against the header, reads the unit of the abscissa and exponents
with D, and names what it does not use.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.clock import time_unit, with_clocks
from pdm.ingest.recordings.content import Clock, FileChannel, FileRecording, Reading, channel_of_array, unique_names

_TIME_RESPONSE = (0, 1)  # function types of dataset 58: general, time response
_TIME_AXIS = (0, 17)  # data types of the abscissa: unknown, time
_FACTORS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0}
_ABSCISSA = "abscissa"  # what `--time` calls the times of a dataset
_HEAD = 11  # lines of a dataset before its values
_KINDS = 6  # lines before that with data type, number of samples and spacing
_DELIMITER = re.compile(rb"^ {0,4}-1[ \t\r]*$", re.MULTILINE)
_BEHIND_BINARY = re.compile(rb"\r?\n? {0,4}-1[ \t\r]*(?=\n|$)")  # some writers begin no line


@dataclass(frozen=True)
class _Dataset:
    """A dataset 58: its lines of text, the fields of its header, and its values."""

    title: str
    place: str  # node:direction
    function: int
    ordinate: int
    count: int
    is_even: bool
    start: float
    step: float
    abscissa_kind: int
    abscissa_unit: str
    unit: str
    values: NDArray[Any]


def read_uff(path: Path, reading: Reading, _: ExitStack) -> FileRecording:
    """Read the time records of a universal file; the name is their first line, or node and direction."""
    raw = path.read_bytes()
    sets, notes = [], []
    for number, body in _datasets(raw):
        if number == 58:
            found = _dataset(body)
            if found.function in _TIME_RESPONSE and found.abscissa_kind in _TIME_AXIS:
                sets.append(found)
            else:
                notes.append(f"dataset 58 of function type {found.function} (no time record): not used")
        else:
            notes.append(f"dataset {number}: not used")
    if not sets:
        raise InvalidInputError("it has no time record (dataset 58)", field="file")
    names = _names(sets)
    channels: list[FileChannel] = []
    for name, each in zip(names, sets, strict=True):
        if each.ordinate in (5, 6):
            raise InvalidInputError(f"channel {name!r} is complex: a spectrum, not a time record", field="file")
        unit = None if each.unit.upper() in ("", "NONE", "UNKNOWN") else each.unit
        channels.append(_channel(name, each, unit, reading))
    is_abscissa = (reading.time or "").partition("=")[0] == _ABSCISSA
    timed = with_clocks(channels, Reading(time="none") if is_abscissa else reading)
    return FileRecording(timed, notes=tuple(Counter(notes)))


def _datasets(raw: bytes) -> list[tuple[int, bytes]]:
    """Return number (58 for 58b) and content of each dataset, without its closing line."""
    found, place = [], 0
    while True:
        begin = _DELIMITER.search(raw, place)
        if begin is None:
            break
        head_end = raw.find(b"\n", begin.end() + 1)
        head = raw[begin.end() + 1 : head_end if head_end >= 0 else len(raw)]
        stated = re.match(rb"\s*(\d+)([bB]?)", head)
        if stated is None:
            if raw[begin.end() :].strip():
                raise InvalidInputError(f"a dataset begins with {head[:20]!r}, which is not a number", field="file")
            raise _cut()
        number, body_at = int(stated[1]), head_end + 1
        if number == 58 and stated[2]:
            values_end = _end_of_binary(raw, body_at, int(head[stated.end() :].split()[3]))
            end = _BEHIND_BINARY.match(raw, values_end) or _DELIMITER.search(raw, values_end)
        else:
            end = _DELIMITER.search(raw, body_at)
        if end is None or head_end < 0:
            raise _cut()
        found.append(
            (number, (head[stated.end() :].strip() if stated[2] else b"") + b"\n" + raw[body_at : end.start()])
        )
        place = end.end()
    if not found:
        raise InvalidInputError("not a universal file: it has no dataset between lines -1", field="file")
    if raw[place:].strip():
        raise InvalidInputError("data follow behind the last dataset: it was cut short or damaged", field="file")
    return found


def _end_of_binary(raw: bytes, body_at: int, stated: int) -> int:
    """Return the place behind binary values: by the number of samples, else by the number of bytes."""
    begin = _after_lines(raw, body_at, _HEAD)
    kinds = raw[_after_lines(raw, body_at, _KINDS) :].split(b"\n", 1)[0].split()
    ordinate, count, spacing = (int(each) for each in kinds[:3])
    size = (8 if ordinate in (4, 6) else 4) * (2 if ordinate in (5, 6) else 1) + (4 if spacing == 0 else 0)
    by_count = begin + count * size
    return by_count if _BEHIND_BINARY.match(raw, by_count) else begin + stated


def _cut() -> InvalidInputError:
    return InvalidInputError("its last dataset lacks the closing line -1: it was cut short", field="file")


def _after_lines(raw: bytes, place: int, lines: int) -> int:
    for _ in range(lines):
        place = raw.find(b"\n", place) + 1
        if place == 0:
            raise _cut()
    return place


def _dataset(body: bytes) -> _Dataset:
    binary, _, rest = body.partition(b"\n")
    at = _after_lines(rest, 0, _HEAD)
    lines = [line.decode("latin-1").rstrip("\r") for line in rest[:at].split(b"\n")[:_HEAD]]
    function = _fixed(lines[5], (5, 10, 5, 10, 1, 10, 10, 4, 1, 10, 4))
    kinds = lines[6].split()
    try:
        ordinate, count, spacing = int(kinds[0]), int(kinds[1]), int(kinds[2])
        start, step = (float(each.replace("D", "E").replace("d", "e")) for each in kinds[3:5])
        axis, value = _axis(lines[7]), _axis(lines[8])
        kind = int(function[0])
        place = f"{int(function[6] or 0)}:{int(function[7] or 0)}"
    except (ValueError, IndexError):
        raise InvalidInputError(
            f"a dataset 58 has a header that is not in its form: {lines[6]!r}", field="file"
        ) from None
    values = _values(binary, rest[at:], ordinate, count, spacing, f"dataset {lines[0].strip()!r}")
    return _Dataset(
        lines[0].strip(), place, kind, ordinate, count, spacing == 1, start, step, axis[0], axis[1], value[1], values
    )


def _fixed(line: str, widths: tuple[int, ...]) -> list[str]:
    fields, place = [], 0
    for width in widths:
        fields.append(line[place : place + width].strip())
        place += width
    return fields


def _axis(line: str) -> tuple[int, str]:
    """Return data type and unit of an axis, in fixed columns: I10, 3 I5, then two texts of 20 parted by a blank."""
    return int(line[:10]), line[46:67].strip() if len(line) > 46 else ""


def _values(binary: bytes, data: bytes, ordinate: int, count: int, spacing: int, what: str) -> NDArray[Any]:
    if ordinate not in (2, 4, 5, 6):
        raise InvalidInputError(f"{what}: data type {ordinate} is unknown; allowed are 2, 4, 5 and 6", field="file")
    is_double = ordinate in (4, 6)
    per_sample = (2 if ordinate in (5, 6) else 1) + (spacing == 0)
    values = _binary(binary, data, is_double, spacing == 0, what) if binary else _text(data, what)
    if values.size != count * per_sample:
        raise InvalidInputError(
            f"{what}: its header says {count} samples, the data have {values.size / per_sample:g}: cut or damaged",
            field="file",
        )
    return values.reshape(count, per_sample) if per_sample > 1 else values


def _text(data: bytes, what: str) -> NDArray[np.float64]:
    words = data.replace(b"D", b"E").replace(b"d", b"e").split()
    try:
        return np.array(words, np.float64) if words else np.empty(0)
    except ValueError:
        bad = next(word for word in words if not _is_number(word))
        raise InvalidInputError(f"{what}: {bad[:30].decode('latin-1')!r} is not a number", field="file") from None


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _binary(head: bytes, data: bytes, is_double: bool, has_abscissa: bool, what: str) -> NDArray[np.float64]:
    """Return the values of a binary dataset; those with an abscissa have it in single precision."""
    fields = head.split()
    order, floats = int(fields[0]), int(fields[1])
    if order not in (1, 2) or floats != 2:
        raise InvalidInputError(f"{what}: binary format {order}, {floats} is not IEEE; rewrite the file", field="file")
    sign = "<" if order == 1 else ">"
    dtype = np.dtype(f"{sign}f{8 if is_double else 4}")
    if has_abscissa and is_double:
        pair = np.dtype([("x", f"{sign}f4"), ("y", dtype)])
        rows = np.frombuffer(data, pair, len(data) // pair.itemsize)
        return np.column_stack([rows["x"], rows["y"]]).astype(np.float64).ravel()
    return np.frombuffer(data, dtype, len(data) // dtype.itemsize).astype(np.float64 if is_double else np.float32)


def _names(sets: list[_Dataset]) -> list[str]:
    titles = [each.title if each.title.upper() not in ("", "NONE") else each.place for each in sets]
    counts, places = Counter(titles), Counter(each.place for each in sets)
    return unique_names(
        [
            each.place if counts[title] > 1 and places[each.place] == 1 else title
            for each, title in zip(sets, titles, strict=True)
        ]
    )


def _channel(name: str, each: _Dataset, unit: str | None, reading: Reading) -> FileChannel:
    text = "" if each.abscissa_unit.upper() in ("NONE", "UNKNOWN") else each.abscissa_unit
    if each.is_even:
        label = name.partition("#")[0]
        return channel_of_array(name, each.values, clock=_even(name, each, text, reading), unit=unit, label=label)
    times = channel_of_array("time", each.values[:, 0], unit=text or None, label="time")
    values = channel_of_array(name, each.values[:, 1], unit=unit, label=name.partition("#")[0])
    (clocked,) = with_clocks([times, values], Reading(split=reading.split))
    return clocked


def _even(name: str, each: _Dataset, text: str, reading: Reading) -> Clock | None:
    """Return the clock of samples at equal distances; the caller's unit comes before that of the file."""
    declared = (reading.time or "").partition("=")[2] or text
    unit = time_unit(declared) if declared else "s"
    if unit not in _FACTORS:
        raise InvalidInputError(
            f"channel {name!r}: its abscissa is in {declared!r}; allowed: {', '.join(_FACTORS)}", field="time"
        )
    if not each.step > 0:
        return None
    return Clock(1.0 / (each.step * _FACTORS[unit]), "the abscissa", is_unit_assumed=not declared)
