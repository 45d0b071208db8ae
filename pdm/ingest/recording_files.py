"""Single recordings in files of several formats, as input of a diagnosis.

There are no assumed values: if neither file, machine nor caller declares a value, the error names what to add.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from pdm.errors import InvalidInputError, PdmError
from pdm.health.diagnosis.model import Reason, RecordedChannel, Recording
from pdm.ingest.recordings_arrays import read_npz
from pdm.ingest.recordings_containers import read_tdms, read_uff, read_wav
from pdm.ingest.recordings_read import FileChannel, FileRecording
from pdm.ingest.recordings_tables import read_csv, read_parquet
from pdm.machines.model import Machine, MeasurementPoint
from pdm.machines.units import UNITS, si_conversion
from pdm.measurements import OperatingContext

READERS: dict[str, Callable[[Path], FileRecording]] = {
    ".csv": read_csv,
    ".txt": read_csv,
    ".tsv": read_csv,
    ".npz": read_npz,
    ".parquet": read_parquet,
    ".tdms": read_tdms,
    ".uff": read_uff,
    ".unv": read_uff,
    ".wav": read_wav,
}
_SAME_RATE = 1e-3  # relative
_JITTER = 0.1  # samples: at a fifth of the sampling rate a phase error of 0.13 rad, 18 dB below the line
_SPELLINGS = {"m/s^2": "m/s2", "m/s²": "m/s2", "m/s**2": "m/s2", "µm": "um", "μm": "um", "amps": "A", "volts": "V"}


@dataclass(frozen=True)
class Declared:
    """Declarations of the caller about a file, in addition to file and machine.

    `points` maps point keys to channel names; if it is empty, channels are assigned to points of the same name.
    `speed` is the shaft speed [Hz], `rate` the sampling rate [Hz], `unit` the unit of the samples. `scale` contains
    units per count (WAV: units at full scale) by channel name, or under "" for all channels.
    """

    points: Mapping[str, str] = field(default_factory=dict)
    speed: float | None = None
    rate: float | None = None
    unit: str | None = None
    scale: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadFile:
    """A recording, doubts about its sampling clock, and the channel of each point."""

    recording: Recording
    doubts: tuple[Reason, ...]
    channels: Mapping[str, str]


def read_recording_file(path: Path, machine: Machine, declared: Declared | None = None) -> ReadFile:
    """Read one file as a recording of a machine.

    Parameters
    ----------
    path : Path
        NPZ, CSV, Parquet, WAV, UFF (dataset 58) or TDMS, by file extension.
    machine : Machine
        Its points give the quantity of each channel, and the unit unless another one is declared.
    declared : Declared, optional
        Values that neither file nor machine gives.

    Returns
    -------
    ReadFile

    Raises
    ------
    InvalidInputError
        The file cannot be read, or channel, unit, scale or sampling rate are missing or contradict each other.
    ConfigurationError
        The format needs a library that is not installed.
    """
    declared = declared or Declared()
    try:
        if declared.speed is not None and not 0 < declared.speed < math.inf:
            raise InvalidInputError("the speed must be positive", field="speed")
        content = _read(path)
        mapping = _map(content, machine, declared)
        points = {point.key: point for point in machine.points}
        channels = tuple(_channel(points[key], content.channel(name), declared) for key, name in mapping.items())
    except PdmError as error:
        raise type(error)(f"{path.name}: {error.message}", field=error.field) from error
    at = content.measured_at or datetime.fromtimestamp(path.stat().st_mtime, UTC)
    speed = declared.speed if declared.speed is not None else content.speed
    doubts = _clock(content)
    channels = tuple(replace(channel, doubts=doubts) for channel in channels)
    return ReadFile(Recording(at, channels, OperatingContext(speed=speed)), doubts, mapping)


def _read(path: Path) -> FileRecording:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidInputError(f"unknown file format; supported: {', '.join(READERS)}", field="file")
    try:
        content = reader(path)
    except PdmError:
        raise
    except Exception as error:  # libraries raise various errors for a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidInputError(f"not a readable {path.suffix[1:].upper()} file: {reason}", field="file") from error
    if not content.channels:
        raise InvalidInputError("the file has no numeric channel", field="file")
    return content


def _map(content: FileRecording, machine: Machine, declared: Declared) -> dict[str, str]:
    points = [point.key for point in machine.points]
    names = [channel.name for channel in content.channels]
    has = f"the file has {', '.join(names)}; machine {machine.key!r} has the points {', '.join(points) or 'none'}"
    for key, name in declared.points.items():
        if key not in points:
            raise InvalidInputError(f"the machine has no point {key!r}: {has}", field="point")
        if name not in names:
            raise InvalidInputError(f"unknown channel {name!r}: {has}", field="point")
    mapping = dict(declared.points) or {key: key for key in points if key in names}
    if not mapping:
        raise InvalidInputError(
            f"no channel has the name of a point: {has}. Assign channels with --point POINT=CHANNEL", field="point"
        )
    return mapping


def _channel(point: MeasurementPoint, channel: FileChannel, declared: Declared) -> RecordedChannel:
    rate = _rate(point, channel, declared)
    factor, offset = si_conversion(point.quantity, _unit(point, channel, declared))
    scale = _scale(channel, declared)
    samples = channel.samples
    if samples.ndim != 1:
        raise InvalidInputError(
            f"channel {channel.name!r} has {samples.ndim} dimensions; one is required", field="file"
        )
    if samples.dtype == np.int16 and scale is not None and offset == 0.0:
        return RecordedChannel(point, samples, rate, scale * factor)
    with np.errstate(over="ignore"):  # values beyond single precision become infinite and are rejected
        values = (samples.astype(np.float64) * ((scale or 1.0) * factor) + offset).astype(np.float32)
    return RecordedChannel(point, values, rate)


def _rate(point: MeasurementPoint, channel: FileChannel, declared: Declared) -> float:
    known = channel.sampling_rate
    if known is not None and declared.rate is not None and abs(declared.rate / known - 1.0) > _SAME_RATE:
        raise InvalidInputError(
            f"the file says {known:g} Hz of channel {channel.name!r}, --rate says {declared.rate:g} Hz; "
            "remove --rate or correct the file",
            field="rate",
        )
    rate = next((each for each in (known, declared.rate, point.sampling_rate) if each is not None), None)
    if rate is None:
        raise InvalidInputError(
            f"the sampling rate of channel {channel.name!r} is missing: add --rate HZ, "
            f"or sampling_rate_hz to point {point.key!r} of the machine",
            field="rate",
        )
    if not 0 < rate <= 10e6:
        raise InvalidInputError(f"sampling rate {rate:g} Hz must be in (0, 10 MHz]", field="rate")
    return rate


def _unit(point: MeasurementPoint, channel: FileChannel, declared: Declared) -> str:
    if declared.unit is not None:
        return _SPELLINGS.get(declared.unit, declared.unit)
    if channel.unit is None:
        return point.unit
    unit = _SPELLINGS.get(channel.unit, channel.unit)
    if unit == point.unit:
        return unit
    known = ", ".join(UNITS[point.quantity])
    raise InvalidInputError(
        f"the file gives channel {channel.name!r} in {channel.unit!r}, the machine has point {point.key!r} in "
        f"{point.unit!r}: select one with --unit (one of {known})",
        field="unit",
    )


def _scale(channel: FileChannel, declared: Declared) -> float | None:
    declared_scale = declared.scale.get(channel.name, declared.scale.get(""))
    if channel.scale is not None and declared_scale is not None:
        raise InvalidInputError(f"the file has a scale of channel {channel.name!r}; remove --scale", field="scale")
    scale = channel.scale if declared_scale is None else declared_scale * (channel.part_of_full_scale or 1.0)
    if scale is None and channel.needs_scale:
        what = "its units per count" if channel.part_of_full_scale is None else "its units at full scale"
        raise InvalidInputError(
            f"the scale of channel {channel.name!r} is missing: add --scale {channel.name}=VALUE, {what}",
            field="scale",
        )
    if scale is not None and not 0 < abs(scale) < math.inf:
        raise InvalidInputError(
            f"scale {scale:g} of channel {channel.name!r} must be a number other than 0", field="scale"
        )
    return scale


def _clock(content: FileRecording) -> tuple[Reason, ...]:
    """Return a doubt if the times in the file show uneven sampling."""
    if content.jitter is None or content.jitter <= _JITTER:
        return ()
    rate = content.channels[0].sampling_rate or math.nan
    figures: dict[str, float | str] = {"samples": content.jitter, "limit": _JITTER, "rate_hz": rate}
    return (Reason("clock-jitter", figures, None, "check-sampling-clock"),)
