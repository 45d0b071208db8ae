"""Backtests in a child process, one at a time, while a caller waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from pdm.alerts.backtest.acceptance import AcceptanceLimits, Figures, GateError, find_objections
from pdm.service.platform.subprocess_call import SubprocessCall
from pdm.service.rules.rule_sets import as_stored, check_content
from pdm.store.alerts.rules import StoredRuleSet

Row = dict[str, Any]

BACKTEST = SubprocessCall(
    "pdm.service.rules.backtest_process",
    "backtest",
    60.0,
    "select fewer machines, a shorter period or no suggestions, or run `pdm backtest`",
)


def run_in_subprocess(
    dsn: str,
    *,
    since: datetime,
    before: datetime,
    document: Mapping[str, Any] | None = None,
    scope: str = "all",
    target: str = "",
    machines: Sequence[str] | None = None,
    site_ids: Sequence[int] | None = None,
    credit_horizons: float = 4.0,
    with_suggestions: bool = True,
    model_id: int | None = None,
) -> Row:
    """Return the report of a backtest that runs in a child process.

    A replay keeps a processor busy, and the process that answers requests has to serve other callers.

    Raises
    ------
    InvalidRulesError
        The document holds no rules.
    UnavailableError
        Another backtest runs.
    RefusalError
        There is nothing to replay, or too much of it.
    """
    question = {
        "since": since,
        "before": before,
        "document": None if document is None else as_stored(check_content(document)),
        "scope": scope,
        "target": target,
        "machines": None if machines is None else list(machines),
        "site_ids": None if site_ids is None else list(site_ids),
        "credit_horizons": credit_horizons,
        "with_suggestions": with_suggestions,
        "model_id": model_id,
    }
    return BACKTEST.run({"dsn": dsn, **question})


def pass_gate(
    dsn: str,
    stored: StoredRuleSet,
    since: datetime,
    before: datetime,
    limits: AcceptanceLimits,
    site_ids: Sequence[int] | None,
) -> Row:
    """Return what is kept of the backtest that a stored set has passed.

    Raises
    ------
    GateError
        It does worse than the rules in force by more than the limits.
    """
    report = run_in_subprocess(
        dsn,
        since=since,
        before=before,
        document=stored.document,
        scope=stored.scope,
        target=stored.target,
        site_ids=site_ids,
        with_suggestions=False,
    )
    objections = objections_of(report, limits)
    if objections:
        raise GateError("rules not deployed: " + "; ".join(objections), field="gate")
    return gate_of(report)


def objections_of(report: Row, limits: AcceptanceLimits) -> list[str]:
    """Return why the candidate of a report that is plain data may not replace the rules in force."""
    kept = gate_of(report)
    return find_objections(Figures(**kept["now"]), Figures(**kept["then"]), limits)


def gate_of(report: Row) -> Row:
    """Return what is kept of a backtest that rules have passed."""
    names = [each.name for each in fields(Figures)]
    scores = {which: {name: report[which][name] for name in names} for which in ("now", "then")}
    return {"from": str(report["since"]), "to": str(report["before"]), **scores}
