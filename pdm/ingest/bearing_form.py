"""Bearings in documents: geometry in mm and degrees, the multipliers of the maker's sheet, or a designation."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec

from pdm.errors import InvalidInputError
from pdm.machines.bearing_multipliers import BearingMultipliers
from pdm.machines.bearing_table import find_bearing
from pdm.machines.model import Bearing, BearingGeometry

_GEOMETRY = ("rolling_elements", "element_diameter_mm", "pitch_diameter_mm")
_ONLY_GEOMETRY = ("element_diameter_mm", "pitch_diameter_mm", "contact_angle_deg")
_MULTIPLIERS = ("bpfo", "bpfi", "bsf", "ftf")
_NUMBERS = ("rolling_elements", *_ONLY_GEOMETRY, *_MULTIPLIERS)


class BearingForm(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A bearing's geometry in mm and degrees, or its multipliers of shaft speed, and their source; or its designation.

    Numbers of a bearing take precedence over the table of designations.
    """

    rolling_elements: int | None = None
    element_diameter_mm: float | None = None
    pitch_diameter_mm: float | None = None
    source: str = ""
    contact_angle_deg: float | None = None
    bpfo: float | None = None
    bpfi: float | None = None
    bsf: float | None = None
    ftf: float | None = None
    designation: str | int | None = None  # YAML reads 6205 as a number


def read_bearing(form: BearingForm) -> Bearing:
    """Return the bearing of a form.

    Raises
    ------
    InvalidInputError
        Fields are missing, exclude each other, or are not of one bearing.
    """
    if form.designation is not None and all(getattr(form, name) is None for name in _NUMBERS):
        found = find_bearing(str(form.designation))
        return replace(found, source="; ".join(filter(None, (found.source, form.source.strip()))))
    form = msgspec.structs.replace(form, source=_source(form))
    multipliers = [name for name in _MULTIPLIERS if getattr(form, name) is not None]
    geometry = [name for name in _ONLY_GEOMETRY if getattr(form, name) is not None]
    if multipliers and geometry:
        raise InvalidInputError(
            f"geometry ({', '.join(geometry)}) and multipliers ({', '.join(multipliers)}) exclude each other; give one "
            "of them",
            field=f"bearing.{multipliers[0]}",
        )
    return _read_multipliers(form) if multipliers else _read_geometry(form)


def bearing_form(bearing: Bearing) -> BearingForm:
    """Return the form of a bearing, for `read_bearing`."""
    if isinstance(bearing, BearingMultipliers):
        return BearingForm(
            bpfo=bearing.bpfo, bpfi=bearing.bpfi, bsf=bearing.bsf, ftf=bearing.ftf, source=bearing.source
        )
    return BearingForm(
        bearing.rolling_elements,
        _round(bearing.element_diameter * 1e3),
        _round(bearing.pitch_diameter * 1e3),
        bearing.source,
        _round(math.degrees(bearing.contact_angle)),
    )


def _source(form: BearingForm) -> str:
    """Return the source of a bearing's numbers, with the designation that it may have besides."""
    name, source = str(form.designation or "").strip(), form.source.strip()
    return source if name in source else ", ".join(filter(None, (name, source)))


def _read_geometry(form: BearingForm) -> BearingGeometry:
    elements, element, pitch = form.rolling_elements, form.element_diameter_mm, form.pitch_diameter_mm
    if elements is None or element is None or pitch is None:
        raise _incomplete(form, _GEOMETRY)
    angle = math.radians(form.contact_angle_deg or 0.0)
    return BearingGeometry(elements, element * 1e-3, pitch * 1e-3, angle, form.source)


def _read_multipliers(form: BearingForm) -> BearingMultipliers:
    if form.bpfo is None or form.bpfi is None or form.bsf is None or form.ftf is None:
        raise _incomplete(form, _MULTIPLIERS)
    bearing = BearingMultipliers(form.bpfo, form.bpfi, form.bsf, form.ftf, form.source)
    if form.rolling_elements is not None and form.rolling_elements != bearing.rolling_elements:
        raise InvalidInputError(
            f"bpfo + bpfi is {bearing.bpfo + bearing.bpfi:.6g}; it must be the number of rolling elements, "
            f"{form.rolling_elements}",
            field="bearing.rolling_elements",
        )
    return bearing


def _incomplete(form: BearingForm, names: tuple[str, ...]) -> InvalidInputError:
    missing = [name for name in names if getattr(form, name) is None]
    return InvalidInputError(
        f"{', '.join(missing)} missing; give the geometry ({', '.join(_GEOMETRY)}, contact_angle_deg if not 0), the "
        f"multiples of shaft speed of the maker's sheet ({', '.join(_MULTIPLIERS)}), or the designation",
        field=f"bearing.{missing[0]}",
    )


def _round(value: float) -> float:
    """Round the error of binary arithmetic, so that 7.94 mm remains 7.94 mm after both conversions."""
    return float(f"{value:.12g}")


def bearing_from_document(value: Any) -> Bearing:
    """Return the bearing of a document: its numbers, or its designation.

    Raises
    ------
    InvalidInputError
        It is not a valid bearing.
    """
    if isinstance(value, str | int):
        return read_bearing(BearingForm(designation=value))
    try:
        form = msgspec.convert(value, BearingForm, strict=True)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        field = f"bearing{path.removesuffix('`')}"
        raise InvalidInputError(f"{field}: {reason}", field=field) from None
    if "\x00" in form.source:
        raise InvalidInputError("bearing.source has a NUL character; leave it out", field="bearing.source")
    return read_bearing(form)
