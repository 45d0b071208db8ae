"""Folders of `.npz` blocks: `fleet.yaml`, and one folder per machine with its acquisitions in time order.

A block is an uncompressed or compressed NumPy archive of n acquisitions with the arrays

    measured_at           (n,) int64            microseconds since 1970, UTC
    speed, load           (n,) float64          [Hz], [fraction of rated]; NaN where unknown; optional
    state                 (n,) str              the sender's name of the operating state, '' unknown; optional
    waveform.<point>      (n, samples)          int16 counts or float32, in the point's unit
    scale.<point>         () float64            unit per count, for int16 only
    scalar.<point>        (n,) float64          in the point's unit, NaN where absent

Blocks are read in the order of their names. `work_events.yaml` beside them lists the work events.
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
from pdm.ingest.fleet_file import read_fleet
from pdm.machines.model import Machine, MeasurementPoint
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform

EVENTS_FILE = "work_events.yaml"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NpzFolder:
    """A recording of `.npz` blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.machines = tuple(read_fleet(folder / "fleet.yaml"))
        self._by_key = {machine.key: machine for machine in self.machines}
        self._counts: dict[str, int] = {}

    def acquisitions(self, machine: str) -> Iterator[Acquisition]:
        """Yield the machine's acquisitions, one block in memory at a time."""
        known = self._find(machine)
        for path in self._blocks(machine):
            try:
                yield from _read_block(known, _load(path))
            except (ValueError, KeyError, IndexError) as error:
                raise InvalidInputError(f"{machine}/{path.name}: {error}", field="path") from error

    def count(self, machine: str) -> int:
        """Return the number of acquisitions in the machine's blocks."""
        self._find(machine)
        if machine not in self._counts:
            self._counts[machine] = sum(
                _load(path, "measured_at")["measured_at"].size for path in self._blocks(machine)
            )
        return self._counts[machine]

    def work_events(self, machine: str) -> tuple[WorkEvent, ...]:
        """Return the machine's work events from `work_events.yaml`, if there is one."""
        self._find(machine)
        return read_work_events(self._folder / machine / EVENTS_FILE, machine)

    def _find(self, machine: str) -> Machine:
        return find_machine(self._by_key, machine)

    def _blocks(self, machine: str) -> list[Path]:
        return sorted((self._folder / machine).glob("*.npz"))


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


def read_work_events(path: Path, machine: str) -> tuple[WorkEvent, ...]:
    """Read the work events of one machine, in time order; none if the file does not exist.

    Raises
    ------
    InvalidInputError
        The file is not a list of events with kind and time each.
    """
    if not path.is_file():
        return ()
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        events = [
            WorkEvent(
                machine,
                WorkEventKind(entry["kind"]),
                datetime.fromisoformat(entry["occurred_at"]).astimezone(UTC),
                entry.get("component"),
                entry.get("finding"),
                entry.get("note", ""),
            )
            for entry in entries
        ]
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(f"{machine}/{path.name}: {error}", field="path") from error
    return tuple(sorted(events, key=lambda event: event.occurred_at))


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


def _load(path: Path, *names: str) -> dict[str, Any]:
    """Return the arrays of a block, or those with the given names."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as block:
            return {name: block[name] for name in names or block.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidInputError(f"{path.parent.name}/{path.name}: {error}", field="path") from error


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
