"""Severity classes: published zone limits of vibration by size of machine and foundation, each with its source.

The classes of ISO 10816-3:2009, tables A.1 and A.2 (velocity RMS 10-1000 Hz, on bearing housings). Pumps with their own
standard (ISO 10816-7), turbines and reciprocating machines are not in it: their limits are to be given as numbers.
"""

from __future__ import annotations

from types import MappingProxyType

from pdm.errors import InvalidInputError
from pdm.machines.model import SeverityLimits

_GROUPS = (  # group, who belongs to it, foundation, A/B, B/C, C/D [mm/s]
    ("group1", "group 1 (300 kW-50 MW)", "rigid", 2.3, 4.5, 7.1),
    ("group1", "group 1 (300 kW-50 MW)", "flexible", 3.5, 7.1, 11.0),
    ("group2", "group 2 (15-300 kW)", "rigid", 1.4, 2.8, 4.5),
    ("group2", "group 2 (15-300 kW)", "flexible", 2.3, 4.5, 7.1),
)
SEVERITY_CLASSES = MappingProxyType(
    {
        f"iso10816-3-{group}-{foundation}": SeverityLimits(
            a_b / 1e3, b_c / 1e3, c_d / 1e3, f"ISO 10816-3:2009, {members}, {foundation} foundation"
        )
        for group, members, foundation, a_b, b_c, c_d in _GROUPS
    }
)
"""Limits by name, as a machine's registration may name them."""


def limits_of_class(name: str) -> SeverityLimits:
    """Return the zone limits of a severity class.

    Raises
    ------
    InvalidInputError
        There is no such class; the message lists those there are.

    Examples
    --------
    >>> limits_of_class("iso10816-3-group2-rigid").source
    'ISO 10816-3:2009, group 2 (15-300 kW), rigid foundation'
    """
    if name not in SEVERITY_CLASSES:
        raise InvalidInputError(f"{name!r} is none of {', '.join(SEVERITY_CLASSES)}", field="severity_class")
    return SEVERITY_CLASSES[name]
