"""Who is told of alerts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.dependencies import Key
from api.schemas.machines import Severity
from api.schemas.pages import Answer, Question, Time


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
