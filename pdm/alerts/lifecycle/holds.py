"""Holds: suppression of notifications of present and future alerts in a scope, with a reason.

IEC 62682 distinguishes three kinds. Shelved: an operator suppresses an alarm for a time or until it has returned.
Suppressed by design: the alarm has no meaning now (the machine is off or in maintenance, another alarm is the cause,
the site has an event). Out of service: the alarm is under repair. A maintenance window is a suppression of a machine, a
line or a site with a start and an end. A hold does not remove an alert from a list, and the history remains complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pdm.alerts.kinds.behaviour import Severity
from pdm.alerts.states import Kind

INHIBITED = "inhibited"


class HoldKind(StrEnum):
    """Kinds of suppression of notifications."""

    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out-of-service"


class Ground(StrEnum):
    """Grounds of suppression by design."""

    MACHINE_OFF = "machine-off"
    MAINTENANCE = "maintenance"
    PARENT_ALARM = "parent-alarm"
    SITE_EVENT = "site-event"


# of several holds an alert shows the first of these: the one that takes the most effort to end
PRECEDENCE = (HoldKind.OUT_OF_SERVICE.value, HoldKind.SUPPRESSED.value, INHIBITED, HoldKind.SHELVED.value)

# kind of suppression -> event of its begin and, in LEFT, of its end; a change of kind gives the begin of the new kind
ENTERED: Mapping[str, Kind] = {
    HoldKind.SHELVED.value: Kind.SHELVED,
    HoldKind.SUPPRESSED.value: Kind.SUPPRESSED,
    INHIBITED: Kind.SUPPRESSED,
    HoldKind.OUT_OF_SERVICE.value: Kind.REMOVED_FROM_SERVICE,
}
LEFT: Mapping[str, Kind] = {
    HoldKind.SHELVED.value: Kind.UNSHELVED,
    HoldKind.SUPPRESSED.value: Kind.UNSUPPRESSED,
    INHIBITED: Kind.UNSUPPRESSED,
    HoldKind.OUT_OF_SERVICE.value: Kind.RETURNED_TO_SERVICE,
}


@dataclass(frozen=True)
class Place:
    """Machine, line and site of a machine."""

    machine_id: int
    line_id: int
    site_id: int


@dataclass(frozen=True)
class Hold:
    """A hold of one kind on a cause, a machine, a line or a site; None: all.

    `severity` is the severity at shelving: a higher severity ends the shelving.
    """

    id: UUID
    kind: HoldKind
    site_id: int
    line_id: int | None
    machine_id: int | None
    cause: str | None
    ground: Ground | None
    reason: str
    one_shot: bool
    starts_at: datetime
    ends_at: datetime | None
    actor: str
    severity: Severity | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None

    def covers(self, place: Place, cause: str, now: datetime) -> bool:
        """Whether the hold suppresses alerts of a cause on a machine at `now`."""
        return (
            self.reaches(place, cause)
            and self.ended_at is None
            and self.starts_at <= now
            and (self.ends_at is None or now < self.ends_at)
        )

    def reaches(self, place: Place, cause: str) -> bool:
        """Whether a cause on a machine is in the scope of the hold, at any time."""
        return (
            self.site_id == place.site_id
            and self.line_id in (None, place.line_id)
            and self.machine_id in (None, place.machine_id)
            and self.cause in (None, cause)
        )


def strongest(holds: Iterable[Hold], is_inhibited: bool, at_rest: bool = False) -> tuple[str | None, Hold | None]:
    """Return the kind of suppression of an alert, and which of these holds causes it (None: no hold).

    An alert that is `at_rest` is suppressed without a hold because its machine is off.
    """
    found: dict[str, Hold | None] = {INHIBITED: None} if is_inhibited else {}
    for hold in holds:
        found.setdefault(hold.kind.value, hold)
    if at_rest:
        found.setdefault(HoldKind.SUPPRESSED.value, None)
    for name in PRECEDENCE:
        if name in found:
            return name, found[name]
    return None, None


def moved(before: str | None, after: str | None) -> Kind | None:
    """Return the event of a changed kind of suppression, or of its end; None without a change."""
    if before == after:
        return None
    return ENTERED[after] if after is not None else LEFT[before or ""]
