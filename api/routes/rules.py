"""Rules: check, propose, put in force, go back, read, and try on the past."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api import dependencies as deps
from api import paging
from api.routes.machines import MachineKey
from api.schemas.pages import Page
from api.schemas.rules import (
    BacktestAnswer,
    BacktestQuestion,
    CheckAnswer,
    CheckQuestion,
    DeployQuestion,
    GateQuestion,
    MachineRules,
    RollbackAnswer,
    RollbackQuestion,
    RuleSetAnswer,
    RuleSetQuestion,
    RuleSetSummary,
    Scope,
)
from pdm.alerts.backtest.acceptance import AcceptanceLimits
from pdm.service.platform.access import Caller
from pdm.service.platform.visibility import find_fleet_key, find_machine_key, find_machine_keys, find_site_key
from pdm.service.rules import backtest_requests, rule_sets
from pdm.store.alerts.rules import StoredRuleSet

router = APIRouter(prefix="/v1", tags=["rules"])

RuleSetId = Annotated[deps.RowId, Path()]


@router.get("/rules", response_model=Page[RuleSetSummary])
def list_rule_sets(
    resources: deps.ResourcesDep,
    caller: deps.Reader,
    scope: Scope | None = None,
    target: Annotated[deps.MachineName | None, Query()] = None,
    status: Annotated[str | None, Query(pattern="^(proposed|in-force|retired)$")] = None,
    limit: deps.Limit = 100,
    cursor: deps.Cursor = None,
) -> dict[str, Any]:
    """List the versions of rules, the last written first; where there are none, the defaults hold."""
    (before,) = paging.decode(cursor, (paging.LAST_ID,))
    rows = rule_sets.list_rule_sets(
        resources.pool,
        before=before,
        limit=limit + 1,
        scope=scope,
        target=target and _present_target(resources, caller, scope, target),
        status=status,
        site_ids=caller.site_ids,
    )
    return paging.page(rows, limit, "id")


@router.post("/rules", status_code=201, response_model=RuleSetAnswer)
def add_rule_set(question: RuleSetQuestion, resources: deps.ResourcesDep, caller: deps.Administrator) -> StoredRuleSet:
    """Store rules for a scope and put them in force, with `gate` only if they do well enough on the past."""
    known = rule_sets.list_rule_keys(resources.pool, caller.site_ids)
    document = rule_sets.check_content(question.document, known)
    stored = rule_sets.propose(
        resources.pool,
        document,
        scope=question.scope,
        target=question.target,
        author=caller.name,
        reason=question.reason,
        site_ids=caller.site_ids,
    )
    return _deploy(resources, caller, stored, question.gate) if question.put_in_force else stored


@router.post("/rules/check", response_model=CheckAnswer)
def check_rules(question: CheckQuestion, resources: deps.ResourcesDep, caller: deps.Reader) -> dict[str, Any]:
    """Say whether a document holds rules; every problem comes with its place."""
    known = rule_sets.list_rule_keys(resources.pool, caller.site_ids)
    return {"document": rule_sets.as_stored(rule_sets.check_content(question.document, known))}


@router.post("/rules/rollback", response_model=RollbackAnswer)
def roll_back(question: RollbackQuestion, resources: deps.ResourcesDep, caller: deps.Administrator) -> dict[str, Any]:
    """Let an older version of a scope's rules hold again, as a new version."""
    stored = rule_sets.roll_back(
        resources.pool,
        scope=question.scope,
        target=question.target,
        version=question.version,
        author=caller.name,
        reason=question.reason,
        site_ids=caller.site_ids,
    )
    return {"in_force": stored}


@router.post("/rules/backtest", response_model=BacktestAnswer)
def run_backtest(question: BacktestQuestion, resources: deps.ResourcesDep, caller: deps.Operator) -> dict[str, Any]:
    """Replay rules over the stored past of the caller's machines: alarms, lead time, missed, false, differences."""
    return backtest_requests.run_in_subprocess(
        resources.settings.dsn,
        since=question.since,
        before=question.before,
        document=question.document,
        scope=question.scope,
        target=_present_target(resources, caller, question.scope, question.target),
        machines=question.machines and find_machine_keys(resources.pool, caller, question.machines),
        site_ids=caller.site_ids,
        credit_horizons=question.credit_horizons,
        with_suggestions=question.suggestions,
        model_id=question.model_id,
    )


@router.get("/rules/{rule_set_id:int}", response_model=RuleSetAnswer)
def read_rule_set(rule_set_id: RuleSetId, resources: deps.ResourcesDep, caller: deps.Reader) -> StoredRuleSet:
    """Read one version of a scope's rules."""
    return rule_sets.read_rule_set(resources.pool, rule_set_id, caller.site_ids)


@router.post("/rules/{rule_set_id:int}/deploy", response_model=RuleSetAnswer)
def deploy_rule_set(
    rule_set_id: RuleSetId,
    resources: deps.ResourcesDep,
    caller: deps.Administrator,
    question: DeployQuestion | None = None,
) -> StoredRuleSet:
    """Put a stored set in force, with `gate` only if it does well enough on the past."""
    stored = rule_sets.read_rule_set(resources.pool, rule_set_id, caller.site_ids)
    return _deploy(resources, caller, stored, question.gate if question is not None else None)


@router.get("/machines/{machine}/rules", response_model=MachineRules)
def read_machine_rules(
    machine: MachineKey, resources: deps.ResourcesDep, caller: deps.Reader
) -> rule_sets.MachineRules:
    """Read the rules that hold for a machine now, and which sets they come of."""
    return rule_sets.rules_of_machine(resources.pool, machine, caller.site_ids)


def _present_target(resources: deps.Resources, caller: Caller, scope: str | None, target: str) -> str:
    """Return a target of rules by its present key; that of scope machine may be given by its tag."""
    if scope == "site":
        return find_site_key(resources.pool, caller, target)
    if scope == "class":
        return find_fleet_key(resources.pool, target)
    return find_machine_key(resources.pool, caller, target) if scope == "machine" else target


def _deploy(
    resources: deps.Resources, caller: Caller, stored: StoredRuleSet, gate: GateQuestion | None
) -> StoredRuleSet:
    passed, changes = None, None
    if gate is not None:
        changes = rule_sets.count_changes(resources.pool)
        limits = AcceptanceLimits(gate.more_missed, gate.more_false, gate.lead_loss)
        passed = backtest_requests.pass_gate(
            resources.settings.dsn, stored, gate.since, gate.before, limits, caller.site_ids
        )
    return rule_sets.deploy(
        resources.pool, stored.id, author=caller.name, site_ids=caller.site_ids, gate=passed, changes=changes
    )
