"""A case as callers see it: what is known of it and what to do about it, each with its text in one language."""

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
    """By when something has to be done, and why."""

    at: datetime
    reason: str
    parameters: Mapping[str, Any]
    text: str

    @classmethod
    def of(cls, deadline: advice.Deadline, language: str) -> DeadlineView:
        """Return a deadline in words."""
        why = deadline.why
        return cls(deadline.at, why.key, dict(why.parameters), say(why.key, why.parameters, language))


@dataclass(frozen=True)
class SuspectView(advice.Suspect):
    """A fault that may be behind the case."""

    text: str = ""

    @classmethod
    def of(cls, suspect: advice.Suspect, language: str) -> SuspectView:
        """Return a suspect in words."""
        return cls(**vars(suspect), text=say(f"fault.{suspect.fault}", {}, language))


@dataclass(frozen=True)
class CheckView(advice.Check):
    """What to look at, and for which faults."""

    text: str

    @classmethod
    def of(cls, check: advice.Check, language: str) -> CheckView:
        """Return a check in words."""
        return cls(**vars(check), text=say(f"check.{check.check}", {}, language))


@dataclass(frozen=True)
class PartView:
    """A component that may have to be replaced; `part` is what to order."""

    component: str
    kind: str
    part: str | None
    geometry: str | None
    reason: str
    text: str

    @classmethod
    def of(cls, part: advice.Part, language: str) -> PartView:
        """Return a part with its reason in words."""
        text = say(part.why.key, part.why.parameters, language)
        return cls(part.component, part.kind, part.part, part.geometry, part.why.key, text)


@dataclass(frozen=True)
class WaitingCostView(delay_cost.WaitingCost):
    """Expected cost of waiting instead of planned work now."""

    text: str

    @classmethod
    def of(cls, cost: delay_cost.WaitingCost, language: str) -> WaitingCostView:
        """Return a cost in words."""
        keys = ["cost.failure", "cost.at-most"] if cost.is_at_most else ["cost.failure"]
        return cls(**vars(cost), text="; ".join(say(key, {}, language) for key in keys))


@dataclass(frozen=True)
class SimilarCase:
    """A past case that is like this one, how like, and what became of it."""

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
        """Return a past case with its verdict in words."""
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
    """What is known of a case and what to do about it."""

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
