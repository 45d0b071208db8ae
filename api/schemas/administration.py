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


class ReanalysisAnswer(Answer):
    """A machine that is concluded again, or waits for it, and how far that is."""

    machine: str
    from_: Time = Field(validation_alias="since", serialization_alias="from", description="From which acquisition on.")
    to: Time | None = Field(validation_alias="until", description="To which: the newest one that is analysed.")
    reached: Time | None = Field(description="The last acquisition that is followed again; null before the first.")
    share: float = Field(description="Share of the acquisitions that are followed again [0 to 1].")
    done: int | None = Field(description="Acquisitions followed again; null for a short replay, and before it begins.")
    acquisitions: int | None = Field(description="Acquisitions to follow, from the last checkpoint before `from` on.")
    is_correction: bool = Field(description="Whether a work event was corrected; else data or an event came late.")
    asked_at: Time | None = Field(description="Since when it waits or runs; null if unknown.")
    started_at: Time | None = Field(description="When a worker began; null while it waits.")
    reported_at: Time | None = Field(description="When a worker reported last.")


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
