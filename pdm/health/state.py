"""What health remembers of a machine between acquisitions, and its form as bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pdm.health.baseline import Baseline
from pdm.health.layout import Layout

_MAGIC = b"HLT1"
_HEADER = struct.Struct("<4s8sIHHI")
_STATE = struct.Struct("<??HddIII")
_NOTHING = b"\0" * 8


@dataclass
class HealthState:
    """Baselines by operating state and the smoothed evidence (M,) of the machine's present life.

    `signature` names the layout the arrays belong to; `acquisitions` counts what was assessed. It is
    single precision throughout, so that bytes give back the very same state. Per point it stays below
    8 KiB: 8 learned states take 1.2 KiB, 4 learning ones 4.6 KiB.
    """

    signature: bytes = _NOTHING
    acquisitions: int = 0
    smoothed: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    states: list[Baseline] = field(default_factory=list)
    layout: Layout | None = field(default=None, repr=False, compare=False)

    def to_bytes(self) -> bytes:
        """Return the state as bytes that `from_bytes` turns back into the very same state."""
        head = _HEADER.pack(_MAGIC, self.signature, self.acquisitions, len(self.states), 0, len(self.smoothed))
        parts = [head, self.smoothed.tobytes()]
        for state in self.states:
            name = state.name.encode()
            fixed = (state.learned, state.declared, len(name), state.speed, state.load)
            parts.append(_STATE.pack(*fixed, state.seen, state.last_seen, len(state.rows)))
            parts += [name, state.location.tobytes(), state.scale.tobytes(), state.rows.tobytes()]
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> HealthState:
        """Read a state that `to_bytes` wrote.

        Raises
        ------
        ValueError
            The bytes are not such a state, or not all of it.
        """
        try:
            magic, signature, acquisitions, n_states, _, size = _HEADER.unpack_from(data)
            if magic != _MAGIC:
                raise ValueError("not a health state of this version")
            reader = _Reader(data, _HEADER.size)
            smoothed = reader.array(np.dtype("<f4"), size)
            states = [_read_state(reader, size) for _ in range(n_states)]
        except struct.error as error:
            raise ValueError("health state ends early") from error
        if reader.at != len(data):
            raise ValueError("health state has bytes left over")
        return cls(signature, acquisitions, smoothed, states)


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) != size:
            raise ValueError("health state ends early")
        self.at += size
        return piece

    def array(self, dtype: np.dtype[np.floating], count: int) -> NDArray[np.float32]:
        return np.frombuffer(self.take(dtype.itemsize * count), dtype).copy()


def _read_state(reader: _Reader, size: int) -> Baseline:
    learned, declared, name_size, speed, load, seen, last_seen, n_rows = _STATE.unpack(reader.take(_STATE.size))
    name = reader.take(name_size).decode()
    location, scale = (reader.array(np.dtype("<f4"), size) for _ in range(2))
    rows = np.frombuffer(reader.take(2 * size * n_rows), "<f2").reshape(n_rows, -1 if n_rows else size).copy()
    if learned:
        rows = np.empty((0, 0), np.float16)
    return Baseline(
        name=name,
        declared=declared,
        speed=speed,
        load=load,
        seen=seen,
        last_seen=last_seen,
        learned=learned,
        location=location,
        scale=scale,
        rows=rows,
    )
