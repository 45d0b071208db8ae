"""When a receiver may be notified: quiet hours, rate limits and digests. Pure: state in, decision and reason out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pdm.errors import InvalidInputError

DIGEST_EVENTS = 200  # largest number of events in one message


@dataclass(frozen=True)
class QuietHours:
    """A daily span of local time without notifications; a span whose end is before its start includes midnight."""

    start: time
    end: time
    time_zone: str

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise InvalidInputError("quiet hours must not start and end at the same time", field="quiet_hours")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidInputError(
                f"time zone {self.time_zone!r} is unknown; use a name of the IANA database, such as Asia/Seoul",
                field="quiet_hours.time_zone",
            ) from error

    def end_after(self, now: datetime) -> datetime | None:
        """Return when the quiet hours at `now` end; None outside quiet hours."""
        zone = ZoneInfo(self.time_zone)
        local = now.astimezone(zone)
        clock = local.time().replace(tzinfo=None)
        spans_midnight = self.end < self.start
        is_quiet = (clock >= self.start or clock < self.end) if spans_midnight else self.start <= clock < self.end
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=1 if spans_midnight and clock >= self.start else 0)
        end = datetime.combine(day, self.end, zone).astimezone(UTC)
        # an hour that is repeated when summer time ends has each time of day twice
        return end if end > now else datetime.combine(day, self.end.replace(fold=1), zone).astimezone(UTC)

    def write_local(self, moment: datetime) -> str:
        """Return a time on the local clock with its UTC offset and the zone."""
        return f"{moment.astimezone(ZoneInfo(self.time_zone)).isoformat()} ({self.time_zone})"


@dataclass(frozen=True)
class RateLimit:
    """At most `messages` in any span of `per_s` [s]; further events are queued and sent as one message."""

    messages: int
    per_s: float


@dataclass(frozen=True)
class Pacing:
    """When a receiver may be notified; critical alerts are sent at once unless `critical_overrides` is False."""

    quiet_hours: QuietHours | None = None
    rate_limit: RateLimit | None = None
    digest_s: float | None = None
    critical_overrides: bool = True

    @property
    def is_immediate(self) -> bool:
        """Whether all events are sent at once."""
        return self.quiet_hours is None and self.rate_limit is None and self.digest_s is None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Pacing:
        """Read the output of `to_document`."""
        quiet, rate = document.get("quiet_hours"), document.get("rate_limit")
        return cls(
            None
            if quiet is None
            else QuietHours(time.fromisoformat(quiet["start"]), time.fromisoformat(quiet["end"]), quiet["time_zone"]),
            None if rate is None else RateLimit(int(rate["messages"]), float(rate["per_s"])),
            document.get("digest_s"),
            bool(document.get("critical_overrides", True)),
        )

    def to_document(self) -> dict[str, Any]:
        """Return the pacing as JSON; times of day as HH:MM."""
        quiet, rate = self.quiet_hours, self.rate_limit
        return {
            "quiet_hours": quiet
            and {"start": f"{quiet.start:%H:%M}", "end": f"{quiet.end:%H:%M}", "time_zone": quiet.time_zone},
            "rate_limit": rate and {"messages": rate.messages, "per_s": rate.per_s},
            "digest_s": self.digest_s,
            "critical_overrides": self.critical_overrides,
        }


@dataclass(frozen=True)
class Backlog:
    """Queued events of a lane: number of due events, time of the oldest, messages sent in the span of the rate limit.

    `has_begun` is True if some of them belong to a message that was attempted before.
    """

    due: int
    oldest: datetime | None
    sent: int = 0
    has_begun: bool = False


class Release(Enum):
    """What may be sent now."""

    SINGLE = "single"  # each event as a separate message
    DIGEST = "digest"  # all due events as one message
    BEGUN = "begun"  # the message that was attempted before, unchanged
    NOTHING = "nothing"


@dataclass(frozen=True)
class Decision:
    """What may be sent now, the largest number of messages, and the reason."""

    release: Release
    limit: int
    reason: str


def decide(pacing: Pacing, backlog: Backlog, now: datetime) -> Decision:
    """Return what may be sent of a lane's backlog, after the critical events that override pacing.

    A message that was attempted before is repeated at any time: its events may already have arrived, and later events
    must follow it in order.
    """
    if backlog.has_begun:
        return Decision(Release.BEGUN, 1, "repeat")
    if backlog.due == 0 or backlog.oldest is None:
        return Decision(Release.NOTHING, 0, "no notification is due")
    quiet_until = pacing.quiet_hours.end_after(now) if pacing.quiet_hours else None
    if pacing.quiet_hours is not None and quiet_until is not None:
        return Decision(Release.NOTHING, 0, f"quiet until {pacing.quiet_hours.write_local(quiet_until)}")
    allowed = backlog.due if pacing.rate_limit is None else pacing.rate_limit.messages - backlog.sent
    if allowed <= 0:
        return Decision(Release.NOTHING, 0, "the rate limit is reached")
    if pacing.digest_s is not None:
        due_at = backlog.oldest + timedelta(seconds=pacing.digest_s)
        if now < due_at:
            return Decision(Release.NOTHING, 0, f"grouping until {due_at.isoformat()}")
        return Decision(Release.DIGEST, DIGEST_EVENTS, "digest")
    if backlog.due > allowed:
        return Decision(Release.DIGEST, DIGEST_EVENTS, "the rate limit is exceeded")
    return Decision(Release.SINGLE, allowed, "allowed")
