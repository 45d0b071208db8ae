"""Questions and answers about corrections of measurements."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.dependencies import Key, Moment
from api.schemas.machines import Reason
from api.schemas.pages import Answer, Question, Time

Corrected = Literal["factor", "unit", "sampling_rate_hz", "swap_with", "direction", "bearing"]


class PointCorrectionQuestion(Question):
    """What a point reported was wrong from a date on; one field says what is right."""

    since: Moment = Field(alias="from", description="When the mistake begins, on the machine's timeline.")
    until: Moment | None = Field(None, description="When it ends; without it, records still to come are corrected too.")
    reason: Reason
    factor: float | None = Field(None, description="On the values as they were sent; -1 reverses the sign.")
    unit: Annotated[str, Field(min_length=1, max_length=20)] | None = Field(
        None, description="In which the values were sent; they are converted into the unit of the point."
    )
    sampling_rate_hz: Annotated[float, Field(gt=0, le=10e6)] | None = None
    swap_with: Key | None = Field(None, description="The point whose values were sent under this key, and the reverse.")
    direction: Annotated[str, Field(max_length=20, pattern=r"^[^\x00]*$")] | None = None


class ComponentCorrectionQuestion(Question):
    """The registered bearing was wrong from a date on."""

    since: Moment = Field(alias="from", description="When the mistake begins, on the machine's timeline.")
    until: Moment | None = Field(None, description="When it ends; without it, records still to come are corrected too.")
    reason: Reason
    bearing: dict[str, Any] | str | int = Field(
        description="As in a registration: geometry, multipliers of shaft speed, or designation."
    )


class CorrectionVoidQuestion(Question):
    """A correction was wrong itself."""

    status: Literal["voided"]
    reason: Reason


class AppliedCorrection(Answer):
    """A correction by which values are read."""

    id: int
    field: Corrected
    registered: Any
    value: Any = Field(description="What is right.")


class SpanLeft(Answer):
    """A span that is left as it was, and why."""

    from_: Time = Field(alias="from")
    until: Time
    reason: str


class VoidedCorrection(Answer):
    """Who voided a correction, when and why, and which features remain as the correction had made them."""

    reason: str
    actor: str
    recorded_at: Time
    not_reverted: SpanLeft | None


class CorrectionAnswer(Answer):
    """A correction of a point or a component, and how far the stored records were computed again."""

    id: int
    status: Literal["in-force", "voided"]
    point: str | None
    component: str | None
    field: Corrected
    value: Any = Field(description="What is right.")
    registered: Any = Field(description="What was registered when it was corrected.")
    from_: Time = Field(alias="from")
    until: Time | None
    is_open_ended: bool
    notice: str | None
    reason: str
    actor: str
    recorded_at: Time
    not_corrected: SpanLeft | None = Field(description="Features whose waveforms are no longer stored: not corrected.")
    progress: Literal["computing", "concluding", "done"] = Field(
        description="Of all corrections of the machine: features are computed again, then conclusions."
    )
    computed_until: Time | None = Field(description="While computing: the last acquisition that is done.")
    voided: VoidedCorrection | None
