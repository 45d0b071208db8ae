"""Quality of a scalar value: what its quantity allows, and values with which probes report that they measure nothing.

Values and limits are in SI units, but those of `named_value` and `judge_declared`, which are in the unit of the point.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pdm.errors import InvalidInputError
from pdm.machines.point_limits import PointLimits
from pdm.machines.units import si_conversion
from pdm.quality.verdict import GOOD, ChannelQuality, no_measurement
from pdm.words.similar import suggest

POSSIBLE: Mapping[str, tuple[float, float]] = {
    # absolute zero (BIPM, The International System of Units, 9th edition 2019, 2.3.1); above any probe: type C
    # thermocouples end at 2315 degC (ASTM E230)
    "temperature": (0.0, 2600.0),
    # a vacuum is the lowest absolute pressure; a gauge shows at least one atmosphere below ambient
    "pressure": (-1.1e5, 1e10),
}
"""Lowest and highest possible value by quantity; others are limited by nothing but being finite."""


@dataclass(frozen=True)
class Sentinel:
    """A value by which a probe or its converter reports that it measures nothing.

    `needs_jump` marks values that a process can have: they count after a jump from the value before.
    """

    name: str
    value: float  # degC
    probe: str
    needs_jump: bool = True


SENTINELS: tuple[Sentinel, ...] = (
    Sentinel(
        "ds18b20-no-contact",
        -127.0,
        "DS18B20 without contact (Dallas Temperature library: DEVICE_DISCONNECTED_C)",
        False,
    ),
    Sentinel("ds18b20-power-on", 85.0, "DS18B20 before its first conversion (data sheet: power-on reset value)"),
    Sentinel("int16-hundredths", 327.67, "16-bit register of 0.01 degC at its limit (32767)"),
    Sentinel("pt100-broken-wire", 850.0, "Pt100 with a broken wire: the upper end of IEC 60751"),
    Sentinel("pt100-short-circuit", -200.0, "Pt100 with a short circuit: the lower end of IEC 60751"),
    Sentinel("pt100-no-resistance", -242.02, "Pt100 at 0 ohm (MAX31865)", False),
)
"""Such values of common thermometers; 3276.7 and -327.68 degC are impossible anyway."""
REGISTERS: Mapping[str, float] = {"int16-tenths": 3276.7, "int16-hundredths": 327.67}
"""Limits of a 16-bit register that holds tenths or hundredths of any unit."""

_ZERO_CELSIUS = 273.15  # K
_JUMP = 15.0  # K from the value before to a sentinel that a process can have
_ROUNDING = 1e-4  # K: float32 of a value in K, and a sender's two decimals
_SAME = 1e-6  # relative: a declared value or limit as float32


def named_value(value: float | str, quantity: str, unit: str) -> float:
    """Return a value that reports a fault, given as a number or by the name of a common probe, in the unit of a point.

    Raises
    ------
    InvalidInputError
        The name is unknown, or of another quantity.

    Examples
    --------
    >>> named_value("ds18b20-no-contact", "temperature", "degC")
    -127.0
    """
    if not isinstance(value, str):
        return value
    probes = {each.name: each for each in SENTINELS} if quantity == "temperature" else {}
    if value in REGISTERS:
        return REGISTERS[value]
    if value not in probes:
        allowed = suggest(value, (*probes, *REGISTERS))
        raise InvalidInputError(
            f"{value!r} is no name of a value of {quantity} that reports a fault; give a number, or a name: {allowed}",
            field="not_a_measurement",
        )
    factor, offset = si_conversion(quantity, unit)
    return round((probes[value].value + _ZERO_CELSIUS - offset) / factor, 6)


def judge_declared(limits: PointLimits, value: float) -> ChannelQuality:
    """Return the quality of a scalar by what is declared of its point, both in the unit of the point."""
    if any(math.isclose(value, each, rel_tol=_SAME) for each in limits.not_a_measurement):
        return no_measurement("not-a-measurement")
    slack = _SAME * abs(value)
    is_low = limits.lowest is not None and value < limits.lowest - slack
    if is_low or (limits.highest is not None and value > limits.highest + slack):
        return no_measurement("outside-range")
    return GOOD


def needs_value_before(quantity: str, value: float) -> bool:
    """Whether the quality of a value [SI] depends on the last measurement before it."""
    return quantity == "temperature" and any(sentinel.needs_jump for sentinel in _matching(value))


def judge_scalar(quantity: str, value: float, before: float | None = None) -> ChannelQuality:
    """Return the quality of a scalar.

    Parameters
    ----------
    quantity : str
        That of the measurement point.
    value : float
        [SI]
    before : float or None
        The last measurement of the point before it [SI].
    """
    if not math.isfinite(value):
        return no_measurement("not-finite")
    low, high = POSSIBLE.get(quantity, (-math.inf, math.inf))
    if not low < value <= high:
        return no_measurement("impossible")
    if quantity == "temperature" and _is_sentinel(value, before):
        return no_measurement("not-a-measurement")
    return GOOD


def _is_sentinel(value: float, before: float | None) -> bool:
    has_jumped = before is not None and abs(value - before) > _JUMP
    return any(has_jumped or not sentinel.needs_jump for sentinel in _matching(value))


def _matching(value: float) -> list[Sentinel]:
    return [each for each in SENTINELS if abs(value - (each.value + _ZERO_CELSIUS)) <= _ROUNDING]
