"""Roll-up of machine health to line and site, with severity and urgency as separate results.

The health of a line is that of its worst machine, because one machine stops the line, and an average hides it. Severity
is the present condition, urgency the time until action is required: a machine of high severity may have months, and one
of low severity days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Urgency(StrEnum):
    """Time until action is required, the most urgent first."""

    IMMEDIATE = "immediate"
    WITHIN_HORIZON = "within-horizon"
    LATER = "later"
    NONE = "none"


ORDER = {urgency: place for place, urgency in enumerate(Urgency)}
_NO_ZONE = ""  # before A


@dataclass(frozen=True)
class UnitCondition:
    """The present condition of one machine; None is unknown.

    Attributes
    ----------
    key : str
        Of the machine.
    health : float or None [1]
        1 as new .. 0 failed.
    zone : str or None
        Severity zone A to D.
    rul_lower : float or None [s]
        Lower bound of the remaining useful life.
    horizon : float [s]
        Within which work on the machine can be planned.
    """

    key: str
    health: float | None
    zone: str | None
    rul_lower: float | None
    horizon: float

    @property
    def urgency(self) -> Urgency:
        """Time until action on this machine is required.

        Zone D can damage a machine: immediate action. Zone C is acceptable for a limited time until there is an
        opportunity (ISO 20816-1:2016, 6.2), like a life that may end within the planning horizon.
        """
        if self.zone == "D":
            return Urgency.IMMEDIATE
        if self.zone == "C" or (self.rul_lower is not None and self.rul_lower < self.horizon):
            return Urgency.WITHIN_HORIZON
        return Urgency.NONE if self.rul_lower is None else Urgency.LATER

    @property
    def severity(self) -> float | None:
        """Present severity [1]: 0 as new .. 1 failed, None if health is unknown."""
        return None if self.health is None else 1.0 - self.health


@dataclass(frozen=True)
class RollUp:
    """The worst condition of a group of machines.

    `health`, `zone`, `rul_lower` and `urgency` are each the worst known value of any machine, which need not be the
    same one; None if it is known for no machine. `contributors` are machines, the worst first: by urgency, then by
    health. `known` of `machines` have a health.
    """

    health: float | None
    zone: str | None
    rul_lower: float | None
    urgency: Urgency
    machines: int
    known: int
    contributors: tuple[UnitCondition, ...]

    @property
    def severity(self) -> float | None:
        """Present severity of the worst machine [1]."""
        return None if self.health is None else 1.0 - self.health


def roll_up(standings: Sequence[UnitCondition], most: int = 10) -> RollUp:
    """Return the worst condition of a group of machines, and its `most` contributing machines.

    Monotone: a machine that gets worse never makes the roll-up better. The roll-up of a site is that of its lines'
    roll-ups, independent of the distribution of machines over lines. An unknown value counts neither as good nor as
    bad.

    Examples
    --------
    >>> day = 86400.0
    >>> found = roll_up([UnitCondition("a", 0.9, "A", 3 * day, 5 * day), UnitCondition("b", 0.4, "B", None, 5 * day)])
    >>> found.health, found.zone, found.urgency.value, [each.key for each in found.contributors]
    (0.4, 'B', 'within-horizon', ['a', 'b'])
    """
    return RollUp(
        health=_least(each.health for each in standings),
        zone=max((each.zone or _NO_ZONE for each in standings), default=_NO_ZONE) or None,
        rul_lower=_least(each.rul_lower for each in standings),
        urgency=min((each.urgency for each in standings), key=ORDER.__getitem__, default=Urgency.NONE),
        machines=len(standings),
        known=sum(each.health is not None for each in standings),
        contributors=tuple(sorted(standings, key=_badness)[:most]),
    )


def _badness(standing: UnitCondition) -> tuple[int, float, float, str]:
    """Return the sort key: the worst machine first."""
    unknown = float("inf")
    return (
        ORDER[standing.urgency],
        unknown if standing.health is None else standing.health,
        unknown if standing.rul_lower is None else standing.rul_lower,
        standing.key,
    )


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)
