"""Causes of cases: what the machine's open cases are told apart by.

A case of a component has the component's key as its cause, one of a sensor `sensor:POINT`, and the service has two of
its own. A key holds no colon, so that only those two could be a component's key as well.
"""

from __future__ import annotations

MACHINE_CAUSE = "machine"
"""Of a case that names no component."""
GAP_CAUSE = "data-gap"
"""Of missing data, which are found on the wall clock."""
RESERVED_CAUSES = frozenset({MACHINE_CAUSE, GAP_CAUSE})
"""Keys that no new component may have."""


def cause_of_component(component: str) -> str:
    """Return the cause of a case of a component; older machines may have components with a reserved key.

    Examples
    --------
    >>> cause_of_component("bearing-de"), cause_of_component("data-gap")
    ('bearing-de', 'component:data-gap')
    """
    return f"component:{component}" if component in RESERVED_CAUSES else component
