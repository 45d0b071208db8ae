"""Options for the layout of a recording file, alike in all commands that read files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pdm.ingest.recordings.content import Reading

FORMATS = "CSV, Parquet, NPZ, NPY, WAV, MAT, HDF5, MDF, LVM, UFF or TDMS"

TimeColumn = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="COLUMN[=UNIT]",
        help="The column of time, with its unit (s, ms, us, ns, days); none: no column.",
    ),
]
Delimiter = Annotated[
    str | None, typer.Option(help="What separates the columns of a text: one character, tab or space.")
]
Decimal = Annotated[str | None, typer.Option(help="Decimal sign of a text: . or ,")]
Encoding = Annotated[str | None, typer.Option(help="Encoding of a text, such as cp1252, cp949 or utf-16.")]
Skip = Annotated[int | None, typer.Option(min=0, help="Number of lines before the table of a text.")]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,NAME", help="The columns to read; the names of all, if the file has none (- leaves one out)."
    ),
]
Rate = Annotated[float | None, typer.Option(help="Sampling rate in Hz, if the file does not contain it.")]
Unit = Annotated[str | None, typer.Option(help="Unit of the samples; default: the unit of the point.")]
UnknownUnit = Annotated[
    str | None, typer.Option("--unknown-unit", help="Unit of channels whose unit in the file is unknown to pdm.")
]
Split = Annotated[
    bool, typer.Option("--split", help="Read each part of a file with gaps, or each row, as a separate recording.")
]
Mapping = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="YAML with the channels of an HDF5 file: see docs/files.md."),
]


def reading_of(
    time: str | None,
    delimiter: str | None,
    decimal: str | None,
    encoding: str | None,
    skip: int | None,
    columns: str | None,
    split: bool,
    mapping: Path | None,
) -> Reading:
    """Return the layout that the options declare."""
    from pdm.ingest.recordings.content import Reading

    names = () if columns is None else tuple(name.strip() for name in columns.split(","))
    place = None if mapping is None else str(mapping.resolve())
    return Reading(time, delimiter, decimal, encoding, skip, names, split, place)
