"""The turbofan fleets of C-MAPSS (NASA Prognostics Data Repository, Saxena and Goebel 2008): text files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError

SETTINGS = 3
SENSORS = tuple(f"s{number}" for number in range(1, 22))
_COLUMNS = 2 + SETTINGS + len(SENSORS)


@dataclass(frozen=True)
class Engine:
    """Records of one engine from its first cycle on: settings (n, 3) and sensors (n, 21), as published."""

    unit: int
    cycle: NDArray[np.float64]
    settings: NDArray[np.float64]
    sensors: NDArray[np.float64]


def read_engines(path: Path) -> tuple[Engine, ...]:
    """Read a `train_` or `test_` file.

    Raises
    ------
    InvalidInputError
        The file cannot be read, does not have 26 numbers per line, or an engine's cycles do not increase by one
        from 1 on.
    """
    table = _numbers(path)
    if table.shape[1] != _COLUMNS:
        raise InvalidInputError(f"{path.name} has {table.shape[1]} columns where C-MAPSS has {_COLUMNS}", field="path")
    if not np.isfinite(table).all():
        raise InvalidInputError(f"{path.name} contains values that are not finite", field="path")
    engines = []
    for rows in np.split(table, np.flatnonzero(np.diff(table[:, 0])) + 1):
        unit = int(rows[0, 0])
        if not np.array_equal(rows[:, 1], np.arange(1, len(rows) + 1)):
            raise InvalidInputError(
                f"{path.name}: cycles of engine {unit} must count from 1 without gaps", field="path"
            )
        engines.append(Engine(unit, rows[:, 1], rows[:, 2 : 2 + SETTINGS], rows[:, 2 + SETTINGS :]))
    if len({engine.unit for engine in engines}) != len(engines):
        raise InvalidInputError(f"{path.name}: the records of an engine must be contiguous", field="path")
    return tuple(engines)


def read_remaining(path: Path, engines: int) -> NDArray[np.float64]:
    """Read a `RUL_` file: remaining cycles after the last record of each test engine, shape (engines,).

    Raises
    ------
    InvalidInputError
        The file cannot be read or does not contain one non-negative number per engine.
    """
    table = _numbers(path)
    if table.shape != (engines, 1) or not (table >= 0).all():
        raise InvalidInputError(f"{path.name} must contain one remaining life for each of {engines} engines")
    return table[:, 0]


def _numbers(path: Path) -> NDArray[np.float64]:
    try:
        lines = path.read_text("ascii").splitlines()
        rows = [[float(value) for value in line.split()] for line in lines if line.strip()]
        table = np.array(rows, np.float64)
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{path.name} cannot be read: {error}", field="path") from error
    if table.ndim != 2:
        raise InvalidInputError(f"{path.name} is empty", field="path")
    return table
