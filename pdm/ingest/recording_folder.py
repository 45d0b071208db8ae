"""Folders of recordings: `fleet.yaml`, and one folder per machine with files of any supported format, also mixed.

A file is named after its time in UTC, `20261101T100000Z.csv` or `20261101T100000.250000Z.tdms`, unless it contains its
time with a zone. Its channels are named after the points, and are in the points' units unless the file gives others.
`.npz` files may be blocks of many acquisitions: see `pdm/ingest/npz_folder.py`. `work_events.yaml` lists the work
events of the machine. Extensions may be upper or lower case. What is not read is listed.
"""

from __future__ import annotations

import difflib
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pdm.errors import InvalidInputError, PdmError
from pdm.ingest.fleet_file import read_fleet
from pdm.ingest.npz_folder import EVENTS_FILE, block_times, find_machine, read_block, read_work_events
from pdm.ingest.recording_files import READERS, Declared, ReadFile, each_recording
from pdm.ingest.recordings.open import open_file
from pdm.machines.model import Machine, MeasurementPoint
from pdm.machines.work_events import WorkEvent
from pdm.measurements import Acquisition, Waveform

Refusal = Callable[[str], None]

FLEET_FILES = ("fleet.yaml", "fleet.yml")
_EVENTS_FILES = (EVENTS_FILE, "work_events.yml")
_NAMES = ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S.%fZ")
_COMPANIONS = ("truth.json",)  # of `pdm simulate`
_SAME_TIME = timedelta(seconds=1)  # the name of a file has no fractions
_SAME_RATE = 1e-3  # relative


def fleet_file(folder: Path) -> Path | None:
    """Return the fleet file of a folder."""
    return next((path for path in sorted(folder.iterdir()) if path.name.lower() in FLEET_FILES), None)


class RecordingFolder:
    """A folder of recordings of one or more machines."""

    def __init__(self, folder: Path, declared: Declared | None = None) -> None:
        self._folder = folder
        self._declared = declared or Declared()
        found = fleet_file(folder)
        if found is None:
            raise InvalidInputError(f"{folder} has no {FLEET_FILES[0]}", field="path")
        self.machines = tuple(read_fleet(found))
        self._by_key = {machine.key: machine for machine in self.machines}
        self.left_out = tuple(self._unknown())
        self._block_counts: dict[Path, int] = {}

    def acquisitions(self, machine: str, refuse: Refusal | None = None) -> Iterator[Acquisition]:
        """Yield the machine's acquisitions in order of time, one file in memory at a time.

        A file that cannot be read is an error, or is reported to `refuse` and skipped.
        """
        known = find_machine(self._by_key, machine)
        timed = []
        for path in self._files(machine):
            try:
                timed.append((self._begin(path), path))
            except PdmError as error:
                _report(error, machine, path, refuse)
        for _, path in sorted(timed):
            try:
                yield from self._read(known, path)
            except PdmError as error:
                _report(error, machine, path, refuse)

    def count(self, machine: str) -> int:
        """Return the number of acquisitions of the machine; a file that is split counts as one."""
        find_machine(self._by_key, machine)
        return sum(self._count(path) for path in self._files(machine))

    def work_events(self, machine: str) -> tuple[WorkEvent, ...]:
        """Return the machine's work events, if it has a file of them."""
        find_machine(self._by_key, machine)
        folder = self._folder / machine
        paths = [path for path in folder.iterdir() if path.name.lower() in _EVENTS_FILES] if folder.is_dir() else []
        return tuple(event for path in paths for event in read_work_events(path, machine))

    def _files(self, machine: str) -> list[Path]:
        folder = self._folder / machine
        if not folder.is_dir():
            return []
        return sorted(path for path in folder.iterdir() if _is_recording(path))

    def _unknown(self) -> Iterator[str]:
        """Yield what in the folder is not read, with the reason."""
        for path in sorted(self._folder.iterdir()):
            if path.is_dir() and path.name in self._by_key:
                for file in sorted(path.iterdir()):
                    if not (_is_recording(file) or file.name.lower() in _EVENTS_FILES or _is_beside(file)):
                        yield f"{path.name}/{file.name}: {_why(file)}"
            elif path.is_dir() and not _is_beside(path):
                near = difflib.get_close_matches(path.name.lower(), list(self._by_key), 1)
                hint = f"; is it {near[0]!r}?" if near else ""
                yield f"{path.name}/: no machine of the fleet file{hint} (machines: {', '.join(self._by_key)})"
            elif path.is_file() and path.name.lower() not in FLEET_FILES and not _is_beside(path):
                yield f"{path.name}: it is not in the folder of a machine"

    def _count(self, path: Path) -> int:
        if not _is_block(path):
            return 1
        if path not in self._block_counts:
            self._block_counts[path] = len(block_times(path))
        return self._block_counts[path]

    def _begin(self, path: Path) -> datetime:
        """Return the time of the first acquisition of a file."""
        if _is_block(path):
            times = block_times(path)
            return times[0] if times else datetime.max.replace(tzinfo=UTC)
        named = _named_time(path)
        if named is not None:
            return named
        with open_file(path, self._declared.reading, ()) as content:
            own = [each.clock.measured_at for each in content.channels if each.clock is not None]
        at = next((each for each in own if each is not None), None)
        if at is None:
            raise InvalidInputError(
                "its time is unknown: the file has no time with a zone, and the file name must be a time, such as "
                f"20261101T100000Z{path.suffix}",
                field="path",
            )
        return at

    def _read(self, machine: Machine, path: Path) -> Iterator[Acquisition]:
        if _is_block(path):
            yield from read_block(machine, path)
            return
        named = _named_time(path)
        found = each_recording(path, machine, self._declared, in_point_units=True)
        for place, each in enumerate(found):
            at = each.recording.measured_at if each.has_time else named
            if at is None or (each.recordings > 1 and not each.has_time):
                raise InvalidInputError(
                    f"recording {place + 1} of {each.recordings} has no time: its file has no times with a zone",
                    field="time",
                )
            if named is not None and place == 0 and abs(at - named) > _SAME_TIME:
                raise InvalidInputError(
                    f"its name says {named:%Y-%m-%dT%H:%M:%S.%fZ}, its content {at:%Y-%m-%dT%H:%M:%S.%fZ}", field="time"
                )
            yield _acquisition(machine, at, each)


def _acquisition(machine: Machine, at: datetime, found: ReadFile) -> Acquisition:
    waveforms = tuple(
        Waveform(each.point.key, each.samples, _rate(each.point, each.sampling_rate), each.point.unit, each.scale)
        for each in found.recording.channels
    )
    return Acquisition(machine.key, at, waveforms, (), found.recording.context)


def _rate(point: MeasurementPoint, rate: float) -> float:
    """Return the rate of the point, which the file must have."""
    assert point.sampling_rate is not None
    if abs(rate / point.sampling_rate - 1.0) > _SAME_RATE:
        raise InvalidInputError(
            f"the file says {rate:g} Hz of point {point.key!r}, the fleet file {point.sampling_rate:g} Hz: correct one "
            "of them",
            field="rate",
        )
    return point.sampling_rate


def _report(error: PdmError, machine: str, path: Path, refuse: Refusal | None) -> None:
    reason = error.message.removeprefix(f"{path.name}: ")
    text = f"{machine}/{path.name}: {reason}"
    if refuse is None:
        raise InvalidInputError(text, field=error.field or "path") from error
    refuse(text)


def _is_recording(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in READERS and not _is_beside(path)


def _is_beside(path: Path) -> bool:
    """Whether a file is no data: hidden ones, those that describe the folder, and indices of TDMS files."""
    name = path.name.lower()
    return (
        name.startswith((".", "readme", "thumbs.db", "desktop.ini")) or name in _COMPANIONS or name.endswith("_index")
    )


def _why(path: Path) -> str:
    if path.is_dir():
        return "a folder in the folder of a machine is not read"
    return f"unknown format {path.suffix!r}; supported: {', '.join(READERS)}"


def _is_block(path: Path) -> bool:
    """Whether an `.npz` file is a block of acquisitions; a damaged one is taken as such."""
    if path.suffix.lower() != ".npz":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "measured_at.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return True


def _named_time(path: Path) -> datetime | None:
    for name in _NAMES:
        try:
            return datetime.strptime(path.stem.upper(), name).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
