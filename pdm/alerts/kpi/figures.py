"""Figures of an alarm system and the events they are computed from by `pdm.alerts.kpi.assess`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class AlarmEvent(NamedTuple):
    """One event of an alert's history; `state` and `withheld` are values after the event, `at` is on the wall clock."""

    at: datetime
    alert: str
    machine: str
    cause: str
    severity: str
    kind: str
    state: str | None = None
    withheld: str | None = None
    reevaluated: bool = False


class ActiveAlert(NamedTuple):
    """An alert that is active at the end of the period, and since when, on the wall clock."""

    alert: str
    machine: str
    cause: str
    severity: str
    since: datetime


@dataclass(frozen=True)
class Rate:
    """Annunciated alarms per operator and 10 min, over fixed intervals of the period."""

    mean: float
    most: float
    intervals: int
    share_acceptable: float
    share_unmanageable: float


@dataclass(frozen=True)
class Flood:
    """An alarm flood: a time with more alarms than an operator can handle."""

    begins: datetime
    ends: datetime
    alarms: int
    peak: int


@dataclass(frozen=True)
class Actor:
    """A frequent or chattering alarm: its count, and its share of all alarms [1]."""

    machine: str
    cause: str
    count: int
    share: float


@dataclass(frozen=True)
class Delay:
    """Times from annunciation to acknowledgement [s], and the number of alarms that ended without acknowledgement."""

    acknowledged: int
    unacknowledged: int
    median_s: float | None
    p90_s: float | None
    mean_s: float | None


@dataclass(frozen=True)
class Precision:
    """Verdicts of judged cases, with the 95 % interval of the share of true or useful ones [4]_."""

    true: int
    useful: int
    false: int
    precision: float | None
    worthwhile: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Kpi:
    """Figures of a period [since, before)."""

    since: datetime
    before: datetime
    operators: int
    annunciated: int
    rate: Rate
    floods: tuple[Flood, ...]
    flood_share: float
    chattering: tuple[Actor, ...]
    repeating: tuple[Actor, ...]
    stale: tuple[ActiveAlert, ...]
    bad_actors: tuple[Actor, ...]
    bad_actors_share: float
    severities: Mapping[str, int]
    withheld: int
    delay: Delay
    precision: Precision
