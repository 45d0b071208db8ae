"""Symptom: state detection reports one with enough confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pdm.alerts.kinds.behaviour import Observation
from pdm.alerts.kinds.diagnosis import FAULTS
from pdm.alerts.kinds.fields import Fields, number, several_of
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Plain
from pdm.alerts.kinds.rule_input import Reading, finite, rounded
from pdm.errors import InvalidInputError

SYMPTOMS = (*FAULTS, "bearing_wear", "overheating", "overall_vibration", "process_change")
"""Symptoms of state detection (`pdm.health.detection.symptoms`): a fault, or a less specific symptom."""


@dataclass(frozen=True)
class SymptomNamed(Plain):
    """State detection reports one of some symptoms (any if none is listed) with at least `confidence` [1]."""

    confidence: float
    symptoms: tuple[str, ...] = ()
    deadband: float = 0.1
    kind: ClassVar[str] = "symptom"
    message: ClassVar[str] = "symptom-named"

    def __post_init__(self) -> None:
        if not 0 < self.confidence - self.deadband < self.confidence <= 1:
            raise InvalidInputError("0 < confidence - deadband < confidence <= 1 is required", field="confidence")

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the fields `confidence`, `symptoms` and `deadband`."""
        before = len(fields.problems)
        confidence = fields.read("confidence", number)
        symptoms = fields.read("symptoms", several_of(*SYMPTOMS), ())
        deadband = fields.read("deadband", number, 0.1)
        return cls.made(fields, before, lambda: cls(confidence, symptoms, deadband))

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {"confidence": self.confidence, "symptoms": self.symptoms, "deadband": self.deadband}

    def write(self) -> Document:
        """Return the fields in the form that `parse` reads."""
        written: Document = {"confidence": self.confidence, "deadband": self.deadband}
        return written | ({"symptoms": list(self.symptoms)} if self.symptoms else {})

    def observe(self, reading: Reading) -> Observation:
        """Compare the confidence of the symptom with the limits; ABSENT while learning."""
        assessment = reading.assessment
        if finite(assessment.health) is None:
            return Observation.ABSENT
        if assessment.symptom is None or (self.symptoms and assessment.symptom not in self.symptoms):
            return Observation.RETURNED
        confidence = finite(assessment.confidence) or 0.0
        if confidence >= self.confidence:
            return Observation.VIOLATED
        return Observation.RETURNED if confidence < self.confidence - self.deadband else Observation.IN_DEADBAND

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message."""
        assessment = reading.assessment
        return {
            "symptom": assessment.symptom,
            "component": assessment.component,
            "confidence": rounded(assessment.confidence),
            "limit": self.confidence,
        }

    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions with a symptom of enough confidence."""
        sure: Flags = history.conclusions.confidence >= self.confidence
        return sure

    @property
    def holds_at_standstill(self) -> bool:
        """No: the condition applies to a running machine."""
        return False
