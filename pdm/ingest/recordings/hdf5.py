"""HDF5 files: datasets by path, or the channels that a mapping file names, read by slices; MATLAB's v7.3 files too.

HDF5 has no form for recordings. Without a mapping a channel is a one-dimensional dataset or a column of a table, named
by its path; attributes `unit`, `fs`, `sampling_rate`, `dt` of the dataset or of a group above it are used. A mapping is
YAML:

    channels:
      de: {dataset: /raw/acc, column: 0, rate: /meta/fs, unit: g, scale: 0.001, time: /raw/t}
    measured_at: 2026-11-01T10:00:00Z

`rate`, `unit` and `measured_at` are values, or where they are in the file: a dataset, or an attribute as /raw/acc@fs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.ingest.recordings.clock import with_clocks
from pdm.ingest.recordings.content import Clock, FileChannel, FileRecording, Reading, unusable_channel
from pdm.ingest.recordings.spelling import is_rate_name, is_speed_name, is_step_name

_MOST_COLUMNS = 256
_UNIT_NAMES = ("unit", "units", "Unit", "Units", "UNITS")
_CHANNEL_KEYS = frozenset(("dataset", "column", "rate", "unit", "scale", "time"))
_FILE_KEYS = frozenset(("channels", "rate", "unit", "measured_at"))
_OF_MATLAB = ("#refs#", "#subsystem#")


def read_hdf5(path: Path, reading: Reading, closing: ExitStack) -> FileRecording:
    """Read an HDF5 file by the mapping of the caller, the one beside the file, or the paths of its datasets."""
    import h5py

    file = closing.enter_context(h5py.File(path, "r"))
    beside = path.with_name(path.name + ".yaml")
    if reading.mapping is not None:
        return _mapped(file, Path(reading.mapping), reading)
    if beside.is_file():
        return _mapped(file, beside, reading)
    return _by_paths(file, reading)


def read_mat73(path: Path, reading: Reading, closing: ExitStack) -> FileRecording:
    """Read the variables of a MATLAB file v7.3; fields of structures are named variable.field."""
    import h5py

    return _by_paths(closing.enter_context(h5py.File(path, "r")), reading, separator=".")


def _by_paths(file: Any, reading: Reading, separator: str = "/") -> FileRecording:
    channels: list[FileChannel] = []
    notes: list[str] = []
    speed, opened = None, _Opened(file)
    for dataset in _datasets(file):
        name = dataset.name.strip("/").replace("/", separator)
        label = name.rpartition(separator)[2]
        if dataset.size is not None and dataset.size <= 1:
            value = _single(dataset)
            if is_speed_name(label) and value is not None:
                speed = value / 60
            elif not (is_rate_name(label) or is_step_name(label)):
                notes.append(f"{name!r} has a single value: not used")
        elif dataset.attrs.get("MATLAB_class") == b"char":
            notes.append(f"{name!r} is text: not used")
        elif dataset.dtype.kind not in "iuf":
            problem = f"{name!r} has values of type {dataset.dtype}; samples are numbers"
            channels.append(
                unusable_channel(name, int(dataset.size or 0), problem, label=label, group=dataset.parent.name)
            )
        else:
            columns = _columns(dataset)
            if columns is None:
                problem = f"{name!r} has the shape {dataset.shape}: which axis is that of the samples?"
                channels.append(unusable_channel(name, dataset.size, problem, label=label, group=dataset.parent.name))
                continue
            clock, unit = _stated_clock(dataset), _stated_unit(dataset)
            for place in range(columns):
                own = name if columns == 1 else f"{name}#{place + 1}"
                channels.append(_channel(opened, own, label, dataset, place if columns > 1 else None, clock, unit))
    return FileRecording(with_clocks(channels, reading), speed, notes=tuple(notes))


def _datasets(group: Any) -> Iterator[Any]:
    import h5py

    for name in group:
        if name in _OF_MATLAB:
            continue
        each = group[name]
        if isinstance(each, h5py.Dataset):
            yield each
        else:
            yield from _datasets(each)


def _columns(dataset: Any) -> int | None:
    """Return the number of channels of a dataset; None if its shape does not give the axis of the samples."""
    shape = [length for length in dataset.shape if length > 1]
    if len(shape) == 1:
        return 1
    if len(dataset.shape) == 2 and shape[0] != shape[1] and min(shape) <= _MOST_COLUMNS:
        return int(min(shape))
    return None


class _Opened:
    """One dataset of a file at a time: each that is open has a cache of its chunks."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self._last: tuple[str, Any] | None = None

    def dataset(self, name: str) -> Any:
        """Return a dataset by its path."""
        if self._last is None or self._last[0] != name:
            self._last = None  # closes the one before
            self._last = name, self.file[name]
        return self._last[1]


def _channel(
    opened: _Opened, name: str, label: str, dataset: Any, column: int | None, clock: Clock | None, unit: str | None
) -> FileChannel:
    count = max(dataset.shape)
    return FileChannel(
        name, count, dataset.dtype, _loader(opened, dataset, column), clock, unit, label=label,
        group=dataset.parent.name, scale=_number(dataset.attrs.get("scale")),
    )  # fmt: skip


def _loader(opened: _Opened, dataset: Any, column: int | None) -> Callable[[int, int], NDArray[Any]]:
    name, shape = dataset.name, dataset.shape
    axis = int(np.argmax(shape))

    def load(first: int, stop: int) -> NDArray[Any]:
        place = [slice(first, stop) if each == axis else (column or 0) for each in range(len(shape))]
        return np.asarray(opened.dataset(name)[tuple(place)])

    return load


def _above(dataset: Any) -> Iterator[Any]:
    """Yield a dataset and the groups above it."""
    yield dataset
    group = dataset.parent
    while True:
        yield group
        if group.name == "/":
            return
        group = group.parent


def _stated_clock(dataset: Any) -> Clock | None:
    """Return the clock of the nearest attribute or single value that is a rate, or the time between samples."""
    import h5py

    for each in _above(dataset):
        found = {name: _number(value) for name, value in each.attrs.items()}
        if not isinstance(each, h5py.Dataset):
            singles = ((name, each[name]) for name in each if name not in _OF_MATLAB)
            found |= {name: _single(one) for name, one in singles if isinstance(one, h5py.Dataset) and one.size == 1}
        rates = {name: value for name, value in found.items() if is_rate_name(name) and value is not None}
        steps = {name: 1 / value for name, value in found.items() if is_step_name(name) and value}
        for name, rate in (rates | steps).items():
            if not rate > 0:
                raise InvalidInputError(
                    f"{each.name}: {name} is {rate:g}; it must be positive, or absent", field="rate"
                )
            return Clock(rate, f"{name!r} of {each.name}")
    return None


def _stated_unit(dataset: Any) -> str | None:
    for name in _UNIT_NAMES:
        if name in dataset.attrs:
            return _text(dataset.attrs[name]) or None
    return None


def _text(value: Any) -> str:
    value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value).strip()


def _number(value: Any) -> float | None:
    array = np.asarray(value) if value is not None else np.empty(0)
    if array.size != 1 or array.dtype.kind not in "iuf":
        return None
    number = float(array.ravel()[0])
    return number if math.isfinite(number) else None


def _single(dataset: Any) -> float | None:
    return _number(dataset[()]) if dataset.size == 1 and dataset.dtype.kind in "iuf" else None


def _mapped(file: Any, path: Path, reading: Reading) -> FileRecording:
    try:
        mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInputError(f"mapping {path.name}: {error}", field="mapping") from error
    where = f"mapping {path.name}"
    _check_keys(mapping, _FILE_KEYS, where)
    if not isinstance(mapping.get("channels"), dict) or not mapping["channels"]:
        raise InvalidInputError(f"{where}: channels are required, such as de: {{dataset: /raw/de}}", field="mapping")
    at = _moment(file, mapping.get("measured_at"), where)
    opened = _Opened(file)
    channels: list[FileChannel] = []
    for name, stated in mapping["channels"].items():
        stated = {"dataset": stated} if isinstance(stated, str) else stated
        _check_keys(stated, _CHANNEL_KEYS, f"{where}: channel {name!r}")
        channels += _mapped_channel(
            opened, str(name), {"rate": mapping.get("rate"), "unit": mapping.get("unit")} | stated, where, reading
        )
    timed = (
        each
        if each.clock is None
        else replace(each, clock=replace(each.clock, measured_at=at or each.clock.measured_at))
        for each in channels
    )
    return FileRecording(with_clocks(list(timed), Reading(time="none")), details={"mapping": path.name})


def _check_keys(stated: Any, allowed: frozenset[str], where: str) -> None:
    if not isinstance(stated, dict):
        raise InvalidInputError(f"{where}: names with values are required", field="mapping")
    unknown = [str(key) for key in stated if key not in allowed]
    if unknown:
        raise InvalidInputError(
            f"{where}: unknown {unknown[0]!r}; allowed: {', '.join(sorted(allowed))}", field="mapping"
        )


def _mapped_channel(
    opened: _Opened, name: str, stated: Mapping[str, Any], where: str, reading: Reading
) -> tuple[FileChannel, ...]:
    file, what = opened.file, f"{where}: channel {name!r}"
    dataset = _find(file, stated.get("dataset"), what)
    columns, column = _columns(dataset), stated.get("column")
    if columns is None or (columns > 1) != (column is not None) or (column is not None and not 0 <= column < columns):
        raise InvalidInputError(
            f"{what}: {dataset.name} has the shape {dataset.shape}; column must be one of 0 to {(columns or 1) - 1}, "
            "or absent if there is one",
            field="mapping",
        )
    rate = _value(file, stated.get("rate"), what)
    if rate is not None and not (_number(rate) or 0) > 0:
        raise InvalidInputError(f"{what}: rate {rate!r} must be a positive number", field="mapping")
    clock = _stated_clock(dataset) if rate is None else Clock(_number(rate), where)
    unit = stated.get("unit")
    text = _text(_value(file, unit, what)) if isinstance(unit, str) and unit.startswith("/") else unit
    channel = _channel(opened, name, name, dataset, column, clock, text or _stated_unit(dataset))
    scale = stated.get("scale")
    channel = replace(channel, scale=channel.scale if scale is None else float(scale), group="")
    if stated.get("time") is None:
        return (channel,)
    axis = _find(file, stated["time"], what)
    times = replace(_channel(opened, "time", "time", axis, None, None, _stated_unit(axis)), group="")
    return with_clocks([times, channel], Reading(split=reading.split))


def _find(file: Any, path: Any, what: str) -> Any:
    import h5py

    found = file.get(path) if isinstance(path, str) else None
    if not isinstance(found, h5py.Dataset):
        raise InvalidInputError(f"{what}: the file has no dataset {path!r}", field="mapping")
    return found


def _value(file: Any, stated: Any, what: str) -> Any:
    """Return a value that is stated, or that of a dataset or attribute of the file."""
    if not (isinstance(stated, str) and stated.startswith("/")):
        return stated
    path, _, attribute = stated.partition("@")
    owner = file.get(path)
    if owner is None or (attribute and attribute not in owner.attrs):
        raise InvalidInputError(f"{what}: the file has no {stated!r}", field="mapping")
    return owner.attrs[attribute] if attribute else owner[()]


def _moment(file: Any, stated: Any, where: str) -> datetime | None:
    if stated is None:
        return None
    value = stated if isinstance(stated, datetime) else _value(file, stated, where)
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    except ValueError:
        raise InvalidInputError(f"{where}: measured_at {value!r} is not a time", field="mapping") from None
    if at.tzinfo is None:
        raise InvalidInputError(f"{where}: measured_at {at.isoformat()} has no time zone", field="mapping")
    return at.astimezone(UTC)
