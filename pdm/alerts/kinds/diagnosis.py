"""Diagnosis: a diagnosis supports a fault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

import numpy as np

from pdm.alerts.kinds.behaviour import Observation, OffDelay, OnDelay
from pdm.alerts.kinds.fields import Fields, number, several_of
from pdm.alerts.kinds.history import EPOCH, MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Memory, Named, Remembering
from pdm.alerts.kinds.rule_input import DiagnosedFault, Reading, rounded
from pdm.errors import InvalidInputError
from pdm.health.diagnosis.model import Fault

FAULTS = tuple(fault.value for fault in Fault)


@dataclass(frozen=True)
class FaultDiagnosed(Remembering):
    """A diagnosis supports one of some faults (any if none is listed) with at least `confidence` [1].

    A diagnosis uses several acquisitions, so a single one may be sufficient; it counts once, independent of the
    number of acquisitions after it.
    """

    confidence: float
    faults: tuple[str, ...] = ()
    kind: ClassVar[str] = "diagnosis"
    message: ClassVar[str] = "fault-diagnosed"
    reads_diagnoses: ClassVar[bool] = True
    on_delay: ClassVar[OnDelay] = OnDelay(1, 1)
    off_delay: ClassVar[OffDelay] = OffDelay(1)
    needs_repetition: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence <= 1:
            raise InvalidInputError(
                "confidence must be at least 0.5: a diagnosis that is probably wrong must not raise an alert",
                field="confidence",
            )

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the fields `confidence` and `faults`."""
        before = len(fields.problems)
        confidence = fields.read("confidence", number)
        faults = fields.read("faults", several_of(*FAULTS), ())
        return cls.made(fields, before, lambda: cls(confidence, faults))

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {"confidence": self.confidence, "faults": self.faults}

    def write(self) -> Document:
        """Return the fields in the form that `parse` reads."""
        written: Document = {"confidence": self.confidence}
        return written | ({"faults": list(self.faults)} if self.faults else {})

    def recall(self, reading: Reading, memory: Memory) -> tuple[Observation, Memory]:
        """Return the observation for a new diagnosis, and the time of the latest diagnosis."""
        note = reading.diagnosis
        if note is None or (memory and note.measured_at.timestamp() <= memory[0]):
            return Observation.ABSENT, memory
        found = self._worst(reading)
        return Observation.VIOLATED if found else Observation.RETURNED, (note.measured_at.timestamp(),)

    def names(self, reading: Reading) -> Named:
        """Return the component of the diagnosed fault."""
        found = self._worst(reading)
        return (found.component, found.confidence) if found else super().names(reading)

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message."""
        found = self._worst(reading)
        return {
            "fault": found.fault if found else None,
            "component": found.component if found else None,
            "confidence": rounded(found.confidence) if found else None,
            "limit": self.confidence,
        }

    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions with a new diagnosis."""
        times = [(note.measured_at - EPOCH).total_seconds() * 1e6 for note in history.diagnoses]
        seen = np.searchsorted(np.array(times), history.conclusions.times, side="right")
        return np.diff(seen, prepend=0) > 0

    def memory_of_end(self, ended_at: datetime) -> Memory:
        """Return the end of the life: diagnoses up to then belong to the old life."""
        return (ended_at.timestamp(),)

    @property
    def holds_at_standstill(self) -> bool:
        """Yes: a diagnosis results from the running machine and is best acted upon at standstill."""
        return True

    def _worst(self, reading: Reading) -> DiagnosedFault | None:
        if reading.diagnosis is None:
            return None
        fitting = [
            fault
            for fault in reading.diagnosis.faults
            if fault.verdict == "SUPPORTED"
            and fault.confidence >= self.confidence
            and (not self.faults or fault.fault in self.faults)
        ]
        return max(fitting, key=lambda fault: fault.confidence, default=None)
