"""What is said about a machine's remaining life after one acquisition."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Source = Literal["model", "trend", "none"]

NO_SKILL = "no-better-than-a-plain-guess"
BEYOND_TRAINING = "older-than-any-training-life"


@dataclass(frozen=True)
class Prognosis:
    """Remaining useful life [s] with its interval, where it comes from and what speaks for it.

    `rul` is the middle of the distribution; `rul_upper` None beside a `rul_lower` means "at least". `level`
    is the coverage the interval was calibrated for. `reason` says why there is no better answer: a key such
    as 'learning', 'machine-off' or 'no-model-and-no-trend'. Source 'none' carries no figure at all.
    """

    measured_at: datetime
    source: Source
    rul: float | None = None
    rul_lower: float | None = None
    rul_upper: float | None = None
    level: float | None = None
    model_id: int | None = None
    reason: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def can_decide(self) -> bool:
        """Whether somebody may be called for it.

        Not for a figure that is no better than a plain guess or of an age that no training life reached, nor for an
        interval from now to "at least", which holds every answer the model knows.
        """
        if self.source == "none" or not {NO_SKILL, BEYOND_TRAINING}.isdisjoint(self.evidence.get("reasons", ())):
            return False
        return not (self.rul_lower == 0.0 and self.rul_upper is None)
