"""Rules: what an assessment or a prognosis must say, and for how long, before people are told."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, Literal

from pdm.errors import InvalidInputError
from pdm.health.assessment import Assessment
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import Prognosis

ZONES = ("A", "B", "C", "D")  # ISO 20816-1:2016, 6.2: severity zones


class Severity(StrEnum):
    """How much an alert matters; compare by `rank`."""

    ADVISORY = "advisory"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Place in the order advisory < warning < critical, from 0."""
        return _RANK[self]


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Observation(Enum):
    """What one acquisition says to one rule."""

    VIOLATED = "violated"  # beyond the raise limit
    HELD = "held"  # in the dead band: neither raises nor clears
    RETURNED = "returned"  # back beyond the clear limit
    ABSENT = "absent"  # nothing known: no timer moves


@dataclass(frozen=True)
class OnDelay:
    """Raise when `required` of the last `window` acquisitions violate, over at least `duration` [s]."""

    required: int = 3
    window: int = 5
    duration: float = 0.0

    def __post_init__(self) -> None:
        if not 2 <= self.required <= self.window <= 60:
            raise InvalidInputError(
                f"on-delay needs 2 <= required <= window <= 60, not {self.required} of {self.window}: "
                "a single acquisition never raises an alert",
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


def _check_duration(duration: float, name: str) -> None:
    if not 0 <= duration < math.inf:
        raise InvalidInputError(f"{name} duration {duration} s must be finite and not negative", field=name)


@dataclass(frozen=True)
class ZoneRule:
    """Vibration severity reaches `zone` or worse; silent where no standard's zones apply."""

    key: str
    severity: Severity
    zone: str
    on_delay: OnDelay = field(default_factory=OnDelay)
    off_delay: OffDelay = field(default_factory=OffDelay)
    message: str = "zone-reached"

    def __post_init__(self) -> None:
        if self.zone not in ZONES[1:]:
            raise InvalidInputError(f"zone {self.zone!r} must be one of B, C, D", field="zone")

    def observe(self, machine: Machine, assessment: Assessment, prognosis: Prognosis | None) -> Observation:  # noqa: ARG002
        """Return whether the zone is at or beyond the limit; absent while learning or without zones."""
        if assessment.zone is None or _number(assessment.health) is None:
            return Observation.ABSENT
        return Observation.VIOLATED if assessment.zone >= self.zone else Observation.RETURNED

    def parameters(
        self,
        machine: Machine,
        assessment: Assessment,
        prognosis: Prognosis | None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return what the message needs to be read by people."""
        limits = machine.severity_limits
        return {"zone": assessment.zone, "limit": self.zone, "source": limits.source if limits else None}


@dataclass(frozen=True)
class HealthRule:
    """Health falls below `raise_below` [1]; it has returned above `clear_above` [1]."""

    key: str
    severity: Severity
    raise_below: float
    clear_above: float
    on_delay: OnDelay = field(default_factory=OnDelay)
    off_delay: OffDelay = field(default_factory=OffDelay)
    message: str = "health-low"

    def __post_init__(self) -> None:
        if not 0 < self.raise_below < self.clear_above < 1:
            raise InvalidInputError(
                f"health limits must hold 0 < raise_below < clear_above < 1, not {self.raise_below} and "
                f"{self.clear_above}",
                field="raise_below",
            )

    def observe(self, machine: Machine, assessment: Assessment, prognosis: Prognosis | None) -> Observation:  # noqa: ARG002
        """Return where health lies between the two limits; absent while learning."""
        health = _number(assessment.health)
        if health is None:
            return Observation.ABSENT
        if health < self.raise_below:
            return Observation.VIOLATED
        return Observation.RETURNED if health > self.clear_above else Observation.HELD

    def parameters(
        self,
        machine: Machine,  # noqa: ARG002
        assessment: Assessment,
        prognosis: Prognosis | None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return what the message needs to be read by people."""
        return {
            "health": _rounded(assessment.health),
            "limit": self.raise_below,
            "symptom": assessment.symptom,
        }


@dataclass(frozen=True)
class RemainingLifeRule:
    """Remaining life may end within a fraction of the notice that maintenance needs.

    A prognosis alone is thin evidence, so `health_below` [1] asks for degradation beside it. A machine
    that again has no prognosis because nothing degrades (health above `healthy_above` [1]) has returned;
    an absent prognosis never raises.

    Attributes
    ----------
    bound : {'lower', 'median'}
        Which figure of the prognosis is compared.
    horizon_fraction : float
        Raise below this fraction of the machine's planning horizon [1].
    clear_ratio : float
        The figure has returned above this multiple of the raise limit [1].
    """

    key: str
    severity: Severity
    bound: Literal["lower", "median"]
    horizon_fraction: float
    clear_ratio: float = 1.5
    health_below: float | None = None
    healthy_above: float = 0.85
    on_delay: OnDelay = field(default_factory=lambda: OnDelay(4, 6))
    off_delay: OffDelay = field(default_factory=lambda: OffDelay(30))
    message: str = "remaining-life-short"

    def __post_init__(self) -> None:
        if self.bound not in ("lower", "median"):
            raise InvalidInputError(f"bound {self.bound!r} must be 'lower' or 'median'", field="bound")
        if not 0 < self.horizon_fraction <= 100:
            raise InvalidInputError("horizon_fraction must be in (0, 100]", field="horizon_fraction")
        if not 1 < self.clear_ratio <= 100:
            raise InvalidInputError("clear_ratio must be in (1, 100]: a dead band", field="clear_ratio")
        if not 0 < (self.health_below or 0.5) < self.healthy_above < 1:
            raise InvalidInputError("0 < health_below < healthy_above < 1 must hold", field="health_below")

    def observe(self, machine: Machine, assessment: Assessment, prognosis: Prognosis | None) -> Observation:
        """Return where the remaining life lies between the two limits, if health supports it."""
        health = _number(assessment.health)
        if health is None:
            return Observation.ABSENT
        remaining = self._remaining(prognosis)
        limit = machine.planning_horizon * self.horizon_fraction
        if remaining is None:
            at_least = _number(prognosis.rul_lower) if prognosis and prognosis.source != "none" else None
            is_long = at_least is not None and at_least > limit * self.clear_ratio
            return Observation.RETURNED if is_long or health > self.healthy_above else Observation.ABSENT
        if remaining > limit * self.clear_ratio:
            return Observation.RETURNED
        if self.health_below is not None and health >= self.health_below:
            return Observation.RETURNED if health > self.healthy_above else Observation.HELD
        return Observation.VIOLATED if remaining < limit else Observation.HELD

    def parameters(self, machine: Machine, assessment: Assessment, prognosis: Prognosis | None) -> dict[str, Any]:
        """Return what the message needs to be read by people; times in s."""
        return {
            "bound": self.bound,
            "rul_s": self._remaining(prognosis),
            "limit_s": machine.planning_horizon * self.horizon_fraction,
            "level": prognosis.level if prognosis else None,
            "health": _rounded(assessment.health),
        }

    def _remaining(self, prognosis: Prognosis | None) -> float | None:
        if prognosis is None or not prognosis.can_decide:
            return None
        return _number(prognosis.rul_lower if self.bound == "lower" else prognosis.rul)


Rule = ZoneRule | HealthRule | RemainingLifeRule


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


@dataclass(frozen=True)
class RuleSet:
    """The rules in force together, named by a version that every alert carries."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        keys = [rule.key for rule in self.rules]
        if not keys or len(set(keys)) != len(keys) or "" in keys:
            raise InvalidInputError("a rule set needs rules, each with a key of its own", field="rules")
        digest = hashlib.sha256(repr(self.rules).encode()).hexdigest()[:8]
        object.__setattr__(self, "version", f"1.{digest}")

    version: str = field(init=False, default="")


# Remaining life never alerts alone: on a machine without degradation it says little more than its age.
DEFAULT_RULES = RuleSet(
    (
        ZoneRule("zone-c", Severity.WARNING, "C"),
        ZoneRule("zone-d", Severity.CRITICAL, "D", OnDelay(2, 2)),
        HealthRule("health-warning", Severity.WARNING, raise_below=0.6, clear_above=0.7),
        HealthRule("health-critical", Severity.CRITICAL, raise_below=0.3, clear_above=0.4),
        RemainingLifeRule("life-warning", Severity.WARNING, "lower", 1.0, health_below=0.8),
        RemainingLifeRule("life-critical", Severity.CRITICAL, "median", 0.25, health_below=0.6),
    )
)

RULE_VERSION = DEFAULT_RULES.version
