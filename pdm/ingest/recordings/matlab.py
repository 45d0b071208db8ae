"""MATLAB files: variables and fields of structures, up to v7 by SciPy and v7.3 as HDF5."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pdm.errors import ConfigurationError, InvalidInputError
from pdm.ingest.recordings.arrays import recording_of_arrays
from pdm.ingest.recordings.content import FileRecording, Reading

_MOST_COLUMNS = 256
_DEEPEST = 8  # structures in structures
_HDF5 = b"\x89HDF\r\n\x1a\n"


def read_mat(path: Path, reading: Reading, closing: ExitStack) -> FileRecording:
    """Read the numeric variables of a MATLAB file; fields of structures are named variable.field."""
    with path.open("rb") as stream:
        head = stream.read(520)
    if head[512:] == _HDF5 or head.startswith(_HDF5):
        try:
            from pdm.ingest.recordings.hdf5 import read_mat73

            return read_mat73(path, reading, closing)
        except ImportError as error:
            raise ConfigurationError(
                "reading MATLAB v7.3 files requires h5py: install the extra 'formats' of pdm-service"
            ) from error
    from scipy.io import loadmat

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        variables = loadmat(path)
    arrays: dict[str, Any] = {}
    notes: list[str] = []
    for name, value in variables.items():
        if not name.startswith("__"):
            for own, array in _flat(name, value, notes, 0):
                arrays[own] = array
    if not arrays:
        raise InvalidInputError("the file has no numeric variable", field="file")
    found = recording_of_arrays(arrays, reading)
    return FileRecording(found.channels, found.speed, found.details, (*notes, *found.notes))


def _flat(name: str, value: Any, notes: list[str], depth: int) -> Iterator[tuple[str, Any]]:
    """Yield numeric and text arrays of a variable by name, tables by column."""
    array = np.asarray(value)
    if array.dtype.names is not None and array.size == 1 and depth < _DEEPEST:
        for field in array.dtype.names:
            yield from _flat(f"{name}.{field}", array[field].ravel()[0], notes, depth + 1)
    elif array.dtype.kind in "iuf":
        yield from _table(name, array)
    elif array.dtype.kind == "U" and array.size == 1:
        yield name, array.reshape(())
    else:
        kind = "structures" if array.dtype.names is not None else "cells" if array.dtype == object else str(array.dtype)
        notes.append(f"variable {name!r} has {array.size} {kind}: not used")


def _table(name: str, array: Any) -> Iterator[tuple[str, Any]]:
    short = min(array.shape) if array.ndim == 2 else 0
    if 1 < short <= _MOST_COLUMNS and array.shape[0] != array.shape[1]:
        columns = array.T if array.shape[0] > array.shape[1] else array
        for place, column in enumerate(columns):
            yield f"{name}#{place + 1}", column
    else:
        yield name, array
