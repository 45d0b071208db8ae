"""Alerts and their history."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, computed_field

from api.dependencies import Key, MachineName, Moment
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


Withheld = Literal["shelved", "suppressed", "out-of-service", "inhibited"]


class AlertSummary(Answer):
    """An alert in a list; `message` is a key, `parameters` fill its text in any language."""

    id: UUID
    machine: str
    machine_name: str = Field(description="For display; empty: none was given.")
    cause: str
    component: str | None
    component_name: str | None
    category: Literal["machine", "data", "instrument"]
    severity: Severity
    state: AlertState
    withheld: Withheld | None = Field(description="Why receivers are not told; it is listed all the same.")
    at_rest: bool = Field(description="Whether nothing can be said of it, since the machine stands still.")
    inhibited_by: str | None = Field(description="The cause on the same machine that explains it.")
    opened_at: Time = Field(description="On the machine's timeline.")
    raised_at: Time = Field(description="On the wall clock.")
    acknowledged_at: Time | None
    acknowledged_by: str | None
    confirmed_at: Time | None
    confirmed_by: str | None
    assignee: str | None
    cleared_at: Time | None = Field(description="When its condition was gone, on the machine's timeline.")
    act_by: Time | None = Field(description="Until when to act, by the forecast.")
    needs_acknowledgement: bool = Field(description="Whether it stays open until somebody has seen it.")
    is_latching: bool = Field(description="Whether it stays open until somebody has reset it.")
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
    state: AlertState | None = Field(description="Of the alert after it; null before this was kept.")
    withheld: Withheld | None
    occurred_at: Time
    recorded_at: Time
    actor: str
    reevaluated: bool
    reason: str
    comment: str
    detail: dict[str, Any]

    @computed_field(description="What happened, in the language asked.")  # type: ignore[prop-decorator]
    @property
    def text(self) -> str:
        """The kind in words, and the reason where it has words."""
        sentence = say(f"event.{self.kind}", {}, spoken())
        return (
            f"{sentence}: {say_any('reason', self.reason, None, spoken())}"
            if f"reason.{self.reason}" in messages("en")
            else sentence
        )


class AlertHistoryEvent(AlertEvent):
    """One step of some alert's history."""

    alert_id: UUID
    machine: str
    machine_name: str
    cause: str


class AlertAnswer(AlertSummary):
    """An alert with its evidence and history."""

    evidence: dict[str, Any]
    history: list[AlertEvent]


Words = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*\S[^\x00]*$")]
Person = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*\S[^\x00]*$")]
GroundName = Literal["machine-off", "maintenance", "parent-alarm", "site-event"]


class Remark(Question):
    """Why something is done about an alert, if there is more to say."""

    comment: Words = ""


class Comment(Question):
    """What is to be said about an alert."""

    comment: Reason


class Assignment(Question):
    """Who sees to an alert; null is nobody."""

    assignee: Person | None
    comment: Words = ""


class Shelving(Question):
    """Until when an alert is shelved, or `once`: until it has returned; and why."""

    reason: Reason
    until: Moment | None = None
    once: bool = False


class Suppression(Question):
    """By what design an alert is suppressed, until when (null: until somebody ends it), and why."""

    reason: Reason
    ground: GroundName
    until: Moment | None = None


class OutOfService(Question):
    """Why an alert is taken out of service, and until when (null: until somebody puts it back)."""

    reason: Reason
    until: Moment | None = None


class HoldQuestion(Question):
    """What is withheld: a machine, or a line of a site, or a site; from when until when, and why."""

    kind: Literal["suppressed", "out-of-service", "shelved"] = "suppressed"
    reason: Reason
    site: Key | None = None
    line: Key | None = None
    machine: MachineName | None = None
    cause: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")] | None = None
    ground: GroundName | None = None
    starts_at: Moment | None = Field(None, description="Null: now.")
    ends_at: Moment | None = Field(None, description="Null: until somebody ends it.")


class HoldAnswer(Answer):
    """A hold: whose alerts are withheld from receivers, by whom, since and until when, and why."""

    id: UUID
    kind: Literal["suppressed", "out-of-service", "shelved"]
    site: str
    line: str | None
    machine: str | None
    cause: str | None
    ground: GroundName | None
    reason: str
    one_shot: bool
    starts_at: Time
    ends_at: Time | None
    actor: str
    created_at: Time
    ended_at: Time | None
    ended_by: str | None

    @computed_field(description="Whether it goes on until somebody ends it.")  # type: ignore[prop-decorator]
    @property
    def is_open_ended(self) -> bool:
        """Whether the hold is live and has no end."""
        return self.ends_at is None and self.ended_at is None and not self.one_shot

    @computed_field(description="What to know about it, in the language asked; null if there is nothing.")  # type: ignore[prop-decorator]
    @property
    def notice(self) -> str | None:
        """A warning of a hold without an end."""
        return say("notice.open-ended-hold", {"id": self.id}, spoken()) if self.is_open_ended else None
