"""Identity of rules: a canonical document whose field names are fixed here, not taken from the code.

Rules with equal documents are the same rules, independent of names of classes and fields. `FORMAT` is incremented
manually when the meaning of a document changes. `former_version` is frozen: it gives the version that revision 080f245
stored in alerts, so that these alerts can be matched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pdm.alerts.kinds.behaviour import Schedule
    from pdm.alerts.rules.rule import Rule

Document = dict[str, Any]

FORMAT = 3  # of the documents; raised by hand when their meaning changes (docs/develop/state-formats.md)
_DIGITS = 8  # hexadecimal: 32 bits distinguish the versions of a plant


def rules_version(rules: Iterable[Rule]) -> str:
    """Return the version of some rules: the format of their documents and a digest."""
    documents = [_canonical(rule_document(rule)) for rule in rules]
    written = json.dumps({"format": FORMAT, "rules": documents}, sort_keys=True, separators=(",", ":"))
    return f"{FORMAT}.{_digest(written)}"


def rule_document(rule: Rule) -> Document:
    """Return a rule as a document; the note has no effect and is not included."""
    return {
        "key": rule.key,
        "severity": rule.severity.value,
        "condition": {"kind": rule.condition.kind, **rule.condition.identity()},
        "on_delay": {
            "required": rule.on_delay.required,
            "window": rule.on_delay.window,
            "duration": rule.on_delay.duration,
        },
        "off_delay": {"count": rule.off_delay.count, "duration": rule.off_delay.duration},
        "operating_states": rule.operating_states,
        "schedule": None if rule.schedule is None else _schedule(rule.schedule),
        "needs_acknowledgement": rule.needs_acknowledgement,
        "is_latching": rule.is_latching,
        "escalate_after": rule.escalate_after,
    }


def _schedule(schedule: Schedule) -> Document:
    return {
        "days": schedule.days,
        "begins": schedule.begins,
        "ends": schedule.ends,
        "time_zone": schedule.time_zone,
    }


def _canonical(value: Any) -> Any:
    """Return a value as JSON: every number a float, times of day in ISO 8601."""
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_canonical(each) for each in value]
    if value is None or isinstance(value, bool | str):
        return value
    return float(value) if isinstance(value, int | float) else value.isoformat()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


# The code below is frozen: names and order of revision 080f245.

_FORMER_CONDITIONS = {
    "zone": ("ZoneReached", ("zone",)),
    "health": ("HealthLow", ("raise_below", "clear_above")),
    "remaining-life": (
        "RemainingLifeShort",
        ("bound", "horizon_fraction", "horizon", "clear_ratio", "health_below", "healthy_above"),
    ),
    "symptom": ("SymptomNamed", ("confidence", "symptoms", "deadband")),
    "diagnosis": ("FaultDiagnosed", ("confidence", "faults")),
    "threshold": ("Threshold", ("signal", "side", "limit", "deadband", "keys")),
    "rate": ("RateOfChange", ("signal", "direction", "rate", "deadband", "span", "keys")),
    "forecast": ("ForecastCrossing", ("signal", "side", "limit", "horizon", "span", "clear_ratio", "keys")),
    "sensor-fault": ("SensorFault", ("point", "all_points")),
    "data-gap": ("DataGap", ("after",)),
}
_FORMER_SIGNAL = ("quantity", "feature", "point", "component", "is_shared", "unit")
_FORMER_SCHEDULE = ("days", "begins", "ends", "time_zone")


def former_version(rules: Iterable[Rule]) -> str:
    """Return the version of the same rules in revision 080f245; '' if that revision lacks one of the kinds."""
    rules = tuple(rules)
    if any(rule.condition.kind not in _FORMER_CONDITIONS for rule in rules):
        return ""
    written = [_former_rule(rule_document(rule)) for rule in rules]
    whole = f"({written[0]},)" if len(written) == 1 else f"({', '.join(written)})"
    return f"2.{_digest(whole)}"


def _former_rule(rule: Document) -> str:
    name, fields = _FORMER_CONDITIONS[rule["condition"]["kind"]]
    condition = dict(rule["condition"])
    signal = condition.get("signal")
    texts = {
        field: _former("Signal", _FORMER_SIGNAL, signal) if field == "signal" and signal else f"{condition[field]!r}"
        for field in fields
    }
    severity = rule["severity"]
    schedule = rule["schedule"]
    return (
        f"Rule(key={rule['key']!r}, severity=<Severity.{severity.upper()}: {severity!r}>, "
        f"condition={name}({', '.join(f'{field}={text}' for field, text in texts.items())}), "
        f"on_delay={_former('OnDelay', ('required', 'window', 'duration'), rule['on_delay'])}, "
        f"off_delay={_former('OffDelay', ('count', 'duration'), rule['off_delay'])}, "
        f"operating_states={rule['operating_states']!r}, "
        f"schedule={_former('Schedule', _FORMER_SCHEDULE, schedule) if schedule else None}, "
        f"needs_acknowledgement={rule['needs_acknowledgement']!r}, is_latching={rule['is_latching']!r}, "
        f"escalate_after={rule['escalate_after']!r})"
    )


def _former(name: str, fields: tuple[str, ...], values: Document) -> str:
    return f"{name}({', '.join(f'{field}={values[field]!r}' for field in fields)})"
