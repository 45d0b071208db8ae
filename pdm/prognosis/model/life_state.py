"""The state of one life: causal long-term memory over its channels, updated per record.

The unit of time is the life's typical interval between records (the median of the first intervals): a record per ten
seconds, per eight hours or per cycle is one step, and a stop of many intervals counts as a few, because a machine at
standstill does not age. The recursion over that time is in `features.over_life`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from features.errors import SignalError
from features.over_life import LARGEST_VALUE
from pdm.errors import InvalidInputError
from pdm.prognosis.model.inputs import over_life, read_columns
from pdm.trends.thinned_series import ThinnedHistory

INTERVAL_COUNT = 16  # first intervals, whose median is the typical interval
LONGEST_STEP = 4.0  # in typical intervals: limit of a gap

_HEAD = struct.Struct("<4sHHIdddd")
_MAGIC = b"LIF3"

Vector = NDArray[np.float64]
Columns = NDArray[np.float32]


@dataclass(frozen=True)
class LifeState:
    """The recursive memory of one life: about 1 KiB per channel, independent of the length of the life.

    Times are in the unit of the records, `lived` is the age in typical intervals, `memory` the state of
    `features.over_life` over `width` channels.
    """

    width: int
    records: int
    begun_at: float
    last_at: float
    usual_interval: float
    lived: float
    intervals: Vector
    memory: Vector
    history: ThinnedHistory

    def to_bytes(self) -> bytes:
        """Return the state as bytes, the same for the same state."""
        head = _HEAD.pack(
            _MAGIC,
            self.width,
            len(self.intervals),
            self.records,
            self.begun_at,
            self.last_at,
            self.usual_interval,
            self.lived,
        )
        memory = over_life(self.width).to_bytes(self.memory) if self.width else b""
        return head + self.intervals.tobytes() + memory + self.history.to_bytes()

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
        memory_at = _HEAD.size + 8 * count
        history_at = memory_at + (over_life(width).byte_length if width else 0)
        if len(blob) < history_at:
            raise InvalidInputError("the state of a life is truncated")
        try:
            memory = over_life(width).from_bytes(blob[memory_at:history_at]) if width else np.zeros(0)
        except SignalError as error:
            raise InvalidInputError(f"the state of a life is damaged: {error}") from error
        return cls(
            width=width,
            records=records,
            begun_at=begun,
            last_at=last,
            usual_interval=usual,
            lived=lived,
            intervals=np.frombuffer(blob, np.float64, count, _HEAD.size),
            memory=memory,
            history=ThinnedHistory.from_bytes(blob[history_at:]),
        )

    @property
    def age(self) -> float:
        """Time since the life's first record [unit of the records]."""
        return self.last_at - self.begun_at if self.records else 0.0


def begin_life() -> LifeState:
    """Return the initial state of a life without records."""
    empty = np.zeros(0)
    return LifeState(0, 0, 0.0, 0.0, 0.0, 0.0, empty, empty, ThinnedHistory())


def forget_channels(life: LifeState, which: NDArray[np.bool_]) -> LifeState:
    """Return a life in which some channels, flagged in `which` (K,), have had no value so far; its age is kept."""
    if not life.records:
        return life
    return replace(life, memory=over_life(life.width).forget(life.memory, which))


def advance(
    life: LifeState, at: float, values: NDArray[np.floating], health: float | None = None
) -> tuple[LifeState, Columns]:
    """Update the memory of a life with one record and return the input columns of a model.

    Parameters
    ----------
    life : LifeState
        The state before this record; it is not modified.
    at : float
        Time of the record, later than every one before [the unit of this life].
    values : ndarray, shape (K,)
        The channels; NaN where the machine has no such sensor or no value is known yet.
    health : float, optional
        Health of the assessment, 1 as new to 0, stored in thinned form for the degradation trend.

    Returns
    -------
    life : LifeState
    columns : ndarray, shape (C,), float32
        As `memory.Memory.columns` names them; NaN for a channel without a value so far.

    Raises
    ------
    InvalidInputError
        The record is not later than the previous one, or K differs from the K of this life.
    """
    row = np.asarray(values)
    if row.ndim != 1:
        raise InvalidInputError(f"the values of a record must be one row, not of shape {row.shape}")
    (after,), columns = advance_each([life], [at], row[None])
    return replace(after, history=life.history.add(at, health)), columns[0]


def advance_each(
    lives: Sequence[LifeState], at: Sequence[float], values: NDArray[np.floating]
) -> tuple[list[LifeState], Columns]:
    """Update many lives with one record each, as `advance` does without health, at a fraction of the cost.

    Parameters
    ----------
    lives : sequence of LifeState, length n
    at : sequence of float, length n
    values : ndarray, shape (n, K)

    Returns
    -------
    lives : list of LifeState, length n
    columns : ndarray, shape (n, C), float32

    Raises
    ------
    InvalidInputError
        As `advance`.
    """
    width = values.shape[1]
    ages, clocks = zip(*(_age(life, [time], width) for life, time in zip(lives, at, strict=True)), strict=True)
    before = np.array([life.memory if life.records else over_life(width).begin() for life in lives])
    memory, out = over_life(width).advance_many(before, np.array(ages), _known(values)[:, None])
    columns = np.ascontiguousarray(out[:, 0][:, read_columns(width)])
    found = [
        replace(clock, memory=row, history=life.history) for life, clock, row in zip(lives, clocks, memory, strict=True)
    ]
    return found, columns


def life_columns(times: Vector, values: NDArray[np.floating]) -> Columns:
    """Return the columns of a whole life, shape (n, C), bit-identical to advancing one record at a time.

    Raises
    ------
    InvalidInputError
        Times are not strictly increasing, or the shapes do not agree.
    """
    if values.ndim != 2 or len(times) != len(values):
        raise InvalidInputError(f"{len(times)} times but values of shape {values.shape}")
    width = values.shape[1]
    ages, _ = _age(begin_life(), np.asarray(times, np.float64).tolist(), width)
    out = over_life(width).advance(over_life(width).begin(), ages, _known(values))[1]
    return out[:, read_columns(width)]


def _known(values: NDArray[np.floating]) -> Vector:
    known: Vector = np.where(np.abs(values) < LARGEST_VALUE, values, np.nan).astype(np.float64, copy=False)
    return known


def _age(life: LifeState, times: list[float], width: int) -> tuple[list[float], LifeState]:
    """Return the age in typical intervals at each of `times`, and the life with its clock advanced."""
    if life.records and width != life.width:
        raise InvalidInputError(f"{width} channels; this life has {life.width}")
    last, lived, usual, intervals = life.last_at, life.lived, life.usual_interval, life.intervals
    is_first = life.records == 0
    ages = []
    for at in times:
        if not isfinite(at):
            raise InvalidInputError("the time of a record must be finite", field="measured_at")
        if not is_first:
            if at <= last:
                raise InvalidInputError(
                    f"the record at {at} is not later than the one before, at {last}", field="measured_at"
                )
            if len(intervals) < INTERVAL_COUNT:
                intervals = np.append(intervals, at - last)
                usual = float(np.sort(intervals)[len(intervals) // 2])
            lived += min((at - last) / usual, LONGEST_STEP)
        is_first = False
        last = at
        ages.append(lived)
    begun = life.begun_at if life.records or not times else times[0]
    records = life.records + len(times)
    return ages, LifeState(width, records, begun, last, usual, lived, intervals, life.memory, life.history)
