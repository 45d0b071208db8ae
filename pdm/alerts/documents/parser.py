"""Parser of rule documents: plain data to rules, or a list of all problems with their places."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import time
from typing import Any

from pdm.alerts.kinds import KINDS
from pdm.alerts.kinds import fields as read
from pdm.alerts.kinds.fields import (
    DocumentProblem,
    FeatureUnit,
    FeatureUnits,
    Fields,
    InvalidRulesError,
    Place,
    make,
    one_of,
    texts,
    write_place,
)
from pdm.alerts.kinds.quantities import parse_duration
from pdm.alerts.rules import rule as rules
from pdm.alerts.rules.rule import OffDelay, OnDelay, Rule, Schedule, Severity
from pdm.errors import InvalidInputError
from pdm.machines.model import check_key
from pdm.words.similar import suggest

MOST_RULES = 200
"""Largest number of rules in one document, so that it remains maintainable."""
MOST_PROBLEMS = 50
"""That an answer lists; chosen by hand."""

__all__ = [
    "KINDS",
    "DocumentProblem",
    "FeatureUnit",
    "FeatureUnits",
    "InvalidRulesError",
    "Place",
    "RuleDocument",
    "parse_document",
]


@dataclass(frozen=True)
class RuleDocument:
    """The rules of a scope: rules that it sets, by key, and inherited rules that it switches off."""

    rules: tuple[Rule, ...]
    off: tuple[str, ...] = ()


def parse_document(
    content: object,
    features: FeatureUnits,
    line_of: Callable[[Place], int | None] = lambda _: None,
    known: Collection[str] | None = None,
) -> RuleDocument:
    """Parse a rule document.

    Parameters
    ----------
    content : object
        Content of the YAML or JSON text: {'rules': [...], 'off': [...]}.
    features : mapping
        The known features.
    line_of : callable
        Returns the line of a place in the text, None without a text.
    known : collection of str, optional
        Keys of the rules that can be switched off; None: any key is accepted, as in stored documents.

    Raises
    ------
    InvalidRulesError
        The document is invalid; the error contains every problem.
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
    if not isinstance(raw_off, list) or len(raw_off) > MOST_RULES:
        problems.append((("off",), f"must be a list of at most {MOST_RULES} rule keys"))
        raw_off = []
    if not raw_rules and not raw_off and not problems:
        problems.append(((), "has no rule and no entry in 'off'; give at least one"))
    set_here = {rule.key for rule in found}
    for index, key in enumerate(raw_off):
        why = _no_key_to_switch_off(key, raw_off[:index], set_here) or why_unknown(key, known)
        if why:
            problems.append((("off", index), why))
    if problems:
        raise InvalidRulesError.of(
            [DocumentProblem(write_place(at), why, line_of(at)) for at, why in problems[:MOST_PROBLEMS]]
        )
    return RuleDocument(tuple(found), tuple(raw_off))


def _no_key_to_switch_off(key: object, before: list[object], set_here: set[str]) -> str | None:
    """Return why an entry of 'off' is invalid."""
    try:
        check_key(key if isinstance(key, str) else "", "off")
    except InvalidInputError as error:
        return error.message
    if key in before:
        return f"{key!r} is given twice"
    return f"{key!r} is also in 'rules' of the same document" if key in set_here else None


def why_unknown(key: str, known: Collection[str] | None) -> str | None:
    """Return why a rule cannot be switched off: no rule has its key; None if one has, or if `known` is None."""
    if known is None or key in known:
        return None
    return f"{key!r} is no rule that is known; {suggest(key, sorted(known))}"


def _rule(fields: Fields) -> Rule | None:
    before = len(fields.problems)
    key = fields.read("key", lambda raw: check_key(raw, "key"))
    kind = fields.read("kind", one_of(*KINDS))
    severity = fields.read("severity", lambda raw: Severity(one_of(*Severity)(raw)), Severity.WARNING)
    if kind is None:
        return None
    about = KINDS[kind]
    condition = about.parse(fields)
    made: dict[str, Any] = {
        "on_delay": _on_delay(fields, about.on_delay),
        "off_delay": _off_delay(fields, about.off_delay),
        "operating_states": fields.read("operating_states", texts, ()),
        "schedule": _schedule(fields),
        "needs_acknowledgement": fields.read("needs_acknowledgement", read.flag, severity is Severity.CRITICAL),
        "is_latching": fields.read("latch", read.flag, False),
        "escalate_after": fields.read("escalate_after", parse_duration, None),
        "note": fields.read("note", read.note_of, ""),
    }
    fields.refuse_the_rest()
    for name, why in about.ignored(made["on_delay"], made["schedule"]).items():
        fields.refuse(name, why)
    if len(fields.problems) > before or condition is None or key is None or severity is None:
        return None
    rule: Rule | None = make(fields, lambda: Rule(key, severity, condition, **made))
    return rule


def _on_delay(fields: Fields, default: OnDelay) -> OnDelay | None:
    inner = fields.inner("on_delay", None)
    if inner is None:
        return default
    before = len(inner.problems)
    required = inner.read("required", read.count, default.required)
    window = inner.read("of", read.count, max(required or 1, default.window))
    duration = inner.read("for", parse_duration, default.duration)
    inner.refuse_the_rest()
    return None if len(inner.problems) > before else make(inner, lambda: OnDelay(required, window, duration))


def _off_delay(fields: Fields, default: OffDelay) -> OffDelay | None:
    inner = fields.inner("off_delay", None)
    if inner is None:
        return default
    before = len(inner.problems)
    count = inner.read("count", read.count, default.count)
    duration = inner.read("for", parse_duration, default.duration)
    inner.refuse_the_rest()
    return None if len(inner.problems) > before else make(inner, lambda: OffDelay(count, duration))


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
    return None if len(inner.problems) > before else make(inner, lambda: Schedule(days, begins, ends, zone))
