"""Quantities of measurement points, and their accepted units."""

from __future__ import annotations

import math

from pdm.errors import UnitError

STANDARD_GRAVITY = 9.80665  # m/s2, ISO 80000-3:2019

# quantity -> unit -> (factor, offset): SI value = factor * value + offset
UNITS: dict[str, dict[str, tuple[float, float]]] = {
    "acceleration": {
        "m/s2": (1.0, 0.0),
        "g": (STANDARD_GRAVITY, 0.0),
        "mg": (STANDARD_GRAVITY * 1e-3, 0.0),
    },
    "velocity": {"m/s": (1.0, 0.0), "mm/s": (1e-3, 0.0), "in/s": (0.0254, 0.0)},
    "displacement": {"m": (1.0, 0.0), "mm": (1e-3, 0.0), "um": (1e-6, 0.0)},
    "current": {"A": (1.0, 0.0), "mA": (1e-3, 0.0)},
    "voltage": {"V": (1.0, 0.0), "mV": (1e-3, 0.0), "kV": (1e3, 0.0)},
    "temperature": {"K": (1.0, 0.0), "degC": (1.0, 273.15), "degF": (5 / 9, 273.15 - 32 * 5 / 9)},
    "pressure": {"Pa": (1.0, 0.0), "kPa": (1e3, 0.0), "bar": (1e5, 0.0)},
    "speed": {"Hz": (1.0, 0.0), "rpm": (1 / 60, 0.0), "rad/s": (1 / (2 * math.pi), 0.0)},
    "power": {"W": (1.0, 0.0), "kW": (1e3, 0.0)},
    "torque": {"N.m": (1.0, 0.0)},
    "force": {"N": (1.0, 0.0), "kN": (1e3, 0.0)},
    "flow": {"m3/s": (1.0, 0.0), "m3/h": (1 / 3600, 0.0), "l/min": (1e-3 / 60, 0.0)},
    "ratio": {"1": (1.0, 0.0), "%": (0.01, 0.0)},
    "tachometer": {"1": (1.0, 0.0), "V": (1.0, 0.0)},  # only the times of rising edges matter, not the level
}


def si_conversion(quantity: str, unit: str) -> tuple[float, float]:
    """Return the conversion from `unit` to SI.

    Returns
    -------
    (factor, offset) : tuple of float
        SI value = factor * value + offset.

    Raises
    ------
    UnitError
        The quantity is unknown, or the unit does not belong to it.

    Examples
    --------
    >>> si_conversion("acceleration", "g")
    (9.80665, 0.0)
    """
    if quantity not in UNITS:
        raise UnitError(f"quantity {quantity!r} is unknown; allowed: {', '.join(sorted(UNITS))}", field="quantity")
    if unit not in UNITS[quantity]:
        allowed = ", ".join(UNITS[quantity])
        raise UnitError(f"unit {unit!r} is not one of {quantity} ({allowed})", field="unit")
    return UNITS[quantity][unit]


def si_unit(quantity: str) -> str:
    """Return the SI unit of a quantity.

    Examples
    --------
    >>> si_unit("pressure")
    'Pa'
    """
    return next(unit for unit, conversion in UNITS[quantity].items() if conversion == (1.0, 0.0))
