"""The health state of a machine between acquisitions, and its serialised form."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline.baseline import Baseline
from pdm.health.baseline.covariates import Compensation
from pdm.health.baseline.feature_layout import Layout
from pdm.health.baseline.multivariate import MultivariateBaseline
from pdm.health.baseline.season import Season
from pdm.health.component_health import Parts
from pdm.health.detection.control_charts import Charts
from pdm.trends.thinned_series import ThinnedSeries

_MAGIC = b"HLT4"
_FORMER_MAGIC = b"HLT3"  # of revision 080f245: a signature in place of the document, no additional columns
_BEGINNING = struct.Struct("<4sI")
_FORMER_BEGINNING = struct.Struct("<4s8s")
_HEADER = struct.Struct("<IHIfdd")
_STATE = struct.Struct("<??HddIIB?")
_ARRAY = struct.Struct("<cBHI")
_KINDS = {b"f": "<f4", b"d": "<f8", b"e": "<f2", b"I": "<u4", b"b": "<i1"}


@dataclass
class HealthState:
    """Baselines by operating state and the evidence of the machine's present life: EWMA (M,), CUSUMs, thinned series.

    `identity` is the document of the layout that the arrays belong to (`pdm.health.baseline.layout_document`), or
    `former_signature` its equivalent of revision 080f245; `acquisitions` is the number of assessed acquisitions,
    `width` the factor on the tolerances of operating states, `last` the time [s] and speed [Hz] of the last
    measurement, `related` (K,) the multivariate chart of the scalar channels. Serialisation is lossless. The size is
    below 8 KiB per point.
    """

    identity: bytes = b""
    acquisitions: int = 0
    smoothed: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    states: list[Baseline] = field(default_factory=list)
    width: float = 1.0
    last: tuple[float, float] = (math.nan, math.nan)
    charts: Charts = field(default_factory=lambda: Charts.of(0))
    related: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    course: ThinnedSeries = field(default_factory=ThinnedSeries)
    former_signature: bytes = b""
    layout: Layout | None = field(default=None, repr=False, compare=False)
    parts: Parts | None = field(default=None, repr=False, compare=False)

    def to_bytes(self) -> bytes:
        """Return the state as bytes, which `from_bytes` restores without loss."""
        head = (self.acquisitions, len(self.states), self.course.stride, self.width, *self.last)
        if self.former_signature:
            pieces = [_FORMER_BEGINNING.pack(_FORMER_MAGIC, self.former_signature), _HEADER.pack(*head)]
        else:
            pieces = [_BEGINNING.pack(_MAGIC, len(self.identity)), self.identity, _HEADER.pack(*head)]
        for array in (self.smoothed, self.charts.sums, self.charts.since, self.related, self.course.means):
            pieces += _packed(array)
        for state in self.states:
            pieces += _state_pieces(state)
            if not self.former_signature:
                pieces += _beside_pieces(state)
        return b"".join(pieces)

    @classmethod
    def from_bytes(cls, data: bytes) -> HealthState:
        """Read a state that `to_bytes` wrote, also one of the former format.

        Raises
        ------
        ValueError
            The bytes are not such a state, or they are incomplete.
        """
        try:
            identity, former, reader = _begin(data)
            acquisitions, n_states, stride, width, at, speed = _HEADER.unpack(reader.take(_HEADER.size))
            smoothed, sums, since, related, means = (reader.array() for _ in range(5))
            states = []
            for _ in range(n_states):
                states.append(_read_state(reader))
                if not former:
                    _read_beside(reader, states[-1])
        except (struct.error, KeyError, UnicodeDecodeError) as error:
            raise ValueError("health state is truncated or damaged") from error
        if reader.at != len(data):
            raise ValueError("health state has trailing bytes")
        charts, course = Charts(sums, since), ThinnedSeries(means, stride)
        return cls(identity, acquisitions, smoothed, states, width, (at, speed), charts, related, course, former)


def _begin(data: bytes) -> tuple[bytes, bytes, _Reader]:
    """Return the document of the layout or the former signature, and a reader of the rest."""
    if data[:4] == _FORMER_MAGIC:
        _, signature = _FORMER_BEGINNING.unpack_from(data)
        return b"", signature, _Reader(data, _FORMER_BEGINNING.size)
    magic, length = _BEGINNING.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError("not a health state of this version")
    reader = _Reader(data, _BEGINNING.size)
    return reader.take(length), b"", reader


def _packed(array: NDArray[Any]) -> list[bytes]:
    """Return an array of one or two dimensions as bytes with a header of its type and shape."""
    rows, columns = (0, len(array)) if array.ndim == 1 else array.shape
    return [_ARRAY.pack(array.dtype.char.encode(), array.ndim, rows, columns), array.tobytes()]


def _state_pieces(state: Baseline) -> list[bytes]:
    name = state.name.encode()
    fixed = (state.learned, state.declared, len(name), state.speed, state.load, state.seen, state.last_seen)
    relation = state.relation
    pieces = [_STATE.pack(*fixed, state.doubts, relation is not None), name]
    explained = state.compensation
    arrays: list[NDArray[Any]] = [state.location, state.scale, state.rows, state.order, state.times]
    arrays += [state.along, state.ranges, state.season.course, state.season.doubt]
    arrays += [explained.which, explained.slope, explained.steepness, explained.middle, explained.half_span]
    if relation is not None:
        settings = np.array([relation.smoothing, relation.limit])
        arrays += [relation.location, relation.scale, relation.precision, settings]
    for array in arrays:
        pieces += _packed(array)
    return pieces


def _beside_pieces(state: Baseline) -> list[bytes]:
    """Return the columns that are learned in addition, and their learning state."""
    pieces = _packed(state.fresh)
    if len(state.fresh):
        pieces.append(bytes([state.beside is not None]))
        pieces += _state_pieces(state.beside) if state.beside is not None else []
    return pieces


def _read_beside(reader: _Reader, state: Baseline) -> None:
    state.fresh = reader.array()
    if len(state.fresh) and reader.take(1) == b"\1":
        state.beside = _read_state(reader)


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) != size:
            raise ValueError("health state is truncated")
        self.at += size
        return piece

    def array(self) -> NDArray[Any]:
        kind, dimensions, rows, columns = _ARRAY.unpack(self.take(_ARRAY.size))
        dtype = np.dtype(_KINDS[kind])
        count = columns if dimensions == 1 else rows * columns
        flat = np.frombuffer(self.take(dtype.itemsize * count), dtype).copy()
        return flat if dimensions == 1 else flat.reshape(rows, columns)


def _read_state(reader: _Reader) -> Baseline:
    learned, declared, name_size, speed, load, seen, last_seen, doubts, is_related = _STATE.unpack(
        reader.take(_STATE.size)
    )
    name = reader.take(name_size).decode()
    location, scale, rows, order, times, along, ranges = (reader.array() for _ in range(7))
    season = Season(reader.array(), reader.array())
    compensation = Compensation(*(reader.array() for _ in range(5)))
    relation = None
    if is_related:
        middle, spread, precision, settings = (reader.array() for _ in range(4))
        relation = MultivariateBaseline(middle, spread, precision, float(settings[0]), float(settings[1]))
    return Baseline(
        name=name,
        declared=declared,
        speed=speed,
        load=load,
        seen=seen,
        last_seen=last_seen,
        learned=learned,
        doubts=doubts,
        location=location,
        scale=scale,
        rows=rows,
        order=order,
        times=times,
        along=along,
        ranges=ranges,
        compensation=compensation,
        season=season,
        relation=relation,
    )
