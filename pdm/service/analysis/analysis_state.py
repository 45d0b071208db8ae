"""State of a machine's analysis between acquisitions, stored as one binary value."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pdm.alerts.evaluation.evaluate import Cases
from pdm.errors import UnreadableStateError
from pdm.health.assess import HealthState, initial_state
from pdm.machines.model import Machine
from pdm.prognosis.model.life_state import LifeState, begin_life

_LENGTHS = struct.Struct("<4sIII")
_MAGIC = b"PDM1"


@dataclass(frozen=True)
class AnalysisState:
    """The recursive state of one machine: health baseline, life and open cases."""

    health: HealthState
    life: LifeState
    cases: Cases

    def to_bytes(self) -> bytes:
        """Return the state as bytes; `from_bytes` restores the identical state."""
        parts = (self.health.to_bytes(), self.life.to_bytes(), self.cases.to_bytes())
        return _LENGTHS.pack(_MAGIC, *map(len, parts)) + b"".join(parts)

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
        if magic != _MAGIC or len(blob) != _LENGTHS.size + health + life + cases:
            raise ValueError("not of this version")
        start = _LENGTHS.size
        return cls(
            health=HealthState.from_bytes(blob[start : start + health]),
            life=LifeState.from_bytes(blob[start + health : start + health + life]),
            cases=Cases.from_bytes(blob[start + health + life :]),
        )


def begin(machine: Machine, cases: Cases | None = None) -> AnalysisState:
    """Return the state of a machine at the start of a life."""
    return AnalysisState(health=initial_state(machine), life=begin_life(), cases=cases or Cases())
