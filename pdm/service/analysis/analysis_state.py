"""State of a machine's analysis between acquisitions, stored as one binary value."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from pdm.alerts.evaluation.evaluate import Cases
from pdm.errors import UnreadableStateError
from pdm.health.assess import HealthState, initial_state
from pdm.machines.model import Machine
from pdm.prognosis.model.life_state import LifeState, begin_life

_LENGTHS = struct.Struct("<4sIII")
_MAGIC = b"PDM1"
_MAGIC_WITH_COMPONENTS = b"PDM2"  # the length of the third part, then the lives of components: count, and each
_LIVES = struct.Struct("<IH")
_LIFE = struct.Struct("<HI")


@dataclass(frozen=True)
class AnalysisState:
    """The recursive state of one machine: health baseline, life and open cases.

    `component_lives` are the lives of components that were replaced separately.
    """

    health: HealthState
    life: LifeState
    cases: Cases
    component_lives: Mapping[str, LifeState] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the state as bytes; `from_bytes` restores the identical state."""
        parts = [self.health.to_bytes(), self.life.to_bytes(), self.cases.to_bytes()]
        if not self.component_lives:
            return _LENGTHS.pack(_MAGIC, *map(len, parts)) + b"".join(parts)
        head = _LENGTHS.pack(_MAGIC_WITH_COMPONENTS, *map(len, parts))
        return head + b"".join(parts) + _pack_lives(self.component_lives)

    @classmethod
    def from_bytes(cls, blob: bytes) -> AnalysisState:
        """Read a state that `to_bytes` wrote.

        Raises
        ------
        UnreadableStateError
            The bytes are not a valid state.
        """
        try:
            return cls._parsed(blob)
        except MemoryError:
            raise
        except Exception as error:  # damaged bytes can raise any error
            raise UnreadableStateError(f"the analysis state cannot be read: {error}") from error

    @classmethod
    def _parsed(cls, blob: bytes) -> AnalysisState:
        magic, health, life, cases = _LENGTHS.unpack_from(blob)
        start = _LENGTHS.size
        end = start + health + life + cases
        if magic not in (_MAGIC, _MAGIC_WITH_COMPONENTS) or (magic == _MAGIC and len(blob) != end):
            raise ValueError("not of this version")
        return cls(
            health=HealthState.from_bytes(blob[start : start + health]),
            life=LifeState.from_bytes(blob[start + health : start + health + life]),
            cases=Cases.from_bytes(blob[start + health + life : end]),
            component_lives=_unpack_lives(blob[end:]) if magic == _MAGIC_WITH_COMPONENTS else {},
        )


def _pack_lives(lives: Mapping[str, LifeState]) -> bytes:
    pieces = []
    for component, life in sorted(lives.items()):
        name, content = component.encode(), life.to_bytes()
        pieces.append(_LIFE.pack(len(name), len(content)) + name + content)
    body = b"".join(pieces)
    return _LIVES.pack(len(body), len(pieces)) + body


def _unpack_lives(blob: bytes) -> dict[str, LifeState]:
    size, count = _LIVES.unpack_from(blob)
    if len(blob) != _LIVES.size + size:
        raise ValueError("the lives of components are truncated")
    lives, at = {}, _LIVES.size
    for _ in range(count):
        length, content = _LIFE.unpack_from(blob, at)
        at += _LIFE.size
        name = blob[at : at + length].decode()
        lives[name] = LifeState.from_bytes(blob[at + length : at + length + content])
        at += length + content
    if at != len(blob):
        raise ValueError("the lives of components have trailing bytes")
    return lives


def begin(machine: Machine, cases: Cases | None = None) -> AnalysisState:
    """Return the state of a machine at the start of a life."""
    return AnalysisState(health=initial_state(machine), life=begin_life(), cases=cases or Cases())
