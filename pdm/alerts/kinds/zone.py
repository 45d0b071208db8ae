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
    """Vibration severity reaches `zone` or worse; silent where no standard's zones apply."""

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
        """Return what identifies the condition in stored versions; names are fixed here."""
        return {"zone": self.zone}

    def write(self) -> Document:
        """Return the field that `parse` reads."""
        return {"zone": self.zone}

    def observe(self, reading: Reading) -> Observation:
        """Return whether the zone is at or beyond the limit; absent while learning or without zones."""
        assessment = reading.assessment
        if assessment.zone is None or finite(assessment.health) is None:
            return Observation.ABSENT
        return Observation.VIOLATED if assessment.zone >= self.zone else Observation.RETURNED

    def parameters(self, reading: Reading) -> dict[str, Any]:
        """Return what the message needs to be read by people."""
        limits = reading.machine.severity_limits
        return {"zone": reading.assessment.zone, "limit": self.zone, "source": limits.source if limits else None}

    def screen(self, history: MachineHistory) -> Flags:
        """Return where the zone is at or beyond the limit."""
        return history.conclusions.zones > ZONES.index(self.zone)

    @property
    def holds_at_standstill(self) -> bool:
        """No: it is what a running machine is like."""
        return False
