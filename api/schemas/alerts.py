"""Alerts and their history."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.schemas.machines import AlertState, Severity
from api.schemas.pages import Answer, Question, Time

AlertEventKind = Literal[
    "opened",
    "escalated",
    "eased",
    "returned",
    "latched",
    "reset",
    "cleared",
    "acknowledged",
    "confirmed",
    "commented",
    "assigned",
    "shelved",
    "unshelved",
    "suppressed",
    "unsuppressed",
    "removed-from-service",
    "returned-to-service",
    "overdue",
    "reminded",
]


class AlertSummary(Answer):
    """An alert in a list; `message` is a key, `parameters` fill its text in any language."""

    id: UUID
    machine: str
    cause: str
    component: str | None
    severity: Severity
    state: AlertState
    opened_at: Time = Field(description="On the machine's timeline.")
    raised_at: Time = Field(description="On the wall clock.")
    acknowledged_at: Time | None
    acknowledged_by: str | None
    cleared_at: Time | None
    message: str
    parameters: dict[str, Any]
    rule_version: str
    version: int


class AlertEvent(Answer):
    """One step of an alert's history."""

    id: int
    kind: AlertEventKind
    severity: Severity
    occurred_at: Time
    recorded_at: Time
    actor: str
    reevaluated: bool
    reason: str


class AlertAnswer(AlertSummary):
    """An alert with its evidence and history."""

    evidence: dict[str, Any]
    history: list[AlertEvent]


class Acknowledgement(Question):
    """Why an alert is acknowledged."""

    comment: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] = ""
