"""Alerts of missing data, raised on the wall clock; they concern the data, not the machine.

Times count from the receipt of new data, not from their measurement: late deliveries are no gap. Data can be missing
only for a machine that has sent data before. A time without checks, because the service was down or
its clock stepped, is not a gap: the full time of each machine starts again after it, and after a maintenance window.
A machine that was off at its last measurement is not expected to send, unless a rule lists the operating state `off`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.alerts.documents.parser import InvalidRulesError, parse_document
from pdm.alerts.evaluation.causes import GAP_CAUSE
from pdm.alerts.evaluation.changes import AlertChange, ChangeKind
from pdm.alerts.evaluation.standstill import MACHINE_OFF, looks_at_standstill
from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.rules.rule import DEFAULT_RULES, DataGap, Rule, RuleSet
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.platform.feature_units import feature_units
from pdm.store.alerts import alerts, data_gaps
from pdm.store.alerts.data_gaps import QuietMachine
from pdm.store.machines.registration import fetch_machines

INTERVAL = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=15)
"""Longest interval between two checks; after a longer one the data in between is unknown."""

_log = logging.getLogger(__name__)


def find_gaps(conn: Connection[Any], now: datetime) -> str:
    """Open an alert for each machine without data for longer than its rules allow; end alerts whose gap is over."""
    watched_since = data_gaps.watch(conn, now, LONGEST_PAUSE)
    quiet = data_gaps.fetch_quiet_machines(conn, now - _shortest(conn), GAP_CAUSE, now)
    stored = fetch_machines(conn, [each.key for each in quiet])
    book = RuleBook().in_force(conn, [each.machine for each in stored.values()])
    decided = {each.id: decide(each, book[each.key], watched_since, now) for each in quiet}
    changes = {machine_id: [change] for machine_id, change in decided.items() if change is not None}
    alerts.apply_all(conn, changes, reevaluated=False, now=now)
    kinds = [change.kind for (change,) in changes.values()]
    opened, ended = kinds.count(ChangeKind.OPENED), kinds.count(ChangeKind.CLEARED)
    if changes:
        alerts.notify(conn)
    if opened:
        _log.warning("missing data: %d more machines", opened)
    return f"{opened} opened, {ended} ended, {len(quiet)} quiet"


def decide(quiet: QuietMachine, rules: RuleSet, watched_since: datetime, now: datetime) -> AlertChange | None:
    """Return the change of a machine's alert of missing data at `now`, or None.

    If several times have passed, the longest decides: it has the highest severity, or at least its own message.
    """
    silent_since = None
    if quiet.received_at is not None:
        silent_since = max(quiet.received_at, watched_since, quiet.suppressed_until or watched_since)
    asking = [each for each in _gap_rules(rules) if not quiet.is_off or looks_at_standstill(each[0])]
    due = _passed(asking, silent_since, now)
    if due:
        rule, after = max(due, key=lambda each: (each[0].severity.rank, each[1]))
        if _is_still_so(quiet.severity, rule, _passed(asking, quiet.received_at, now)):
            return None
        kind = ChangeKind.OPENED
        if quiet.severity is not None:
            kind = ChangeKind.ESCALATED if rule.severity.rank > quiet.severity.rank else ChangeKind.EASED
        return _change(kind, quiet, rule, rules, now, after)
    if quiet.severity is None:
        return None
    if not asking and quiet.is_off:
        return replace(_change(ChangeKind.CLEARED, quiet, None, rules, now, 0.0), reason=MACHINE_OFF)
    own = next((rule for rule, _ in _gap_rules(rules)), None)
    if own is None:
        return _change(ChangeKind.CLEARED, quiet, None, rules, now, 0.0)
    return _change(ChangeKind.CLEARED, quiet, own, rules, now, 0.0) if _is_back(quiet, rules, now) else None


def _is_back(quiet: QuietMachine, rules: RuleSet, now: datetime) -> bool:
    """Whether data were received after the alert was opened, or in time for a rule that has changed since."""
    received = quiet.received_at
    if received is None:
        return False
    if quiet.opened_at is not None and received > quiet.opened_at:
        return True
    return any((now - received).total_seconds() <= condition.after for _, condition in _gap_rules(rules))


def _passed(rules: Sequence[tuple[Rule, DataGap]], since: datetime | None, now: datetime) -> list[tuple[Rule, float]]:
    if since is None:
        return []
    return [(rule, gap.after) for rule, gap in rules if (now - since).total_seconds() > gap.after]


def _is_still_so(severity: Severity | None, asked: Rule, silent: Sequence[tuple[Rule, float]]) -> bool:
    """Whether an open alert keeps its severity: a pause of the checks or a maintenance window delivers no data."""
    if severity is None or asked.severity is severity:
        return severity is not None
    return asked.severity.rank < severity.rank <= max(rule.severity.rank for rule, _ in silent)


def _change(
    kind: ChangeKind, quiet: QuietMachine, rule: Rule | None, rules: RuleSet, now: datetime, after: float
) -> AlertChange:
    measured, received = quiet.measured_at, quiet.received_at
    reason = rule.key if rule is not None else "rule-withdrawn"
    is_end = kind is ChangeKind.CLEARED
    severity = rule.severity if rule is not None and not is_end else quiet.severity
    assert severity is not None
    parameters = {
        "gap_s": (now - received).total_seconds() if received is not None else None,
        "limit_s": after,
        "last_measured_at": None if measured is None else measured.isoformat(),
        "last_received_at": None if received is None else received.isoformat(),
    }
    return AlertChange(
        kind=kind,
        cause=GAP_CAUSE,
        component=None,
        severity=severity,
        occurred_at=now,
        message="data-missing" if not is_end else "returned",
        parameters=parameters if not is_end else {},
        evidence={name: parameters[name] for name in ("last_measured_at", "last_received_at")},
        reason="returned" if is_end and rule is not None else reason,
        rule_version=rules.version,
        rule_key=rule.key if rule is not None else "",
        category=Category.DATA,
        needs_acknowledgement=rule.needs_acknowledgement if rule is not None else False,
        is_latching=rule.is_latching if rule is not None else False,
        escalate_after=rule.escalate_after if rule is not None else None,
    )


def _gap_rules(rules: RuleSet) -> Iterator[tuple[Rule, DataGap]]:
    for rule in rules.rules:
        if isinstance(rule.condition, DataGap):
            yield rule, rule.condition


def _shortest(conn: Connection[Any]) -> timedelta:
    """Return the shortest gap of all rules in force."""
    times = [condition.after for _, condition in _gap_rules(DEFAULT_RULES)]
    for document in data_gaps.fetch_gap_documents(conn):
        try:
            rules = RuleSet(parse_document(document, feature_units()).rules)
        except InvalidRulesError:
            continue  # the alert book notifies if the change requires it
        times += [condition.after for _, condition in _gap_rules(rules)]
    return timedelta(seconds=min(times))
