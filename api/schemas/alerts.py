"""Alerts and their history."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, computed_field

from api.language import spoken
from api.schemas.machines import AlertState, Severity
from api.schemas.pages import Answer, Question, Time
from pdm.words.catalogue import messages
from pdm.words.phrases import say, say_any

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

    @computed_field(description="What the alert says, in the language asked (Accept-Language: en or ko).")  # type: ignore[prop-decorator]
    @property
    def text(self) -> str:
        """The message in words."""
        return say(f"alert.{self.message}", self.parameters, spoken())


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

    @computed_field(description="What happened, in the language asked.")  # type: ignore[prop-decorator]
    @property
    def text(self) -> str:
        """The kind in words, and the reason where it has words."""
        told = say(f"event.{self.kind}", {}, spoken())
        return (
            f"{told}: {say_any('reason', self.reason, None, spoken())}"
            if f"reason.{self.reason}" in messages("en")
            else told
        )


class AlertAnswer(AlertSummary):
    """An alert with its evidence and history."""

    evidence: dict[str, Any]
    history: list[AlertEvent]


class Acknowledgement(Question):
    """Why an alert is acknowledged."""

    comment: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] = ""
