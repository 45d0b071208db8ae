"""Work events: maintenance and failures of a machine, with findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pdm.errors import InvalidInputError


class WorkEventKind(StrEnum):
    """Kinds of work event; a failure ends a life, a replacement ends one and begins the next."""

    FAILURE = "failure"
    REPLACEMENT = "replacement"
    INSPECTION = "inspection"
    STOP = "stop"


CLOSING = (WorkEventKind.FAILURE, WorkEventKind.REPLACEMENT)
"""Kinds of event that end a life."""

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
        """The question to the person who recorded the events."""
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
class SensorReplaced:
    """Another sensor measures at a point from a time on."""

    occurred_at: datetime
    point: str


TurningPoint = LifeEnd | SensorReplaced
"""What changes the state of a machine's analysis between two acquisitions."""


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
        return self.kind in CLOSING


class EventStatus(StrEnum):
    """Whether a work event counts, and as what: as recorded, as corrected, as confirmed, or not at all."""

    RECORDED = "recorded"
    CORRECTED = "corrected"
    CONFIRMED = "confirmed"
    VOIDED = "voided"


@dataclass(frozen=True)
class RecordedEvent:
    """A work event as it counts now."""

    status: EventStatus
    kind: WorkEventKind
    component: str | None
    occurred_at: datetime

    @property
    def is_in_force(self) -> bool:
        """Whether the event counts."""
        return self.status is not EventStatus.VOIDED

    @property
    def closes_life(self) -> bool:
        """Whether the event ends a life."""
        return self.kind in CLOSING


@dataclass(frozen=True)
class Correction:
    """A correction of a work event with its reason; `changes` has the corrected fields alone.

    'voided': the event did not happen. 'corrected': `kind`, `component` (None: the whole machine) or `occurred_at` were
    wrong. 'confirmed': the event is right; this settles a doubt, and a voided event counts again.
    """

    status: EventStatus
    reason: str
    changes: Mapping[str, Any] = field(default_factory=dict)


def correct(event: RecordedEvent, correction: Correction) -> RecordedEvent:
    """Return a work event after a correction; the same event where it changes nothing.

    Raises
    ------
    InvalidInputError
        Fields are given with a status other than 'corrected', or none differs with it.

    Examples
    --------
    >>> at = datetime(2026, 1, 1)
    >>> event = RecordedEvent(EventStatus.RECORDED, WorkEventKind.FAILURE, "motor", at)
    >>> correct(event, Correction(EventStatus.VOIDED, "another machine")).is_in_force
    False
    """
    if correction.status is not EventStatus.CORRECTED:
        if correction.changes:
            raise InvalidInputError(
                f"{', '.join(correction.changes)} cannot be given with status {correction.status.value!r}; "
                "use status 'corrected' to change them",
                field=next(iter(correction.changes)),
            )
        return replace(event, status=correction.status)
    after = replace(event, status=correction.status, **correction.changes)
    if replace(after, status=event.status) == event and event.is_in_force:
        raise InvalidInputError(
            "nothing differs from the event; give a corrected kind, component or occurred_at, or use status "
            "'confirmed'",
            field="status",
        )
    return after
