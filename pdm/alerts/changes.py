"""What can happen to an alert, in the words and with the evidence that people are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pdm.alerts.cases import Case
from pdm.alerts.rules import Rule, RuleSet, Severity
from pdm.health.assessment import Assessment
from pdm.machines.model import Machine
from pdm.prognosis.prognosis import Prognosis


class AlertState(StrEnum):
    """States of an alert: active until somebody acknowledges it or it clears."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"


class ChangeKind(StrEnum):
    """What can happen to an alert by itself."""

    OPENED = "opened"
    ESCALATED = "escalated"
    EASED = "eased"
    CLEARED = "cleared"


@dataclass(frozen=True)
class AlertChange:
    """One thing that happened to a case, with all that a person needs to judge it.

    `message` is a key of the message catalogues and `parameters` its values; `reason` is the key of the
    rule that raised, or 'returned', 'life-closed', 'rule-withdrawn', 'late-data'.
    """

    kind: ChangeKind
    cause: str
    component: str | None
    severity: Severity
    occurred_at: datetime
    message: str
    parameters: dict[str, Any]
    evidence: dict[str, Any]
    reason: str
    rule_version: str


@dataclass(frozen=True)
class OpenAlert:
    """An alert that is stored as not cleared."""

    cause: str
    component: str | None
    severity: Severity
    state: AlertState
    opened_at: datetime
    id: str = ""
    version: int = 1


@dataclass(frozen=True)
class Findings:
    """One acquisition's conclusions, from which changes take their words and evidence."""

    machine: Machine
    assessment: Assessment
    prognosis: Prognosis | None
    rules: RuleSet
    by_key: dict[str, Rule] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_key", {rule.key: rule for rule in self.rules.rules})

    def evidence(self) -> dict[str, Any]:
        """Return what was known when a change was decided, ready for JSON; times in s."""
        assessment, prognosis = self.assessment, self.prognosis
        evidence: dict[str, Any] = {
            "measured_at": assessment.measured_at.isoformat(),
            "health": assessment.health,
            "zone": assessment.zone,
            "operating_state": assessment.operating_state,
            "symptom": assessment.symptom,
            "component": assessment.component,
            "confidence": assessment.confidence,
            "assessment": assessment.evidence,
            "assessment_rule_version": assessment.rule_version,
        }
        if prognosis is not None:
            evidence["prognosis"] = {
                "source": prognosis.source,
                "rul_s": prognosis.rul,
                "rul_lower_s": prognosis.rul_lower,
                "rul_upper_s": prognosis.rul_upper,
                "level": prognosis.level,
                "model_id": prognosis.model_id,
                "reason": prognosis.reason,
            }
        return evidence


def describe_change(
    kind: ChangeKind,
    case: Case,
    occurred_at: datetime,
    reason: str,
    evidence: dict[str, Any],
    rules: RuleSet,
) -> AlertChange:
    """Return a change of a case, in the case's words."""
    return AlertChange(
        kind=kind,
        cause=case.cause,
        component=case.component,
        severity=case.severity,
        occurred_at=occurred_at,
        message=case.message,
        parameters=case.parameters,
        evidence=evidence,
        reason=reason,
        rule_version=rules.version,
    )
