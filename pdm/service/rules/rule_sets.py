"""Use cases of rules: check, propose, deploy, roll back, and read the rules in force for a machine."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.documents.parser import DocumentProblem, InvalidRulesError, RuleDocument, parse_document, why_unknown
from pdm.alerts.documents.scopes import Scope, resolve
from pdm.alerts.documents.writer import differences, write_document, write_rule_for
from pdm.alerts.rules.rule import DEFAULT_RULES
from pdm.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from pdm.ingest.rule_file import read_rule_text
from pdm.machines.model import Machine, check_key
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.platform.feature_units import feature_units
from pdm.store.alerts import rules
from pdm.store.alerts.rules import RuleSetSummary, StoredRuleSet
from pdm.store.machines import access
from pdm.store.machines.access import scoped
from pdm.store.machines.registration import fetch_machine
from pdm.store.machines.renaming import Kind, find_present_keys
from pdm.store.machines.tags import find_key

Pool = ConnectionPool[Any]

_RESEMBLING = 0.8  # similarity from which a key is a misspelt default rule


@dataclass(frozen=True)
class RuleScope:
    """A scope of a rule set."""

    scope: str
    target: str


@dataclass(frozen=True)
class MachineRules:
    """The rules in force for a machine as documents in the units of its points, and their sets, widest scope first."""

    machine: str
    rule_version: str
    former_rule_version: str
    rules: Sequence[Mapping[str, Any]]
    of: Sequence[RuleScope]


def check_text(text: str, known: Collection[str] | None = None) -> RuleDocument:
    """Return the rules of a YAML or JSON text.

    Parameters
    ----------
    text : str
    known : collection of str, optional
        Keys of the rules that it may switch off, such as `list_rule_keys`; None: any.

    Raises
    ------
    InvalidRulesError
        With line, field and reason of every problem.
    """
    read = read_rule_text(text)
    return parse_document(read.content, feature_units(), read.line_of, known)


def check_text_alone(text: str) -> tuple[RuleDocument, list[str]]:
    """Return the rules of a text and the keys that it switches off although no default rule has them.

    Without a database only the default rules are known: a key that resembles one of them is refused as misspelt, any
    other may be of a set that is stored elsewhere.

    Raises
    ------
    InvalidRulesError
        With line, field and reason of every problem.
    """
    defaults = set(DEFAULT_RULES.by_key)
    foreign = [key for key in check_text(text).off if not difflib.get_close_matches(key, defaults, 1, _RESEMBLING)]
    return check_text(text, defaults.union(foreign)), foreign


def check_content(content: object, known: Collection[str] | None = None) -> RuleDocument:
    """Return the rules of plain data; arguments and errors as of `check_text`."""
    return parse_document(content, feature_units(), known=known)


def list_rule_keys(pool: Pool, site_ids: Sequence[int] | None = None) -> set[str]:
    """Return the keys of all rules that a document may switch off: defaults, and rules in force or proposed."""
    with pool.connection() as conn:
        return _rule_keys(conn, site_ids)


def as_stored(document: RuleDocument) -> Mapping[str, Any]:
    """Return rules in stored form: every field, values in SI units."""
    return write_document(document)


def propose(
    pool: Pool,
    document: RuleDocument,
    *,
    scope: str,
    target: str,
    author: str,
    reason: str,
    site_ids: Sequence[int] | None = None,
) -> StoredRuleSet:
    """Store a set of rules as the next version of its scope, not yet in force.

    Raises
    ------
    InvalidInputError
        The reason is empty, or the target does not match the scope.
    InvalidRulesError
        The rules are for a machine without a point for one of them.
    NotFoundError
        The site or machine does not exist or is not visible to the caller.
    ForbiddenError
        The caller is limited to some sites and the scope is wider.
    """
    with pool.connection() as conn:
        return _propose(conn, document, scope, target, author, reason, site_ids)


def count_changes(pool: Pool) -> int:
    """Return the number of changes of the rules in force."""
    with pool.connection() as conn:
        return rules.fetch_change_number(conn)


def deploy(
    pool: Pool,
    rule_set_id: int,
    *,
    author: str,
    site_ids: Sequence[int] | None = None,
    gate: Mapping[str, Any] | None = None,
    changes: int | None = None,
) -> StoredRuleSet:
    """Put a stored set in force; `gate` is the backtest that it has passed.

    `changes` is the result of `count_changes` before that backtest: a backtest against rules that are no longer in
    force is not valid.

    Raises
    ------
    NotFoundError
        The rule set does not exist or is not visible to the caller.
    ConflictError
        It is or was in force, or the rules in force have changed since the backtest.
    """
    with pool.connection() as conn:
        return _deploy(conn, rule_set_id, author, site_ids, gate, changes)


def roll_back(
    pool: Pool,
    *,
    scope: str,
    target: str,
    version: int,
    author: str,
    reason: str,
    site_ids: Sequence[int] | None = None,
) -> StoredRuleSet | None:
    """Put an older version in force again, as a new version with the same content; version 0 removes the set.

    Returns the set now in force, None for version 0.

    Raises
    ------
    NotFoundError
        The version does not exist in the scope, or for version 0 no set is in force.
    """
    with pool.connection() as conn:
        target = _present_target(conn, scope, target, site_ids)
        if version:
            return _restore(conn, scope, target, version, author, reason, site_ids)
        target = _read_target(conn, scope, target, site_ids)
        if not rules.retire(conn, scope, target, datetime.now(UTC)):
            raise NotFoundError(f"{scope} {target} has no rules in force".replace("  ", " "))
        access.insert_audit(conn, author, "rules.withdraw", f"{scope}:{target}", reason=reason)
    return None


def read_rule_set(pool: Pool, rule_set_id: int, site_ids: Sequence[int] | None = None) -> StoredRuleSet:
    """Return one stored set; raises NotFoundError if it is not visible to the caller."""
    with pool.connection() as conn:
        return _visible(conn, rule_set_id, site_ids)


def list_rule_sets(
    pool: Pool,
    *,
    before: int,
    limit: int,
    scope: str | None = None,
    target: str | None = None,
    status: str | None = None,
    site_ids: Sequence[int] | None = None,
) -> list[RuleSetSummary]:
    """Return stored sets, newest first, without their documents."""
    with pool.connection() as conn:
        return rules.page_rule_sets(
            conn, before=before, limit=limit, scope=scope, target=target, status=status, site_ids=site_ids
        )


def rules_of_machine(pool: Pool, machine: str, site_ids: Sequence[int] | None = None) -> MachineRules:
    """Return the rules in force for a machine and their rule sets.

    Raises
    ------
    NotFoundError
        The machine does not exist or is not visible to the caller.
    """
    with pool.connection() as conn:
        stored = fetch_machine(conn, machine, site_ids)
        documents = RuleBook().fetch(conn, [stored.machine])
    resolved = resolve(stored.machine, documents)
    fitting = [each for each in documents if each.holds_for(stored.machine)]
    return MachineRules(
        stored.machine.key,
        resolved.version,
        resolved.former_version,
        [stored.former_keys.document(write_rule_for(rule, stored.machine)) for rule in resolved.rules],
        [RuleScope(each.scope.value, each.target) for each in fitting],
    )


def default_document() -> Mapping[str, Any]:
    """Return the default rules."""
    return write_document(RuleDocument(DEFAULT_RULES.rules))


def check_off(conn: Connection[Any], document: RuleDocument, site_ids: Sequence[int] | None) -> None:
    """Raise InvalidRulesError if a document switches off a rule that does not exist."""
    known = _rule_keys(conn, site_ids) if document.off else set()
    unknown = [(index, why_unknown(key, known)) for index, key in enumerate(document.off)]
    problems = [DocumentProblem(f"off[{index}]", why) for index, why in unknown if why is not None]
    if problems:
        raise InvalidRulesError.of(problems)


def _rule_keys(conn: Connection[Any], site_ids: Sequence[int] | None) -> set[str]:
    return rules.fetch_rule_keys(conn, site_ids).union(DEFAULT_RULES.by_key)


def _propose(
    conn: Connection[Any],
    document: RuleDocument,
    scope: str,
    target: str,
    author: str,
    reason: str,
    site_ids: Sequence[int] | None,
) -> StoredRuleSet:
    if not reason.strip():
        raise InvalidInputError("a reason of the change is required", field="reason")
    target = _read_target(conn, scope, target, site_ids)
    check_off(conn, document, site_ids)
    if scope == Scope.MACHINE:
        _check_points(fetch_machine(conn, target, site_ids).machine, document)
    rules.lock_rule_sets(conn)
    before = rules.find_version(conn, scope, target, None)
    old = parse_document(before.document, feature_units()).rules if before else ()
    diff = differences(old, document.rules)
    written = write_document(document)
    stored = rules.insert_rule_set(conn, scope, target, written, author=author, reason=reason, diff=diff)
    access.insert_audit(conn, author, "rules.propose", f"{scope}:{target}", version=stored.version)
    return stored


def _deploy(
    conn: Connection[Any],
    rule_set_id: int,
    author: str,
    site_ids: Sequence[int] | None,
    gate: Mapping[str, Any] | None = None,
    changes: int | None = None,
) -> StoredRuleSet:
    rules.lock_rule_sets(conn)
    found = _visible(conn, rule_set_id, site_ids)
    if found.status == "in-force":
        raise ConflictError(f"rule set {rule_set_id} is already in force", field="rule_set_id")
    if found.status == "retired":
        why = f"rule set {rule_set_id} was in force before; use a rollback to version {found.version} as a new version"
        raise ConflictError(why, field="rule_set_id")
    if changes is not None and changes != rules.fetch_change_number(conn):
        raise ConflictError("the rules in force have changed since the backtest; run it again", field="gate")
    stored = rules.put_in_force(conn, rule_set_id, datetime.now(UTC), gate)
    place = f"{stored.scope}:{stored.target}"
    access.insert_audit(conn, author, "rules.deploy", place, version=stored.version)
    return stored


def _restore(
    conn: Connection[Any],
    scope: str,
    target: str,
    version: int,
    author: str,
    reason: str,
    site_ids: Sequence[int] | None,
) -> StoredRuleSet:
    """Propose the content of an older version as a new one and put it in force, in one transaction."""
    old = rules.find_version(conn, scope, target, version)
    if old is None:
        raise NotFoundError(f"{scope} {target} has no rules of version {version}".replace("  ", " "))
    document = parse_document(old.document, feature_units())
    why = f"rollback to version {version}: {reason}" if reason.strip() else ""
    stored = _propose(conn, document, scope, target, author, why, site_ids)
    return _deploy(conn, stored.id, author, site_ids)


def _check_points(machine: Machine, document: RuleDocument) -> None:
    """Reject rules of one machine for points that it does not have: they would never be evaluated."""
    problems = [
        DocumentProblem(f"rules[{index}]", f"{machine.key} has no point to which the rule applies")
        for index, rule in enumerate(document.rules)
        if not rule.condition.fit(machine)
    ]
    if problems:
        raise InvalidRulesError.of(problems)


def _read_target(conn: Connection[Any], scope: str, target: str, site_ids: Sequence[int] | None) -> str:
    """Return a valid target: its present key."""
    target = _present_target(conn, scope, target, site_ids)
    if scope not in list(Scope):
        raise InvalidInputError(f"scope {scope!r} must be one of {', '.join(Scope)}", field="scope")
    if (scope == Scope.ALL) != (target == ""):
        raise InvalidInputError(
            "scopes other than 'all' require a target; scope 'all' must not have one", field="target"
        )
    if scope in (Scope.ALL, Scope.CLASS):
        if site_ids is not None:
            raise ForbiddenError("rules for all machines or for a class require a key for all sites")
        if scope == Scope.CLASS:
            check_key(target, "target")
    elif scope == Scope.MACHINE:
        return fetch_machine(conn, target, site_ids).machine.key
    else:
        with scoped(conn, site_ids):
            if target not in access.find_sites(conn, [target]):
                raise NotFoundError(f"unknown site {target!r}", field="target")
    return target


def _present_target(conn: Connection[Any], scope: str, target: str, site_ids: Sequence[int] | None) -> str:
    """Return the present key of a target that was renamed, or of a machine by its tag; others as they are."""
    if scope == Scope.MACHINE:
        return find_key(conn, target, site_ids)
    kind = {Scope.SITE: Kind.SITE, Scope.CLASS: Kind.FLEET}.get(Scope(scope)) if scope in list(Scope) else None
    return target if kind is None else find_present_keys(conn, kind, [target], site_ids).get(target, target)


def _visible(conn: Connection[Any], rule_set_id: int, site_ids: Sequence[int] | None) -> StoredRuleSet:
    found = rules.fetch_rule_set(conn, rule_set_id, site_ids)
    if found is None:
        raise NotFoundError(f"unknown rule set {rule_set_id}", field="rule_set_id")
    return found
