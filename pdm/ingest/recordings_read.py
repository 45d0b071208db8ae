"""What a recording's file itself says: channels by name, with rate, unit and scale where they are in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError


@dataclass(frozen=True)
class FileChannel:
    """One channel; None is what the file does not say.

    `scale` is in units per count. In sound files a caller tells the unit at full scale instead, of which a count is
    `part_of_full_scale`.
    """

    name: str
    samples: NDArray[Any]
    sampling_rate: float | None = None
    unit: str | None = None
    scale: float | None = None
    part_of_full_scale: float | None = None

    @property
    def needs_scale(self) -> bool:
        """Whether the samples are counts of something."""
        return self.part_of_full_scale is not None or self.samples.dtype.kind in "iu"


@dataclass(frozen=True)
class FileRecording:
    """The channels of a file, the shaft speed [Hz] and the time in it, and how uneven its clock is [samples]."""

    channels: tuple[FileChannel, ...]
    speed: float | None = None
    measured_at: datetime | None = None
    jitter: float | None = None

    def channel(self, name: str) -> FileChannel:
        """Return a channel that the file has."""
        return next(channel for channel in self.channels if channel.name == name)


def measure_clock(seconds: NDArray[np.float64]) -> tuple[float, float]:
    """Return the rate [Hz] that times (n,) [s] tell, and their largest distance from an even grid [samples].

    Raises
    ------
    InvalidInputError
        The times do not rise, or samples are missing between them.
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
