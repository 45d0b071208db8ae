"""Recordings in NumPy archives: an array per channel, and its metadata.

<channel>         (samples,)   float32, float64, or counts
<channel>_lsb     ()           unit per count, of counts
<channel>_unit    ()           str; optional
fs, rpm           ()           sampling rate [Hz], shaft speed [rpm]; NaN where unknown; optional
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from pdm.ingest.recordings_read import FileChannel, FileRecording


def read_npz(path: Path) -> FileRecording:
    """Read an archive; arrays of more than one number are channels."""
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    rate, speed = _known(arrays, "fs"), _known(arrays, "rpm")
    channels = tuple(
        FileChannel(name, array, rate, _unit(arrays, name), _known(arrays, f"{name}_lsb"))
        for name, array in arrays.items()
        if array.size > 1 and array.dtype.kind in "iuf"
    )
    return FileRecording(channels, speed=None if speed is None else speed / 60)


def _known(arrays: dict[str, Any], name: str) -> float | None:
    if name not in arrays or arrays[name].size != 1:
        return None
    value = float(arrays[name].item())
    return value if math.isfinite(value) else None


def _unit(arrays: dict[str, Any], name: str) -> str | None:
    unit = arrays.get(f"{name}_unit")
    return None if unit is None else str(unit)
