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


FAILURE_TWICE = "failure-entered-twice"
REPLACED_BEFORE = "replacement-before-failure"
DOUBTS = {
    FAILURE_TWICE: "the failure {failure} follows the event {earlier}, also a failure, after a small part of the life "
    "before it: is it the same failure?",
    REPLACED_BEFORE: "the failure {failure} follows the replacement {earlier} after a small part of the life before "
    "it: is the time of one of them wrong?",
}
"""Doubts about events, as questions; a life in doubt is not used for training."""


@dataclass(frozen=True)
class EventDoubt:
    """A doubt about a failure and the event before it, by their ids; `question` asks what is right."""

    code: str
    failure: int
    earlier: int

    @property
    def question(self) -> str:
        """The question to whoever recorded the events."""
        return DOUBTS[self.code].format(failure=self.failure, earlier=self.earlier)


@dataclass(frozen=True)
class LifeEnd:
    """The end of a life by a failure or a replacement: of one component, or of the whole machine (None).

    `is_only`: everything that is measured on the machine is mounted on this component.
    """

    occurred_at: datetime
    component: str | None = None
    is_only: bool = False

    def concerns(self, component: str | None) -> bool:
        """Whether the end concerns what is known of a component, or of the machine without a component (None)."""
        return self.component is None or (self.is_only if component is None else component == self.component)


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
