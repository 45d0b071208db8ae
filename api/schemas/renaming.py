"""Renaming sites, lines, fleets, machines, components and points; sites, lines and fleets out of use."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.dependencies import Key
from api.schemas.machines import Reason
from api.schemas.pages import Answer, Question, Time

RenamedKind = Literal["site", "line", "fleet", "machine", "component", "point"]


class RenameQuestion(Question):
    """A new key, a new name, or both; what is not given stays as it is."""

    key: Annotated[Key | None, Field(description="The former key remains valid.")] = None
    name: Annotated[str, Field(max_length=200, description="For display; empty: none.")] | None = None
    reason: Reason


class PlaceAnswer(Answer):
    """A site, a line or a fleet as it is now."""

    kind: Literal["site", "line", "fleet"]
    key: str
    name: str
    retired_at: Time | None
    retired_reason: str | None
    machines: list[str] = Field(description="Machines that this call took out of use or brought back.")


class RenamingAnswer(Answer):
    """One renaming: what an object was called and is called from then on."""

    id: int
    kind: RenamedKind
    site: str | None = Field(description="Null for a fleet.")
    machine: str | None
    former_key: str
    key: str
    former_name: str
    name: str
    reason: str
    actor: str
    recorded_at: Time
