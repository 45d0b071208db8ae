"""Views of a case: evidence and recommended actions, each with its text in one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pdm.alerts.case import advice, delay_cost
from pdm.alerts.case.similarity import Like
from pdm.alerts.case.trend_chart import TrendPoint
from pdm.store.acquisitions.receipt_views import RecordedWork
from pdm.store.alerts.cases import Feedback, PastCase
from pdm.words.phrases import say


@dataclass(frozen=True)
class DeadlineView:
    """A deadline for an action, with the reason."""

    at: datetime
    reason: str
    parameters: Mapping[str, Any]
    text: str

    @classmethod
    def of(cls, deadline: advice.Deadline, language: str) -> DeadlineView:
        """Return a deadline with its text."""
        why = deadline.why
        return cls(deadline.at, why.key, dict(why.parameters), say(why.key, why.parameters, language))


@dataclass(frozen=True)
class SuspectView(advice.Suspect):
    """A fault that may be the cause of the case."""

    text: str = ""

    @classmethod
    def of(cls, suspect: advice.Suspect, language: str) -> SuspectView:
        """Return a suspected fault with its text."""
        return cls(**vars(suspect), text=say(f"fault.{suspect.fault}", {}, language))


@dataclass(frozen=True)
class CheckView(advice.Check):
    """A check and the faults that it can confirm."""

    text: str

    @classmethod
    def of(cls, check: advice.Check, language: str) -> CheckView:
        """Return a check with its text."""
        return cls(**vars(check), text=say(f"check.{check.check}", {}, language))


@dataclass(frozen=True)
class PartView:
    """A component that may require replacement; `part` is the part to order."""

    component: str
    kind: str
    part: str | None
    geometry: str | None
    reason: str
    text: str

    @classmethod
    def of(cls, part: advice.Part, language: str) -> PartView:
        """Return a part with the text of its reason."""
        text = say(part.why.key, part.why.parameters, language)
        return cls(part.component, part.kind, part.part, part.geometry, part.why.key, text)


@dataclass(frozen=True)
class WaitingCostView(delay_cost.WaitingCost):
    """Expected cost of waiting instead of planned work now."""

    text: str

    @classmethod
    def of(cls, cost: delay_cost.WaitingCost, language: str) -> WaitingCostView:
        """Return a cost with its text."""
        keys = ["cost.failure", "cost.at-most"] if cost.is_at_most else ["cost.failure"]
        return cls(**vars(cost), text="; ".join(say(key, {}, language) for key in keys))


@dataclass(frozen=True)
class SimilarCase:
    """A similar past case with its similarity and outcome."""

    alert_id: UUID
    machine: str
    cause: str
    component: str | None
    severity: str
    symptom: str | None
    opened_at: datetime
    cleared_at: datetime | None
    likeness: float
    cosine: float
    verdict: str | None
    verdict_text: str | None
    finding: str | None
    fault: str | None
    work_events: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, case: PastCase, like: Like, language: str) -> SimilarCase:
        """Return a past case with the text of its verdict."""
        return cls(
            alert_id=case.id,
            machine=case.machine,
            cause=case.cause,
            component=case.component,
            severity=case.severity,
            symptom=case.symptom,
            opened_at=case.opened_at,
            cleared_at=case.cleared_at,
            likeness=round(like.likeness, 4),
            cosine=round(like.cosine, 4),
            verdict=case.verdict,
            verdict_text=say(f"feedback.{case.verdict}", {}, language) if case.verdict else None,
            finding=case.finding,
            fault=case.fault,
            work_events=case.work_events or (),
        )


@dataclass(frozen=True)
class CaseView:
    """The evidence of a case and the recommended actions."""

    alert_id: UUID
    machine: str
    text: str
    urgency: str
    urgency_text: str
    act_by: datetime | None
    plan_by: datetime | None
    deadlines: Sequence[DeadlineView]
    evidence: Mapping[str, Any]
    suspects: Sequence[SuspectView]
    checks: Sequence[CheckView]
    parts: Sequence[PartView]
    cost_of_waiting: WaitingCostView | None
    similar: Sequence[SimilarCase]
    feedback: Sequence[Feedback]
    work_events: Sequence[RecordedWork]
    trend: Sequence[TrendPoint]
