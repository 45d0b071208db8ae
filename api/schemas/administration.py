"""Keys, the analysis queue, failed acquisitions and quarantined records."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from api.dependencies import Key
from api.schemas.pages import Answer, Question, Time

Role = Literal["ingest", "read", "operate", "admin"]


class KeyQuestion(Question):
    """A key to be made; without sites it holds for all of them."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$", examples=["gateway-3"])]
    role: Role
    sites: Annotated[list[Key], Field(min_length=1, max_length=1000)] | None = None


class KeyAnswer(Answer):
    """A key, without anything that could be used as one."""

    id: int
    name: str
    role: Role
    sites: list[str] | None
    created_at: Time
    revoked_at: Time | None


class KeyCreated(KeyAnswer):
    """A new key with its secret, shown this once."""

    secret: str


class QueueAnswer(Answer):
    """How many acquisitions wait for analysis, and how many were set aside."""

    pending: int
    set_aside: int


class SetAsideAnswer(Answer):
    """An acquisition whose analysis failed, and why."""

    machine: str
    measured_at: Time
    reason: str
    set_aside_at: Time


class ReplayAnswer(Answer):
    """How many acquisitions wait for analysis again."""

    replayed: int


class QuarantineAnswer(Answer):
    """A record whose time cannot be right."""

    id: int
    machine: str
    measured_at: str
    reason: str
    received_at: Time
    receipt_id: UUID
