"""The figures of an alarm system, and the events that they are made of; `pdm.alerts.kpi.assess` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class AlarmEvent(NamedTuple):
    """One event of an alert's history; `state` and `withheld` are the alert's after it, `at` is the wall clock."""

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
    """An alert whose condition holds at the end of the period, and since when on the wall clock."""

    alert: str
    machine: str
    cause: str
    severity: str
    since: datetime


@dataclass(frozen=True)
class Rate:
    """Annunciated alarms an operator and 10 min, over fixed intervals of the period."""

    mean: float
    most: float
    intervals: int
    share_acceptable: float
    share_unmanageable: float


@dataclass(frozen=True)
class Flood:
    """A time in which more came than an operator can follow."""

    begins: datetime
    ends: datetime
    alarms: int
    peak: int


@dataclass(frozen=True)
class Actor:
    """An alarm that is annunciated often, or chatters: how often, and its share of all [1]."""

    machine: str
    cause: str
    count: int
    share: float


@dataclass(frozen=True)
class Delay:
    """Times from annunciation to acknowledgement [s], and how many were never acknowledged while they stood."""

    acknowledged: int
    unacknowledged: int
    median_s: float | None
    p90_s: float | None
    mean_s: float | None


@dataclass(frozen=True)
class Precision:
    """How many judged cases were true, with the interval of 95 % of the share of those worth being told [4]_."""

    true: int
    useful: int
    false: int
    precision: float | None
    worthwhile: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Kpi:
    """The figures of a period [since, before)."""

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
