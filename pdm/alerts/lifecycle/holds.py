"""Holds: alerts of a scope, present and coming, that receivers are not told of for a while, and why.

IEC 62682 tells three apart: an operator shelves an alarm for a time or until it has returned; a design suppresses
alarms that mean nothing now (the machine is off or in maintenance, the parent alarm says it already, the site has
an event); an alarm is out of service while it is mended. A maintenance window is a suppression of a machine, a
line or a site with a start and an end. A hold never takes an alert out of a list, and its history is kept in full.
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
    """Why receivers are not told."""

    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out-of-service"


class Ground(StrEnum):
    """By what design alerts are suppressed."""

    MACHINE_OFF = "machine-off"
    MAINTENANCE = "maintenance"
    PARENT_ALARM = "parent-alarm"
    SITE_EVENT = "site-event"


# which one an alert shows that several hold: the one that needs most to be undone first
PRECEDENCE = (HoldKind.OUT_OF_SERVICE.value, HoldKind.SUPPRESSED.value, INHIBITED, HoldKind.SHELVED.value)

# (withheld before, withheld after) -> the event that tells it; coming out of one into another tells the new one
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
    """Where a machine stands."""

    machine_id: int
    line_id: int
    site_id: int


@dataclass(frozen=True)
class Hold:
    """A hold of one kind on a cause, a machine, a line or a site; None is every one.

    `severity` is that of the alert which was shelved: a shelf gives way to what is worse.
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
        """Whether it holds an alert of a cause on a machine now."""
        return (
            self.reaches(place, cause)
            and self.ended_at is None
            and self.starts_at <= now
            and (self.ends_at is None or now < self.ends_at)
        )

    def reaches(self, place: Place, cause: str) -> bool:
        """Whether an alert of a cause on a machine is in its scope, whenever."""
        return (
            self.site_id == place.site_id
            and self.line_id in (None, place.line_id)
            and self.machine_id in (None, place.machine_id)
            and self.cause in (None, cause)
        )


def strongest(holds: Iterable[Hold], is_inhibited: bool, at_rest: bool = False) -> tuple[str | None, Hold | None]:
    """Return why an alert is withheld, and by which of these holds (None: by none of them).

    One that is `at_rest` is suppressed without a hold, since its machine stands still.
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
    """Return the event that tells of another reason to withhold an alert, or of none any more."""
    if before == after:
        return None
    return ENTERED[after] if after is not None else LEFT[before or ""]
