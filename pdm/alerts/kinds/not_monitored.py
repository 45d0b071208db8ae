"""Not monitored: a machine runs and is not judged, because its context is not believed or learning does not end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from pdm.alerts.kinds.behaviour import Category, Observation, OnDelay
from pdm.alerts.kinds.fields import Fields
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Plain
from pdm.alerts.kinds.rule_input import Reading


@dataclass(frozen=True)
class NotMonitored(Plain):
    """A machine is not judged, or by doubted conditions: `Assessment.hindrance` names why."""

    category: ClassVar[Category] = Category.DATA
    kind: ClassVar[str] = "not-monitored"
    message: ClassVar[str] = "not-monitored"
    on_delay: ClassVar[OnDelay] = OnDelay(5, 8)

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Return the condition, which has no fields."""
        return cls.made(fields, len(fields.problems), cls)

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions."""
        return {}

    def write(self) -> Document:
        """Return no fields."""
        return {}

    def own_cause(self) -> str | None:
        """Return the cause of the conditions that are sent; no component has a colon in its key."""
        return "data:not-monitored"

    def observe(self, reading: Reading) -> Observation:
        """Return VIOLATED with a hindrance, RETURNED with a verdict without one."""
        if reading.assessment.hindrance is not None:
            return Observation.VIOLATED
        return Observation.ABSENT if reading.assessment.health is None else Observation.RETURNED

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message."""
        return {"hindrance": reading.assessment.hindrance}

    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions with a hindrance."""
        flags = np.zeros(len(history), bool)
        flags[list(history.conclusions.hindrances)] = True
        return flags

    @property
    def holds_at_standstill(self) -> bool:
        """Yes: the condition concerns what is sent."""
        return True
