"""Compile or load every kernel, so that the first record does not wait."""

from __future__ import annotations

import numpy as np

from features.bearing import BearingGeometry
from features.extraction import extract
from features.over_life import OverLife


def warm() -> None:
    """Run every kernel once on a small record; compiled code is kept beside the sources for the next start."""
    orders = BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0).orders()
    record = np.sin(np.arange(3 * 4096, dtype=np.float32)).reshape(1, 3, 4096)
    chosen = [orders.bpfo, orders.bpfi, orders.bsf, orders.ftf]
    extract(record, 4096.0, quantity="vibration", speed=25.0, bearing_orders=chosen, gear_teeth=20)
    extract(record, 4096.0, quantity="current", speed=24.0, bearing_orders=chosen, supply_frequency=651.9, pole_pairs=2)
    life = OverLife()
    life.advance(life.begin(), [0.0], [[1.0] * len(life.channels)])
