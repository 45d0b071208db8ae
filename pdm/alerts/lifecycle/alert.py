"""Alerts and their events: the values that the alert store reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pdm.alerts.kinds.behaviour import Category, Severity
from pdm.alerts.states import AlertState, Demands, Kind


@dataclass(frozen=True)
class AlertRecord:
    """The present state of an alert.

    `evidence` is None where it is stored and unchanged; `points` are the measurement points of the evidence.
    `inhibited_by` is the cause on the same machine that inhibits it; `withheld` is why notifications are suppressed.
    `at_rest`: suppressed because the machine is off. `is_untold`: it opened or escalated while notifications were
    suppressed, so that a notification is owed.
    """

    id: UUID
    machine_id: int
    cause: str
    component: str | None
    severity: Severity
    state: AlertState
    opened_at: datetime
    message: str
    parameters: Mapping[str, Any]
    rule_version: str
    rule_key: str = ""
    category: Category = Category.MACHINE
    demands: Demands = field(default_factory=Demands)
    evidence: Mapping[str, Any] | None = None
    points: tuple[str, ...] = ()
    act_by: datetime | None = None
    cleared_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    confirmed_at: datetime | None = None
    confirmed_by: str | None = None
    assignee: str | None = None
    overdue_at: datetime | None = None
    overdue_step: int = 0
    inhibited_by: str | None = None
    withheld: str | None = None
    at_rest: bool = False
    is_untold: bool = False
    version: int = 0

    @property
    def key(self) -> tuple[int, str]:
        """Machine and cause; unique among open alerts."""
        return self.machine_id, self.cause


@dataclass(frozen=True)
class AlertEvent:
    """One event of an alert's history: kind, time, actor, reason, and the state of the alert after it.

    An event that `is_quiet` is stored without a notification: receivers already know the resulting state.
    """

    alert_id: UUID
    machine_id: int
    kind: Kind
    severity: Severity
    occurred_at: datetime
    actor: str
    reason: str
    state: AlertState
    withheld: str | None = None
    reevaluated: bool = False
    comment: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    is_quiet: bool = False
