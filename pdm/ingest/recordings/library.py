"""Libraries that only some formats need."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pdm.errors import ConfigurationError

REQUIRED = {".tdms": "nptdms", ".h5": "h5py", ".hdf5": "h5py", ".mf4": "asammdf"}
"""The library that reads a format, by file extension; the others need none beyond those of every installation."""


def check_library(path: Path) -> None:
    """Check that the library for the format of a file is installed.

    Raises
    ------
    ConfigurationError
        It is not; the message names the extra that has it.
    """
    name = REQUIRED.get(path.suffix.lower())
    if name is not None and find_spec(name) is None:
        raise ConfigurationError(
            f"reading {path.suffix} files requires {name}: install the extra 'formats' of pdm-service"
        )
