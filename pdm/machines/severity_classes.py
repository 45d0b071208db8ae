"""Severity classes: published zone limits of vibration by kind, size and mounting of machine, each with its source.

All classes apply to broadband velocity RMS on bearing housings; the frequency range is 10-1000 Hz (2-1000 Hz below
600 rpm in ISO 10816-3 and ISO 10816-7). The limits depend on the edition:

- ISO 10816-3:2009, tables A.1 and A.2: industrial machines above 15 kW from 120 to 15 000 rpm, measured in situ.
- ISO 10816-3:1998 included pumps as groups 3 and 4 (tables A.3 and A.4); the 2009 edition moved them to part 7.
- ISO 10816-7:2009, table A.1: rotodynamic pumps, category I for critical duty, in the preferred operating range.
- ISO 10816-1:1995, table B.1: classes I to IV for machines of any kind, from ISO 2372:1974; for a first estimate only.

ISO 20816-3:2022 supersedes ISO 10816-3:2009 and ISO 20816-1:2016 supersedes ISO 10816-1:1995. ISO 20816-1 no longer has
classes. The limits of ISO 20816-3 are not included because they could not be verified: users of that standard enter the
limits as numbers. None of these classes covers turbines, reciprocating machines or hydropower sets.
"""

from __future__ import annotations

from types import MappingProxyType

from pdm.errors import InvalidInputError
from pdm.machines.model import SeverityLimits

_ISO_10816_3 = (  # group, table, machines, foundation, A/B, B/C, C/D [mm/s]
    ("1", "2009, table A.1", "group 1 (300 kW-50 MW)", "rigid", 2.3, 4.5, 7.1),
    ("1", "2009, table A.1", "group 1 (300 kW-50 MW)", "flexible", 3.5, 7.1, 11.0),
    ("2", "2009, table A.2", "group 2 (15-300 kW)", "rigid", 1.4, 2.8, 4.5),
    ("2", "2009, table A.2", "group 2 (15-300 kW)", "flexible", 2.3, 4.5, 7.1),
    ("3", "1998, table A.3", "group 3 (pumps above 15 kW with separate driver)", "rigid", 2.3, 4.5, 7.1),
    ("3", "1998, table A.3", "group 3 (pumps above 15 kW with separate driver)", "flexible", 3.5, 7.1, 11.0),
    ("4", "1998, table A.4", "group 4 (pumps above 15 kW with integrated driver)", "rigid", 1.4, 2.8, 4.5),
    ("4", "1998, table A.4", "group 4 (pumps above 15 kW with integrated driver)", "flexible", 2.3, 4.5, 7.1),
)
_ISO_10816_7 = (  # category, power, description, A/B, B/C, C/D [mm/s]
    ("category1", "small", "category I, up to 200 kW", 2.5, 4.0, 6.6),
    ("category1", "large", "category I, above 200 kW", 3.5, 5.0, 7.6),
    ("category2", "small", "category II, up to 200 kW", 3.2, 5.1, 8.5),
    ("category2", "large", "category II, above 200 kW", 4.2, 6.1, 9.5),
)
_ISO_10816_1 = (  # class, machines, A/B, B/C, C/D [mm/s]
    ("1", "class I (parts of machines, motors up to 15 kW)", 0.71, 1.8, 4.5),
    ("2", "class II (15-75 kW, or to 300 kW on special foundations)", 1.12, 2.8, 7.1),
    ("3", "class III (large machines on rigid foundations)", 1.8, 4.5, 11.2),
    ("4", "class IV (large machines on soft foundations)", 2.8, 7.1, 18.0),
)


def _limits(a_b: float, b_c: float, c_d: float, source: str) -> SeverityLimits:
    return SeverityLimits(a_b / 1e3, b_c / 1e3, c_d / 1e3, source)


SEVERITY_CLASSES = MappingProxyType(
    {
        f"iso10816-3-group{group}-{foundation}": _limits(
            a_b, b_c, c_d, f"ISO 10816-3:{table}, {members}, {foundation} foundation"
        )
        for group, table, members, foundation, a_b, b_c, c_d in _ISO_10816_3
    }
    | {
        f"iso10816-7-{category}-{power}": _limits(a_b, b_c, c_d, f"ISO 10816-7:2009, table A.1, {words}")
        for category, power, words, a_b, b_c, c_d in _ISO_10816_7
    }
    | {
        f"iso10816-1-class{number}": _limits(a_b, b_c, c_d, f"ISO 10816-1:1995, table B.1, {members}")
        for number, members, a_b, b_c, c_d in _ISO_10816_1
    }
)
"""Limits by class name, as used in the registration of a machine."""


def limits_of_class(name: str) -> SeverityLimits:
    """Return the zone limits of a severity class.

    Raises
    ------
    InvalidInputError
        The class is unknown; the message lists the known classes.

    Examples
    --------
    >>> limits_of_class("iso10816-3-group2-rigid").source
    'ISO 10816-3:2009, table A.2, group 2 (15-300 kW), rigid foundation'
    """
    if name not in SEVERITY_CLASSES:
        raise InvalidInputError(
            f"{name!r} is not a severity class; allowed: {', '.join(SEVERITY_CLASSES)}", field="severity_class"
        )
    return SEVERITY_CLASSES[name]
