"""Writer of rule documents, and the differences between two rule sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pdm.alerts.documents.parser import RuleDocument
from pdm.alerts.kinds.declared_units import find_unit
from pdm.alerts.kinds.quantities import write
from pdm.alerts.kinds.signal import OnValues
from pdm.alerts.rules.rule import Rule
from pdm.machines.model import Machine

Document = dict[str, Any]

_LIMITS = ("above", "below", "deadband", "rising", "falling")


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


def write_rule_for(rule: Rule, machine: Machine) -> Document:
    """Return one rule, fitted to a machine, as a document for people: limits in the declared unit of its points."""
    written, condition = write_rule(rule), rule.condition
    if not isinstance(condition, OnValues) or condition.signal is None:
        return written
    si = condition.signal.unit
    unit = find_unit(machine, [key[0] for key in condition.keys], condition.signal.quantity, si)
    if unit is None:
        return written
    for name in _LIMITS:
        if name in written:
            number, _, of = str(written[name]).partition(" ")
            shown = unit.show(float(number), is_difference=name not in ("above", "below"))
            written[name] = f"{shown!r} {unit.name}{of.removeprefix(si)}"
    return written


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
