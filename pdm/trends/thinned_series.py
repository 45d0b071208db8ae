"""Thinned series: a life of any length as a few means over equally many acquisitions each.

Where the means are full, neighbours are merged, so that they always span the life. There are two forms, since what is
stored of either is read again by later releases, and each repeats its sums to the last bit: `ThinnedSeries` has a
changing last mean and several channels with gaps, `ThinnedHistory` one channel and complete means alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError

Floats = NDArray[np.float64]

MOST_MEANS = 32  # of a ThinnedSeries, which bounds the state; thinned by merging neighbours
LENGTH = 64  # means that a ThinnedHistory keeps; at that many, neighbours are merged
FIRST_STRIDE = 2  # acquisitions in a mean, until the history is full for the first time

_HEAD = struct.Struct("<HIIddd")


@dataclass
class ThinnedSeries:
    """Thinned change of velocity RMS: means (n, 2 + points) of count, time [s] and change, NaN where absent.

    Each mean is of `stride` acquisitions but the last, which is of those so far.
    """

    means: Floats = field(default_factory=lambda: np.empty((0, 2)))
    stride: int = 1

    def add(self, at: float, change: Floats) -> ThinnedSeries:
        """Return the series with one more acquisition's change (points,) at a time [s]."""
        row = np.concatenate(([1.0, at], change))
        if len(self.means) and self.means[-1, 0] < self.stride:
            means = self.means.copy()
            means[-1] = _merge(means[-1], row)
            return ThinnedSeries(means, self.stride)
        if len(self.means) < MOST_MEANS:
            return ThinnedSeries(np.concatenate((self.means.reshape(-1, len(row)), row[None])), self.stride)
        paired = np.array([_merge(a, b) for a, b in zip(self.means[::2], self.means[1::2], strict=True)])
        return ThinnedSeries(np.concatenate((paired, row[None])), 2 * self.stride)

    @property
    def complete(self) -> Floats:
        """The means that no further acquisition changes."""
        return self.means[self.means[:, 0] >= self.stride]


def _merge(one: Floats, other: Floats) -> Floats:
    share = other[0] / (one[0] + other[0])
    mean = one + share * (other - one)
    merged = np.where(np.isnan(mean), np.where(np.isnan(one), other, one), mean)
    merged[0] = one[0] + other[0]
    return merged


@dataclass(frozen=True)
class ThinnedHistory:
    """Means of time [s] and health over `stride` acquisitions each, and the incomplete last mean.

    When it is full, neighbours are merged and the stride doubles, so that it always spans the life. Only complete means
    are appended: the series changes once per `stride` acquisitions.
    """

    points: bytes = b""  # (n, 2) float64
    stride: int = FIRST_STRIDE
    gathered: int = 0
    origin: float = 0.0
    time_sum: float = 0.0
    health_sum: float = 0.0

    def add(self, measured_at_s: float, health: float | None) -> ThinnedHistory:
        """Return the history with one more acquisition; an acquisition without health has no effect."""
        if health is None or not np.isfinite(health):
            return self
        origin = self.origin if self.gathered or self.points else measured_at_s
        gathered = self.gathered + 1
        time_sum = self.time_sum + (measured_at_s - origin)
        health_sum = self.health_sum + health
        if gathered < self.stride:
            return ThinnedHistory(self.points, self.stride, gathered, origin, time_sum, health_sum)
        mean = np.array([time_sum / gathered, health_sum / gathered])
        points = self.points + mean.tobytes()
        if len(points) < 16 * LENGTH:
            return ThinnedHistory(points, self.stride, 0, origin)
        merged = np.frombuffer(points).reshape(LENGTH // 2, 2, 2).mean(axis=1)
        return ThinnedHistory(merged.tobytes(), 2 * self.stride, 0, origin)

    def course(self) -> Floats:
        """Return the means so far, shape (n, 2): time since `origin` [s] and health."""
        return np.frombuffer(self.points).reshape(-1, 2)

    def to_bytes(self) -> bytes:
        """Return the history as bytes, the same for the same history."""
        head = _HEAD.pack(
            len(self.points) // 16, self.stride, self.gathered, self.origin, self.time_sum, self.health_sum
        )
        return head + self.points

    @classmethod
    def from_bytes(cls, blob: bytes) -> ThinnedHistory:
        """Read a history written by `to_bytes`; raises InvalidInputError if the bytes are not one."""
        if len(blob) < _HEAD.size:
            raise InvalidInputError("the history of a life is truncated")
        count, stride, gathered, origin, time_sum, health_sum = _HEAD.unpack_from(blob)
        if len(blob) != _HEAD.size + 16 * count or stride < 1:
            raise InvalidInputError("these bytes are not the history of a life")
        return cls(blob[_HEAD.size :], stride, gathered, origin, time_sum, health_sum)
