"""Work events: maintenance and failures of a machine, with findings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WorkEventKind(StrEnum):
    """Kinds of work event; a failure ends a life, a replacement ends one and begins the next."""

    FAILURE = "failure"
    REPLACEMENT = "replacement"
    INSPECTION = "inspection"
    STOP = "stop"


@dataclass(frozen=True)
class WorkEvent:
    """One work event on a machine or one of its components at a time, with the finding."""

    machine: str
    kind: WorkEventKind
    occurred_at: datetime
    component: str | None = None
    finding: str | None = None
    note: str = ""

    @property
    def closes_life(self) -> bool:
        """Whether the event ends a life and resets baseline and prognosis."""
        return self.kind in (WorkEventKind.FAILURE, WorkEventKind.REPLACEMENT)
