"""Alerts, their history, and who is told of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.dependencies import Key
from api.schemas.machines import AlertState, Severity
from api.schemas.pages import Answer, Question, Time


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
    kind: Literal["opened", "escalated", "eased", "acknowledged", "cleared"]
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


class SubscriptionQuestion(Question):
    """A receiver of alerts: a webhook, signed as Standard Webhooks has it."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s\x00]+$", examples=["https://example.com/pdm"])]
    min_severity: Severity = "warning"
    site: Key | None = None


class SubscriptionAnswer(Answer):
    """A receiver of alerts."""

    id: UUID
    name: str
    url: str
    site: str | None
    min_severity: Severity
    is_enabled: bool
    created_at: Time


class SubscriptionCreated(SubscriptionAnswer):
    """A new receiver with the secret that signs what it is sent, shown this once."""

    secret: str
