"""Behaviour common to all rules: severity, category, delays, schedule and observation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from enum import Enum, StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pdm.errors import InvalidInputError

LONGEST = 1e9
"""Upper limit of every time in a rule [s], 31 years: longer times overflow timestamps and have no use."""


class Severity(StrEnum):
    """Severity of an alert; compare by `rank`."""

    ADVISORY = "advisory"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Rank in the order advisory < warning < critical, from 0."""
        return _RANK[self]


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Category(StrEnum):
    """Subject of an alert: the machine, missing data of the machine, or an instrument on it."""

    MACHINE = "machine"
    DATA = "data"
    INSTRUMENT = "instrument"


class Observation(Enum):
    """Result of one rule for one acquisition."""

    VIOLATED = "violated"  # beyond the raise limit
    IN_DEADBAND = "held"  # within the deadband: neither raises nor clears
    RETURNED = "returned"  # back beyond the clear limit
    ABSENT = "absent"  # no value: the delays do not advance


@dataclass(frozen=True)
class OnDelay:
    """Raise when `required` of the last `window` acquisitions violate, over at least `duration` [s]."""

    required: int = 3
    window: int = 5
    duration: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.required <= self.window <= 60:
            raise InvalidInputError(
                f"on-delay must satisfy 1 <= required <= window <= 60, not {self.required} of {self.window}",
                field="on_delay",
            )
        _check_duration(self.duration, "on_delay")


@dataclass(frozen=True)
class OffDelay:
    """Clear after `count` acquisitions in a row have returned, over at least `duration` [s]."""

    count: int = 10
    duration: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 10_000:
            raise InvalidInputError(f"off-delay count {self.count} must be in 1..10000", field="off_delay")
        _check_duration(self.duration, "off_delay")


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Schedule:
    """When a rule evaluates, on the machine's timeline: on some weekdays between two times of day in a time zone.

    A span whose end is before its begin continues past midnight and belongs to the day on which it begins.
    """

    days: tuple[str, ...] = DAYS
    begins: time = time(0, 0)
    ends: time = time(0, 0)
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        if not self.days or any(day not in DAYS for day in self.days) or len(set(self.days)) != len(self.days):
            raise InvalidInputError(f"days must be a list of unique values of {', '.join(DAYS)}", field="days")
        if self.begins.tzinfo is not None or self.ends.tzinfo is not None:
            raise InvalidInputError(
                "the times of a schedule must not have a UTC offset; they are in its time zone", field="from"
            )
        try:
            object.__setattr__(self, "_zone", ZoneInfo(self.time_zone))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidInputError(f"time zone {self.time_zone!r} is unknown", field="time_zone") from error

    def write(self) -> dict[str, Any]:
        """Return the schedule as a document."""
        return {
            "days": [day for day in DAYS if day in self.days],
            "from": self.begins.isoformat(),
            "to": self.ends.isoformat(),
            "time_zone": self.time_zone,
        }

    def covers(self, at: datetime) -> bool:
        """Whether the rule evaluates at a time."""
        local = at.astimezone(self._zone)  # type: ignore[attr-defined]
        now, today = local.time(), local.weekday()
        if self.begins < self.ends:
            return DAYS[today] in self.days and self.begins <= now < self.ends
        if now >= self.begins:
            return DAYS[today] in self.days
        return DAYS[today - 1] in self.days and now < self.ends


def _check_duration(duration: float, name: str) -> None:
    if not 0 <= duration < LONGEST:
        raise InvalidInputError(f"{name} duration {duration} s must be at least 0 and less than 31 years", field=name)
