"""Rules as documents: plain data in, rules out, or every place where it is wrong and why; and the way back."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from pdm.alerts import rules
from pdm.alerts.measured_conditions import FEATURED, Side
from pdm.alerts.quantities import QuantityError, parse_duration, parse_rate, parse_value
from pdm.alerts.rules import Condition, OffDelay, OnDelay, Rule, Schedule, Severity, Signal
from pdm.errors import InvalidInputError, PdmError
from pdm.machines.model import check_key
from pdm.machines.units import UNITS, si_unit

MOST_RULES = 200
"""Of one document; what people cannot oversee they cannot maintain."""
MOST_PROBLEMS = 50

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a document: where (a path such as rules[2].above), why, and the line if known."""

    place: str
    reason: str
    line: int | None = None


class InvalidRulesError(InvalidInputError):
    """A document of rules is not one; `problems` say where and why."""

    code = "invalid-rules"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        told = [f"line {p.line}, {p.place}: {p.reason}" if p.line else f"{p.place}: {p.reason}" for p in problems]
        super().__init__("; ".join(told[:5]) + (f"; and {len(told) - 5} more" if len(told) > 5 else ""))
        self.field = problems[0].place


@dataclass(frozen=True)
class FeatureUnit:
    """A feature's SI unit, and whether the phases of a machine have it together."""

    unit: str
    is_shared: bool = False


FeatureUnits = Mapping[tuple[str, str], FeatureUnit]
"""By quantity ('acceleration', 'current') and name."""


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
    document = _Fields(content, (), problems, features)
    raw_rules = document.take("rules", default=[])
    raw_off = document.take("off", default=[])
    document.refuse_the_rest()
    found: list[Rule] = []
    if not isinstance(raw_rules, list) or len(raw_rules) > MOST_RULES:
        problems.append((("rules",), f"must be a list of at most {MOST_RULES} rules"))
    else:
        for index, raw in enumerate(raw_rules):
            rule = _rule(_Fields(raw, ("rules", index), problems, features))
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
        raise InvalidRulesError([Problem(_text(at), why, line_of(at)) for at, why in problems[:MOST_PROBLEMS]])
    return RuleDocument(tuple(found), tuple(raw_off))


def _text(place: Place) -> str:
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return parts.removeprefix(".") or "document"


class _Missing:
    """No default: the field must be there."""


_MISSING = _Missing()


class _Fields:
    """The fields of one mapping: each is taken once, and what is left is refused."""

    def __init__(self, raw: object, place: Place, problems: list[tuple[Place, str]], features: FeatureUnits) -> None:
        self.place = place
        self.problems = problems
        self.features = features
        self._known: list[str] = []
        self._rest: dict[str, Any] = {}
        if not isinstance(raw, dict):
            self.refuse("", "must be a mapping of names to values")
        else:
            self._rest = {str(name): value for name, value in raw.items()}

    def refuse(self, name: str, reason: str) -> None:
        self.problems.append(((*self.place, name) if name else self.place, reason))

    def take(self, name: str, default: Any = _MISSING) -> Any:
        self._known.append(name)
        if name in self._rest:
            return self._rest.pop(name)
        if isinstance(default, _Missing):
            self.refuse(name, "is missing")
            return None
        return default

    def has(self, name: str) -> bool:
        return name in self._rest

    def read(self, name: str, how: Callable[[Any], Any], default: Any = _MISSING) -> Any:
        """Take a field and convert it; None, and a problem noted, where that fails."""
        raw = self.take(name, default)
        if raw is None or raw is default:
            return raw
        try:
            return how(raw)
        except (QuantityError, InvalidInputError, ValueError, TypeError, KeyError) as error:
            self.refuse(name, error.message if isinstance(error, PdmError) else str(error))
            return None

    def inner(self, name: str, default: Any = _MISSING) -> _Fields | None:
        raw = self.take(name, default)
        return (
            None if raw is None or raw is default else _Fields(raw, (*self.place, name), self.problems, self.features)
        )

    def refuse_the_rest(self) -> None:
        for name in self._rest:
            near = difflib.get_close_matches(name, self._known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(self._known)}"
            self.refuse(name, f"is unknown{hint}")


def _rule(fields: _Fields) -> Rule | None:
    before = len(fields.problems)
    key = fields.read("key", lambda raw: check_key(raw, "key"))
    kind = fields.read("kind", _one_of(*_KINDS))
    severity = fields.read("severity", lambda raw: Severity(_one_of(*Severity)(raw)), Severity.WARNING)
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
        "operating_states": fields.read("operating_states", _texts, ()),
        "schedule": _schedule(fields),
        "needs_acknowledgement": fields.read("needs_acknowledgement", _flag, severity is Severity.CRITICAL),
        "is_latching": fields.read("latch", _flag, False),
        "escalate_after": fields.read("escalate_after", parse_duration, None),
    }
    fields.take("note", "")
    fields.refuse_the_rest()
    if len(fields.problems) > before or condition is None or key is None or severity is None:
        return None
    rule: Rule | None = _build(fields, lambda: Rule(key, severity, condition, **made))
    return rule


def _build(fields: _Fields, make: Callable[[], Any]) -> Any:
    """Return what can be made, or note where the refusal belongs."""
    try:
        return make()
    except InvalidInputError as error:
        name = error.field if error.field in fields._known else ""
        fields.refuse(name or "", error.message)
        return None


def _made(fields: _Fields, before: int, make: Callable[[], Condition]) -> Condition | None:
    """Return the condition unless a field of it was wrong."""
    condition: Condition | None = None if len(fields.problems) > before else _build(fields, make)
    return condition


def _zone(fields: _Fields) -> Condition | None:
    before = len(fields.problems)
    zone = fields.read("zone", str)
    return _made(fields, before, lambda: rules.ZoneReached(zone))


def _health(fields: _Fields) -> Condition | None:
    before = len(fields.problems)
    below = fields.read("below", _number)
    deadband = fields.read("deadband", _number, 0.1)
    return _made(fields, before, lambda: rules.HealthLow(below, round(below + deadband, 9)))


def _remaining_life(fields: _Fields) -> Condition | None:
    before = len(fields.problems)
    more: dict[str, Any] = {"bound": fields.read("bound", str, "lower")}
    if fields.has("within"):
        more["horizon"] = fields.read("within", parse_duration)
    else:
        more["horizon_fraction"] = fields.read("horizon_fraction", _number, 1.0)
    more["clear_ratio"] = fields.read("clear_ratio", _number, 1.5)
    more["health_below"] = fields.read("health_below", _number, None)
    more["healthy_above"] = fields.read("healthy_above", _number, 0.85)
    return _made(fields, before, lambda: rules.RemainingLifeShort(**more))


def _symptom(fields: _Fields) -> Condition | None:
    before = len(fields.problems)
    confidence = fields.read("confidence", _number)
    symptoms = fields.read("symptoms", _texts, ())
    deadband = fields.read("deadband", _number, 0.1)
    return _made(fields, before, lambda: rules.SymptomNamed(confidence, symptoms, deadband))


def _diagnosis(fields: _Fields) -> Condition | None:
    before = len(fields.problems)
    confidence = fields.read("confidence", _number)
    faults = fields.read("faults", _texts, ())
    return _made(fields, before, lambda: rules.FaultDiagnosed(confidence, faults))


def _threshold(fields: _Fields) -> Condition | None:
    before = len(fields.problems)
    signal = _signal(fields)
    unit = signal.unit if signal else "1"
    side, limit = _side(fields, unit)
    deadband = fields.read("deadband", lambda raw: parse_value(raw, unit, is_difference=True))
    return _made(fields, before, lambda: rules.Threshold(_known(signal), side, limit, deadband))


def _rate(fields: _Fields) -> Condition | None:
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


def _forecast(fields: _Fields) -> Condition | None:
    before = len(fields.problems)
    is_health = fields.read("of", _one_of("health", "signal"), "signal") == "health"
    signal = None if is_health else _signal(fields)
    side, limit = _side(fields, signal.unit if signal else "1")
    horizon = fields.read("within", parse_duration)
    span = fields.read("over", parse_duration)
    ratio = fields.read("clear_ratio", _number, 1.5)
    return _made(fields, before, lambda: rules.ForecastCrossing(signal, side, limit, horizon, span, ratio))


def _sensor_fault(fields: _Fields) -> Condition | None:
    before = len(fields.problems)
    point = fields.read("point", lambda raw: check_key(raw, "point"), None)
    return _made(fields, before, lambda: rules.SensorFault(point))


def _data_gap(fields: _Fields) -> Condition | None:
    before = len(fields.problems)
    after = fields.read("after", parse_duration)
    return _made(fields, before, lambda: rules.DataGap(after))


_KINDS: Mapping[str, Callable[[_Fields], Condition | None]] = {
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


def _signal(fields: _Fields) -> Signal | None:
    inner = fields.inner("signal")
    if inner is None:
        return None
    before = len(inner.problems)
    feature = inner.read("feature", _text_of, "")
    quantity = inner.read("quantity", _one_of(*UNITS), "acceleration" if feature else _MISSING)
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


def _side(fields: _Fields, unit: str) -> tuple[Side, float]:
    side: Side = "below" if fields.has("below") else "above"
    return side, fields.read(side, lambda raw: parse_value(raw, unit))


def _on_delay(fields: _Fields, default: OnDelay) -> OnDelay | None:
    inner = fields.inner("on_delay", None)
    if inner is None:
        return default
    before = len(inner.problems)
    required = inner.read("required", _count, default.required)
    window = inner.read("of", _count, max(required or 1, default.window))
    duration = inner.read("for", parse_duration, default.duration)
    inner.refuse_the_rest()
    return None if len(inner.problems) > before else _build(inner, lambda: OnDelay(required, window, duration))


def _off_delay(fields: _Fields, default: OffDelay) -> OffDelay | None:
    inner = fields.inner("off_delay", None)
    if inner is None:
        return default
    before = len(inner.problems)
    count = inner.read("count", _count, default.count)
    duration = inner.read("for", parse_duration, default.duration)
    inner.refuse_the_rest()
    return None if len(inner.problems) > before else _build(inner, lambda: OffDelay(count, duration))


def _schedule(fields: _Fields) -> Schedule | None:
    inner = fields.inner("schedule", None)
    if inner is None:
        return None
    before = len(inner.problems)
    days = inner.read("days", _texts, rules.DAYS)
    begins = inner.read("from", _clock, time(0, 0))
    ends = inner.read("to", _clock, time(0, 0))
    zone = inner.read("time_zone", _text_of, "UTC")
    inner.refuse_the_rest()
    return None if len(inner.problems) > before else _build(inner, lambda: Schedule(days, begins, ends, zone))


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def check(raw: Any) -> str:
        if raw not in allowed:
            raise ValueError(f"{raw!r} must be one of {', '.join(allowed)}")
        return str(raw)

    return check


def _number(raw: Any) -> float:
    return parse_value(raw, "1")


def _count(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise ValueError(f"{raw!r} must be a whole number")
    return raw


def _flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise ValueError(f"{raw!r} must be true or false")
    return raw


def _text_of(raw: Any) -> str:
    if not isinstance(raw, str) or not 0 < len(raw) <= 100:
        raise ValueError(f"{raw!r} must be a text of 1 to 100 characters")
    return raw


def _texts(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list) or not raw or len(raw) > 50:
        raise ValueError("must be a list of 1 to 50 texts")
    return tuple(_text_of(item) for item in raw)


def _clock(raw: Any) -> time:
    if not isinstance(raw, str):
        raise ValueError(f'{raw!r} must be a time of day in quotes, such as "06:00"')
    try:
        return time.fromisoformat(raw)
    except ValueError:
        raise ValueError(f'{raw!r} must be a time of day such as "06:00"') from None
