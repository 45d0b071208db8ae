"""Acquisitions as they are sent, and the receipts they leave."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from api.schemas.corrections import AppliedCorrection
from api.schemas.pages import Answer, Time

Outcome = Literal["stored", "duplicate", "conflict", "rejected", "quarantined"]
_CORRECTIONS = "By which these values are read: GET /v1/machines/{machine}/corrections."

# The JSON form of POST /v1/acquisitions. The body is decoded by pdm.ingest, many times faster than by a
# model; this model is only for documentation and for fuzzing.
BODY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["acquisitions"],
    "properties": {
        "acquisitions": {
            "type": "array",
            "minItems": 1,
            "maxItems": 4096,
            "items": {
                "type": "object",
                "required": ["machine", "measured_at"],
                "properties": {
                    "machine": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,62}$"},
                    "measured_at": {"type": "string", "format": "date-time"},
                    "context": {
                        "type": "object",
                        "properties": {
                            "speed_rpm": {"type": "number"},
                            "load": {"type": "number"},
                            "state": {"type": "string"},
                        },
                    },
                    "waveforms": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["point", "unit", "sampling_rate_hz", "samples"],
                            "properties": {
                                "point": {"type": "string"},
                                "unit": {"type": "string"},
                                "sampling_rate_hz": {"type": "number", "exclusiveMinimum": 0},
                                "scale": {"type": "number", "description": "Unit per count; samples are then int16."},
                                "samples": {"type": "array", "items": {"type": "number"}, "minItems": 1},
                            },
                        },
                    },
                    "scalars": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["point", "unit", "value"],
                            "properties": {
                                "point": {"type": "string"},
                                "unit": {"type": "string"},
                                "value": {"type": "number"},
                            },
                        },
                    },
                },
            },
        }
    },
    "examples": [
        {
            "acquisitions": [
                {
                    "machine": "press-07",
                    "measured_at": "2026-11-01T10:00:00Z",
                    "context": {"speed_rpm": 1780, "load": 0.8, "state": "drawing"},
                    "waveforms": [
                        {"point": "de-h", "unit": "g", "sampling_rate_hz": 25600, "samples": [0.01, -0.02, 0.03]}
                    ],
                    "scalars": [{"point": "oil-temp", "unit": "degC", "value": 61.2}],
                }
            ]
        }
    ],
}


class ProblemOfRecord(Answer):
    """Why a record, or a channel of it, was not stored."""

    code: str
    detail: str
    field: str | None = None
    stored_hash: str | None = Field(None, description="SHA-256 of what is stored, where the content differs.")
    sent_hash: str | None = Field(None, description="SHA-256 of what was sent.")


class Result(Answer):
    """What became of one record, by its place in the request."""

    record: int
    machine: str | None
    measured_at: str | None
    outcome: Outcome
    problems: list[ProblemOfRecord] = Field(default_factory=list)


class ReceiptTotals(Answer):
    """What one request left behind, in numbers of records."""

    receipt_id: UUID
    received_at: Time
    stored: int
    duplicate: int
    conflict: int
    rejected: int
    quarantined: int


class ReceiptSummary(ReceiptTotals):
    """A receipt in a list."""

    actor: str


class Receipt(ReceiptTotals):
    """A receipt with one result a record."""

    results: list[Result]


class ChannelQualityAnswer(Answer):
    """The quality of a channel that is not good."""

    point: str
    quality: Literal["doubtful", "no-measurement"] = Field(
        description="Doubtful: used, with the doubt named. No measurement: not used, and a fault of the instrument."
    )
    reasons: list[str] = Field(description="Codes, the decisive one first: docs/quality.md.")


class Acquired(Answer):
    """When and how a machine was measured."""

    measured_at: Time
    received_at: Time
    speed_rpm: float | None
    load: float | None
    state: str | None
    missing: list[str] = Field(description="Waveform points that did not come.")
    receipt_id: UUID
    quality: list[ChannelQualityAnswer] = Field(description="Of the channels that are not good, once analysed.")


class WaveformAnswer(Answer):
    """A stored waveform in SI units."""

    machine: str
    point: str
    measured_at: Time
    quantity: str
    unit: str
    sampling_rate_hz: float
    samples: list[float]
    corrections: list[AppliedCorrection] = Field(default_factory=list, description=_CORRECTIONS)


class SpectrumAnswer(Answer):
    """An amplitude spectrum; line k is at k times the resolution."""

    machine: str
    point: str
    measured_at: Time
    kind: Literal["amplitude", "envelope"]
    spectrum_of: Literal["signal", "squared-envelope"] = Field(description="What the amplitudes are of.")
    quantity: str = Field(description="What the channel measures.")
    unit: str = Field(description="Of the amplitudes: the SI unit, squared for the squared envelope: (m/s2)^2.")
    resolution_hz: float
    amplitudes: list[float]
    corrections: list[AppliedCorrection] = Field(default_factory=list, description=_CORRECTIONS)


class Statistics(Answer):
    """A feature's course; null where no acquisition of a step had it."""

    minimum: list[float | None]
    mean: list[float | None]
    maximum: list[float | None]


class Absence(Answer):
    """How many acquisitions of the range lack a feature, and why."""

    count: int
    reason: str


class LastValue(Answer):
    """The newest value of a point."""

    measured_at: Time
    value: float


class ScalarValue(LastValue):
    """A value as it was sent, or as it is corrected."""

    unit: str = Field(description="As declared by the sender: the registered unit of the point.")
    is_corrected: bool = Field(False, description="Whether it is not as it was sent: GET .../corrections.")


class ScalarSteps(Answer):
    """The smallest, mean and largest value of each step."""

    minimum: list[float]
    mean: list[float]
    maximum: list[float]


class ScalarTrend(Answer):
    """Scalars of a point in equal steps of time; the lists belong together, step by step, without empty steps."""

    machine: str
    point: str
    quantity: str
    unit: str = Field(description="As declared by the sender: the registered unit of the point.")
    resolution_s: float
    from_: Time = Field(alias="from")
    to: Time
    starts: list[Time]
    counts: list[int]
    values: ScalarSteps
    last: LastValue | None = Field(description="The newest value, also if it is outside the range.")
    corrections: list[AppliedCorrection] = Field(default_factory=list, description=_CORRECTIONS)


class FeatureTrend(Answer):
    """Features of a point in equal steps of time; the lists belong together, step by step."""

    machine: str
    point: str
    quantity: str
    resolution_s: float
    from_: Time = Field(alias="from")
    to: Time
    starts: list[Time]
    counts: list[int]
    available: list[str] = Field(description="Every feature that points of this quantity have.")
    features: dict[str, Statistics]
    feature_version: int | None = Field(None, description="The newest in the range; of each time the newest counts.")
    absent: dict[str, Absence] = Field(default_factory=dict, description="Features that acquisitions lack, and why.")
    corrections: list[AppliedCorrection] = Field(default_factory=list, description=_CORRECTIONS)
