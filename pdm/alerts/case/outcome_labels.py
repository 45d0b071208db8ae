"""Outcome of a case, as training and the backtest read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LinkedWorkEvent:
    """Work event linked to a case: 'failure', 'replacement', 'inspection' or 'stop'."""

    id: int
    kind: str
    occurred_at: datetime
    finding: str | None


@dataclass(frozen=True)
class CaseLabel:
    """A case with a verdict or with linked work; times are on the machine's timeline.

    `verdict` is the operator's latest verdict: 'true', 'false' or 'useful'; None without one. `fault` and
    `found_component` are the finding, `finding` is the operator's free text.
    """

    alert_id: str
    machine_id: int
    machine: str
    fleet: str
    cause: str
    component: str | None
    category: str
    severity: str
    rule_key: str
    rule_version: str
    opened_at: datetime
    ended_at: datetime | None
    verdict: str | None = None
    finding: str = ""
    fault: str | None = None
    found_component: str | None = None
    work: tuple[LinkedWorkEvent, ...] = ()

    @property
    def is_true(self) -> bool | None:
        """Whether the case was correct; None if unknown.

        The operator's verdict decides. 'useful' is neither a true nor a false alarm and gives None. Without a verdict a
        linked failure or replacement makes the case true; an inspection alone does not.
        """
        if self.verdict is not None:
            return {"true": True, "false": False}.get(self.verdict)
        return True if any(work.kind in ("failure", "replacement") for work in self.work) else None

    @property
    def failed_at(self) -> datetime | None:
        """Time of the first linked failure or replacement."""
        return next((work.occurred_at for work in self.work if work.kind in ("failure", "replacement")), None)
