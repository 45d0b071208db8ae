"""Text tables as columns of text: encoding, delimiter, decimal sign, names, units and cells, each found or declared.

What cannot be found is rejected by name: lines before the table, an encoding, a decimal sign, a line with another
number of cells. No line and no cell is dropped.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.clock import time_unit
from pdm.ingest.recordings.content import Reading
from pdm.ingest.recordings.spelling import known_unit

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?|[+-]?(?:nan|NaN|NAN|inf|Inf|INF)"
_IS_NUMBER = re.compile(rf"\s*(?:{NUMBER})\s*")
_DELIMITERS = (";", "\t", "|", ",")
_DELIMITER_NAMES = {
    "comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "pipe": "|", "space": " ", "spaces": " ",
    "whitespace": " ",
}  # fmt: skip
_DECIMAL_NAMES = {"comma": ",", "point": ".", "dot": ".", "period": "."}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TIME_LIKE = re.compile(r"\d{1,4}[-:./]\d[\d:./TZ+\- ]*(,\d+)?Z?")
_MOST_LINES_BEFORE = 200
_COMPARED, _FEWEST_COMPARED = 1000, 20  # cells with which the last one is compared
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")
_NAMED = re.compile(r"(?P<name>.*?)\s*(?:\[(?P<square>[^\]]*)\]|\((?P<round>[^)]*)\))?\s*")


@dataclass(frozen=True)
class TextTable:
    """Columns of a text table: names, units, the cells by column, and the line of the first row."""

    names: tuple[str, ...]
    units: tuple[str | None, ...]
    columns: Sequence[Any]
    first_line: int
    decimal: str
    details: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Layout:
    """Where a table begins, and how its lines are parted."""

    delimiter: str
    header: int | None  # index of the line with the names
    units: int | None
    rows: int  # index of the first row


def read_text_table(path: Path, reading: Reading) -> TextTable:
    """Read a text file as columns of text.

    Raises
    ------
    InvalidInputError
        What cannot be read without a declaration is named, with the option that declares it.
    """
    encoding, text = decode_text(path.read_bytes(), reading.encoding)
    return parse_text_table(text, reading, {"encoding": encoding})


def parse_text_table(text: str, reading: Reading, details: dict[str, str]) -> TextTable:
    """Return the columns of a text."""
    has_last_end = text.endswith(("\n", "\r"))
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n \t\x1a")
    if not text.strip():
        raise InvalidInputError("the file is empty", field="file")
    skip, delimiter = reading.skip or 0, _declared_delimiter(reading)
    stated = re.match(r"\s*sep=(.)[ \t]*\n", text)
    if reading.skip is None and stated is not None:  # Excel's own line
        skip, delimiter = 1, delimiter or stated[1]
    lines = _first_lines(text, skip + _MOST_LINES_BEFORE)
    if len(lines) <= skip:
        raise InvalidInputError(f"the file has {len(lines)} lines; --skip {skip} leaves none", field="file")
    layout = _layout(lines, skip, delimiter)
    names, units = _names(lines, layout, reading)
    body = _from_line(text, layout.rows)
    decimal = _decimal(body, layout.delimiter, reading)
    columns = _columns(body, layout, len(names))
    shown = {" ": "spaces", "\t": "tab", "": "none"}.get(layout.delimiter, layout.delimiter)
    found = {**details, "delimiter": shown, "decimal": decimal, "first row": f"line {layout.rows + 1}"}
    notes = () if has_last_end else (_check_last_cell(columns[-1]),)
    return TextTable(names, units, columns, layout.rows + 1, decimal, found, notes)


def decode_text(raw: bytes, declared: str | None) -> tuple[str, str]:
    """Return the encoding and the text of bytes.

    Raises
    ------
    InvalidInputError
        The bytes are not of the encoding, or of none that shows by itself.
    """
    encoding = declared
    if encoding is None:
        encoding = next((name for mark, name in _BOMS if raw.startswith(mark)), None)
    if encoding is None and len(raw) >= 4:
        encoding = {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get((_nulls(raw[::2]), _nulls(raw[1::2])))
    try:
        text = raw.decode(encoding or "utf-8")
    except LookupError:
        raise InvalidInputError(
            f"encoding {declared!r} is unknown; examples: utf-8, utf-16, cp1252, cp949", field="encoding"
        ) from None
    except UnicodeError as error:
        place = getattr(error, "start", 0)
        line = raw.count(b"\n", 0, place) + 1
        raise InvalidInputError(
            f"line {line} is not {encoding or 'UTF-8'} (byte 0x{raw[place : place + 1].hex()}): declare --encoding, "
            "such as cp1252 (Western) or cp949 (Korean)",
            field="encoding",
        ) from None
    if "\x00" in text:
        raise InvalidInputError("the file has zero bytes: it is no text, or of another --encoding", field="encoding")
    return encoding or "utf-8", text


def _nulls(every_second: bytes) -> bool:
    part = every_second[:2000]
    return part.count(0) > 0.6 * len(part)


def _declared_delimiter(reading: Reading) -> str | None:
    if reading.delimiter is None:
        return None
    delimiter = _DELIMITER_NAMES.get(reading.delimiter.lower(), reading.delimiter)
    if len(delimiter) != 1:
        raise InvalidInputError(
            f"--delimiter {reading.delimiter}: one character, or comma, semicolon, tab, bar, space", field="delimiter"
        )
    return delimiter


def _first_lines(text: str, most: int) -> list[str]:
    lines: list[str] = []
    start = 0
    while len(lines) < most and start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        lines.append(text[start:end])
        start = end + 1
    return lines


def _from_line(text: str, line: int) -> str:
    start = 0
    for _ in range(line):
        start = text.index("\n", start) + 1
    return text[start:]


def split_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line, without quotes and surrounding blanks.

    Examples
    --------
    >>> split_cells('time;"DE; radial" ; 3', ";")
    ['time', 'DE; radial', '3']
    """
    if delimiter == "":
        return [line.strip().strip('"')]
    if delimiter == " ":
        return line.split()
    cells = next(csv.reader(io.StringIO(line), delimiter=delimiter, skipinitialspace=True), [])
    return [cell.strip() for cell in cells]


def _is_number(cell: str) -> bool:
    return _IS_NUMBER.fullmatch(cell.replace(",", ".", 1)) is not None


def _is_row(cells: Sequence[str]) -> bool:
    """Whether cells are values: at least one number, and otherwise numbers, times and empty cells."""
    return any(map(_is_number, cells)) and all(map(_is_value, cells))


def _is_value(cell: str) -> bool:
    return not cell or _is_number(cell) or _TIME_LIKE.fullmatch(cell) is not None


def _layout(lines: Sequence[str], skip: int, declared: str | None) -> _Layout:
    """Return where the table is: the names of line `skip`, or the first row there."""
    tried = (declared,) if declared is not None else (*_DELIMITERS, " ", "")
    fitting = [found for delimiter in tried if (found := _fit(lines, skip, delimiter)) is not None]
    if fitting:
        return max(fitting, key=lambda each: len(split_cells(lines[each.rows], each.delimiter)))
    raise _no_table(lines, skip, tried)


def _fit(lines: Sequence[str], skip: int, delimiter: str) -> _Layout | None:
    """Return the layout by one delimiter, if names, units and first rows have as many cells."""
    cells = [split_cells(line, delimiter) for line in lines[skip : skip + 5]]
    width = len(cells[0])
    if not lines[skip].strip() or (delimiter and width < 2):
        return None
    if _is_row(cells[0]):
        return _Layout(delimiter, None, None, skip) if _are_alike(cells, width) else None
    rows = cells[1:]
    if not rows or len(rows[0]) != width:
        return None
    units = None
    if not _has_value(rows[0]) and len(rows) > 1 and any(known_unit(_bare(cell)) for cell in rows[0]):
        units, rows = skip + 1, rows[1:]
    is_begun = _is_row(rows[0]) if delimiter == " " else _has_value(rows[0])
    if not is_begun or not _are_alike(rows, width):
        return None
    return _Layout(delimiter, skip, units, skip + (1 if units is None else 2))


def _has_value(cells: Sequence[str]) -> bool:
    return any(cell and _is_value(cell) for cell in cells)


def _are_alike(rows: Sequence[Sequence[str]], width: int) -> bool:
    """Whether most of the first rows have as many cells as the names."""
    return sum(len(row) == width or (not row and width == 1) for row in rows) * 2 >= len(rows)


def _no_table(lines: Sequence[str], skip: int, tried: Sequence[str]) -> InvalidInputError:
    for delimiter in tried:
        rows = [split_cells(line, delimiter) for line in lines[skip : skip + 3]]
        widths = [len(row) for row in rows]
        if widths == [widths[0]] * 3 and _is_row(rows[2]) and not any(map(_is_number, rows[0])):
            bad, line = next((cell for cell in rows[1] if not _is_value(cell)), ""), skip + 2
            return InvalidInputError(
                f"line {line}: {bad[:60]!r} is neither a number nor a unit that is known; if the line has the names of "
                f"the columns, add --skip {skip + 1}",
                field="file",
            )
    for start in range(skip + 1, len(lines) - 1):
        for delimiter in tried:
            found = _fit(lines, start, delimiter)
            if found is not None and _starts_table(lines, found):
                what = "the names" if found.header is not None else "numbers without names"
                first = "; ".join(repr(line[:60]) for line in lines[skip : min(start, skip + 3)])
                return InvalidInputError(
                    f"lines {skip + 1} to {start} are not part of a table ({first}); line {start + 1} has {what} "
                    f"({lines[start][:60]!r}): add --skip {start}, and declare what the skipped lines say "
                    "(--rate, --unit)",
                    field="file",
                )
    cells = [len(split_cells(line, ",")) for line in lines[skip : skip + 2]]
    if len(lines) - skip < 2:
        return InvalidInputError("the file has one line: names and values are missing", field="file")
    return InvalidInputError(
        f"no table was found: line {skip + 1} is {lines[skip][:60]!r}, line {skip + 2} is {lines[skip + 1][:60]!r} "
        f"({cells[0]} and {cells[1]} cells by comma); declare --delimiter, --decimal or --skip LINES",
        field="file",
    )


def _starts_table(lines: Sequence[str], found: _Layout) -> bool:
    """Whether three lines from the first row are rows of equal width."""
    rows = [split_cells(line, found.delimiter) for line in lines[found.rows : found.rows + 3]]
    return len(rows) == 3 and all(len(row) == len(rows[0]) and _is_row(row) for row in rows)


def _names(lines: Sequence[str], layout: _Layout, reading: Reading) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    width = len(split_cells(lines[layout.rows], layout.delimiter))
    if layout.header is None:
        if not reading.columns:
            raise InvalidInputError(
                f"line {layout.rows + 1} must have the names of the columns but has numbers: name the {width} columns "
                "with --columns NAME,NAME (- leaves one out)",
                field="columns",
            )
        if len(reading.columns) != width:
            raise InvalidInputError(
                f"--columns names {len(reading.columns)} columns, line {layout.rows + 1} has {width}", field="columns"
            )
        found = [split_name(name) for name in reading.columns]
        return tuple(name for name, _ in found), tuple(unit for _, unit in found)
    found = [split_name(cell) for cell in split_cells(lines[layout.header], layout.delimiter)]
    units = [unit for _, unit in found]
    if layout.units is not None:
        second = split_cells(lines[layout.units], layout.delimiter)
        units = [unit or _bare(cell) for unit, cell in zip(units, second, strict=True)]
    return tuple(name for name, _ in found), tuple(units)


def _bare(cell: str) -> str | None:
    """Return the unit in a cell, with or without brackets."""
    unit = cell.strip().strip("[]()").strip()
    return unit if unit not in ("", "-") else None


def split_name(text: str) -> tuple[str, str | None]:
    """Return the name and the unit of a heading such as `DE [g]`.

    Examples
    --------
    >>> split_name("DE [g]"), split_name("DE (x, radial)")
    (('DE', 'g'), ('DE (x, radial)', None))
    """
    found = _NAMED.fullmatch(text.strip())
    if found is None or not found["name"]:
        return text.strip(), None
    unit = (found["square"] or found["round"] or "").strip()
    if found["square"] is None and ("," in unit or (" " in unit and time_unit(unit) is None)):
        return text.strip(), None  # words in round brackets are part of the name
    return found["name"], unit or None


def _decimal(body: str, delimiter: str, reading: Reading) -> str:
    """Return the decimal sign by all rows, for a comma may show late."""
    if reading.decimal is not None:
        decimal = _DECIMAL_NAMES.get(reading.decimal.lower(), reading.decimal)
        if decimal not in (".", ","):
            raise InvalidInputError(f"--decimal {reading.decimal}: allowed are . and ,", field="decimal")
        if decimal == delimiter:
            raise InvalidInputError("--decimal and --delimiter are both a comma", field="decimal")
        return decimal
    if delimiter == "," or "," not in body:
        return "."
    parted = re.compile(rf"[\n{re.escape(delimiter or ' ')} \"]+")
    with_comma = (cell for cell in parted.split(body) if "," in cell)
    sample = [cell for cell, _ in zip(with_comma, range(100_000), strict=False)]
    if any("." in cell and _is_number(cell.replace(",", "").replace(".", "", 1)) for cell in sample):
        raise InvalidInputError(
            f"a number has both . and , ({next(c for c in sample if '.' in c)!r}): remove the thousands separators",
            field="decimal",
        )
    numbers = [cell for cell in sample if _is_number(cell)]
    if numbers and all(_GROUPED.fullmatch(cell) for cell in numbers):
        raise InvalidInputError(
            f"{numbers[0]!r} is {numbers[0].replace(',', '')} or {numbers[0].replace(',', '.')}: declare --decimal",
            field="decimal",
        )
    return "," if numbers else "."


def _columns(body: str, layout: _Layout, width: int) -> list[Any]:
    """Return the cells of each column as Arrow text."""
    import pyarrow as pa
    from pyarrow import csv as tables

    if layout.delimiter == " ":
        body = re.sub(r"[ \t]+", " ", re.sub(r"(?m)^[ \t]+|[ \t]+$", "", body))
    bad: list[Any] = []

    def keep(row: Any) -> str:
        bad.append(row)
        return "error"

    try:
        table = tables.read_csv(
            pa.py_buffer(body.encode()),
            read_options=tables.ReadOptions(
                use_threads=False, column_names=[str(place) for place in range(width)], block_size=1 << 24
            ),
            parse_options=tables.ParseOptions(
                delimiter=layout.delimiter or "\x1f",
                ignore_empty_lines=False,
                invalid_row_handler=keep,
            ),
            convert_options=tables.ConvertOptions(
                column_types={str(place): pa.string() for place in range(width)}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if not bad:
            raise InvalidInputError(" ".join(str(error).split())[:300], field="file") from None
        raise _bad_row(bad[0], layout, width) from None
    return [table.column(place) for place in range(width)]


def _check_last_cell(column: Any) -> str:
    """Reject a text without a last line end whose last cell is shorter than those before; else return a note."""
    *before, last = [cell.as_py().strip() for cell in column.slice(max(0, len(column) - _COMPARED))]
    if len(before) >= _FEWEST_COMPARED and len(last) < min(map(len, before)):
        raise InvalidInputError(
            f"the last line has no line end, and its last value {last!r} is shorter than those before: it was cut "
            "short; complete the line, or remove it",
            field="file",
        )
    return "the last line has no line end: if the file was cut there, its last value is wrong"


def _bad_row(row: Any, layout: _Layout, width: int) -> InvalidInputError:
    line = "a line" if row.number is None else f"line {row.number + layout.rows}"
    if not row.text.strip():
        return InvalidInputError(f"{line} is empty: a sample is missing, or parts are joined", field="file")
    hint = "; is the decimal sign a comma? declare --delimiter and --decimal" if row.actual_columns > width else ""
    return InvalidInputError(
        f"{line} has {row.actual_columns} cells, the table has {width} columns: {row.text[:80]!r}{hint}", field="file"
    )
