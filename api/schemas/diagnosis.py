"""Diagnoses: faults in order, each with verdict, lines, reasons and what to check next."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.dependencies import Moment
from api.schemas.pages import Answer, Question, Time

Verdict = Literal["SUPPORTED", "WEAK", "REFUSED"]
Cause = Literal["severity", "symptom", "operating-state", "interval", "request"]


class ReasonAnswer(Answer):
    """Why a verdict is not better: a code with its figures, and the code of what would make it strong."""

    code: str
    parameters: dict[str, float | str | None] = Field(description="The figures behind the code, units in names.")
    point: str | None = Field(description="The measurement point concerned.")
    remedy: str | None
    text: str = Field(
        description="The reason as a sentence, with its point and what would help, in the language asked."
    )


class MatchedLineAnswer(Answer):
    """A spectral line that a fault predicts: where it was expected and where it was found."""

    name: str
    source: str = Field(description="Spectrum: velocity, acceleration, envelope, current or park.")
    point: str
    expected_hz: float
    found_hz: float | None = Field(description="Null where nothing stands out.")
    level_db: float | None = Field(description="Over the local floor.")


class FindingAnswer(Answer):
    """One fault and how far the recordings carry it."""

    fault: str
    component: str | None
    verdict: Verdict
    score_db: float
    confidence: float = Field(description="The chance that the fault is there, as calibrated.")
    lines: list[MatchedLineAnswer]
    reasons: list[ReasonAnswer]
    checks: list[str] = Field(description="What to check next on the machine, as codes.")
    text: str = Field(description="The fault in words, in the language asked.")
    check_texts: list[str] = Field(description="The checks in words, in their order.")


class KnownLineAnswer(Answer):
    """A line of a sound machine by its description: vanes, blades, a belt or a roller."""

    component: str
    name: str = Field(description="vane-pass, blade-pass, belt, driven-pulley or turn.")
    order: float = Field(description="Frequency as a multiple of the speed of the machine.")
    expected_hz: float | None = Field(description="Null where the speed is unknown.")


class DueAnswer(Answer):
    """A diagnosis that was asked for and is not there yet."""

    cause: Cause
    as_of: Time | None
    asked_at: Time
    is_given_up: bool
    error: str | None = Field(description="Why the last attempt failed.")


class DiagnosisAnswer(Answer):
    """What is wrong with a machine by the recordings of some acquisitions, or why that cannot be said."""

    machine: str
    verdict: Verdict = Field(
        description="SUPPORTED where a fault is; REFUSED where nothing could be judged; WEAK: no clear evidence."
    )
    measured_at: Time = Field(description="Of the newest acquisition behind it.")
    computed_at: Time
    cause: Cause = Field(description="What asked for it.")
    rule_version: str
    acquisitions: list[Time] = Field(description="The acquisitions behind it, as measured_at of this machine.")
    findings: list[FindingAnswer]
    reasons: list[ReasonAnswer] = Field(description="What the recordings themselves do not allow.")
    speed_hz: float | None = Field(None, description="Shaft speed that was used.")
    speed_source: Literal["measured", "estimated", "unknown"]
    supply_hz: float | None = None
    slip: float | None = None
    known_lines: list[KnownLineAnswer] = Field(
        default_factory=list,
        description="Lines of a sound machine by its description, which are no evidence of a fault.",
    )
    due: DueAnswer | None = Field(description="Asked for since and not there yet.")


class DiagnosisQuestion(Question):
    """From which acquisitions a machine is to be diagnosed; the newest four, if nothing is said."""

    at: Annotated[Moment | None, Field(description="From acquisitions measured up to this time.")] = None
    records: Annotated[int, Field(ge=1, le=16, description="Most acquisitions to read.")] = 4


class DiagnosisRequested(Answer):
    """That a diagnosis was asked for; GET the same place until `computed_at` is later than `asked_at`."""

    machine: str
    asked_at: Time
    as_of: Time | None
    records: int
