"""Quality of a scalar value: what its quantity allows, and values with which probes report that they measure nothing.

Values and limits are in SI units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pdm.quality.verdict import GOOD, ChannelQuality, no_measurement

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

    value: float  # degC
    probe: str
    needs_jump: bool = True


SENTINELS: tuple[Sentinel, ...] = (
    Sentinel(-127.0, "DS18B20 without contact (Dallas Temperature library: DEVICE_DISCONNECTED_C)", False),
    Sentinel(85.0, "DS18B20 before its first conversion (data sheet: power-on reset value)"),
    Sentinel(327.67, "16-bit register of 0.01 degC at its limit (32767)"),
    Sentinel(850.0, "Pt100 with a broken wire: the upper end of IEC 60751"),
    Sentinel(-200.0, "Pt100 with a short circuit: the lower end of IEC 60751"),
    Sentinel(-242.02, "Pt100 at 0 ohm (MAX31865)", False),
)
"""Such values of common thermometers; 3276.7 and -327.68 degC are impossible anyway."""

_ZERO_CELSIUS = 273.15  # K
_JUMP = 15.0  # K from the value before to a sentinel that a process can have
_ROUNDING = 1e-4  # K: float32 of a value in K, and a sender's two decimals


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
