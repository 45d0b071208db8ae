"""Roll-up: what the health of machines makes of their line and site, severity and urgency apart.

A line is as healthy as its worst machine, for one machine stops it; averages hide exactly what is looked for. Severity
is how bad things are now, urgency how soon somebody has to act: a machine far from sound may have months, and one
that still seems sound may have days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Urgency(StrEnum):
    """How soon somebody has to act, the most urgent first."""

    IMMEDIATE = "immediate"
    WITHIN_HORIZON = "within-horizon"
    LATER = "later"
    NONE = "none"


ORDER = {urgency: place for place, urgency in enumerate(Urgency)}
_NO_ZONE = ""  # before A


@dataclass(frozen=True)
class UnitCondition:
    """What is known of one machine now; None is unknown.

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
        """How soon somebody has to act on this machine.

        Zone D can damage a machine: at once. Zone C is fit for a limited time until there is an opportunity
        (ISO 20816-1:2016, 6.2), as is a life that may end within the planning horizon.
        """
        if self.zone == "D":
            return Urgency.IMMEDIATE
        if self.zone == "C" or (self.rul_lower is not None and self.rul_lower < self.horizon):
            return Urgency.WITHIN_HORIZON
        return Urgency.NONE if self.rul_lower is None else Urgency.LATER

    @property
    def severity(self) -> float | None:
        """How bad things are now [1]: 0 as new .. 1 failed, None where health is unknown."""
        return None if self.health is None else 1.0 - self.health


@dataclass(frozen=True)
class RollUp:
    """The worst of some machines.

    `health`, `zone`, `rul_lower` and `urgency` are each the worst that is known of any machine, which need not be the
    same one; None where it is known of none. `contributors` are machines, the worst first: by urgency, then by
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
        """How bad the worst is now [1]."""
        return None if self.health is None else 1.0 - self.health


def roll_up(standings: Sequence[UnitCondition], most: int = 10) -> RollUp:
    """Return the worst of some machines, and which `most` of them make it so.

    Monotone: a machine that gets worse never makes the roll-up better. The roll-up of a site is that of its lines'
    roll-ups, however the machines are spread over them. What is not known counts neither as good nor as bad.

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
    """Return what sorts the worst machine first."""
    unknown = float("inf")
    return (
        ORDER[standing.urgency],
        unknown if standing.health is None else standing.health,
        unknown if standing.rul_lower is None else standing.rul_lower,
        standing.key,
    )


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)
