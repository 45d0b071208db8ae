"""What identifies rules: a canonical document whose names are written here, not taken from the code.

Rules whose documents are the same are the same rules, whatever their classes and fields are called. `FORMAT` is raised
by hand when a rule of the same document gets another meaning; `former_version` is frozen: it names rules as revision
080f245 did, so that what it wrote into alerts can be recognised.
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
_DIGITS = 8  # hexadecimal: 32 bits tell the versions of a plant apart


def rules_version(rules: Iterable[Rule]) -> str:
    """Return the version of some rules: the format of their documents, and a digest of them."""
    documents = [_canonical(rule_document(rule)) for rule in rules]
    written = json.dumps({"format": FORMAT, "rules": documents}, sort_keys=True, separators=(",", ":"))
    return f"{FORMAT}.{_digest(written)}"


def rule_document(rule: Rule) -> Document:
    """Return all that a rule does as a document; its note does nothing and is not in it."""
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
    """Return a value as JSON has it: every number a float, times of day as ISO 8601 writes them."""
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_canonical(each) for each in value]
    if value is None or isinstance(value, bool | str):
        return value
    return float(value) if isinstance(value, int | float) else value.isoformat()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


# From here on everything is frozen: names and order as revision 080f245 wrote them.

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
    """Return the version that revision 080f245 gave to the same rules; '' where it did not know a kind of them."""
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
