"""Numbers with units as written in rule documents: '93 degC', '4.5 mm/s', '6 h', '5 K', '0.2 mm/s per day'."""

from __future__ import annotations

import math
import re

from pdm.machines.units import UNITS

_WRITTEN = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")
_PER = re.compile(r"(.*?)\s*(?:/|\bper\s+)\s*(s|min|h|hour|d|day)")

TIMES = {"s": 1.0, "min": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0}  # ISO 80000-3:2019

DIMENSIONLESS = "1"
_LONGEST = 100  # characters of a value


class QuantityError(ValueError):
    """The text is not a number with a suitable unit; the message gives the reason."""


def parse_duration(text: object) -> float:
    """Return a time [s].

    Examples
    --------
    >>> parse_duration("90 min")
    5400.0
    """
    number, unit = _split(text)
    if unit.rstrip("s") in TIMES and unit != "s":
        unit = unit.rstrip("s")
    if unit not in TIMES:
        raise QuantityError(f"{text!r} requires a unit of time: {', '.join(TIMES)}")
    return number * TIMES[unit]


def parse_value(text: object, si: str, *, is_difference: bool = False) -> float:
    """Return a value in the SI unit `si`; for a difference the offset of the unit is ignored.

    Examples
    --------
    >>> round(parse_value("4.5 mm/s", "m/s"), 6)
    0.0045
    >>> parse_value("93 degC", "K")
    366.15
    >>> parse_value("5 degC", "K", is_difference=True)
    5.0
    """
    number, unit = _split(text)
    factor, offset = _conversion(unit, si, text)
    return number * factor + (0.0 if is_difference else offset)


def parse_rate(text: object, si: str) -> float:
    """Return a rate in `si` per second.

    Examples
    --------
    >>> parse_rate("36 K/h", "K")
    0.01
    """
    number, unit = _split(text)
    match = _PER.fullmatch(unit)
    if match is None:
        raise QuantityError(f"{text!r} requires a unit of time after '/', such as '{si}/h'")
    factor, _ = _conversion(match[1].strip(), si, text)
    return number * factor / TIMES[match[2]]


def write(value: float, unit: str) -> str | float:
    """Return a value with its SI unit as written in a rule document, without rounding."""
    return value if unit == DIMENSIONLESS else f"{value!r} {unit}"


def _split(text: object) -> tuple[float, str]:
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise QuantityError(f"{text!r} is not a number with a unit")
    written = str(text) if not isinstance(text, str) or len(text) <= _LONGEST else ""
    match = _WRITTEN.fullmatch(written) if len(written) <= _LONGEST else None
    if match is None:
        raise QuantityError(f"{str(text)[:_LONGEST]!r} is not a number with a unit")
    number = float(match[1])
    if not math.isfinite(number):
        raise QuantityError(f"{text!r} is not finite")
    return number, match[2]


def _conversion(unit: str, si: str, text: object) -> tuple[float, float]:
    if si == DIMENSIONLESS:
        known = UNITS["ratio"] | {"": (1.0, 0.0)}
    else:
        known = next((units for units in UNITS.values() if units.get(si) == (1.0, 0.0)), {si: (1.0, 0.0)})
    if unit not in known:
        raise QuantityError(f"{text!r} requires one of the units {', '.join(name or 'none' for name in known)}")
    return known[unit]
