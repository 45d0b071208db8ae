"""What became of a case, as training and the backtest read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LinkedWorkEvent:
    """Work that was done for a case: 'failure', 'replacement', 'inspection' or 'stop'."""

    id: int
    kind: str
    occurred_at: datetime
    finding: str | None


@dataclass(frozen=True)
class CaseLabel:
    """A case that people judged or that work was done for; times are of the machine's timeline.

    `verdict` is what an operator held of it at last: 'true', 'false' or 'useful'; None where nobody judged.
    `fault` and `found_component` are what was found, `finding` in the operator's words.
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
        """Whether the case was right; None where nobody knows.

        The operator's verdict decides: 'useful' is not true of what the alert said, but no false alarm either, so it
        is None. Without a verdict a linked failure or replacement is proof enough; an inspection alone is none.
        """
        if self.verdict is not None:
            return {"true": True, "false": False}.get(self.verdict)
        return True if any(work.kind in ("failure", "replacement") for work in self.work) else None

    @property
    def failed_at(self) -> datetime | None:
        """When the machine failed or the part was replaced, by the first such work linked."""
        return next((work.occurred_at for work in self.work if work.kind in ("failure", "replacement")), None)
