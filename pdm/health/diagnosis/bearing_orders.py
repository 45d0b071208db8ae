"""Fault frequencies of a registered bearing as multiples of shaft speed."""

from __future__ import annotations

import features
from pdm.machines.bearing_multipliers import BearingMultipliers
from pdm.machines.model import Component


def orders_of(component: Component) -> features.BearingOrders:
    """Return the fault frequencies of a bearing, by its multipliers or its geometry, as multiples of shaft speed."""
    bearing = component.bearing
    assert bearing is not None
    if isinstance(bearing, BearingMultipliers):
        return features.BearingOrders(bearing.bpfo, bearing.bpfi, bearing.bsf, bearing.ftf)
    return features.BearingGeometry(
        bearing.rolling_elements, bearing.element_diameter, bearing.pitch_diameter, bearing.contact_angle
    ).orders()
