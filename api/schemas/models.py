"""Models of remaining life, and the jobs that train them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.dependencies import Key
from api.schemas.pages import Answer, Question, Time

Reason = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$", examples=["errs less on the last five failures"])]


class ModelSummary(Answer):
    """A model of remaining life in a list."""

    id: int
    fleet: str
    version: int
    status: Literal["champion", "challenger", "retired"] = Field(
        description="champion: it serves; challenger: it never did; retired: it did."
    )
    created_at: Time
    indicator_version: str = Field(description="The version of what it reads.")
    sha256: str


class ModelEvent(Answer):
    """What became of a model."""

    kind: Literal["registered", "imported", "promoted", "rolled-back"]
    at: Time
    actor: str
    reason: str


class ModelAnswer(ModelSummary):
    """A model, how well it did on lives it had not seen, what it learned from and what became of it."""

    metrics: dict[str, Any] = Field(
        description="Of grouped validation, times in s. `comparison` is the paired test against the champion of the "
        "time; null for a model that was imported, whose metrics are claims of where it comes from."
    )
    trained_on: dict[str, Any]
    events: list[ModelEvent]


class TrainQuestion(Question):
    """A training to be done by a worker."""

    fleet: Key
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    reason: Reason = ""


class PromoteQuestion(Question):
    """Why a model shall serve; `force` lets one serve that has not validated better."""

    reason: Annotated[Reason, Field(min_length=1)]
    force: bool = False


class RollBackQuestion(Question):
    """Which fleet shall go back to the model before, and why."""

    fleet: Key
    reason: Annotated[Reason, Field(min_length=1)]


class JobAnswer(Answer):
    """Work that takes long: how far it is, and what came of it."""

    id: int
    kind: Literal["train"]
    fleet: str
    seed: int
    status: Literal["waiting", "running", "done", "failed"]
    stage: str
    progress: float = Field(description="Share done, 0 to 1.")
    attempts: int
    actor: str
    reason: str
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    error: str | None = Field(description="Why it failed.")
    model_id: int | None = Field(description="The model that came of it.")
    result: dict[str, Any] | None


class LiveCoverageAnswer(Answer):
    """How often the intervals that were told of machines held, once these had failed."""

    fleet: str
    source: str
    level: float = Field(description="How often they claim to hold.")
    lives: int = Field(description="Of which an interval was told before the failure was known; a life counts once.")
    coverage: float = Field(description="Mean over lives of the share of intervals that held.")
    chance: float = Field(description="Bound on the chance of so little if the claim were true (Hoeffding).")
    verdict: Literal["holds", "too-few-lives-to-tell", "has-stopped-holding"]
    computed_at: Time
