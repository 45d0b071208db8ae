"""Measurement points in documents, with what they can measure: range, values that report a fault, rate of change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pdm.errors import InvalidInputError
from pdm.machines.model import MeasurementPoint
from pdm.machines.names import read_name
from pdm.machines.point_limits import PointLimits
from pdm.machines.units import si_conversion
from pdm.quality.scalars import named_value

LIMIT_FIELDS = ("range", "not_a_measurement", "rate_limit_per_s")


class RangeForm(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The lowest and the highest possible value in the unit of the point; one of them may be absent."""

    lowest: float | None = None
    highest: float | None = None


class PointForm(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A measurement point; without a sampling rate it reports scalars.

    `range` may be a list of two, null for no limit. `not_a_measurement` are values that report a fault, in the unit of
    the point, or names of values of common probes; `rate_limit_per_s` is the largest change per second in that unit.
    """

    key: str
    quantity: str
    unit: str
    sampling_rate_hz: float | None = None
    direction: str | None = None
    component: str | None = None
    pulses_per_turn: int | None = None
    name: str = ""
    range: RangeForm | list[float | None] | None = None
    not_a_measurement: list[float | str] = []
    rate_limit_per_s: float | None = None


def read_point(form: PointForm) -> MeasurementPoint:
    """Return the point of a form.

    Raises
    ------
    InvalidInputError
        The form is not a valid point.
    """
    return MeasurementPoint(
        form.key,
        form.quantity,
        form.unit,
        form.sampling_rate_hz,
        form.direction,
        form.component,
        form.pulses_per_turn,
        read_name(form.name),
        read_limits(form),
    )


def read_limits(form: PointForm) -> PointLimits:
    """Return what the point of a form can measure, in its unit."""
    si_conversion(form.quantity, form.unit)
    lowest, highest = _range(form.range)
    values = [named_value(each, form.quantity, form.unit) for each in form.not_a_measurement]
    return PointLimits(lowest, highest, tuple(dict.fromkeys(values)), form.rate_limit_per_s)


def limits_of_sensor(point: MeasurementPoint, unit: str, given: Mapping[str, Any]) -> PointLimits:
    """Return what another sensor in the place of that of a point can measure.

    Parameters
    ----------
    point : MeasurementPoint
        With its former sensor.
    unit : str
        Of the new sensor.
    given : mapping
        Those of `LIMIT_FIELDS` that differ, as in a document; null is no limit.

    Raises
    ------
    InvalidInputError
        They are not possible, or what is not given is in another unit.
    """
    former = point_form(point)
    if unit != point.unit:
        left = next((name for name in LIMIT_FIELDS if getattr(former, name) and name not in given), None)
        if left is not None:
            raise InvalidInputError(
                f"{left} of point {point.key!r} is in {point.unit}, the new sensor in {unit}: give {left} in {unit}, "
                "or null",
                field=left,
            )
    fields = dict(given)
    if isinstance(fields.get("range"), Mapping):
        fields["range"] = RangeForm(**fields["range"])
    if "not_a_measurement" in fields:
        fields["not_a_measurement"] = fields["not_a_measurement"] or []
    return read_limits(msgspec.structs.replace(former, unit=unit, **fields))


def point_form(point: MeasurementPoint) -> PointForm:
    """Return the form of a point."""
    limits = point.limits
    return PointForm(
        point.key,
        point.quantity,
        point.unit,
        point.sampling_rate,
        point.direction,
        point.component,
        point.pulses_per_turn,
        point.name,
        RangeForm(limits.lowest, limits.highest) if limits.has_range else None,
        list(limits.not_a_measurement),
        limits.rate,
    )


def _range(form: RangeForm | list[float | None] | None) -> tuple[float | None, float | None]:
    if form is None:
        return None, None
    if isinstance(form, list) and len(form) != 2:
        raise InvalidInputError(
            f"a list of {len(form)} is not a range; give [lowest, highest], with null for no limit", field="range"
        )
    lowest, highest = form if isinstance(form, list) else (form.lowest, form.highest)
    if lowest is None and highest is None:
        raise InvalidInputError("the range limits nothing; give lowest, highest or both", field="range")
    return lowest, highest
