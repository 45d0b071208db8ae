"""The PRONOSTIA run-to-failure bearings (IEEE PHM 2012 challenge) as packed in `.npz` files."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.machines.model import (
    BearingGeometry,
    Component,
    ComponentKind,
    Machine,
    MeasurementPoint,
    Timeline,
)
from pdm.machines.work_events import WorkEvent
from pdm.measurements import Acquisition, OperatingContext, Waveform

SAMPLING_RATE = 25600.0  # Hz
INTERVAL = timedelta(seconds=10)
STARTED_AT = datetime(2026, 11, 1, tzinfo=UTC)  # the files have no usable clock; every life begins at this time
SCALE = 1e-3  # g per count: the files contain milli-g
SPEED_RPM = {1: 1800.0, 2: 1650.0, 3: 1500.0}
_GEOMETRY = BearingGeometry(
    rolling_elements=13,
    element_diameter=3.5e-3,
    pitch_diameter=25.6e-3,
    contact_angle=0.0,
    source="PRONOSTIA: Nectoux et al., IEEE PHM 2012; contact angle taken as 0",
)
_POINTS = {"h": ("bearing-h", "horizontal"), "v": ("bearing-v", "vertical")}


class Pronostia:
    """The lives in a folder, one machine each, with the file name in lower case as key: `bearing1_2`.

    A record with peaks beyond the 16-bit range is float32; all others remain milli-g counts. The test rig is outside
    the scope of ISO 10816-3, so there are no severity limits.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {path.stem.lower(): path for path in sorted(folder.glob("Bearing[0-9]_[0-9].npz"))}
        self._counts = {key: _count(path) for key, path in self._files.items()}
        self.machines = tuple(_machine(key) for key in self._files)
        self.left_out = tuple(
            f"{path.name}: its name is not that of a life, such as Bearing1_1.npz"
            for path in sorted(folder.iterdir())
            if path.suffix.lower() == ".npz" and path not in self._files.values()
        )

    def acquisitions(self, machine: str, refuse: Callable[[str], None] | None = None) -> Iterator[Acquisition]:  # noqa: ARG002
        """Yield the records of one life, 10 s apart; a life is one file, which is an error if it cannot be read."""
        path = self._find(machine)
        context = OperatingContext(speed=_speed(machine), load=1.0, state=f"condition-{_condition(machine)}")
        axes = _read_axes(path)
        for index in range(self._counts[machine]):
            waveforms = tuple(axes[axis].waveform(index, point) for axis, (point, _) in _POINTS.items())
            yield Acquisition(machine, STARTED_AT + index * INTERVAL, waveforms, (), context)

    def count(self, machine: str) -> int:
        """Return the number of records of the life."""
        self._find(machine)
        return self._counts[machine]

    def work_events(self, machine: str) -> tuple[WorkEvent, ...]:
        """Return no events: in the files the end of a life is only the last record."""
        self._find(machine)
        return ()

    def _find(self, machine: str) -> Path:
        if machine not in self._files:
            raise InvalidInputError(
                f"unknown machine {machine!r}; machines in the folder: {', '.join(self._files)}", field="machine"
            )
        return self._files[machine]


class _Axis:
    """One axis of a life: milli-g counts, and the values beyond the 16-bit range."""

    def __init__(self, file: Any, axis: str) -> None:
        self._counts: NDArray[np.int16] = file[axis]
        self._overflow_at: NDArray[np.int64] = file[f"{axis}_ovf_idx"].astype(np.int64)
        self._overflow: NDArray[np.float32] = (file[f"{axis}_ovf_val"].astype(np.float64) * SCALE).astype(np.float32)

    def waveform(self, index: int, point: str) -> Waveform:
        counts = self._counts[index]
        begin, end = np.searchsorted(self._overflow_at, (index * counts.size, (index + 1) * counts.size))
        if begin == end:
            return Waveform(point, counts, SAMPLING_RATE, "g", SCALE)
        samples = (counts.astype(np.float64) * SCALE).astype(np.float32)
        samples[self._overflow_at[begin:end] - index * counts.size] = self._overflow[begin:end]
        return Waveform(point, samples, SAMPLING_RATE, "g")


def _read_axes(path: Path) -> dict[str, _Axis]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {axis: _Axis(file, axis) for axis in _POINTS}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidInputError(f"{path.name} is not a PRONOSTIA history: {error}", field="path") from error


def _machine(key: str) -> Machine:
    return Machine(
        key=key,
        line="pronostia",
        site="femto-st",
        name=key.capitalize(),
        fleet="pronostia",
        rated_speed=_speed(key),
        planning_horizon=1800.0,
        baseline_acquisitions=50,
        timeline=Timeline.REPLAY,
        components=(Component("bearing", ComponentKind.BEARING, _GEOMETRY),),
        points=tuple(
            MeasurementPoint(point, "acceleration", "g", SAMPLING_RATE, direction, "bearing")
            for point, direction in _POINTS.values()
        ),
    )


def _condition(key: str) -> int:
    return int(key.removeprefix("bearing").partition("_")[0])


def _speed(key: str) -> float:
    """Return the shaft speed [Hz] of the life's operating condition, never NaN."""
    speed = SPEED_RPM.get(_condition(key), math.nan) / 60
    if math.isnan(speed):
        raise InvalidInputError(
            f"{key!r} has an unknown operating condition; known: {sorted(SPEED_RPM)}", field="machine"
        )
    return speed


def _count(path: Path) -> int:
    """Return the number of records, from the array header only."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("h.npy") as stream:
            version = np.lib.format.read_magic(stream)
            if version != (1, 0):
                raise ValueError(f"array format {version}")
            shape, _, _ = np.lib.format.read_array_header_1_0(stream)
            return int(shape[0])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidInputError(f"{path.name} is not a PRONOSTIA history: {error}", field="path") from error
