"""Changes of an alert, with the message and the evidence for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pdm.alerts.case.advice import Known, advise
from pdm.alerts.evaluation.rule_state import Case
from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.kinds.rule_input import Reading
from pdm.alerts.rules.rule import RuleSet
from pdm.alerts.states import AlertState

__all__ = ["AlertChange", "AlertState", "ChangeKind", "Findings", "describe_change"]


class ChangeKind(StrEnum):
    """Changes of the condition of an alert; cleared: the condition is inactive.

    Suppressed: the condition is not evaluated because the machine is off. Unsuppressed: the condition is still active
    after the machine has started again.
    """

    OPENED = "opened"
    ESCALATED = "escalated"
    EASED = "eased"
    CLEARED = "cleared"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"


@dataclass(frozen=True)
class AlertChange:
    """One change of a case, with what a person needs to assess it.

    `message` is a key of the message catalogues and `parameters` its values; `reason` is the key of the
    rule that raised, or 'returned', 'life-closed', 'rule-withdrawn', 'late-data', 'machine-off', 'machine-runs'. The
    other fields are the required response of the rule: acknowledgement and reset, act-by time, and the time without
    acknowledgement until escalation [s] (None: the default of `pdm.alerts.lifecycle.escalation` for the severity);
    `points` are the measurement points of the evidence.
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
    rule_key: str = ""
    category: Category = Category.MACHINE
    needs_acknowledgement: bool = False
    is_latching: bool = False
    act_by: datetime | None = None
    escalate_after: float | None = None
    points: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """Conclusions of one acquisition, the source of the message and evidence of changes."""

    reading: Reading
    rules: RuleSet

    def evidence(self) -> dict[str, Any]:
        """Return the evidence at the time of the decision as JSON values; times in s."""
        assessment, prognosis = self.reading.assessment, self.reading.prognosis
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
                "can_decide": prognosis.can_decide,
            }
        return evidence

    def act_by(self, case: Case) -> datetime | None:
        """Return by when work must be done for a case, on the machine's timeline; None: unknown."""
        if case.category is not Category.MACHINE:
            return None
        machine, assessment, prognosis = self.reading.machine, self.reading.assessment, self.reading.prognosis
        known = Known(
            severity=case.severity.value,
            measured_at=assessment.measured_at,
            planning_horizon=machine.planning_horizon,
            zone=assessment.zone,
            rul_lower=prognosis.rul_lower if prognosis else None,
            level=prognosis.level if prognosis else None,
            can_decide=prognosis is not None and prognosis.can_decide,
            zone_trend=assessment.zone_trend,
        )
        return advise(known).act_by


def describe_change(
    kind: ChangeKind,
    case: Case,
    occurred_at: datetime,
    reason: str,
    evidence: dict[str, Any],
    rules: RuleSet,
    points: tuple[str, ...] = (),
) -> AlertChange:
    """Return a change of a case, with the message of the case and the required response of its rule."""
    rule = rules.by_key.get(case.rule_key)
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
        rule_key=case.rule_key,
        category=case.category,
        needs_acknowledgement=rule.needs_acknowledgement if rule else case.severity is Severity.CRITICAL,
        is_latching=rule.is_latching if rule else False,
        escalate_after=rule.escalate_after if rule else None,
        points=points,
    )
