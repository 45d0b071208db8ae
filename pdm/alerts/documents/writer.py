"""Writer of rule documents, and the differences between two rule sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pdm.alerts.documents.parser import RuleDocument
from pdm.alerts.kinds.quantities import write
from pdm.alerts.rules.rule import Rule

Document = dict[str, Any]


def write_document(document: RuleDocument) -> Document:
    """Return a document that `parse_document` reads back to equal rules: every field, values in SI units."""
    written: Document = {"rules": [write_rule(rule) for rule in document.rules]}
    return written | ({"off": list(document.off)} if document.off else {})


def write_rule(rule: Rule) -> Document:
    """Return one rule as a document."""
    written = {"key": rule.key, "severity": rule.severity.value, "kind": rule.condition.kind, **rule.condition.write()}
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
    """Return the rules that `after` adds and removes, and each changed field as [before, after]."""
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
