"""Recordings on disk in all supported formats, as machines and acquisitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pdm.errors import InvalidInputError
from pdm.ingest.pronostia import Pronostia
from pdm.ingest.recording_files import Declared
from pdm.ingest.recording_folder import FLEET_FILES, RecordingFolder, Refusal, fleet_file
from pdm.machines.model import Machine
from pdm.machines.work_events import WorkEvent
from pdm.measurements import Acquisition


class RecordingSource(Protocol):
    """Recorded data of some machines on disk."""

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The machines for registration."""

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is in the folder and is not read, each with the reason."""

    def acquisitions(self, machine: str, refuse: Refusal | None = None) -> Iterator[Acquisition]:
        """Yield the machine's acquisitions in time order, read one at a time.

        With `refuse`, a file that cannot be read is reported to it with the reason, and the others are read.

        Raises
        ------
        InvalidInputError
            The recording does not have the machine, or a file cannot be read; the message names it.
        """

    def count(self, machine: str) -> int:
        """Return the number of acquisitions of the machine without reading them."""

    def work_events(self, machine: str) -> tuple[WorkEvent, ...]:
        """Return the work events of the machine, in time order."""


def open_recording(path: Path, declared: Declared | None = None) -> RecordingSource:
    """Open a folder of recorded data.

    There are two formats: PRONOSTIA lives (`Bearing1_1.npz`, ...), and a `fleet.yaml` with one folder per machine, with
    files of the formats in `pdm.ingest.recording_files.READERS` and `.npz` blocks (the output of `pdm simulate`).
    `declared` applies to every file.

    Raises
    ------
    InvalidInputError
        The folder has none of these formats.
    """
    if not path.is_dir():
        raise InvalidInputError(f"{path} is not a folder", field="path")
    if any(path.glob("Bearing[0-9]_[0-9].npz")):
        return Pronostia(path)
    if fleet_file(path) is not None:
        return RecordingFolder(path, declared)
    raise InvalidInputError(
        f"{path} contains neither PRONOSTIA histories (Bearing1_1.npz) nor {FLEET_FILES[0]} with a folder per machine",
        field="path",
    )
