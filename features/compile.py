"""Compile or load every kernel, so that the first record has no delay.

`python -m features.compile` recompiles every kernel, at installation and after an upgrade: the compiler's cache does
not detect that a function which a kernel calls has changed in another file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.bearing import BearingGeometry
from features.extraction import extract
from features.kernels import record as single
from features.over_life import OverLife


def warm() -> None:
    """Run every kernel once on a small record; compiled code is cached next to the sources for the next start."""
    orders = BearingGeometry(9, 7.94e-3, 39.04e-3, 0.0).orders()
    record = np.sin(np.arange(3 * 4096, dtype=np.float32)).reshape(1, 3, 4096)
    chosen = [orders.bpfo, orders.bpfi, orders.bsf, orders.ftf]
    extract(record, 4096.0, quantity="vibration", speed=25.0, bearing_orders=chosen, gear_teeth=20)
    extract(record, 4096.0, quantity="current", speed=24.0, bearing_orders=chosen, supply_frequency=651.9, pole_pairs=2)
    _warm_record_kernels(record[0, 0])
    life = OverLife()
    life.advance(life.begin(), [0.0], [[1.0] * len(life.channels)])


def _warm_record_kernels(record: NDArray[np.float32]) -> None:
    for samples in (record, (100 * record).astype(np.int16)):
        single.moments(samples)
        single.standstill(samples, -1.0, 1.0, 2)
        single.find_repetition(samples)
        single.record_figures(samples)
        single.record_figures(np.where(np.arange(len(samples)) == 100, samples.max(), 0).astype(samples.dtype))
    levels, prepared = np.empty(len(record)), np.empty_like(record)
    single.windowed(record, record, prepared)
    single.amplitudes(record.astype(np.complex64), 1.0, levels)
    single.strongest(levels, 100, 102, 2, 24)


if __name__ == "__main__":
    for compiled in Path(__file__).parent.rglob("__pycache__/*.nb[ci]"):
        compiled.unlink()
    warm()
