"""Cases with advice, feedback, and the performance indicators of the alarm system."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.dependencies import Key, RowId
from api.schemas.machines import WorkEventAnswer
from api.schemas.pages import Answer, Question, Time
from pdm.health.diagnosis.model import Fault

Verdict = Literal["true", "false", "useful"]
Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]


class Deadline(Answer):
    """By when something has to be done, and why."""

    at: Time
    reason: str
    parameters: dict[str, Any]
    text: str


class Suspect(Answer):
    """A fault that may be behind the case; `verdict` is a diagnosis's, null of a symptom."""

    fault: str
    component: str | None
    confidence: float | None
    verdict: Literal["SUPPORTED", "WEAK"] | None
    text: str


class Check(Answer):
    """What to look at, and for which faults."""

    check: str
    faults: list[str]
    text: str


class Part(Answer):
    """A declared component that may have to be replaced; `part` is what to order."""

    component: str
    kind: str
    part: str | None
    geometry: str | None = Field(description="Where the bearing's geometry comes from, mostly its designation.")
    reason: str
    text: str


class Wait(Answer):
    """What waiting for a time is expected to cost; null where the prognosis does not reach that far."""

    seconds: float
    chance: float | None
    cost: float | None


class WaitingCost(Answer):
    """Expected cost of waiting instead of planned work now."""

    currency: str
    planned: float
    unplanned: float
    waits: list[Wait]
    is_at_most: bool
    text: str


class WorkDone(Answer):
    """Work that was done for a past case."""

    id: int
    kind: str
    occurred_at: Time
    finding: str | None


class SimilarCase(Answer):
    """A past case that is like this one, and what became of it."""

    alert_id: UUID
    machine: str
    cause: str
    component: str | None
    severity: str
    symptom: str | None
    opened_at: Time
    cleared_at: Time | None
    likeness: float = Field(description="0 to 1: evidence, fault, kind of component and fleet together.")
    cosine: float = Field(description="Of the evidence alone.")
    verdict: Verdict | None
    verdict_text: str | None
    finding: str | None
    fault: str | None
    work_events: list[WorkDone]


class FeedbackQuestion(Question):
    """What became of a case: true, false, or useful (something else was found), and what was found."""

    verdict: Verdict
    finding: Text = ""
    fault: Fault | None = None
    component: Key | None = None


class FeedbackAnswer(Answer):
    """What somebody held of a case."""

    id: int
    verdict: Verdict
    finding: str
    fault: str | None
    component: str | None
    actor: str
    recorded_at: Time


class LinkQuestion(Question):
    """A work event of the alert's machine."""

    work_event: RowId


class LinkedWork(Answer):
    """The work that was done for a case."""

    items: list[WorkEventAnswer]


class TrendEntry(Answer):
    """The worst health and zone of one step."""

    at: Time
    health: float | None
    zone: str | None


class CaseAnswer(Answer):
    """What is known of a case and what to do about it; texts are in the language asked."""

    alert_id: UUID
    machine: str
    text: str
    urgency: Literal["immediate", "within-horizon", "later", "none"]
    urgency_text: str
    act_by: Time | None = Field(description="When work has to be done, on the machine's timeline.")
    plan_by: Time | None = Field(description="When it has to be decided, for maintenance to have its notice.")
    deadlines: list[Deadline]
    evidence: dict[str, Any]
    suspects: list[Suspect]
    checks: list[Check]
    parts: list[Part]
    cost_of_waiting: WaitingCost | None
    similar: list[SimilarCase]
    feedback: list[FeedbackAnswer]
    work_events: list[WorkEventAnswer]
    trend: list[TrendEntry]


class RateAnswer(Answer):
    """Annunciated alarms an operator and 10 min."""

    mean: float
    most: float
    intervals: int
    share_acceptable: float
    share_unmanageable: float


class FloodAnswer(Answer):
    """A time in which more came than an operator can follow."""

    begins: Time
    ends: Time
    alarms: int
    peak: int


class ActorAnswer(Answer):
    """An alarm that came often."""

    machine: str
    cause: str
    count: int
    share: float


class StandingAnswer(Answer):
    """An alarm that has stood for more than a day."""

    alert: str
    machine: str
    cause: str
    severity: str
    since: Time


class DelayAnswer(Answer):
    """Times to acknowledge."""

    acknowledged: int
    unacknowledged: int
    median_s: float | None
    p90_s: float | None
    mean_s: float | None


class PrecisionAnswer(Answer):
    """How many judged cases were true; `lower` and `upper` bound the worthwhile share at 95 %."""

    true: int
    useful: int
    false: int
    precision: float | None
    worthwhile: float | None
    lower: float | None
    upper: float | None


class KpiAnswer(Answer):
    """The figures of ISA-18.2 and IEC 62682 over a time; see docs/kpi.md."""

    since: Time
    before: Time
    operators: int
    annunciated: int
    withheld: int
    rate: RateAnswer
    floods: list[FloodAnswer]
    flood_share: float
    chattering: list[ActorAnswer]
    repeating: list[ActorAnswer]
    stale: list[StandingAnswer]
    bad_actors: list[ActorAnswer]
    bad_actors_share: float
    severities: dict[str, int]
    delay: DelayAnswer
    precision: PrecisionAnswer


class MessagesAnswer(Answer):
    """Every message of a language by its key."""

    language: Literal["en", "ko"]
    messages: dict[str, str]
