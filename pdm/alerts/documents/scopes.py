"""Resolution of rules for a machine by scope: machine before site before class before all machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pdm.alerts.documents.parser import RuleDocument
from pdm.alerts.rules.rule import DEFAULT_RULES, Rule, RuleSet
from pdm.machines.model import Machine


class Scope(StrEnum):
    """Machines that a document applies to, the widest scope first."""

    ALL = "all"
    CLASS = "class"
    SITE = "site"
    MACHINE = "machine"


@dataclass(frozen=True)
class ScopedRules:
    """A document and its scope; `target` is a class, site or machine key."""

    scope: Scope
    target: str
    document: RuleDocument

    def holds_for(self, machine: Machine) -> bool:
        """Whether the document applies to a machine."""
        return self.scope is Scope.ALL or self.target in targets_of(machine)[self.scope]


def targets_of(machine: Machine) -> dict[Scope, tuple[str, ...]]:
    """Return the targets of a machine in each scope.

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
    """Return the rules that apply to a machine, fitted to it.

    The defaults have the lowest precedence. A document of a narrower scope replaces rules with the same key and
    switches off the rules it lists. Of two classes the later one in `targets_of` takes precedence.
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
