"""Recordings on disk in all supported formats, as machines and acquisitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pdm.errors import InvalidInputError
from pdm.ingest.csv_folder import CsvFolder
from pdm.ingest.npz_folder import NpzFolder
from pdm.ingest.pronostia import Pronostia
from pdm.machines.model import Machine
from pdm.machines.work_events import WorkEvent
from pdm.measurements import Acquisition

FLEET_FILE = "fleet.yaml"


class RecordingSource(Protocol):
    """Recorded data of some machines on disk."""

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The machines for registration."""

    def acquisitions(self, machine: str) -> Iterator[Acquisition]:
        """Yield the machine's acquisitions in time order, read one at a time.

        Raises
        ------
        InvalidInputError
            The recording does not have the machine, or a file cannot be read; the message names it.
        """

    def count(self, machine: str) -> int:
        """Return the number of acquisitions of the machine without reading them."""

    def work_events(self, machine: str) -> tuple[WorkEvent, ...]:
        """Return the work events of the machine, in time order."""


def open_recording(path: Path) -> RecordingSource:
    """Open a folder of recorded data.

    There are three formats: PRONOSTIA lives (`Bearing1_1.npz`, ...), and a `fleet.yaml` with one folder per machine,
    either of `.npz` blocks (the output of `pdm simulate`) or of `.csv` files.

    Raises
    ------
    InvalidInputError
        The folder has none of these formats.
    """
    if not path.is_dir():
        raise InvalidInputError(f"{path} is not a folder", field="path")
    if any(path.glob("Bearing[0-9]_[0-9].npz")):
        return Pronostia(path)
    if (path / FLEET_FILE).is_file():
        return CsvFolder(path) if any(path.glob("*/*.csv")) else NpzFolder(path)
    raise InvalidInputError(
        f"{path} contains neither PRONOSTIA histories (Bearing1_1.npz) nor a {FLEET_FILE} with a folder per machine",
        field="path",
    )
