"""What is remembered of one life: long, causal memory over the health indicators, updated an acquisition at a time.

Indicators are relative to the machine's own baseline, so the columns made here mean the same on machines of
different size and with different sensors. Time enters in units of the life's own usual interval between
acquisitions (the median of its first ones): one record in ten seconds and one in eight hours are both one
step, and a stop of many intervals counts as a few, because a machine that stands still does not age.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError
from pdm.health.indicators import INDICATORS
from pdm.prognosis.history import History

SPANS = (5.0, 15.0, 50.0, 150.0)  # of the exponential averages, in acquisitions at the usual interval
BASELINE_COUNT = 15  # finite values of an indicator that make its baseline within the life
INTERVAL_COUNT = 16  # first intervals whose median is the usual one
LONGEST_STEP = 4.0  # in usual intervals: a longer gap weighs no more

_BANK = len(SPANS)
_ROWS = 2 * _BANK + 5  # averages, averages of averages, variance, highest, mean, baseline, count
_HEAD = struct.Struct("<4sHHIddd")
_MAGIC = b"LIF1"
_DECAY = -1.0 / np.array(SPANS)[:, None]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class LifeState:
    """The recursive memory of one life; at most 8 KiB.

    `memory` (13, K) holds per indicator the exponential averages, the averages of these, the variance, the
    highest short average, the mean, the baseline and the count of finite values.
    """

    records: int
    begun_at_s: float
    last_at_s: float
    usual_interval: float
    intervals: Vector
    memory: Vector
    history: History

    def to_bytes(self) -> bytes:
        """Return the state as bytes, the same for the same state."""
        head = _HEAD.pack(
            _MAGIC,
            self.memory.shape[1],
            len(self.intervals),
            self.records,
            self.begun_at_s,
            self.last_at_s,
            self.usual_interval,
        )
        return head + self.intervals.tobytes() + self.memory.tobytes() + self.history.to_bytes()

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
        _, width, count, records, begun, last, usual = _HEAD.unpack_from(blob)
        start = _HEAD.size + 8 * count
        end = start + 8 * _ROWS * width
        if len(blob) < end:
            raise InvalidInputError("the state of a life is cut short")
        return cls(
            records=records,
            begun_at_s=begun,
            last_at_s=last,
            usual_interval=usual,
            intervals=np.frombuffer(blob, np.float64, count, _HEAD.size),
            memory=np.frombuffer(blob, np.float64, _ROWS * width, start).reshape(_ROWS, width),
            history=History.from_bytes(blob[end:]),
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
    return LifeState(0, 0.0, 0.0, 0.0, empty, np.zeros((_ROWS, 0)), History())


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
    values = np.asarray(indicators, np.float64)
    if values.ndim != 1:
        raise InvalidInputError(f"indicators must be one row, not of shape {values.shape}")
    if not np.isfinite(measured_at_s):
        raise InvalidInputError("measured_at must be a finite time", field="measured_at")
    if life.records == 0:
        memory = np.zeros((_ROWS, len(values)))
        step, usual, intervals, begun = 1.0, 0.0, life.intervals, measured_at_s
    else:
        step, usual, intervals = _step(life, measured_at_s)
        memory, begun = life.memory.copy(), life.begun_at_s
    if memory.shape[1] != len(values):
        raise InvalidInputError(f"{len(values)} indicators where this life has {memory.shape[1]}")
    _remember(memory, values, step)
    history = life.history.add(measured_at_s, health)
    after = LifeState(life.records + 1, begun, measured_at_s, usual, intervals, memory, history)
    return after, _columns(memory, measured_at_s - begun, after.records)


def life_columns(measured_at_s: Vector, indicators: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the columns of a whole life, shape (n, 2 + 15 K), bit-identical to advancing one at a time.

    Raises
    ------
    InvalidInputError
        Times are not strictly rising, or the shapes do not agree.
    """
    if indicators.ndim != 2 or len(measured_at_s) != len(indicators):
        raise InvalidInputError(f"{len(measured_at_s)} times beside indicators of shape {indicators.shape}")
    life = begin_life()
    columns = np.empty((len(indicators), 2 + len(_PER_INDICATOR) * indicators.shape[1]), np.float32)
    for row, (at, values) in enumerate(zip(measured_at_s.tolist(), indicators, strict=True)):
        life, columns[row] = advance(life, at, values)
    return columns


def _step(life: LifeState, measured_at_s: float) -> tuple[float, float, Vector]:
    interval = measured_at_s - life.last_at_s
    if interval <= 0:
        raise InvalidInputError(
            f"acquisition at {measured_at_s} s is not later than the one before, at {life.last_at_s} s",
            field="measured_at",
        )
    intervals, usual = life.intervals, life.usual_interval
    if len(intervals) < INTERVAL_COUNT:
        intervals = np.append(intervals, interval)
        usual = float(np.sort(intervals)[len(intervals) // 2])
    return min(interval / usual, LONGEST_STEP), usual, intervals


def _remember(memory: Vector, values: Vector, step: float) -> None:
    is_seen = np.isfinite(values)
    if not is_seen.any():
        return
    variance, highest, mean, baseline, count = memory[2 * _BANK :]
    count += is_seen
    share = 1.0 / np.maximum(count, 1.0)
    weight = np.where(is_seen, np.maximum(-np.expm1(_DECAY * step), share), 0.0)
    seen = np.where(is_seen, values, 0.0)
    averages, again = memory[:_BANK], memory[_BANK : 2 * _BANK]
    departure = seen - averages[1]
    averages += weight * (seen - averages)
    again += weight * (averages - again)
    variance += weight[1] * ((1.0 - weight[1]) * departure * departure - variance)
    is_first = is_seen & (count == 1.0)
    np.copyto(highest, np.where(is_first, averages[0], np.maximum(highest, averages[0])), where=is_seen)
    mean += np.where(is_seen, share * (seen - mean), 0.0)
    np.copyto(baseline, mean, where=is_seen & (count <= BASELINE_COUNT))


def _columns(memory: Vector, age_s: float, records: int) -> NDArray[np.float32]:
    width = memory.shape[1]
    columns = np.empty(2 + len(_PER_INDICATOR) * width, np.float32)
    columns[0], columns[1] = age_s, records
    parts = columns[2:].reshape(len(_PER_INDICATOR), width)
    averages = memory[:_BANK]
    variance, highest, mean, baseline, count = memory[2 * _BANK :]
    slopes = averages - memory[_BANK : 2 * _BANK]
    parts[:4] = averages
    parts[4:8] = slopes
    parts[8] = averages[1] - baseline
    parts[9] = averages[0] - averages[2]
    parts[10] = averages[1] - averages[3]
    parts[11] = slopes[1] - slopes[2]
    parts[12] = np.sqrt(variance)
    parts[13] = highest
    parts[14] = averages[1] - mean
    parts[:, count == 0.0] = np.nan
    return columns
