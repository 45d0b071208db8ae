"""The prognosis of a machine's remaining life after one acquisition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

Source = Literal["model", "trend", "none"]

NO_SKILL = "no-better-than-a-plain-guess"
BEYOND_TRAINING = "older-than-any-training-life"
DOUBTFUL = "doubtful-measurement"
_SOURCES: Mapping[str, Source] = {"model": "model", "trend": "trend", "none": "none"}


@dataclass(frozen=True)
class Prognosis:
    """Remaining useful life [s] with its interval, source and evidence.

    `rul` is the median of the distribution; `rul_upper` None with a `rul_lower` means "at least". `level` is the
    nominal coverage of the interval. `reason` is the code of the main limitation, such as 'learning', 'machine-off' or
    'no-model-and-no-trend'; `doubts` are the codes of all limitations. Source 'none' has no figure.
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
    doubts: tuple[str, ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any], measured_at: datetime) -> Self | None:
        """Return the prognosis of a stored row, or of the copy in an alert; None if there was none.

        Parameters
        ----------
        row : mapping
            With `source`, `rul_s`, `rul_lower_s`, `rul_upper_s`, `level`, `model_id`, `reason` and, of a stored
            prognosis, `evidence`. An alert stores only the first of the doubts, as the reason.
        measured_at : datetime
        """
        source = _SOURCES.get(row.get("source") or "")
        if source is None:
            return None
        evidence = row.get("evidence") or {}
        reason = row.get("reason")
        doubts = evidence.get("reasons") or ([reason] if reason else [])
        return cls(
            measured_at,
            source,
            row.get("rul_s"),
            row.get("rul_lower_s"),
            row.get("rul_upper_s"),
            row.get("level"),
            row.get("model_id"),
            reason,
            evidence,
            tuple(doubts),
        )

    @property
    def can_decide(self) -> bool:
        """Whether an alert may be based on it.

        This excludes a figure without skill, an age beyond all training lives, and an interval from now to "at least",
        which contains every possible prediction of the model.
        """
        if self.source == "none" or NO_SKILL in self.doubts or BEYOND_TRAINING in self.doubts:
            return False
        return not (self.rul_lower == 0.0 and self.rul_upper is None)
