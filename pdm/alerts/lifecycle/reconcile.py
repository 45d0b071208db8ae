"""Changes that reconcile the stored alerts of a machine with its cases after a replay of late data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from pdm.alerts.evaluation.causes import GAP_CAUSE
from pdm.alerts.evaluation.changes import AlertChange, ChangeKind, describe_change
from pdm.alerts.evaluation.evaluate import describe_rest, kind_of_change
from pdm.alerts.evaluation.rule_state import Case, Cases
from pdm.alerts.lifecycle.alert import AlertRecord
from pdm.alerts.rules.rule import DEFAULT_RULES, RuleSet

LATE_DATA = "late-data"  # the reason of a change concluded from data that came late


def reconcile(
    open_alerts: Iterable[AlertRecord],
    cases: Cases,
    occurred_at: datetime,
    rules: RuleSet = DEFAULT_RULES,
    replayed: Mapping[str, AlertChange] = MappingProxyType({}),
) -> tuple[AlertChange, ...]:
    """Return the changes that reconcile the stored open alerts with cases replayed from late data.

    A condition that is stored already gives no change, so that no receiver is notified twice; the caller stores
    the changes as re-evaluated. `occurred_at` is the time of the newest acquisition replayed. Alerts of data gaps
    belong to the scheduled evaluation and do not change here. `replayed` are the last changes of the cases in the
    replay, by cause: their evidence is that of the alerts.
    """
    stored = {alert.cause: alert for alert in open_alerts if alert.cause != GAP_CAUSE}
    changes = []
    for cause, alert in sorted(stored.items()):
        if cause not in cases.open:
            was = Case(cause, alert.component, alert.severity, alert.opened_at, LATE_DATA)
            changes.append(describe_change(ChangeKind.CLEARED, was, occurred_at, LATE_DATA, {}, rules))
    for cause, case in sorted(cases.open.items()):
        known = stored.get(cause)
        if known is not None and not known.state.is_active:
            known = None  # its condition had gone, and is there after all
        if known is None or known.severity is not case.severity:
            kind = kind_of_change(known.severity if known else None, case.severity)
            at = case.opened_at if known is None else occurred_at
            came = replayed.get(cause)
            change = describe_change(kind, case, at, LATE_DATA, dict(case.parameters), rules)
            if came is not None:
                change = replace(change, evidence=came.evidence, points=came.points, act_by=came.act_by)
            changes.append(change)
        if case.at_rest is not (known is not None and known.at_rest):
            changes.append(describe_rest(case, cases.is_stopped, occurred_at, rules))
    return tuple(changes)
