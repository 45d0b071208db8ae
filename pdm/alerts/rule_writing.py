"""Rules as documents that can be read back, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pdm.alerts import rules
from pdm.alerts.documents import RuleDocument
from pdm.alerts.quantities import write
from pdm.alerts.rules import Rule, Signal

Document = dict[str, Any]


def write_document(document: RuleDocument) -> Document:
    """Return what `parse_document` turns back into the very same rules: every field, values in SI units."""
    written: Document = {"rules": [write_rule(rule) for rule in document.rules]}
    return written | ({"off": list(document.off)} if document.off else {})


def write_rule(rule: Rule) -> Document:
    """Return one rule as a document."""
    written = {"key": rule.key, "severity": rule.severity.value, **_condition(rule)}
    written["on_delay"] = {"required": rule.on_delay.required, "of": rule.on_delay.window}
    written["off_delay"] = {"count": rule.off_delay.count}
    for name, delay in (("on_delay", rule.on_delay), ("off_delay", rule.off_delay)):
        if delay.duration:
            written[name]["for"] = write(delay.duration, "s")
    if rule.operating_states:
        written["operating_states"] = list(rule.operating_states)
    if rule.schedule is not None:
        written["schedule"] = rule.schedule.write()
    written["needs_acknowledgement"] = rule.needs_acknowledgement
    written["latch"] = rule.is_latching
    if rule.escalate_after is not None:
        written["escalate_after"] = write(rule.escalate_after, "s")
    return written | ({"note": rule.note} if rule.note else {})


def differences(before: Iterable[Rule], after: Iterable[Rule]) -> Document:
    """Return which rules `after` adds and removes, and of those that it changes each field as [before, after]."""
    old = {rule.key: write_rule(rule) for rule in before}
    new = {rule.key: write_rule(rule) for rule in after}
    changed = {
        key: {
            name: [old[key].get(name), new[key].get(name)]
            for name in dict.fromkeys([*old[key], *new[key]])
            if old[key].get(name) != new[key].get(name)
        }
        for key in new
        if key in old and old[key] != new[key]
    }
    return {
        "added": [key for key in new if key not in old],
        "removed": [key for key in old if key not in new],
        "changed": changed,
    }


def _condition(rule: Rule) -> Document:
    condition = rule.condition
    match condition:
        case rules.ZoneReached():
            return {"kind": "zone", "zone": condition.zone}
        case rules.HealthLow():
            deadband = round(condition.clear_above - condition.raise_below, 9)
            return {"kind": "health", "below": condition.raise_below, "deadband": deadband}
        case rules.RemainingLifeShort():
            return {"kind": "remaining-life", **_remaining_life(condition)}
        case rules.SymptomNamed():
            written = {"kind": "symptom", "confidence": condition.confidence, "deadband": condition.deadband}
            return written | ({"symptoms": list(condition.symptoms)} if condition.symptoms else {})
        case rules.FaultDiagnosed():
            written = {"kind": "diagnosis", "confidence": condition.confidence}
            return written | ({"faults": list(condition.faults)} if condition.faults else {})
        case rules.SensorFault():
            return {"kind": "sensor-fault"} | ({"point": condition.point} if condition.point else {})
        case rules.DataGap():
            return {"kind": "data-gap", "after": write(condition.after, "s")}
        case rules.Threshold():
            unit = condition.signal.unit
            return {
                "kind": "threshold",
                "signal": _signal(condition.signal),
                condition.side: write(condition.limit, unit),
                "deadband": write(condition.deadband, unit),
            }
        case rules.RateOfChange():
            unit = f"{condition.signal.unit}/s"
            return {
                "kind": "rate",
                "signal": _signal(condition.signal),
                condition.direction: write(condition.rate, unit),
                "deadband": write(condition.deadband, unit),
                "over": write(condition.span, "s"),
            }
        case rules.ForecastCrossing():
            return {"kind": "forecast", **_forecast(condition)}


def _remaining_life(condition: rules.RemainingLifeShort) -> Document:
    written: Document = {"bound": condition.bound}
    if condition.horizon is not None:
        written["within"] = write(condition.horizon, "s")
    else:
        written["horizon_fraction"] = condition.horizon_fraction
    written["clear_ratio"] = condition.clear_ratio
    if condition.health_below is not None:
        written["health_below"] = condition.health_below
    return written | {"healthy_above": condition.healthy_above}


def _forecast(condition: rules.ForecastCrossing) -> Document:
    signal = condition.signal
    about = {"of": "health"} if signal is None else {"signal": _signal(signal)}
    return {
        **about,
        condition.side: write(condition.limit, signal.unit if signal else "1"),
        "within": write(condition.horizon, "s"),
        "over": write(condition.span, "s"),
        "clear_ratio": condition.clear_ratio,
    }


def _signal(signal: Signal) -> Document:
    return {name: value for name, value in asdict(signal).items() if name not in ("unit", "is_shared") and value}
