"""Causes of cases: the key that distinguishes the open cases of a machine.

The cause of a case of a component is the component's key; that of a sensor is `sensor:POINT`. The service reserves two
more causes. A key contains no colon, so only these two could also be a component's key.
"""

from __future__ import annotations

MACHINE_CAUSE = "machine"
"""Cause of a case without a component."""
GAP_CAUSE = "data-gap"
"""Cause of missing data, which are detected on the wall clock."""
RESERVED_CAUSES = frozenset({MACHINE_CAUSE, GAP_CAUSE})
"""Keys that a new component may not have."""


def cause_of_component(component: str) -> str:
    """Return the cause of a case of a component; machines of earlier versions may have a component with a reserved key.

    Examples
    --------
    >>> cause_of_component("bearing-de"), cause_of_component("data-gap")
    ('bearing-de', 'component:data-gap')
    """
    return f"component:{component}" if component in RESERVED_CAUSES else component


def cause_of_sensor(point: str) -> str:
    """Return the cause of a case of the instrument at a measurement point.

    Examples
    --------
    >>> cause_of_sensor("de-h")
    'sensor:de-h'
    """
    return f"sensor:{point}"
