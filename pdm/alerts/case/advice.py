"""Advice on a case: act-by time, checks and spare parts. Pure functions; reasons are message keys.

References
----------
.. [1] ISO 20816-1:2016, 6.2: zone C is fit for a limited time until there is an opportunity for work; zone D is
   sufficient to cause damage.
.. [2] ISO 13381-1:2015, 6: an alarm level before the trip level leaves the time that maintenance needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pdm.health.assessment import ZoneTrend
from pdm.health.diagnosis.checks import CHECKS
from pdm.health.diagnosis.model import Fault
from pdm.health.roll_up import Urgency
from pdm.machines.model import Component, ComponentKind, Machine

CRITICAL_SHARE = 0.25
"""Share of the planning horizon within which a critical alert without prognosis is due [1]; as rule life-critical."""

_GENERAL_CHECKS: Mapping[str, tuple[str, ...]] = {
    "bearing_wear": ("listen-bearing", "sample-grease", "check-lubrication", "diagnose-again"),
    "overheating": ("check-cooling", "check-lubrication", "check-load"),
    "overall_vibration": ("check-bolts", "check-load", "diagnose-again"),
}
_KINDS: Mapping[str, tuple[ComponentKind, ...]] = {
    "bearing": (ComponentKind.BEARING,),
    "gear": (ComponentKind.GEAR,),
    "unbalance": (ComponentKind.SHAFT, ComponentKind.MOTOR, ComponentKind.FAN, ComponentKind.IMPELLER),
    "misalignment": (ComponentKind.SHAFT, ComponentKind.COUPLING),
    "broken": (ComponentKind.MOTOR,),
    "eccentricity": (ComponentKind.MOTOR,),
    "stator": (ComponentKind.MOTOR,),
}
"""Kinds of component that a fault damages, by the first word of the fault; other faults need no spare part."""


@dataclass(frozen=True)
class AdviceReason:
    """A reason in the catalogues: `section.key` and its parameters."""

    key: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """Input of the advice: the state of a case's machine; times in s, on the machine's timeline.

    `zone_trend` is the next boundary of the severity zone and the time until it may be reached.
    """

    severity: str
    measured_at: datetime
    planning_horizon: float
    zone: str | None = None
    zone_source: str | None = None
    rul: float | None = None
    rul_lower: float | None = None
    rul_upper: float | None = None
    level: float | None = None
    can_decide: bool = False
    zone_trend: ZoneTrend | None = None


@dataclass(frozen=True)
class Deadline:
    """A time limit for action and its reason; the earliest of several applies."""

    at: datetime
    why: AdviceReason


@dataclass(frozen=True)
class Advice:
    """Urgency of a case.

    `act_by` is when work must be done: the earliest of the deadlines, None if there is none. `plan_by` is when the work
    must be planned so that the planning horizon remains; never before the newest measurement.
    """

    urgency: Urgency
    act_by: datetime | None
    plan_by: datetime | None
    deadlines: tuple[Deadline, ...]


def advise(known: Known) -> Advice:
    """Return the act-by time from zone, zone trend, remaining life and planning horizon.

    Examples
    --------
    >>> from datetime import UTC
    >>> now, day = datetime(2026, 11, 1, tzinfo=UTC), 86400.0
    >>> found = advise(Known("warning", now, 14 * day, zone="B", rul_lower=5 * day, level=0.9, can_decide=True))
    >>> found.urgency.value, found.act_by.isoformat(), found.plan_by.isoformat()
    ('within-horizon', '2026-11-06T00:00:00+00:00', '2026-11-01T00:00:00+00:00')
    """
    deadlines = tuple(sorted(_deadlines(known), key=lambda deadline: deadline.at))
    if not deadlines:
        return Advice(Urgency.NONE, None, None, ())
    act_by = deadlines[0].at
    horizon = timedelta(seconds=known.planning_horizon)
    if act_by <= known.measured_at:
        urgency = Urgency.IMMEDIATE
    else:
        urgency = Urgency.WITHIN_HORIZON if act_by <= known.measured_at + horizon else Urgency.LATER
    return Advice(urgency, act_by, max(known.measured_at, act_by - horizon), deadlines)


def _deadlines(known: Known) -> list[Deadline]:
    found: list[Deadline] = []

    def add(seconds: float, key: str, **parameters: Any) -> None:
        at = known.measured_at + timedelta(seconds=min(max(seconds, 0.0), 3e9))
        found.append(Deadline(at, AdviceReason(f"act-by.{key}", parameters)))

    if known.zone == "D":
        add(0.0, "zone-d", source=known.zone_source)
    elif known.zone == "C":
        add(known.planning_horizon, "zone-c", horizon_s=known.planning_horizon)
    trend = known.zone_trend
    ahead = {"B/C": "zone-c-ahead", "C/D": "zone-d-ahead"}.get(trend.boundary) if trend else None
    if trend is not None and ahead is not None:
        add(trend.lower_s, ahead, lower_s=trend.lower_s)
    if known.can_decide and known.rul_lower is not None:
        add(known.rul_lower, "remaining-life", rul_lower_s=known.rul_lower, level=known.level)
    if not found and known.severity in ("critical", "warning"):
        wait = known.planning_horizon * (CRITICAL_SHARE if known.severity == "critical" else 1.0)
        add(wait, f"{known.severity}-without-prognosis", wait_s=wait)
    return found


@dataclass(frozen=True)
class Suspect:
    """A possible fault behind a case: from a diagnosis with its verdict, or from a symptom of state detection."""

    fault: str
    component: str | None
    confidence: float | None
    verdict: str | None = None
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """A check and the faults it is for."""

    check: str
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A component that may need replacement, its spare part, and the reason."""

    component: str
    kind: str
    part: str | None
    geometry: str | None
    why: AdviceReason


def suspects_of(
    findings: Sequence[Mapping[str, Any]], symptom: str | None, component: str | None
) -> tuple[Suspect, ...]:
    """Return the possible faults behind a case, the most likely first.

    Supported findings of the diagnosis come first; without one, the symptom of state detection and then the other
    findings of the diagnosis.

    Parameters
    ----------
    findings : sequence of mapping
        Findings of the stored diagnosis; empty without a diagnosis.
    symptom, component : str or None
        Result of state detection.
    """
    diagnosed = [
        Suspect(f["fault"], f["component"], f["confidence"], f["verdict"], tuple(f.get("checks", ())))
        for f in findings
        if f["verdict"] != "REFUSED"
    ]
    supported = [one for one in diagnosed if one.verdict == "SUPPORTED"]
    named = [Suspect(symptom, component, None)] if symptom else []
    if supported:
        return tuple(supported)
    return (*named, *(one for one in diagnosed if one.fault != symptom and (one.confidence or 0.0) >= 0.5))


def recommend_checks(suspects: Sequence[Suspect], most: int = 8) -> tuple[Check, ...]:
    """Return the checks, the cheapest of the most likely fault first; a check for several faults is listed once.

    Examples
    --------
    >>> [one.check for one in recommend_checks([Suspect("bearing_cage", "de", 0.9)])]
    ['check-lubrication', 'check-speed-limit', 'inspect-cage']
    """
    faults: dict[str, list[str]] = {}
    for suspect in suspects:
        for check in suspect.checks or checks_of(suspect.fault):
            faults.setdefault(check, []).append(suspect.fault)
    return tuple(Check(check, tuple(dict.fromkeys(of))) for check, of in list(faults.items())[:most])


def checks_of(fault: str) -> tuple[str, ...]:
    """Return the checks for a fault or a symptom; a new diagnosis if there is no other check."""
    if fault in _GENERAL_CHECKS:
        return _GENERAL_CHECKS[fault]
    return CHECKS[Fault(fault)] if fault in set(Fault) else ("diagnose-again",)


def likely_parts(machine: Machine, component: str | None, suspects: Sequence[Suspect]) -> tuple[Part, ...]:
    """Return the components of the machine that may need replacement, the most likely first.

    The order is: component of a suspect, component of the alert, components of the kind that the fault damages. A fault
    that damages no component (looseness, supply) gives none.
    """
    found: dict[str, Part] = {}
    declared = {each.key: each for each in machine.components}
    for suspect in suspects:
        each = declared.get(suspect.component or "")
        if each is not None and each.kind in kinds_of(suspect.fault):
            found.setdefault(each.key, _part(each, AdviceReason("part.diagnosed", {"fault": suspect.fault})))
    if component in declared:
        found.setdefault(str(component), _part(declared[str(component)], AdviceReason("part.named")))
    if not found:
        for suspect in suspects:
            for each in machine.components:
                if each.kind in kinds_of(suspect.fault):
                    found.setdefault(each.key, _part(each, AdviceReason("part.of-kind", {"fault": suspect.fault})))
    return tuple(found.values())


def kinds_of(fault: str) -> tuple[ComponentKind, ...]:
    """Return the kinds of component that a fault damages."""
    return _KINDS.get(fault.split("_", 1)[0], ())


def _part(component: Component, why: AdviceReason) -> Part:
    geometry = component.bearing.source if component.bearing is not None else None
    return Part(component.key, component.kind.value, component.part, geometry, why)
