"""Rolling bearings by designation: `bearings.csv` with the source of each row, and a file of the user's own.

A designation consists of a basic designation, which determines elements and pitch diameter, and suffixes. Only suffixes
that leave the inside of the bearing as it is are ignored: seals, shields, clearance, tolerance, a snap-ring groove,
grease, and a pressed steel cage. Any other one is refused, because it may mean other elements.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path

from pdm.errors import ConfigurationError, InvalidInputError
from pdm.machines.bearing_multipliers import BearingMultipliers
from pdm.machines.model import Bearing, BearingGeometry
from pdm.settings import Settings

MILLIMETRES = {"mm": 1.0, "in": 25.4, "m": 1000.0}
"""Units of the diameters in a table [mm]."""
_GEOMETRY = ("rolling_elements", "element_diameter", "pitch_diameter", "unit")
_MULTIPLIERS = ("bpfo", "bpfi", "bsf", "ftf")
COLUMNS = ("designation", "maker", *_GEOMETRY, "contact_angle_deg", *_MULTIPLIERS, "source")
"""Columns of a table; `maker`, `contact_angle_deg`, and either geometry or multipliers may be empty or absent."""
_SUFFIXES = {
    "seals and shields": "2RS1 2RSH 2RSL 2RSR 2RS RS1 RSH RSL RS 2RZ RZ 2ZR 2Z ZZ Z LLU LLB LLH DDU DD VV",
    "clearance and tolerance": "C1 C2 CN C3 C4 C5 CM P0 P6 P5",
    "snap ring, grease, steel cage": "NR N WT GJN JEM J",
}
_SUFFIX = re.compile("|".join(sorted(" ".join(_SUFFIXES.values()).split(), key=len, reverse=True)))
_APART = re.compile(r"[\s/._-]+")
_AGREE = 0.01  # relative: multipliers of a row and its geometry
_LONGEST = 100
_FIELD = "bearing.designation"


def find_bearing(designation: str, known: Mapping[str, Bearing] | None = None) -> Bearing:
    """Return the bearing of a designation such as "6205-2RS C3"; its source names the row that it is from.

    Parameters
    ----------
    designation : str
        Basic designation, also after its maker, and suffixes.
    known : mapping of str to Bearing, optional
        A table of `read_bearings`; default: `known_bearings`.

    Raises
    ------
    InvalidInputError
        The designation or a suffix of it is unknown; the message gives close ones.

    Examples
    --------
    >>> find_bearing("6205-2RS C3").source[:22]
    '6205-2RS C3, row 6205:'
    """
    known = known_bearings() if known is None else known
    text = " ".join(unicodedata.normalize("NFKC", designation).split())
    if not 0 < len(text) <= _LONGEST:
        raise InvalidInputError(f"a bearing designation must have 1 to {_LONGEST} characters", field=_FIELD)
    rests = {basic: rest for basic in known if (rest := _rest(text.upper(), basic)) is not None}
    if not rests:
        raise _unknown(text, known)
    basic = max(rests, key=len)
    _check_suffixes(text, basic, rests[basic])
    return replace(known[basic], source=f"{text}, row {basic}: {known[basic].source}")


def known_bearings() -> Mapping[str, Bearing]:
    """Return the bearings by basic designation: those of pdm, and those of the file named by PDM_BEARINGS.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or a row of it is no bearing.
    """
    own = Settings.from_environment().bearings
    return {**_shipped(), **read_bearings(Path(own))} if own else _shipped()


def read_bearings(path: Path) -> dict[str, Bearing]:
    """Return the bearings of a CSV file by basic designation, also after the maker; columns as in `COLUMNS`.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or a row of it is no bearing; the message names the line.
    """
    try:
        return _bearings(path.read_text(encoding="utf-8-sig"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"table of bearings {path}: {error}") from error


@cache
def _shipped() -> Mapping[str, Bearing]:
    return _bearings(files("pdm.machines").joinpath("bearings.csv").read_text(encoding="utf-8"), "bearings.csv")


def _bearings(text: str, name: str) -> dict[str, Bearing]:
    lines = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    header = lines.fieldnames or []
    if unknown := [column for column in header if column not in COLUMNS]:
        raise ConfigurationError(f"{name}: unknown column {unknown[0]!r}; allowed: {', '.join(COLUMNS)}")
    found: dict[str, Bearing] = {}
    try:
        for row in lines:
            bearing = _bearing({column: (row.get(column) or "").strip() for column in COLUMNS}, has_more="" in row)
            basic = " ".join((row.get("designation") or "").upper().split())
            if not basic or basic in found:
                raise InvalidInputError(f"designation {basic!r} is {'given twice' if basic else 'missing'}")
            found[basic] = bearing
            if maker := (row.get("maker") or "").strip().upper():
                found[f"{maker} {basic}"] = bearing
    except (InvalidInputError, csv.Error) as error:
        raise ConfigurationError(f"{name}, line {lines.line_num}: {error}") from error
    return found


def _bearing(row: Mapping[str, str], *, has_more: bool) -> Bearing:
    if has_more:
        raise InvalidInputError("more cells than columns; a text with a comma must be in double quotes")
    multipliers = geometry = None
    if any(row[name] for name in _MULTIPLIERS):
        bpfo, bpfi, bsf, ftf = (_number(row, name) for name in _MULTIPLIERS)
        multipliers = BearingMultipliers(bpfo, bpfi, bsf, ftf, row["source"])
    if any(row[name] for name in _GEOMETRY):
        if row["unit"] not in MILLIMETRES:
            raise InvalidInputError(f"unit {row['unit']!r} must be one of {', '.join(MILLIMETRES)}")
        element, pitch = (_diameter(row, name) for name in ("element_diameter", "pitch_diameter"))
        angle = math.radians(_number(row, "contact_angle_deg")) if row["contact_angle_deg"] else 0.0
        geometry = BearingGeometry(_count(row, "rolling_elements"), element, pitch, angle, row["source"])
    if geometry is not None and multipliers is not None:
        _check_agreement(geometry, multipliers)
    bearing = geometry or multipliers
    if bearing is None:
        raise InvalidInputError(f"give {', '.join(_GEOMETRY)}, or {', '.join(_MULTIPLIERS)}")
    return bearing


def _number(row: Mapping[str, str], column: str) -> float:
    try:
        return float(row[column])
    except ValueError:
        raise InvalidInputError(f"{column} {row[column]!r} must be a number, with a decimal point") from None


def _diameter(row: Mapping[str, str], column: str) -> float:
    """Return a diameter [m] that remains the same when it is written in mm and read again."""
    return float(f"{_number(row, column) * MILLIMETRES[row['unit']]:.12g}") * 1e-3


def _count(row: Mapping[str, str], column: str) -> int:
    if not row[column].isdecimal():
        raise InvalidInputError(f"{column} {row[column]!r} must be a whole number")
    return int(row[column])


def _check_agreement(geometry: BearingGeometry, multipliers: BearingMultipliers) -> None:
    ratio = geometry.element_diameter / geometry.pitch_diameter * math.cos(geometry.contact_angle)
    spin = geometry.pitch_diameter / (2 * geometry.element_diameter) * (1 - ratio**2)
    n = multipliers.rolling_elements
    for what, sheet, expected in (
        ("rolling_elements", n, geometry.rolling_elements),
        ("bpfo", multipliers.bpfo, n / 2 * (1 - ratio)),
        ("bpfi", multipliers.bpfi, n / 2 * (1 + ratio)),
        ("bsf", multipliers.bsf, spin),
    ):
        if abs(sheet - expected) > _AGREE * expected:
            raise InvalidInputError(f"{what} {sheet:g} does not agree with the geometry, which gives {expected:.5g}")


def _rest(text: str, basic: str) -> str | None:
    """Return what follows a basic designation, which may be written with or without its separators."""
    pattern = r"[\s_-]*".join(map(re.escape, re.sub(r"[\s_-]", "", basic)))
    match = re.match(pattern, text)
    if match is None:
        return None
    rest = text[match.end() :]
    return None if rest[:1].isdigit() else rest


def _check_suffixes(text: str, basic: str, rest: str) -> None:
    for part in filter(None, _APART.split(rest)):
        if not re.fullmatch(f"(?:{_SUFFIX.pattern})+", part):
            raise InvalidInputError(
                f"{part!r} in {text!r} may mean other elements than those of {basic}; suffixes that do not: "
                f"{', '.join(' '.join(_SUFFIXES.values()).split())}; give the multipliers of the maker's sheet "
                "(bpfo, bpfi, bsf, ftf), or the designation without it if the elements are the same",
                field=_FIELD,
            )


def _unknown(text: str, known: Mapping[str, Bearing]) -> InvalidInputError:
    close = get_close_matches(text.upper(), known, n=3, cutoff=0.5)
    found = f"close: {', '.join(close)}" if close else f"known: {', '.join(list(known)[:20])}"
    return InvalidInputError(
        f"unknown bearing designation {text!r}; {found}; give the multipliers of the maker's sheet (bpfo, bpfi, bsf, "
        "ftf) or the geometry, or add it to the file named by PDM_BEARINGS",
        field=_FIELD,
    )
