"""What is remembered of one life: long, causal memory over the health indicators, updated an acquisition at a time.

Indicators are relative to the machine's own baseline, so the columns made here mean the same on machines of
different size and with different sensors. Time enters in units of the life's own usual interval between
acquisitions (the median of its first ones): one record in ten seconds and one in eight hours are both one
step, and a stop of many intervals counts as a few, because a machine that stands still does not age. The
recursion over that time is `features.over_life`'s.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from features.errors import SignalError
from features.over_life import LARGEST_VALUE, OverLife
from pdm.errors import InvalidInputError
from pdm.health.indicators import INDICATOR_VERSION, INDICATORS
from pdm.prognosis.history import History

COLUMN_VERSION = f"{INDICATOR_VERSION} life-2"  # of the columns, so that no model reads others than it was trained on
SPANS = (5.0, 15.0, 50.0, 150.0)  # of the exponential averages, in acquisitions at the usual interval
BASELINE_COUNT = 15  # finite values of an indicator that make its baseline within the life
INTERVAL_COUNT = 16  # first intervals whose median is the usual one
LONGEST_STEP = 4.0  # in usual intervals: a longer gap weighs no more

_HEAD = struct.Struct("<4sHHIdddd")
_MAGIC = b"LIF2"

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class LifeState:
    """The recursive memory of one life; at most 8 KiB.

    `lived` is its age in usual intervals, `memory` the state of `features.over_life` over the indicators and
    `baseline` (K,) the mean of each indicator's first values.
    """

    records: int
    begun_at_s: float
    last_at_s: float
    usual_interval: float
    lived: float
    intervals: Vector
    memory: Vector
    baseline: NDArray[np.float32]
    history: History

    def to_bytes(self) -> bytes:
        """Return the state as bytes, the same for the same state."""
        head = _HEAD.pack(
            _MAGIC,
            len(self.baseline),
            len(self.intervals),
            self.records,
            self.begun_at_s,
            self.last_at_s,
            self.usual_interval,
            self.lived,
        )
        memory = _over_life(len(self.baseline)).to_bytes(self.memory) if len(self.baseline) else b""
        return head + self.intervals.tobytes() + self.baseline.tobytes() + memory + self.history.to_bytes()

    @classmethod
    def from_bytes(cls, blob: bytes) -> LifeState:
        """Read a state written by `to_bytes`, bit for bit.

        Raises
        ------
        InvalidInputError
            The bytes are not such a state.
        """
        if len(blob) < _HEAD.size or blob[:4] != _MAGIC:
            raise InvalidInputError("these bytes are not the state of a life")
        _, width, count, records, begun, last, usual, lived = _HEAD.unpack_from(blob)
        baseline_at = _HEAD.size + 8 * count
        memory_at = baseline_at + 4 * width
        history_at = memory_at + (_over_life(width).byte_length if width else 0)
        if len(blob) < history_at:
            raise InvalidInputError("the state of a life is cut short")
        try:
            memory = _over_life(width).from_bytes(blob[memory_at:history_at]) if width else np.zeros(0)
        except SignalError as error:
            raise InvalidInputError(f"the state of a life is damaged: {error}") from error
        return cls(
            records=records,
            begun_at_s=begun,
            last_at_s=last,
            usual_interval=usual,
            lived=lived,
            intervals=np.frombuffer(blob, np.float64, count, _HEAD.size),
            memory=memory,
            baseline=np.frombuffer(blob, np.float32, width, baseline_at),
            history=History.from_bytes(blob[history_at:]),
        )

    @property
    def age_s(self) -> float:
        """Time since the life's first acquisition [s]."""
        return self.last_at_s - self.begun_at_s if self.records else 0.0


_PER_INDICATOR = (
    "ew5", "ew15", "ew50", "ew150",
    "slope5", "slope15", "slope50", "slope150",
    "since_baseline", "short_less_long", "middle_less_long", "curvature",
    "deviation", "highest", "since_mean",
)  # fmt: skip


def column_names(indicators: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the columns that `advance` makes of these indicators, in its order."""
    names = tuple(indicators)
    return ("age_s", "records", *(f"{name}.{part}" for part in _PER_INDICATOR for name in names))


LIFE_COLUMNS = column_names(indicator.name for indicator in INDICATORS)


def begin_life() -> LifeState:
    """Return the state of a life of which nothing has been seen yet."""
    empty = np.zeros(0)
    return LifeState(0, 0.0, 0.0, 0.0, 0.0, empty, empty, np.zeros(0, np.float32), History())


def advance(
    life: LifeState, measured_at_s: float, indicators: NDArray[np.float32], health: float | None = None
) -> tuple[LifeState, NDArray[np.float32]]:
    """Take one acquisition into the memory of a life and return the columns a model reads.

    Parameters
    ----------
    life : LifeState
        The state before this acquisition; it is left as it was.
    measured_at_s : float
        Time of the acquisition [s], later than every one before.
    indicators : ndarray, shape (K,)
        NaN where the machine has no such sensor or nothing is known yet.
    health : float, optional
        Health of the assessment, 1 as new to 0, kept thinned for the degradation trend.

    Returns
    -------
    life : LifeState
    columns : ndarray, shape (2 + 15 K,), float32
        NaN wherever the indicator has not been seen.

    Raises
    ------
    InvalidInputError
        The acquisition is not later than the one before, or K is not the K of this life.
    """
    values = np.asarray(indicators)
    if values.ndim != 1:
        raise InvalidInputError(f"indicators must be one row, not of shape {values.shape}")
    after, columns = _take(life, [measured_at_s], values[None], life.history.add(measured_at_s, health))
    return after, columns[0]


def life_columns(measured_at_s: Vector, indicators: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the columns of a whole life, shape (n, 2 + 15 K), bit-identical to advancing one at a time.

    Raises
    ------
    InvalidInputError
        Times are not strictly rising, or the shapes do not agree.
    """
    if indicators.ndim != 2 or len(measured_at_s) != len(indicators):
        raise InvalidInputError(f"{len(measured_at_s)} times beside indicators of shape {indicators.shape}")
    return _take(begin_life(), np.asarray(measured_at_s, np.float64).tolist(), indicators, History())[1]


@lru_cache
def _over_life(width: int) -> OverLife:
    """Return the memory over so many indicators."""
    names = tuple(f"indicator{i}" for i in range(width))
    return OverLife(names, SPANS, lags=(), baseline_records=0, has_curvature=False)


@lru_cache
def _places(width: int) -> NDArray[np.intp]:
    """Return where the parts read are among the columns over life, shape (parts, width)."""
    place = {name: index for index, name in enumerate(_over_life(width).columns)}
    spans = [f"{span:g}" for span in SPANS]
    parts = [*(f"ewma_{span}" for span in spans), *(f"rise_{span}" for span in spans), "deviation_15"]
    parts += ["highest", "mean", "records"]
    return np.array([[place[f"indicator{i}.{part}"] for i in range(width)] for part in parts])


def _take(
    life: LifeState, times: list[float], indicators: NDArray[np.float32], history: History
) -> tuple[LifeState, NDArray[np.float32]]:
    """Take acquisitions (n, K) into the memory of a life; returns the columns of each."""
    width = indicators.shape[1]
    if life.records and width != len(life.baseline):
        raise InvalidInputError(f"{width} indicators where this life has {len(life.baseline)}")
    ages, usual, intervals = _age(life, times)
    before = life.memory, life.baseline
    if not life.records:
        before = _over_life(width).begin(), np.full(width, np.nan, np.float32)
    known = np.where(np.abs(indicators) < LARGEST_VALUE, indicators, np.nan)
    memory, out = _over_life(width).advance(before[0], ages, known)
    parts = out[:, _places(width)]
    baseline = _baseline(before[1], parts[:, -1], parts[:, -2])
    begun = life.begun_at_s if life.records or not times else times[0]
    columns = np.empty((len(times), 2 + len(_PER_INDICATOR) * width), np.float32)
    columns[:, 0] = [at - begun for at in times]
    columns[:, 1] = range(life.records + 1, life.records + 1 + len(times))
    _arrange(parts, baseline, columns[:, 2:].reshape(len(times), len(_PER_INDICATOR), width))
    if not times:
        return life, columns
    records = life.records + len(times)
    after = LifeState(records, begun, times[-1], usual, ages[-1], intervals, memory, baseline[-1], history)
    return after, columns


def _age(life: LifeState, times: list[float]) -> tuple[list[float], float, Vector]:
    """Return the age in usual intervals at each of `times`, the usual interval [s] and the first intervals [s]."""
    last, lived, usual, intervals = life.last_at_s, life.lived, life.usual_interval, life.intervals
    is_first = life.records == 0
    ages = []
    for at in times:
        if not isfinite(at):
            raise InvalidInputError("measured_at must be a finite time", field="measured_at")
        if not is_first:
            if at <= last:
                raise InvalidInputError(
                    f"acquisition at {at} s is not later than the one before, at {last} s", field="measured_at"
                )
            if len(intervals) < INTERVAL_COUNT:
                intervals = np.append(intervals, at - last)
                usual = float(np.sort(intervals)[len(intervals) // 2])
            lived += min((at - last) / usual, LONGEST_STEP)
        is_first = False
        last = at
        ages.append(lived)
    return ages, usual, intervals


def _baseline(before: NDArray[np.float32], seen: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean (n, K) of the first values at each acquisition: that of all values until there are enough."""
    is_learning = ~(seen > BASELINE_COUNT)
    if len(seen) == 1:
        return np.where(is_learning, mean, before)
    latest = np.minimum(np.arange(len(seen))[:, None], is_learning.sum(axis=0) - 1)
    learned: NDArray[np.float32] = np.where(latest < 0, before, np.take_along_axis(mean, np.maximum(latest, 0), axis=0))
    return learned


def _arrange(parts: NDArray[np.float32], baseline: NDArray[np.float32], columns: NDArray[np.float32]) -> None:
    """Write the columns (n, 15, K) from parts over life (n, 12, K)."""
    columns[:, :8] = parts[:, :8]
    ew5, ew15, ew50, ew150 = (parts[:, i] for i in range(4))
    columns[:, 8] = ew15 - baseline
    columns[:, 9] = ew5 - ew50
    columns[:, 10] = ew15 - ew150
    columns[:, 11] = parts[:, 5] - parts[:, 6]
    columns[:, 12:14] = parts[:, 8:10]
    columns[:, 14] = ew15 - parts[:, 10]
