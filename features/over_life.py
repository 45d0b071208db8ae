"""Long-term memory of any features over the life of a machine, updated per record.

A configuration defines the columns. A point's state is one small array that determines all later columns: single
records and batches give bit-identical columns, and no later record changes an earlier column. Life time is running
hours, calendar time or cycles; a repair starts a new state.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features import over_life_identity as identity
from features.catalogue.over_life import BANK, COMPARISON, CURVATURE, MEMORY
from features.errors import SignalError
from features.kernels import over_life as kernels
from features.kernels import over_life_layout as layout

MOST_BYTES = 8192
"""Size of a point's state in the default configuration."""
LARGEST_VALUE = 1e30
"""Limit of feature values; squares of greater ones exceed single precision."""
RATIO_CHANNELS = {
    "na4": ("residual_variance", "residual_kurtosis"),
    "nb4": ("envelope_mesh_variance", "envelope_mesh_kurtosis"),
}
"""Pairs of variance and kurtosis for a quasi-normalised kurtosis, if both are channels."""

_HEAD = struct.Struct("<4sIII")
_MAGIC = b"OVL2"
_FORMER_MAGIC = b"OVL1"  # of revision 080f245: the same array with a different fingerprint
_REFUSALS = {1: "is before the previous time", 2: "is not a finite number"}  # by what the kernel `check` returns

State = NDArray[np.float64]


@dataclass(frozen=True)
class OverLife:
    """Configuration of the memory of features over a life.

    Parameters
    ----------
    channels : tuple of str
        Names of the features, in the order of the values.
    time_constants : tuple of float
        Of the exponential memory, increasing [unit of life time].
    lags : tuple of float
        Over which changes are computed, increasing [unit of life time]; may be empty.
    baseline_records : int
        Number of first values of a channel for its baseline; 0 omits all columns relative to a baseline.
    has_curvature : bool
        Whether parabolas are fitted too.
    cusum_reference : float
        Reference value k of the cumulative sums, in standard deviations: half the shift to detect soonest.
    least_scatter : float
        Lower limit of the scatter as a share of |baseline|, because a smaller change is not significant.

    Raises
    ------
    SignalError
        The configuration is not possible.

    Notes
    -----
    With k = 0.5, a limit of 5 on `cusum_rise` or `cusum_fall` is crossed once in 931 values of Gaussian noise of known
    baseline, on `cusum` once in 465 (Brook and Evans 1972; 952 and 504 measured with 2,000 values to learn from). A
    baseline learned from few values has an estimation error: the measured median run length of `cusum` is then 103
    values for 20 learning values, 178 for 50 and 347 for 2,000.

    Examples
    --------
    >>> life = OverLife(channels=("rms",), time_constants=(10.0,), lags=(), baseline_records=0, has_curvature=False)
    >>> state, out = life.advance(life.begin(), [0.0, 1.0, 2.0], [[1.0], [3.0], [5.0]])
    >>> dict(zip(life.columns, out[-1].tolist()))["rms.slope_10"]
    2.0
    """

    channels: tuple[str, ...] = (
        "rms",
        "velocity_rms",
        "high_frequency_rms",
        "kurtosis",
        "envelope_rms",
        "envelope_kurtosis",
        "residual_variance",
        "residual_kurtosis",
    )
    time_constants: tuple[float, ...] = (5.0, 12.0, 30.0, 80.0, 200.0)
    lags: tuple[float, ...] = (25.0, 50.0, 100.0)
    baseline_records: int = 20
    has_curvature: bool = True
    cusum_reference: float = 0.5
    least_scatter: float = 1e-3

    def __post_init__(self) -> None:
        if not self.channels or len(set(self.channels)) != len(self.channels):
            raise SignalError("channels", "at least one is required, and none may occur twice")
        if not self.time_constants:
            raise SignalError("time_constants", "there must be at least one")
        _check_rising("time_constants", self.time_constants)
        _check_rising("lags", self.lags)
        if self.baseline_records != 0 and self.baseline_records < 5:
            raise SignalError(
                "baseline_records",
                f"{self.baseline_records} values are too few for a baseline; give at least 5, or 0 for none",
            )
        if not 0 <= self.cusum_reference < np.inf:
            raise SignalError("cusum_reference", f"{self.cusum_reference} is not a finite number from 0 on")
        if not 0 <= self.least_scatter < np.inf:
            raise SignalError("least_scatter", f"{self.least_scatter} is not a finite number from 0 on")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order; `features.catalogue.over_life` defines them."""
        return ("age", *(name for channel in self.channels for name in self._names(channel)), *self._ratios)

    @cached_property
    def size(self) -> int:
        """Length of a point's state."""
        return layout.HEAD + len(self.channels) * self._channel_size + len(self._ratios) * layout.RATIO_SIZE

    @property
    def byte_length(self) -> int:
        """Length of the result of `to_bytes` [bytes]."""
        return _HEAD.size + 8 * self.size

    def begin(self) -> State:
        """Return the initial state of a point, shape (size,)."""
        state = np.zeros(self.size)
        channels = self._blocks(state)
        channels[:, self._channel_size - 2 * layout.LAG_SLOTS * len(self.lags) :] = np.nan
        for ratio in range(len(self._ratios)):
            state[self.size - layout.RATIO_SIZE * (ratio + 1) + layout.RATIO_VALUE] = np.nan
        return state

    def advance(self, state: State, life_time: ArrayLike, values: ArrayLike) -> tuple[State, NDArray[np.float32]]:
        """Update the memory of a point with its next records.

        Parameters
        ----------
        state : ndarray, shape (size,)
            From `begin` or an earlier call; it is not modified.
        life_time : array_like, shape (n,)
            Of each record, not decreasing. Records at the same time have equal weight; a gap ages all records before
            it.
        values : array_like, shape (n, channels)
            NaN where a feature is absent: the state and the columns of that channel do not change.

        Returns
        -------
        state : ndarray, shape (size,)
        out : ndarray, shape (n, columns), float32
            NaN for a channel without a value so far, and as defined in `features.catalogue.over_life`.

        Raises
        ------
        SignalError
            Time decreases or is not finite, a value is infinite or beyond 1e30, or a shape is wrong.
        """
        times, table = np.asarray(life_time, np.float64), np.asarray(values, np.float64)
        if times.ndim != 1:
            raise SignalError("life_time", f"shape {times.shape} is not (n,)")
        self._check_size(state)
        after, out = self.advance_many(state[None], times[None], table[None])
        return after[0], out[0]

    def advance_many(self, states: State, life_time: ArrayLike, values: ArrayLike) -> tuple[State, NDArray[np.float32]]:
        """Update the memories of many points with their next records, each as `advance` does.

        Parameters
        ----------
        states : ndarray, shape (points, size)
        life_time : array_like, shape (points, n)
        values : array_like, shape (points, n, channels)

        Returns
        -------
        states : ndarray, shape (points, size)
        out : ndarray, shape (points, n, columns), float32

        Raises
        ------
        SignalError
            As `advance`; the error names point, record and channel.
        """
        times = np.ascontiguousarray(life_time, np.float64)
        table = np.ascontiguousarray(values, np.float64)
        if times.ndim != 2:
            raise SignalError("life_time", f"shape {times.shape} is not (points, n)")
        if table.shape != (*times.shape, len(self.channels)):
            raise SignalError("values", f"shape {table.shape} is not {(*times.shape, len(self.channels))}")
        after = np.array(states, np.float64, order="C")
        if after.shape != (len(times), self.size):
            raise SignalError("state", f"shape {after.shape} is not {(len(times), self.size)}")
        self._check(after, times, table)
        out = np.empty((*times.shape, len(self.columns)), np.float32)
        constants, lags, ratios = self._arrays
        kernels.advance(
            after,
            times,
            table,
            out,
            constants,
            lags,
            ratios,
            self.baseline_records,
            self.has_curvature,
            self.cusum_reference,
            self.least_scatter,
        )
        return after, out

    def forget(self, state: State, which: ArrayLike) -> State:
        """Return a state in which some channels, flagged in `which` (channels,), have had no value so far.

        Raises
        ------
        SignalError
            A shape is wrong.
        """
        self._check_size(state)
        flags = np.asarray(which, bool)
        if flags.shape != (len(self.channels),):
            raise SignalError("which", f"shape {flags.shape} is not {(len(self.channels),)}")
        after = state.copy()
        self._blocks(after)[flags] = self._blocks(self.begin())[flags]
        return after

    def to_bytes(self, state: State) -> bytes:
        """Return a state as bytes, equal for equal states.

        Raises
        ------
        SignalError
            The state is not one of this configuration.
        """
        self._check_size(state)
        body = state.astype("<f8").tobytes()
        return _HEAD.pack(_MAGIC, self.size, self._fingerprint, zlib.crc32(body)) + body

    def from_bytes(self, blob: bytes) -> State:
        """Read a state written by `to_bytes`, without loss, also one of the former format.

        Raises
        ------
        SignalError
            The bytes are damaged, or the state of another version or configuration.
        """
        if len(blob) < _HEAD.size or blob[:4] not in (_MAGIC, _FORMER_MAGIC):
            raise SignalError("blob", "these bytes are not a state over life of this version")
        magic, size, fingerprint, checksum = _HEAD.unpack_from(blob)
        if (size, fingerprint) != (self.size, self._fingerprint if magic == _MAGIC else self._former_fingerprint):
            raise SignalError("blob", "these bytes are the state of another configuration")
        body = blob[_HEAD.size :]
        if len(blob) != self.byte_length or zlib.crc32(body) != checksum:
            raise SignalError("blob", f"{len(blob)} bytes are not an intact state")
        return np.frombuffer(body, "<f8").astype(np.float64)

    @cached_property
    def _ratios(self) -> tuple[str, ...]:
        return tuple(name for name, needed in RATIO_CHANNELS.items() if set(needed) <= set(self.channels))

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        pairs = [[self.channels.index(needed) for needed in RATIO_CHANNELS[name]] for name in self._ratios]
        return np.array(self.time_constants), np.array(self.lags), np.array(pairs, np.int64).reshape(-1, 2)

    @cached_property
    def _channel_size(self) -> int:
        slots = max(self.baseline_records, layout.BINS) if self.baseline_records else 0
        term = layout.PARABOLA_SIZE if self.has_curvature else layout.LINE_SIZE
        bank = term * len(self.time_constants)
        return layout.CHANNEL_HEAD + slots + bank + 2 * layout.LAG_SLOTS * len(self.lags)

    @cached_property
    def _fingerprint(self) -> int:
        return zlib.crc32(identity.document(self))

    @cached_property
    def _former_fingerprint(self) -> int:
        return zlib.crc32(identity.former_document(self))

    def _names(self, channel: str) -> Iterator[str]:
        taus = [f"{tau:g}" for tau in self.time_constants]
        for pattern, *_ in MEMORY:
            yield pattern.format(channel=channel)
        for pattern, *_ in BANK + (CURVATURE if self.has_curvature else ()):
            yield from (pattern.format(channel=channel, tau=tau) for tau in taus)
        yield from (f"{channel}.ewma_{tau}_less_{longer}" for tau, longer in pairwise(taus))
        yield from (f"{channel}.change_{lag:g}" for lag in self.lags)
        if self.baseline_records:
            yield from (pattern.format(channel=channel) for pattern, *_ in COMPARISON)

    def _blocks(self, state: State) -> State:
        """Return the part of a state of each channel, shape (channels, _), as a view."""
        return state[layout.HEAD :][: len(self.channels) * self._channel_size].reshape(len(self.channels), -1)

    def _check_size(self, state: State) -> None:
        if state.shape != (self.size,):
            raise SignalError("state", f"shape {state.shape} is not {(self.size,)}, as of this configuration")

    def _check(self, states: State, times: NDArray[np.float64], table: NDArray[np.float64]) -> None:
        where = np.zeros(3, np.int64)
        wrong = kernels.check(states, times, table, LARGEST_VALUE, where)
        if not wrong:
            return
        point, record, channel = where.tolist()
        place = f"record {record}" if len(times) == 1 else f"point {point}, record {record}"
        if wrong in _REFUSALS:
            raise SignalError(f"life_time, {place}", f"{times[point, record]} {_REFUSALS[wrong]}")
        raise SignalError(
            f"values, {place}, channel {self.channels[channel]}",
            f"{table[point, record, channel]} exceeds the limit of {LARGEST_VALUE:g}",
        )


def _check_rising(where: str, times: tuple[float, ...]) -> None:
    if not all(0 < time < np.inf for time in times) or any(a >= b for a, b in pairwise(times)):
        raise SignalError(where, f"{times} are not positive and increasing")
    if len({f"{time:g}" for time in times}) != len(times):
        raise SignalError(where, f"{times} are too close together for unique names")
