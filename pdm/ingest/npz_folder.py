"""Blocks of acquisitions in `.npz` files, and the work events of a machine, in a folder of recordings.

A block is an uncompressed or compressed NumPy archive of n acquisitions with the arrays

    measured_at           (n,) int64            microseconds since 1970, UTC
    speed, load           (n,) float64          [Hz], [fraction of rated]; NaN where unknown; optional
    state                 (n,) str              the sender's name of the operating state, '' unknown; optional
    waveform.<point>      (n, samples)          int16 counts or float32, in the point's unit
    scale.<point>         () float64            unit per count, for int16 only
    scalar.<point>        (n,) float64          in the point's unit, NaN where absent

`work_events.yaml` beside them lists the work events.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pdm.errors import InvalidInputError
from pdm.machines.model import Machine, MeasurementPoint
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform

EVENTS_FILE = "work_events.yaml"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def find_machine(machines: dict[str, Machine], key: str) -> Machine:
    """Return a machine of a recording.

    Raises
    ------
    InvalidInputError
        The recording does not have the machine.
    """
    if key not in machines:
        raise InvalidInputError(
            f"unknown machine {key!r}; machines in the folder: {', '.join(machines)}", field="machine"
        )
    return machines[key]


class _TextLoader(yaml.SafeLoader):
    """Keeps times as text, so that one without a zone is recognized."""


_TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_EVENT_KEYS = ("kind", "occurred_at", "component", "finding", "note")


def read_work_events(path: Path, machine: str) -> tuple[WorkEvent, ...]:
    """Read the work events of one machine, in time order; none if the file does not exist.

    Raises
    ------
    InvalidInputError
        The file is not a list of events with kind and time each, the time as in RFC 3339 with its zone.
    """
    if not path.is_file():
        return ()
    try:
        entries = yaml.load(path.read_text(encoding="utf-8"), _TextLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{machine}/{path.name}: {error}", field="path") from error
    if not isinstance(entries, list):
        raise InvalidInputError(f"{machine}/{path.name}: a list of events is required", field="path")
    events = [
        _event(entry, machine, f"{machine}/{path.name}: event {place + 1}") for place, entry in enumerate(entries)
    ]
    return tuple(sorted(events, key=lambda event: event.occurred_at))


def _event(entry: Any, machine: str, where: str) -> WorkEvent:
    if not isinstance(entry, dict):
        raise InvalidInputError(f"{where}: it must have kind and occurred_at", field="path")
    unknown = [str(key) for key in entry if key not in _EVENT_KEYS]
    if unknown:
        raise InvalidInputError(f"{where}: unknown {unknown[0]!r}; allowed: {', '.join(_EVENT_KEYS)}", field="path")
    kinds = [kind.value for kind in WorkEventKind]
    if entry.get("kind") not in kinds:
        raise InvalidInputError(f"{where}: kind {entry.get('kind')!r}; allowed: {', '.join(kinds)}", field="path")
    for key in ("component", "finding", "note"):
        if not isinstance(entry.get(key), str | None):
            raise InvalidInputError(f"{where}: {key} {entry[key]!r} is not a text; write it in quotes", field="path")
    return WorkEvent(
        machine,
        WorkEventKind(entry["kind"]),
        _occurred_at(entry.get("occurred_at"), where),
        entry.get("component"),
        entry.get("finding"),
        entry.get("note") or "",
    )


def _occurred_at(text: Any, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except (AttributeError, ValueError):
        raise InvalidInputError(
            f"{where}: occurred_at {text!r} is not a time; write it as 2026-11-01T12:00:00Z", field="path"
        ) from None
    if at.tzinfo is None:
        raise InvalidInputError(
            f"{where}: occurred_at {text} has no time zone; write 2026-11-01T12:00:00Z, or the offset such as +09:00",
            field="path",
        )
    return at.astimezone(UTC)


def write_work_events(path: Path, events: Iterable[WorkEvent]) -> None:
    """Write work events for `read_work_events`."""
    entries = [
        {
            "kind": event.kind.value,
            "occurred_at": event.occurred_at.isoformat(),
            "component": event.component,
            "finding": event.finding,
            "note": event.note,
        }
        for event in events
    ]
    path.write_text(yaml.safe_dump(entries, sort_keys=False, allow_unicode=True), encoding="utf-8")


def write_block(path: Path, acquisitions: Sequence[Acquisition]) -> None:
    """Write acquisitions with the same channels as one block.

    Raises
    ------
    InvalidInputError
        The channels differ between acquisitions, or the scale or dtype of a channel changes.
    """
    first = acquisitions[0]
    for other in acquisitions:
        if _layout(other) != _layout(first):
            raise InvalidInputError(f"{path.name}: acquisitions of one block must have the same channels", field="path")
    arrays: dict[str, Any] = {
        "measured_at": np.array([_microseconds(a.measured_at) for a in acquisitions], np.int64),
        "speed": np.array([_known(a.context.speed) for a in acquisitions]),
        "load": np.array([_known(a.context.load) for a in acquisitions]),
        "state": np.array([a.context.state or "" for a in acquisitions]),
    }
    for place, waveform in enumerate(first.waveforms):
        arrays[f"waveform.{waveform.point}"] = np.stack([a.waveforms[place].samples for a in acquisitions])
        if waveform.scale is not None:
            arrays[f"scale.{waveform.point}"] = np.float64(waveform.scale)
    for place, scalar in enumerate(first.scalars):
        arrays[f"scalar.{scalar.point}"] = np.array([a.scalars[place].value for a in acquisitions])
    np.savez(path, **arrays)


def block_times(path: Path) -> list[datetime]:
    """Return the times of the acquisitions of a block.

    Raises
    ------
    InvalidInputError
        The file is damaged; the message names it.
    """
    times = _load(path, "measured_at")["measured_at"]
    return [_EPOCH + timedelta(microseconds=at) for at in times.tolist()]


def read_block(machine: Machine, path: Path) -> Iterator[Acquisition]:
    """Yield the acquisitions of a block.

    Raises
    ------
    InvalidInputError
        The file is damaged, or does not match the machine; the message names it.
    """
    try:
        yield from _read_block(machine, _load(path))
    except (ValueError, KeyError, IndexError) as error:
        raise InvalidInputError(f"{path.name}: {error}", field="path") from error


def _load(path: Path, *names: str) -> dict[str, Any]:
    """Return the arrays of a block, or those with the given names."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as block:
            return {name: block[name] for name in names or block.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidInputError(f"{path.name}: {error}", field="path") from error


def _read_block(machine: Machine, block: dict[str, Any]) -> Iterator[Acquisition]:
    points = {point.key: point for point in machine.points}
    waveforms = [(_point(points, name), block[name]) for name in block if name.startswith("waveform.")]
    scalars = [(_point(points, name), block[name]) for name in block if name.startswith("scalar.")]
    for place, microseconds in enumerate(block["measured_at"].tolist()):
        yield Acquisition(
            machine.key,
            _EPOCH + timedelta(microseconds=microseconds),
            tuple(_waveform(point, samples[place], block) for point, samples in waveforms),
            tuple(
                Scalar(point.key, float(values[place]), point.unit)
                for point, values in scalars
                if math.isfinite(values[place])
            ),
            OperatingContext(_cell(block, "speed", place), _cell(block, "load", place), _state(block, place)),
        )


def _waveform(point: MeasurementPoint, samples: Any, block: dict[str, Any]) -> Waveform:
    if point.sampling_rate is None:
        raise ValueError(f"point {point.key!r} is registered for scalars but the file has a waveform")
    scale = block.get(f"scale.{point.key}")
    if (samples.dtype == np.int16) != (scale is not None) or samples.dtype not in (np.int16, np.float32):
        raise ValueError(f"waveform.{point.key} must be int16 with scale.{point.key}, or float32 without")
    return Waveform(point.key, samples, point.sampling_rate, point.unit, None if scale is None else float(scale))


def _point(points: dict[str, MeasurementPoint], name: str) -> MeasurementPoint:
    key = name.partition(".")[2]
    if key not in points:
        raise ValueError(f"{name}: the machine has no point {key!r}")
    return points[key]


def _cell(block: dict[str, Any], name: str, place: int) -> float | None:
    if name not in block:
        return None
    value = float(block[name][place])
    return value if math.isfinite(value) else None


def _state(block: dict[str, Any], place: int) -> str | None:
    return (str(block["state"][place]) or None) if "state" in block else None


def _layout(acquisition: Acquisition) -> tuple[object, ...]:
    waveforms = tuple((w.point, w.samples.dtype.str, w.samples.size, w.scale) for w in acquisition.waveforms)
    return (waveforms, tuple(s.point for s in acquisition.scalars))


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
