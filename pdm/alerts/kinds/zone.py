"""Zone: vibration severity reaches a zone of ISO 20816."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pdm.alerts.kinds.behaviour import Observation
from pdm.alerts.kinds.fields import Fields
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.kinds.kind import Document, Flags, Plain
from pdm.alerts.kinds.rule_input import Reading, finite
from pdm.errors import InvalidInputError

ZONES = ("A", "B", "C", "D")  # ISO 20816-1:2016, 6.2: severity zones


@dataclass(frozen=True)
class ZoneReached(Plain):
    """Vibration severity reaches `zone` or worse; not evaluated if no standard's zones apply."""

    zone: str
    kind: ClassVar[str] = "zone"
    message: ClassVar[str] = "zone-reached"

    def __post_init__(self) -> None:
        if self.zone not in ZONES[1:]:
            raise InvalidInputError(f"zone {self.zone!r} must be one of B, C, D", field="zone")

    @classmethod
    def parse(cls, fields: Fields) -> Self | None:
        """Read the field `zone`."""
        before = len(fields.problems)
        zone = fields.read("zone", str)
        return cls.made(fields, before, lambda: cls(zone))

    def identity(self) -> Document:
        """Return the canonical document of the condition for rule versions; field names are fixed here."""
        return {"zone": self.zone}

    def write(self) -> Document:
        """Return the field in the form that `parse` reads."""
        return {"zone": self.zone}

    def observe(self, reading: Reading) -> Observation:
        """Compare the zone with the limit; ABSENT while learning or without zones."""
        assessment = reading.assessment
        if assessment.zone is None or finite(assessment.health) is None:
            return Observation.ABSENT
        return Observation.VIOLATED if assessment.zone >= self.zone else Observation.RETURNED

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return the parameters of the message."""
        limits = reading.machine.severity_limits
        return {"zone": reading.assessment.zone, "limit": self.zone, "source": limits.source if limits else None}

    def screen(self, history: MachineHistory) -> Flags:
        """Flag acquisitions with the zone at or beyond the limit."""
        return history.conclusions.zones > ZONES.index(self.zone)

    @property
    def holds_at_standstill(self) -> bool:
        """No: the condition applies to a running machine."""
        return False
