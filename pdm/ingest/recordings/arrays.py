"""Recordings in NumPy files: an array per channel, and its metadata.

<channel>         (samples,)   float32, float64, or counts
<channel>_lsb     ()           unit per count, of counts
<channel>_unit    ()           str; optional
fs, rpm           ()           sampling rate [Hz], shaft speed [rpm]; NaN where unknown; optional

A `.npy` file has one array: its columns are the channels 1, 2, ..., or the fields of its type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.clock import with_clocks
from pdm.ingest.recordings.content import Clock, FileChannel, FileRecording, Reading, channel_of_array
from pdm.ingest.recordings.spelling import is_rate_name, is_speed_name, is_step_name

_RATES_OF_CHANNELS = ("_fs", "_rate", "_sampling_rate", "_sample_rate")
_OF_CHANNELS = ("_lsb", "_unit", *_RATES_OF_CHANNELS)
_MOST_CHANNELS = 256


def read_npz(path: Path, reading: Reading, _: ExitStack) -> FileRecording:
    """Read an archive; arrays of more than one number are channels."""
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if "measured_at" in arrays and any(name.startswith(("waveform.", "scalar.")) for name in arrays):
        raise InvalidInputError("it is a block of acquisitions: import it with `pdm import`", field="file")
    return recording_of_arrays(arrays, reading)


def recording_of_arrays(arrays: Mapping[str, Any], reading: Reading) -> FileRecording:
    """Return named arrays as channels; single numbers of known names are rate and speed, others are named in notes."""
    channels, notes = [], []
    clock, speed = _clock(arrays), _single(arrays, is_speed_name)
    for name, array in arrays.items():
        if array.size > 1 and not is_rate_name(name):
            channels += _channels(name, array, arrays, _own_clock(name, arrays) or clock)
        elif not _is_known(name, arrays):
            shown = array.item() if array.size else "empty"
            notes.append(f"{name!r} ({str(shown)[:40]}) is not used")
    return FileRecording(with_clocks(channels, reading), None if speed is None else speed[1] / 60, notes=tuple(notes))


def _is_known(name: str, arrays: Mapping[str, Any]) -> bool:
    if is_rate_name(name) or is_step_name(name) or is_speed_name(name):
        return True
    return any(name.endswith(ending) and name.removesuffix(ending) in arrays for ending in _OF_CHANNELS)


def _channels(name: str, array: Any, arrays: Mapping[str, Any], clock: Clock | None) -> list[FileChannel]:
    if array.dtype.kind not in "iufM":
        problem = f"channel {name!r} has values of type {array.dtype}; numbers are required"
        return [channel_of_array(name, np.empty(array.size), clock=clock, problem=problem)]
    if array.ndim > 1 and array.size > max(array.shape):
        problem = f"channel {name!r} has {array.ndim} dimensions {array.shape}; one is required"
        return [channel_of_array(name, np.empty(array.size), clock=clock, problem=problem)]
    lsb = arrays.get(f"{name}_lsb")
    scale = None if lsb is None or lsb.size != 1 or not math.isfinite(float(lsb.item())) else float(lsb.item())
    unit = arrays.get(f"{name}_unit")
    text = None if unit is None else str(unit.item() if unit.size == 1 else unit)
    group, _, label = name.rpartition(".")
    return [channel_of_array(name, array.ravel(), clock=clock, unit=text, scale=scale, label=label, group=group)]


def _clock(arrays: Mapping[str, Any]) -> Clock | None:
    """Return the clock of a single number that is the rate, or the time between samples."""
    rates = {name: value for name in arrays if (value := _number(arrays, name, is_rate_name)) is not None}
    steps = {name: value for name in arrays if (value := _number(arrays, name, is_step_name)) is not None}
    rates |= {name: 1 / value for name, value in steps.items() if value > 0}
    if not rates:
        return None
    if max(rates.values()) - min(rates.values()) > 1e-3 * max(rates.values()):
        shown = ", ".join(f"{name} {value:g} Hz" for name, value in rates.items())
        raise InvalidInputError(f"the file has several rates: {shown}", field="rate")
    name, rate = next(iter(rates.items()))
    if not rate > 0:
        raise InvalidInputError(
            f"the file has the rate {name} = {rate:g}; it must be positive, or absent", field="rate"
        )
    return Clock(rate, f"{name!r}")


def _own_clock(name: str, arrays: Mapping[str, Any]) -> Clock | None:
    """Return the clock of a channel that has a rate beside it, such as `de_fs` of `de`."""
    return _clock({f"{name}.fs": arrays[name + end] for end in _RATES_OF_CHANNELS if name + end in arrays})


def _single(arrays: Mapping[str, Any], is_named: Callable[[str], bool]) -> tuple[str, float] | None:
    found = {name: value for name in arrays if (value := _number(arrays, name, is_named)) is not None}
    return next(iter(found.items()), None)


def _number(arrays: Mapping[str, Any], name: str, is_named: Callable[[str], bool]) -> float | None:
    if not is_named(name) or arrays[name].size == 0 or arrays[name].dtype.kind not in "iuf":
        return None
    values = np.unique(arrays[name])
    if values.size > 1:
        raise InvalidInputError(
            f"the file has several rates: {name} is {', '.join(map(str, values[:3]))}", field="rate"
        )
    value = float(values[0])
    return value if math.isfinite(value) else None


def read_npy(path: Path, reading: Reading, _: ExitStack) -> FileRecording:
    """Read one array, mapped and not copied: (samples,), (samples, channels) or (channels, samples), or with fields."""
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype.names is not None:
        fields = {name: array[name] for name in array.dtype.names}
        return recording_of_arrays(fields, reading)
    if array.dtype.kind not in "iuf":
        raise InvalidInputError(f"its values are of type {array.dtype}; numbers are required", field="file")
    named = dict(zip(_names(array, reading), _columns(array), strict=True))
    channels = [channel_of_array(name, column) for name, column in named.items() if name != "-"]
    return FileRecording(with_clocks(channels, replace(reading, columns=())))


def _columns(array: NDArray[Any]) -> list[NDArray[Any]]:
    if array.ndim == 1:
        return [array]
    if array.ndim != 2 or array.shape[0] == array.shape[1] or min(array.shape) > _MOST_CHANNELS:
        raise InvalidInputError(
            f"its array has the shape {array.shape}: (samples,) or (samples, channels) is required", field="file"
        )
    return list(array.T if array.shape[0] > array.shape[1] else array)


def _names(array: NDArray[Any], reading: Reading) -> list[str]:
    count = 1 if array.ndim == 1 else min(array.shape)
    if not reading.columns:
        return [str(place + 1) for place in range(count)]
    if len(reading.columns) != count:
        raise InvalidInputError(
            f"--columns names {len(reading.columns)} columns, the file has {count}", field="columns"
        )
    return list(reading.columns)
