"""Cache of the rules in force for each machine, parsed and fitted once per process until they change."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from pdm.alerts.documents.parser import RuleDocument, parse_document
from pdm.alerts.documents.scopes import Scope, ScopedRules, resolve, targets_of
from pdm.alerts.rules.rule import RuleSet
from pdm.machines.model import Machine
from pdm.service.platform.feature_units import feature_units
from pdm.store.alerts import rules

_log = logging.getLogger(__name__)


class RuleBook:
    """Looks up the rules in force for machines; a counter in the database shows whether they have changed."""

    def __init__(self) -> None:
        self._change = -1
        self._parsed: dict[int, RuleDocument | None] = {}
        self._resolved: dict[str, tuple[Machine, RuleSet]] = {}

    def in_force(self, conn: Connection[Any], machines: Iterable[Machine]) -> dict[str, RuleSet]:
        """Return the rules in force for each machine, fitted to it."""
        change = rules.fetch_change_number(conn)
        if change != self._change:
            self._resolved.clear()
            self._change = change
        wanted = list(machines)
        new = [machine for machine in wanted if not self._is_known(machine)]
        if new:
            documents = self.fetch(conn, new)
            for machine in new:
                self._resolved[machine.key] = (machine, resolve(machine, documents))
        return {machine.key: self._resolved[machine.key][1] for machine in wanted}

    def fetch(self, conn: Connection[Any], machines: Iterable[Machine]) -> list[ScopedRules]:
        """Return the sets in force that apply to some machines."""
        targets: dict[str, dict[str, None]] = {scope: {} for scope in Scope}
        for machine in machines:
            for scope, names in targets_of(machine).items():
                targets[scope].update(dict.fromkeys(names))
        rows = rules.fetch_in_force(conn, {scope: list(names) for scope, names in targets.items()})
        parsed = [self._parse(row) for row in rows]
        return [each for each in parsed if each is not None]

    def _is_known(self, machine: Machine) -> bool:
        known = self._resolved.get(machine.key)
        return known is not None and (known[0] is machine or known[0] == machine)

    def _parse(self, row: rules.RulesInForce) -> ScopedRules | None:
        if row.id not in self._parsed:
            try:
                self._parsed[row.id] = parse_document(row.document, feature_units())
            except MemoryError:
                raise
            except Exception:  # written by another version: the rules of the wider scope apply, the analysis continues
                _log.exception("rule set %d of %s %s cannot be read", row.id, row.scope, row.target)
                self._parsed[row.id] = None
        document = self._parsed[row.id]
        return None if document is None else ScopedRules(Scope(row.scope), row.target, document)
