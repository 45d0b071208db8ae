"""Which rules hold for a machine: its own before its site's, those before its classes', those before everybody's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pdm.alerts.documents.parser import RuleDocument
from pdm.alerts.rules.rule import DEFAULT_RULES, Rule, RuleSet
from pdm.machines.model import Machine


class Scope(StrEnum):
    """For which machines a document holds, the widest first."""

    ALL = "all"
    CLASS = "class"
    SITE = "site"
    MACHINE = "machine"


@dataclass(frozen=True)
class ScopedRules:
    """A document and the machines that it holds for; `target` is a class, site or machine key."""

    scope: Scope
    target: str
    document: RuleDocument

    def holds_for(self, machine: Machine) -> bool:
        """Whether the document holds for a machine."""
        return self.scope is Scope.ALL or self.target in targets_of(machine)[self.scope]


def targets_of(machine: Machine) -> dict[Scope, tuple[str, ...]]:
    """Return what a machine is called in each scope.

    Its classes are the kinds of its components ('bearing', 'motor', ...), then its fleet.
    """
    kinds = dict.fromkeys(component.kind.value for component in machine.components)
    return {
        Scope.ALL: ("",),
        Scope.CLASS: (*sorted(kinds), machine.fleet),
        Scope.SITE: (machine.site,),
        Scope.MACHINE: (machine.key,),
    }


def resolve(machine: Machine, documents: Iterable[ScopedRules], defaults: RuleSet = DEFAULT_RULES) -> RuleSet:
    """Return the rules that hold for a machine, fitted to it.

    The defaults stand below everything; a narrower document replaces rules of the same key and switches off
    those it names. Of two classes the later in `targets_of` wins.
    """
    chosen: dict[str, Rule] = {rule.key: rule for rule in defaults.rules}
    targets = targets_of(machine)
    order = list(Scope)
    fitting = [each for each in documents if each.holds_for(machine)]
    for each in sorted(fitting, key=lambda s: (order.index(s.scope), targets[s.scope].index(s.target))):
        for key in each.document.off:
            chosen.pop(key, None)
        chosen |= {rule.key: rule for rule in each.document.rules}
    return RuleSet(tuple(chosen.values())).fit(machine)
