"""Recording files of all formats, by file extension; containers are read in a child process with limits."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from pdm.child_process import ChildEndedError, call
from pdm.errors import InvalidInputError, PdmError
from pdm.ingest.recordings.arrays import read_npy, read_npz
from pdm.ingest.recordings.clock import is_time_name
from pdm.ingest.recordings.content import Clock, FileChannel, FileRecording, Reading
from pdm.ingest.recordings.hdf5 import read_hdf5
from pdm.ingest.recordings.labview import read_lvm
from pdm.ingest.recordings.library import check_library
from pdm.ingest.recordings.matlab import read_mat
from pdm.ingest.recordings.mdf import read_mdf
from pdm.ingest.recordings.tables import read_csv, read_parquet
from pdm.ingest.recordings.tdms import read_tdms
from pdm.ingest.recordings.text import split_name
from pdm.ingest.recordings.uff import read_uff
from pdm.ingest.recordings.wav import read_wav

READERS: dict[str, Callable[[Path, Reading, ExitStack], FileRecording]] = {
    ".csv": read_csv,
    ".txt": read_csv,
    ".tsv": read_csv,
    ".asc": read_csv,
    ".dat": read_csv,
    ".npz": read_npz,
    ".npy": read_npy,
    ".parquet": read_parquet,
    ".tdms": read_tdms,
    ".mat": read_mat,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".mf4": read_mdf,
    ".lvm": read_lvm,
    ".uff": read_uff,
    ".unv": read_uff,
    ".ufb": read_uff,
    ".wav": read_wav,
}
CONTAINERS = frozenset((".tdms", ".mat", ".h5", ".hdf5", ".mf4"))
"""Formats whose readers run in a child process: what a file states of itself may cost any memory and time."""

_MEMORY = 4 << 30  # bytes of address space, of which libraries take one
_SECONDS, _BYTES_A_SECOND = 60.0, 5e6  # MDF is read once for each channel
_CHILD = "pdm.ingest.recordings.child"
_LARGE = 32 << 20  # bytes of a Parquet file: it is read in order only, which takes once for each channel in a child


@contextmanager
def open_file(
    path: Path, reading: Reading, wanted: Collection[str] | None = None, *, isolated: bool = True
) -> Iterator[FileRecording]:
    """Open a recording file; its channels can be loaded until the end of the context.

    Parameters
    ----------
    path : Path
        The format is that of the extension, in upper or lower case.
    reading : Reading
        What the caller declares of the file.
    wanted : collection of str, optional
        Names of the channels that are going to be loaded; all if not given.
    isolated : bool
        Whether containers are read in a child process with limits of memory and time.

    Raises
    ------
    InvalidInputError
        The file cannot be read, or something in it must be declared.
    ConfigurationError
        The format needs a library that is not installed.
    """
    if not path.is_file():
        raise InvalidInputError("the file does not exist", field="file")
    ending = path.suffix.lower()
    if ending not in READERS:
        raise InvalidInputError(f"unknown file format; supported: {', '.join(READERS)}", field="file")
    check_library(path)
    with ExitStack() as closing:
        if isolated and (ending in CONTAINERS or (ending == ".parquet" and path.stat().st_size > _LARGE)):
            yield _read_in_child(path, reading, wanted, closing)
        else:
            yield read_here(path, reading, closing)


def read_here(path: Path, reading: Reading, closing: ExitStack) -> FileRecording:
    """Read a file in this process."""
    ending = path.suffix.lower()
    try:
        content = READERS[ending](path, reading, closing)
    except (PdmError, MemoryError):
        raise
    except Exception as error:  # libraries raise various errors for a damaged file
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InvalidInputError(f"not a readable {ending[1:].upper()} file: {reason}", field="file") from error
    if not content.channels:
        raise InvalidInputError("the file has no numeric channel", field="file")
    return _selected(content, reading)


def _selected(content: FileRecording, reading: Reading) -> FileRecording:
    """Return the content with the channels that `--columns` names, and those that may be their time."""
    wanted = {split_name(name)[0] for name in reading.columns}
    if not wanted:
        return content
    axis = (reading.time or "").partition("=")[0]
    names = {each.name for each in content.channels} | {each.label for each in content.channels}
    unknown = sorted(name for name in wanted - names if not (is_time_name(name) or name in (axis, "-")))
    if unknown:
        has = ", ".join(each.name for each in content.channels)
        raise InvalidInputError(f"--columns: the file has no {', '.join(unknown)}; it has {has}", field="columns")
    chosen = wanted - {"-"}
    channels = (e for e in content.channels if e.name in chosen or e.label in chosen or e.step is not None)
    return replace(content, channels=tuple(channels))


def _read_in_child(path: Path, reading: Reading, wanted: Collection[str] | None, closing: ExitStack) -> FileRecording:
    folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="pdm-read-")))
    request = {
        "path": str(path.resolve()),
        "reading": asdict(reading),
        "wanted": None if wanted is None else sorted(wanted),
        "folder": str(folder),
    }
    try:
        found = call(
            _CHILD,
            orjson.dumps(request),
            name="the reader of the file",
            timeout_s=_SECONDS + path.stat().st_size / _BYTES_A_SECOND,
            environment=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            limits={resource.RLIMIT_AS: _MEMORY},
        )
    except ChildEndedError as error:
        raise InvalidInputError(f"the file was not read: {error.message}", field="file") from error
    return from_document(found, folder)


def to_document(content: FileRecording, wanted: Collection[str] | None, folder: Path) -> dict[str, Any]:
    """Return the content as JSON values; the samples of the wanted channels go into files in a folder."""
    clocks: dict[Clock, int] = {}  # channels share clocks, of which each part of a recording may be long
    channels = []
    for place, channel in enumerate(content.channels):
        is_wanted = wanted is None or channel.name in wanted or channel.label in wanted
        if is_wanted and channel.problem is None:
            _write(channel, folder / f"{place}.bin")
        fields = {
            name: value for name, value in vars(channel).items() if name not in ("load", "clock", "dtype", "step")
        }
        clock = channel.clock
        channels.append(
            fields
            | {
                "dtype": channel.dtype.str,
                "step": None if channel.step is None else str(channel.step),
                "clock": None if clock is None else clocks.setdefault(clock, len(clocks)),
            }
        )
    return {
        "channels": channels,
        "clocks": [msgspec.to_builtins(clock) for clock in clocks],
        "speed": content.speed,
        "details": dict(content.details),
        "notes": list(content.notes),
    }


def _write(channel: FileChannel, path: Path) -> None:
    with path.open("wb") as stream:
        for part in channel.chunks():
            stream.write(np.ascontiguousarray(part, channel.dtype).data)


def from_document(document: dict[str, Any], folder: Path) -> FileRecording:
    """Return the content of a document; samples are read from the files in the folder."""
    clocks = msgspec.convert(document["clocks"], list[Clock])
    channels = []
    for place, fields in enumerate(document["channels"]):
        fields = dict(fields)
        dtype, step = np.dtype(fields.pop("dtype")), fields.pop("step")
        clock = fields.pop("clock")
        channels.append(
            FileChannel(
                **fields,
                dtype=dtype,
                load=_slices(folder / f"{place}.bin", dtype),
                clock=None if clock is None else clocks[clock],
                step=None if step is None else float(step),
            )
        )
    return FileRecording(tuple(channels), document["speed"], document["details"], tuple(document["notes"]))


def _slices(path: Path, dtype: np.dtype[Any]) -> Callable[[int, int], NDArray[Any]]:
    return lambda first, stop: np.fromfile(path, dtype, stop - first, offset=first * dtype.itemsize)
