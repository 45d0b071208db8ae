"""Health: health is low."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from pdm.alerts.kinds.behaviour import Observation
from pdm.alerts.kinds.fields import Fields, number
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Plain
from pdm.alerts.kinds.rule_input import Reading, finite, rounded
from pdm.errors import InvalidInputError


@dataclass(frozen=True)
class HealthLow(Plain):
    """Health falls below `raise_below` [1]; it has returned above `clear_above` [1]."""

    raise_below: float
    clear_above: float
    kind: ClassVar[str] = "health"
    message: ClassVar[str] = "health-low"
    written_as: ClassVar[Mapping[str, tuple[str, ...]]] = {"raise_below": ("below",)}

    def __post_init__(self) -> None:
        if not 0 < self.raise_below < self.clear_above < 1:
            raise InvalidInputError(
                f"health limits must satisfy 0 < raise_below < clear_above < 1, not {self.raise_below} and "
                f"{self.clear_above}",
                field="raise_below",
            )

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the fields `below` and `deadband`."""
        before = len(fields.problems)
        below = fields.read("below", number)
        deadband = fields.read("deadband", number, 0.1)
        return cls.made(fields, before, lambda: cls(below, round(below + deadband, 9)))

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {"raise_below": self.raise_below, "clear_above": self.clear_above}

    def write(self) -> Document:
        """Return the fields in the form that `parse` reads."""
        return {"below": self.raise_below, "deadband": round(self.clear_above - self.raise_below, 9)}

    def observe(self, reading: Reading) -> Observation:
        """Compare health with the two limits; ABSENT while learning."""
        health = finite(reading.assessment.health)
        if health is None:
            return Observation.ABSENT
        if health < self.raise_below:
            return Observation.VIOLATED
        return Observation.RETURNED if health > self.clear_above else Observation.IN_DEADBAND

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message."""
        assessment = reading.assessment
        return {"health": rounded(assessment.health), "limit": self.raise_below, "symptom": assessment.symptom}

    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions with health below the limit."""
        below: Flags = history.conclusions.health < self.raise_below
        return below

    def widened(self, factor: float) -> tuple[Self, float] | None:
        """Return the condition with a wider deadband, and the present deadband; None if it could never return."""
        deadband = self.clear_above - self.raise_below
        clear = self.raise_below + factor * deadband
        return (replace(self, clear_above=clear), deadband) if clear < 1 else None

    @property
    def holds_at_standstill(self) -> bool:
        """No: the condition applies to a running machine."""
        return False
