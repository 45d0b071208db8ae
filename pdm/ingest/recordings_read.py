"""Content of a recording file: channels by name, with rate, unit and scale where the file has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError


@dataclass(frozen=True)
class FileChannel:
    """One channel; None where the file has no value.

    `scale` is in units per count. For sound files the caller declares units at full scale instead; one count is
    `part_of_full_scale` of it.
    """

    name: str
    samples: NDArray[Any]
    sampling_rate: float | None = None
    unit: str | None = None
    scale: float | None = None
    part_of_full_scale: float | None = None

    @property
    def needs_scale(self) -> bool:
        """Whether the samples are counts."""
        return self.part_of_full_scale is not None or self.samples.dtype.kind in "iu"


@dataclass(frozen=True)
class FileRecording:
    """Channels, shaft speed [Hz] and time of a file, and the jitter of its sampling clock [samples]."""

    channels: tuple[FileChannel, ...]
    speed: float | None = None
    measured_at: datetime | None = None
    jitter: float | None = None

    def channel(self, name: str) -> FileChannel:
        """Return a channel of the file by its name."""
        return next(channel for channel in self.channels if channel.name == name)


def measure_clock(seconds: NDArray[np.float64]) -> tuple[float, float]:
    """Return the sampling rate [Hz] of times (n,) [s], and their largest deviation from an even grid [samples].

    Raises
    ------
    InvalidInputError
        The times do not increase, or samples are missing.
    """
    if len(seconds) < 3:
        raise InvalidInputError("a time column requires at least three lines", field="time")
    if not np.isfinite(seconds).all():
        line = int(np.argmin(np.isfinite(seconds)))
        raise InvalidInputError(f"sample {line + 1} has no time", field="time")
    steps = np.diff(seconds)
    if not (steps > 0).all():
        line = int(np.argmax(steps <= 0)) + 2
        raise InvalidInputError(
            f"time does not increase at sample {line}: the resolution is too coarse, or parts are joined; "
            f"remove the time column and declare the rate, or give one continuous part",
            field="time",
        )
    if steps.max() >= 1.5 * np.median(steps):
        line = int(np.argmax(steps)) + 2
        raise InvalidInputError(
            f"samples are missing before sample {line}, where time jumps by {steps.max():.6g} s; "
            "give one continuous part",
            field="time",
        )
    places = np.arange(len(seconds))
    slope, start = np.polyfit(places, seconds - seconds[0], 1)
    return 1.0 / slope, float(np.abs(seconds - seconds[0] - start - slope * places).max() / slope)
