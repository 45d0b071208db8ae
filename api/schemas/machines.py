"""Machines, what is known of their health and remaining life, and what was done to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.dependencies import Key, MachineName, Moment
from api.schemas.pages import Answer, Question, Time

Zone = Literal["A", "B", "C", "D"]
Urgency = Literal["immediate", "within-horizon", "later", "none"]
Severity = Literal["advisory", "warning", "critical"]
AlertState = Literal["unacknowledged", "acknowledged", "returned", "latched", "normal"]


class OpenAlert(Answer):
    """The worst alert that is open on a machine."""

    id: UUID
    severity: Severity
    state: AlertState


class FleetMachine(Answer):
    """A machine with what is known of it now; null where nothing is known yet."""

    machine: str
    site: str
    line: str
    name: str = Field(description="For display; empty: none was given. The same for the other names.")
    site_name: str
    line_name: str
    tag: str | None = Field(
        description="The plant's own designation, unique in the site; accepted wherever the key is."
    )
    fleet: str
    fleet_name: str = ""
    timeline: Literal["live", "replay"]
    measured_at: Time | None
    judged_at: Time | None = Field(
        description="Of the acquisition behind the verdict; later ones gave none. Null without."
    )
    health: float | None = Field(description="1 as new .. 0 failed; null while learning.")
    learning_progress: float | None
    operating_state: str | None
    zone: Zone | None
    symptom: str | None
    component: str | None
    component_name: str | None
    confidence: float | None = Field(
        description="How clearly the symptom stands out, to order by; no chance: a diagnosis gives that."
    )
    rul_s: float | None
    rul_lower_s: float | None
    rul_upper_s: float | None = Field(description="Null with a lower bound: at least that.")
    rul_source: Literal["model", "trend", "none"] | None
    alert: OpenAlert | None


class ComponentAnswer(Answer):
    """A component that can fail on its own."""

    component: str
    name: str
    kind: str
    bearing: dict[str, Any] | None = Field(
        description="Geometry in m and rad, or multiples of shaft speed, and where it comes from."
    )
    teeth: int | None = Field(None, description="Of a gear.")
    ratio: float = Field(1.0, description="How often the component turns while the machine's shaft turns once.")
    vanes: int | None = Field(None, description="Of a pump, an impeller, a compressor or a turbine.")
    blades: int | None = Field(None, description="Of a fan, a blower or a turbine.")
    belt: dict[str, Any] | None = Field(None, description="Length and pulley diameters in m.")
    former_keys: list[str] = Field(default_factory=list, description="Keys that it had; they remain valid.")


class RangeAnswer(Answer):
    """The lowest and the highest value that a point can measure, in its unit; null: no limit."""

    lowest: float | None
    highest: float | None


class PointAnswer(Answer):
    """A measurement point; no sampling rate means that it reports scalars."""

    point: str
    name: str
    quantity: str
    unit: str
    sampling_rate_hz: float | None
    direction: str | None
    component: str | None
    pulses_per_turn: int | None = Field(None, description="Of a tachometer.")
    range: RangeAnswer | None = Field(None, description="As declared; what is outside is no measurement.")
    not_a_measurement: list[float] = Field(
        default_factory=list, description="Values that report a fault, as declared, in the unit of the point."
    )
    rate_limit_per_s: float | None = Field(None, description="Largest change per second, as declared, in that unit.")
    former_keys: list[str] = Field(default_factory=list, description="Keys that it had; they remain valid.")


class RetiredPointAnswer(Answer):
    """A measurement point out of use, since when and why."""

    point: str
    quantity: str
    unit: str
    sampling_rate_hz: float | None
    retired_at: Time
    retired_reason: str


Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*\S[^\x00]*$")]


class ReasonQuestion(Question):
    """Why something is taken out of use or brought back."""

    reason: Reason


class TimelineQuestion(Question):
    """The clock of a machine's data: the wall clock (live), or that of a recording (replay)."""

    timeline: Literal["live", "replay"]
    reason: Reason


class RangeQuestion(Question):
    """The lowest and the highest value that a point can measure, in its unit; one of them may be absent."""

    lowest: float | None = None
    highest: float | None = None


class ReplacementQuestion(Question):
    """Another sensor in the place of that of a point; what is not given stays as it is."""

    at: Moment = Field(description="From when on it measures, on the machine's timeline.")
    reason: Reason
    key: Annotated[Key | None, Field(description="Of the new point; the old one is retired. Default: the same.")] = None
    machine: Annotated[
        MachineName | None, Field(description="To which the sensor moves; the old point is retired. Default: the same.")
    ] = None
    sampling_rate_hz: Annotated[float, Field(gt=0, le=10e6)] | None = None
    unit: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    direction: Annotated[str, Field(max_length=20)] | None = None
    component: Key | None = None
    pulses_per_turn: Annotated[int, Field(ge=1, le=100_000)] | None = None
    range: RangeQuestion | None = Field(None, description="Null: it is not limited.")
    not_a_measurement: list[float | str] | None = Field(
        None, description="Values that report a fault, or names of those of common probes; null: none."
    )
    rate_limit_per_s: float | None = Field(None, description="Largest change per second; null: none.")


class MachineAnswer(FleetMachine):
    """A machine as it is registered, with what is known of it now."""

    rated_speed_rpm: float | None
    rated_power_kw: float | None
    supply_frequency_hz: float | None
    pole_pairs: int | None
    rotor_slots: int | None = None
    severity_limits: dict[str, Any] | None = Field(description="Zone limits of velocity RMS in m/s, and their source.")
    planning_horizon_h: float
    baseline_acquisitions: int
    diagnosed_at: Time | None = Field(None, description="Of the newest acquisition behind a diagnosis.")
    components: list[ComponentAnswer]
    points: list[PointAnswer]
    retired_at: Time | None = None
    retired_reason: str | None = None
    retired_with: Literal["site", "line", "fleet"] | None = Field(
        None, description="What took the machine out of use with itself; null: it was retired alone."
    )
    retired_points: list[RetiredPointAnswer] = Field(default_factory=list)
    former_keys: list[str] = Field(default_factory=list, description="Keys that it had; they remain valid.")


class HealthEntry(Answer):
    """What was concluded from one acquisition about a machine's health."""

    measured_at: Time | None = None
    computed_at: Time | None = None
    revision: int | None = None
    health: float | None = Field(None, description="1 as new .. 0 failed; null while learning.")
    learning_progress: float
    operating_state: str | None = None
    zone: Zone | None = None
    symptom: str | None = None
    component: str | None = None
    confidence: float | None = Field(
        default=None, description="How clearly the symptom stands out, to order by; no chance: a diagnosis gives that."
    )
    rule_version: str | None = None


class PartContributor(Answer):
    """A feature that speaks against a point or component."""

    indicator: str
    point: str | None = Field(description="Null for what the phases share.")
    point_name: str | None = Field(None, description="For display; null where the point has left the machine.")
    deviation: float = Field(description="In robust standard deviations, smoothed.")


class PointHealth(Answer):
    """The health of a measurement point, by its own features."""

    point: str
    name: str = Field("", description="For display; empty: none was given.")
    health: float | None = Field(description="1 as new .. 0 failed; null where the point was not heard.")
    severity: float | None = Field(description="How bad it is now: 0 as new .. 1 failed.")
    urgency: Urgency = Field(description="By the zone, and by when zone C or D may be reached.")
    zone: Zone | None = None
    contributors: list[PartContributor]


class ComponentHealth(Answer):
    """The health of a component, by the features that speak of it."""

    component: str
    name: str = Field("", description="For display; empty: none was given.")
    health: float | None
    severity: float | None
    urgency: Urgency
    contributors: list[PartContributor]


class OperatingStateAnswer(Answer):
    """An operating state as it was learned."""

    name: str
    declared: bool = Field(description="Named by the sender; false for a bin of speed and load.")
    learned: bool
    acquisitions: int = Field(description="That its baseline is learned from.")
    speed_hz: list[float] | None = Field(description="The least and the most met while learning.")
    load: list[float] | None
    doubts: list[str] = Field(description="What is doubtful of its baseline.")
    seasons: list[str] = Field(default_factory=list, description="Found while learning: day, week.")


class AnalysisHoldAnswer(Answer):
    """Why a machine is not analysed now; its data are stored and wait."""

    reason: str
    since: Time
    attempts: int = Field(description="How often the analysis was tried in vain.")
    retry_at: Time = Field(description="When it is tried again.")


class HealthAnswer(HealthEntry):
    """A machine's health with its evidence, and that of its points and components."""

    machine: str
    machine_name: str = Field("", description="For display; empty: none was given.")
    component_name: str | None = None
    judged_at: Time | None = Field(
        None, description="Of the acquisition behind the verdict; later ones gave none. Null without a verdict."
    )
    severity: float | None = Field(None, description="How bad things are now: 0 as new .. 1 failed.")
    urgency: Urgency | None = Field(None, description="How soon somebody has to act.")
    points: list[PointHealth] = Field(default_factory=list)
    components: list[ComponentHealth] = Field(
        default_factory=list,
        description="The machine is judged by the same evidence together: never better than its worst part.",
    )
    operating_states: list[OperatingStateAnswer] = Field(default_factory=list)
    change: dict[str, Any] | None = Field(None, description="Since when something has changed; null if nothing has.")
    zone_trend: dict[str, Any] | None = Field(None, description="When the next zone boundary is reached, or why not.")
    on_hold: AnalysisHoldAnswer | None = Field(None, description="Why the machine is not analysed now; null if it is.")
    evidence: dict[str, Any]


class PrognosisEntry(Answer):
    """A remaining useful life with its interval, or why there is none."""

    measured_at: Time | None = None
    computed_at: Time | None = None
    revision: int | None = None
    source: Literal["model", "trend", "none"]
    rul_s: float | None = None
    rul_lower_s: float | None = None
    rul_upper_s: float | None = Field(None, description="Null with a lower bound: at least that.")
    level: float | None = Field(None, description="How often such an interval holds the truth, as calibrated.")
    model_id: int | None = None
    reason: str | None = None


class PrognosisAnswer(PrognosisEntry):
    """A machine's remaining useful life with its evidence."""

    machine: str
    evidence: dict[str, Any]
    interval_verdict: Literal["holds", "too-few-lives-to-tell", "has-stopped-holding"] | None = Field(
        description="Whether such intervals have held for machines of the fleet that failed; null: none has failed yet."
    )


class Contribution(Answer):
    """What one indicator, or the age, adds to remaining life."""

    name: str
    amount_s: float = Field(description="Seconds that it adds; negative: that it takes.")
    column: str = Field(description="Its strongest part: which memory of it over the life.")
    value: float | None = Field(description="The indicator at this acquisition.")
    unit: str | None
    meaning: str | None
    symptom: str | None


class Movement(Answer):
    """How much more one indicator adds now than then."""

    name: str
    amount_s: float


class PrognosisChange(Answer):
    """What the same model said a week before, and what has moved it since."""

    since: Time
    rul_then_s: float
    rul_change_s: float
    moved: list[Movement]


class AlikeLife(Answer):
    """The moment of a past life that was most like now."""

    machine: str | None = Field(description="Null where it stands at a site that the caller may not know.")
    age_s: float
    remaining_s: float = Field(description="How long that machine then lasted.")
    distance: float = Field(description="0: the same in all that counts; 1: as far apart as can be told.")


class ExplanationAnswer(Answer):
    """Why the fleet's model says what it says: `base_s`, contributors, `others_s` and `limited_s` sum to `rul_s`."""

    machine: str
    measured_at: Time
    model_id: int
    rul_s: float
    base_s: float = Field(description="What it says of a machine of which nothing is known.")
    contributors: list[Contribution]
    others_s: float
    limited_s: float = Field(description="What the range that the model can tell apart takes off.")
    change: PrognosisChange | None = Field(description="Null while there is no week to look back on.")
    alike: list[AlikeLife]


class WhatIfQuestion(Question):
    """Other conditions; what is not named stays as it is."""

    load: Annotated[float, Field(gt=0, le=10, description="Fraction of rated load.")] | None = None
    speed_hz: Annotated[float, Field(gt=0, le=10_000)] | None = None


class WhatIfAnswer(Answer):
    """Remaining life under other conditions: what is said as it is, times a factor that past lives show."""

    machine: str
    measured_at: Time
    rul_s: float
    rul_lower_s: float | None
    rul_upper_s: float | None = Field(description="Null with a lower bound: at least that.")
    factor: float
    factor_lower: float
    factor_upper: float
    factor_level: float = Field(description="Of the factor's interval.")
    exponents: dict[str, float] = Field(description="Of the power law of lives in load and speed.")
    lives: int = Field(description="That ended in failure and tell these conditions.")
    present_load: float | None
    present_speed_hz: float | None
    source: Literal["model", "trend", "none"]
    model_id: int | None


class RegistrationWarning(Answer):
    """What will not be diagnosed with the machine as it is registered, and what is missing for it."""

    component: str
    code: str
    message: str


class Registration(Answer):
    """What registering a machine did, or would do."""

    machine: str
    outcome: Literal["created", "changed", "unchanged"]
    warnings: list[RegistrationWarning] = Field(
        default_factory=list, description="What will not be diagnosed; also of components registered before."
    )
    stays_retired: list[str] = Field(
        default_factory=list, description="Keys in the description that are retired; POST .../restore brings them back."
    )
    renamed: dict[str, str] = Field(
        default_factory=dict,
        description="Former keys in the description, and what they are now; the present ones stay.",
    )


class FleetRegistration(Answer):
    """What registering a fleet did, or would do with `dry_run`."""

    dry_run: bool
    machines: list[Registration]


class WorkEventQuestion(Question):
    """Something that was done to a machine or one of its components."""

    kind: Literal["failure", "replacement", "inspection", "stop"]
    occurred_at: Moment
    component: Key | None = None
    finding: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] | None = None
    note: Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")] = ""


class WorkEventCorrectionQuestion(Question):
    """A correction of a work event; the fields that are not given stay as they are."""

    status: Literal["voided", "corrected", "confirmed"] = Field(
        description="voided: it did not happen. corrected: kind, component or time was wrong. confirmed: it is right; "
        "this settles a doubt, and a voided event counts again."
    )
    reason: Reason
    kind: Literal["failure", "replacement", "inspection", "stop"] | None = None
    occurred_at: Moment | None = None
    component: Key | None = Field(None, description="null: the whole machine.")


class WorkEventCorrectionAnswer(Answer):
    """One correction of a work event: what it was from then on, who corrected it and why."""

    status: Literal["voided", "corrected", "confirmed"]
    kind: Literal["failure", "replacement", "inspection", "stop"]
    component: str | None
    occurred_at: Time
    reason: str
    actor: str
    recorded_at: Time


class EventDoubtAnswer(Answer):
    """A doubt about a failure and the event before it; until it is settled, the life between them teaches nothing."""

    code: Literal["failure-entered-twice", "replacement-before-failure"]
    failure: int = Field(description="The id of the failure.")
    earlier: int = Field(description="The id of the failure or replacement before it.")
    question: str


class WorkEventAnswer(Answer):
    """Something that was done to a machine."""

    id: int
    kind: Literal["failure", "replacement", "inspection", "stop"]
    component: str | None
    occurred_at: Time
    finding: str | None
    note: str
    actor: str
    recorded_at: Time
    status: Literal["recorded", "corrected", "confirmed", "voided"] = "recorded"
    corrections: list[WorkEventCorrectionAnswer] = Field(default_factory=list)
    doubts: list[EventDoubtAnswer] = Field(default_factory=list)
