"""Work orders that a maintenance system made of alerts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.pages import Answer, Question, Time


class WorkOrderQuestion(Question):
    """What a maintenance system calls the work order, where it is, and how it stands there."""

    reference: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["WO-1042"])]
    url: Annotated[str | None, Field(max_length=2000, pattern=r"^https?://[^\s\x00]+$")] = None
    status: Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f\x7f]+$")] = "open"


class WorkOrderAnswer(Answer):
    """A work order of an alert."""

    alert_id: UUID
    reference: str
    url: str | None
    status: str
    created_at: Time
    updated_at: Time
    actor: str
