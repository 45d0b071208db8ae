"""Rules as documents: plain data in, rules out, or every place where it is wrong and why; and the way back."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from pdm.alerts import document_fields as read
from pdm.alerts import rules
from pdm.alerts.document_fields import (
    MISSING,
    FeatureUnit,
    FeatureUnits,
    Fields,
    InvalidRulesError,
    Place,
    Problem,
    one_of,
    texts,
    write_place,
)
from pdm.alerts.measured_conditions import FEATURED, Side
from pdm.alerts.quantities import parse_duration, parse_rate, parse_value
from pdm.alerts.rules import Condition, OffDelay, OnDelay, Rule, Schedule, Severity, Signal
from pdm.errors import InvalidInputError
from pdm.machines.model import check_key
from pdm.machines.units import UNITS, si_unit

MOST_RULES = 200
"""Of one document; what people cannot oversee they cannot maintain."""
MOST_PROBLEMS = 50

__all__ = [
    "KINDS",
    "FeatureUnit",
    "FeatureUnits",
    "InvalidRulesError",
    "Place",
    "Problem",
    "RuleDocument",
    "parse_document",
]


@dataclass(frozen=True)
class RuleDocument:
    """What a scope says about rules: those it sets, by key, and the inherited ones it switches off."""

    rules: tuple[Rule, ...]
    off: tuple[str, ...] = ()


def parse_document(
    content: object, features: FeatureUnits, line_of: Callable[[Place], int | None] = lambda _: None
) -> RuleDocument:
    """Return the rules that a document describes.

    Parameters
    ----------
    content : object
        As YAML or JSON is read: {'rules': [...], 'off': [...]}.
    features : mapping
        Which features there are.
    line_of : callable
        The line of a place in the text, if there is a text.

    Raises
    ------
    InvalidRulesError
        With every problem found.
    """
    problems: list[tuple[Place, str]] = []
    document = Fields(content, (), problems, features)
    raw_rules = document.take("rules", default=[])
    raw_off = document.take("off", default=[])
    document.refuse_the_rest()
    found: list[Rule] = []
    if not isinstance(raw_rules, list) or len(raw_rules) > MOST_RULES:
        problems.append((("rules",), f"must be a list of at most {MOST_RULES} rules"))
    else:
        for index, raw in enumerate(raw_rules):
            rule = _rule(Fields(raw, ("rules", index), problems, features))
            if rule is not None and rule.key in {other.key for other in found}:
                problems.append((("rules", index, "key"), f"{rule.key!r} is given twice"))
            elif rule is not None:
                found.append(rule)
    if not isinstance(raw_off, list) or not all(isinstance(key, str) for key in raw_off):
        problems.append((("off",), "must be a list of rule keys"))
        raw_off = []
    if not raw_rules and not raw_off and not problems:
        problems.append(((), "sets no rule and switches none off"))
    for index, key in enumerate(raw_off):
        if key in {rule.key for rule in found}:
            problems.append((("off", index), f"{key!r} is set by the same document"))
    if problems:
        raise InvalidRulesError.of([Problem(write_place(at), why, line_of(at)) for at, why in problems[:MOST_PROBLEMS]])
    return RuleDocument(tuple(found), tuple(raw_off))


def _rule(fields: Fields) -> Rule | None:
    before = len(fields.problems)
    key = fields.read("key", lambda raw: check_key(raw, "key"))
    kind = fields.read("kind", one_of(*_KINDS))
    severity = fields.read("severity", lambda raw: Severity(one_of(*Severity)(raw)), Severity.WARNING)
    if kind is None:
        return None
    condition = _KINDS[kind](fields)
    slow = kind == "remaining-life"
    once = kind in ("diagnosis", "data-gap")
    on_default = (
        OnDelay(1, 1) if once else OnDelay(4, 6) if slow else OnDelay(5, 8) if kind == "sensor-fault" else OnDelay()
    )
    off_default = OffDelay(1) if once else OffDelay(30) if slow else OffDelay()
    made: dict[str, Any] = {
        "on_delay": _on_delay(fields, on_default),
        "off_delay": _off_delay(fields, off_default),
        "operating_states": fields.read("operating_states", texts, ()),
        "schedule": _schedule(fields),
        "needs_acknowledgement": fields.read("needs_acknowledgement", read.flag, severity is Severity.CRITICAL),
        "is_latching": fields.read("latch", read.flag, False),
        "escalate_after": fields.read("escalate_after", parse_duration, None),
    }
    fields.take("note", "")
    fields.refuse_the_rest()
    if len(fields.problems) > before or condition is None or key is None or severity is None:
        return None
    rule: Rule | None = _build(fields, lambda: Rule(key, severity, condition, **made))
    return rule


def _build(fields: Fields, make: Callable[[], Any]) -> Any:
    """Return what can be made, or note where the refusal belongs."""
    try:
        return make()
    except InvalidInputError as error:
        name = error.field if error.field in fields.known else ""
        fields.refuse(name or "", error.message)
        return None


def _made(fields: Fields, before: int, make: Callable[[], Condition]) -> Condition | None:
    """Return the condition unless a field of it was wrong."""
    condition: Condition | None = None if len(fields.problems) > before else _build(fields, make)
    return condition


def _zone(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    zone = fields.read("zone", str)
    return _made(fields, before, lambda: rules.ZoneReached(zone))


def _health(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    below = fields.read("below", read.number)
    deadband = fields.read("deadband", read.number, 0.1)
    return _made(fields, before, lambda: rules.HealthLow(below, round(below + deadband, 9)))


def _remaining_life(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    more: dict[str, Any] = {"bound": fields.read("bound", str, "lower")}
    if fields.has("within"):
        more["horizon"] = fields.read("within", parse_duration)
    else:
        more["horizon_fraction"] = fields.read("horizon_fraction", read.number, 1.0)
    more["clear_ratio"] = fields.read("clear_ratio", read.number, 1.5)
    more["health_below"] = fields.read("health_below", read.number, None)
    more["healthy_above"] = fields.read("healthy_above", read.number, 0.85)
    return _made(fields, before, lambda: rules.RemainingLifeShort(**more))


def _symptom(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    confidence = fields.read("confidence", read.number)
    symptoms = fields.read("symptoms", texts, ())
    deadband = fields.read("deadband", read.number, 0.1)
    return _made(fields, before, lambda: rules.SymptomNamed(confidence, symptoms, deadband))


def _diagnosis(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    confidence = fields.read("confidence", read.number)
    faults = fields.read("faults", texts, ())
    return _made(fields, before, lambda: rules.FaultDiagnosed(confidence, faults))


def _threshold(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    signal = _signal(fields)
    unit = signal.unit if signal else "1"
    side, limit = _side(fields, unit)
    deadband = fields.read("deadband", lambda raw: parse_value(raw, unit, is_difference=True))
    return _made(fields, before, lambda: rules.Threshold(_known(signal), side, limit, deadband))


def _rate(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    signal = _signal(fields)
    unit = signal.unit if signal else "1"
    direction = "falling" if fields.has("falling") else "rising"
    rate = fields.read(f"{direction}", lambda raw: parse_rate(raw, unit))
    deadband = fields.read("deadband", lambda raw: parse_rate(raw, unit), None)
    span = fields.read("over", parse_duration)
    return _made(
        fields,
        before,
        lambda: rules.RateOfChange(_known(signal), direction, rate, rate / 2 if deadband is None else deadband, span),  # type: ignore[arg-type]
    )


def _forecast(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    is_health = fields.read("of", one_of("health", "signal"), "signal") == "health"
    signal = None if is_health else _signal(fields)
    side, limit = _side(fields, signal.unit if signal else "1")
    horizon = fields.read("within", parse_duration)
    span = fields.read("over", parse_duration)
    ratio = fields.read("clear_ratio", read.number, 1.5)
    return _made(fields, before, lambda: rules.ForecastCrossing(signal, side, limit, horizon, span, ratio))


def _sensor_fault(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    point = fields.read("point", lambda raw: check_key(raw, "point"), None)
    return _made(fields, before, lambda: rules.SensorFault(point))


def _data_gap(fields: Fields) -> Condition | None:
    before = len(fields.problems)
    after = fields.read("after", parse_duration)
    return _made(fields, before, lambda: rules.DataGap(after))


_KINDS: Mapping[str, Callable[[Fields], Condition | None]] = {
    "zone": _zone,
    "health": _health,
    "remaining-life": _remaining_life,
    "symptom": _symptom,
    "diagnosis": _diagnosis,
    "threshold": _threshold,
    "rate": _rate,
    "forecast": _forecast,
    "sensor-fault": _sensor_fault,
    "data-gap": _data_gap,
}
KINDS = tuple(_KINDS)


def _signal(fields: Fields) -> Signal | None:
    inner = fields.inner("signal")
    if inner is None:
        return None
    before = len(inner.problems)
    feature = inner.read("feature", read.text_of, "")
    quantity = inner.read("quantity", one_of(*UNITS), "acceleration" if feature else MISSING)
    point = inner.read("point", lambda raw: check_key(raw, "point"), None)
    component = inner.read("component", lambda raw: check_key(raw, "component"), None)
    inner.refuse_the_rest()
    if len(inner.problems) > before:
        return None
    if not feature:
        return Signal(quantity, "", point, component, unit=si_unit(quantity))
    known = inner.features.get((quantity, feature))
    if known is None:
        names = [name for kind, name in inner.features if kind == quantity]
        near = difflib.get_close_matches(feature, names, 3)
        hint = f"; near are {', '.join(near)}" if near else ""
        where = quantity if quantity in FEATURED else f"{quantity}, whose points report single values"
        inner.refuse("feature", f"{feature!r} is no feature of {where}{hint}")
        return None
    return Signal(quantity, feature, point, component, known.is_shared, known.unit)


def _known(signal: Signal | None) -> Signal:
    assert signal is not None
    return signal


def _side(fields: Fields, unit: str) -> tuple[Side, float]:
    side: Side = "below" if fields.has("below") else "above"
    return side, fields.read(side, lambda raw: parse_value(raw, unit))


def _on_delay(fields: Fields, default: OnDelay) -> OnDelay | None:
    inner = fields.inner("on_delay", None)
    if inner is None:
        return default
    before = len(inner.problems)
    required = inner.read("required", read.count, default.required)
    window = inner.read("of", read.count, max(required or 1, default.window))
    duration = inner.read("for", parse_duration, default.duration)
    inner.refuse_the_rest()
    return None if len(inner.problems) > before else _build(inner, lambda: OnDelay(required, window, duration))


def _off_delay(fields: Fields, default: OffDelay) -> OffDelay | None:
    inner = fields.inner("off_delay", None)
    if inner is None:
        return default
    before = len(inner.problems)
    count = inner.read("count", read.count, default.count)
    duration = inner.read("for", parse_duration, default.duration)
    inner.refuse_the_rest()
    return None if len(inner.problems) > before else _build(inner, lambda: OffDelay(count, duration))


def _schedule(fields: Fields) -> Schedule | None:
    inner = fields.inner("schedule", None)
    if inner is None:
        return None
    before = len(inner.problems)
    days = inner.read("days", texts, rules.DAYS)
    begins = inner.read("from", read.clock, time(0, 0))
    ends = inner.read("to", read.clock, time(0, 0))
    zone = inner.read("time_zone", read.text_of, "UTC")
    inner.refuse_the_rest()
    return None if len(inner.problems) > before else _build(inner, lambda: Schedule(days, begins, ends, zone))
