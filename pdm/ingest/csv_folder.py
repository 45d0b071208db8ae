"""Folders of `.csv` files: `fleet.yaml`, and one folder per machine with one file per acquisition.

A file is named after its time in UTC, `20261101T100000Z.csv` or `20261101T100000.250000Z.csv`. Its first
line names the points, the others contain their samples in the points' units, one column per point.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import read_fleet
from pdm.ingest.npz_folder import EVENTS_FILE, find_machine, read_work_events
from pdm.machines.model import Machine
from pdm.machines.work_events import WorkEvent
from pdm.measurements import Acquisition, Waveform

_NAMES = ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S.%fZ")


class CsvFolder:
    """A recording of `.csv` files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.machines = tuple(read_fleet(folder / "fleet.yaml"))
        self._by_key = {machine.key: machine for machine in self.machines}

    def acquisitions(self, machine: str) -> Iterator[Acquisition]:
        """Yield the machine's acquisitions, one file in memory at a time."""
        known = find_machine(self._by_key, machine)
        for at, path in sorted((_time(path), path) for path in self._files(machine)):
            try:
                yield Acquisition(machine, at, _read_file(known, path))
            except (OSError, UnicodeDecodeError, ValueError) as error:
                raise InvalidInputError(f"{machine}/{path.name}: {error}", field="path") from error

    def count(self, machine: str) -> int:
        """Return the number of files of the machine."""
        find_machine(self._by_key, machine)
        return len(self._files(machine))

    def work_events(self, machine: str) -> tuple[WorkEvent, ...]:
        """Return the machine's work events from `work_events.yaml`, if there is one."""
        find_machine(self._by_key, machine)
        return read_work_events(self._folder / machine / EVENTS_FILE, machine)

    def _files(self, machine: str) -> list[Path]:
        return sorted((self._folder / machine).glob("*.csv"))


def _time(path: Path) -> datetime:
    for name in _NAMES:
        try:
            return datetime.strptime(path.stem, name).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise InvalidInputError(
        f"{path.parent.name}/{path.name}: the file name must be a time, such as 20261101T100000Z.csv", field="path"
    )


def _read_file(machine: Machine, path: Path) -> tuple[Waveform, ...]:
    points = {point.key: point for point in machine.points}
    with path.open(encoding="utf-8") as stream:
        names = [name.strip() for name in stream.readline().split(",")]
        lines = [line for line in stream if line.strip()]
    if not lines:
        raise ValueError("it holds no samples: the first line names the points, the others hold one sample of each")
    samples = np.loadtxt(lines, np.float64, delimiter=",", ndmin=2)
    if samples.shape[1] != len(names):
        raise ValueError(f"{len(names)} names for {samples.shape[1]} columns")
    waveforms = []
    for name, column in zip(names, samples.T, strict=True):
        point = points.get(name)
        if point is None or point.sampling_rate is None:
            raise ValueError(f"machine {machine.key!r} has no waveform point {name!r}")
        if not np.isfinite(column).all():
            raise ValueError(f"column {name!r} line {int(np.argmin(np.isfinite(column))) + 2} is not finite")
        waveforms.append(Waveform(name, column.astype(np.float32), point.sampling_rate, point.unit))
    return tuple(waveforms)
