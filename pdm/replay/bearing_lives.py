"""Bearings of the PHM 2012 challenge as levels of wear: packed `.npz` lives, or folders of `acc_*.csv` as published."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import features
from pdm.errors import InvalidInputError
from pdm.prognosis.model.few_lives import WornLife

SAMPLING_RATE = 25600.0  # Hz
INTERVAL = 10.0  # s between records
LEVEL_FEATURE = "envelope_rms"
LEARNING = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2")
STANDARD_GRAVITY = 9.80665  # m/s2, BIPM SI brochure
_NAME = re.compile(r"[Bb]earing(\d_\d)")
_FIELDS = 6  # hour, minute, second, microsecond, horizontal, vertical

Signals = tuple[NDArray[np.float32], NDArray[np.float32]]


def find_bearings(folder: Path) -> dict[str, Path]:
    """Return the bearings under a folder by number ('1_3'), the longest recording of each.

    The published set has test bearings twice, truncated in `Test_set` and complete in `Full_Test_Set`.

    Raises
    ------
    InvalidInputError
        The folder contains no bearing.
    """
    found: dict[str, Path] = {}
    places = [*folder.rglob("*earing[0-9]_[0-9].npz"), *(path.parent for path in folder.rglob("acc_00001.csv"))]
    for place in sorted(places):
        match = _NAME.fullmatch(place.stem)
        if match is None:
            continue
        known = found.get(match[1])
        if known is None or count_records(place) > count_records(known):
            found[match[1]] = place
    if not found:
        raise InvalidInputError(
            f"{folder} contains no bearing; expected Bearing1_1.npz or Bearing1_1/acc_00001.csv", field="path"
        )
    return dict(sorted(found.items()))


def count_records(place: Path) -> int:
    """Return the number of records of a bearing."""
    if place.is_dir():
        return sum(1 for _ in place.glob("acc_*.csv"))
    with _opened(place) as stored:
        return len(stored["h"])


def read_level(name: str, place: Path, records: int | None = None) -> WornLife:
    """Read a bearing and return its level of wear: the log of the envelope's RMS, mean of both axes.

    Parameters
    ----------
    name : str
    place : Path
        From `find_bearings`.
    records : int, optional
        Number of records to read, from the first on; all if not given.

    Raises
    ------
    InvalidInputError
        A file is damaged or not of the challenge's form; the message names it.
    """
    read: Callable[[Path, int | None], Signals] = _from_folder if place.is_dir() else _from_npz
    levels: list[NDArray[np.float64]] = []
    for axis in read(place, records):
        found = features.extract(axis, SAMPLING_RATE, names=[LEVEL_FEATURE], bad="flag")
        levels.append(np.log(np.maximum(found.values.reshape(len(axis), -1)[:, 0].astype(np.float64), 1e-9)))
    level = np.asarray(0.5 * (levels[0] + levels[1]), np.float64)
    is_known = np.isfinite(level)
    if not is_known.any():
        raise InvalidInputError(f"{place.name}: no vibration record can be read", field="path")
    filled = np.interp(np.arange(len(level)), np.flatnonzero(is_known), level[is_known])
    age = INTERVAL * np.arange(len(level), dtype=np.float64)
    return WornLife(name, age, np.asarray(filled, np.float64))


def _opened(place: Path) -> np.lib.npyio.NpzFile:
    try:
        stored = np.load(place, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{place.name} cannot be read: {error}", field="path") from error
    if not isinstance(stored, np.lib.npyio.NpzFile) or not {"h", "v"} <= set(stored.files):
        raise InvalidInputError(f"{place.name} has no axes 'h' and 'v'", field="path")
    return stored


def _from_npz(place: Path, records: int | None) -> Signals:
    axes = []
    try:
        with _opened(place) as stored:
            for axis in "hv":
                counts = stored[axis].astype(np.int32)
                if f"{axis}_ovf_idx" in stored.files:
                    counts.ravel()[stored[f"{axis}_ovf_idx"]] = stored[f"{axis}_ovf_val"]
                axes.append((counts[:records] * (1e-3 * STANDARD_GRAVITY)).astype(np.float32))
    except (OSError, ValueError, IndexError, EOFError) as error:
        raise InvalidInputError(f"{place.name} is damaged: {error}", field="path") from error
    return axes[0], axes[1]


def _from_folder(place: Path, records: int | None) -> Signals:
    axes: tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]] = ([], [])
    for path in sorted(place.glob("acc_*.csv"))[:records]:
        try:
            text = path.read_text("ascii").replace(";", ",")
            table = np.array([line.split(",") for line in text.splitlines() if line.strip()], np.float64)
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"{path.name} of {place.name} cannot be read: {error}", field="path") from error
        if table.ndim != 2 or table.shape[1] != _FIELDS:
            raise InvalidInputError(f"{path.name} of {place.name} must have {_FIELDS} numbers per line", field="path")
        for axis, column in zip(axes, table[:, 4:].T, strict=True):
            axis.append((column * STANDARD_GRAVITY).astype(np.float32))
    try:
        return np.stack(axes[0]), np.stack(axes[1])
    except ValueError as error:
        raise InvalidInputError(f"records of {place.name} have different lengths: {error}", field="path") from error
