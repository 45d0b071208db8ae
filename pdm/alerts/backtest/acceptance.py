"""Acceptance of a rule set: its backtest result compared with declared limits."""

from __future__ import annotations

from dataclasses import dataclass

from pdm.alerts.backtest.scoring import Score
from pdm.errors import ConflictError


class GateError(ConflictError):
    """The backtest result of the rules exceeds the acceptance limits; the rules in force have not changed."""

    code = "gate"


@dataclass(frozen=True)
class AcceptanceLimits:
    """Largest allowed degradation of the backtest result relative to the rules in force.

    `more_missed`: additional missed failures; `more_false`: relative increase of false alarms per machine-month;
    `lead_loss`: relative loss of the median lead time; `more_alarms`: relative increase of alarms, None: unlimited.
    """

    more_missed: int = 0
    more_false: float = 0.0
    lead_loss: float = 0.1
    more_alarms: float | None = None


@dataclass(frozen=True)
class Figures:
    """The figures of a score that the limits apply to."""

    failures: int
    missed: int
    alarms: int
    false: int
    lead_median_s: float | None
    false_a_machine_month: float | None


def find_objections(before: Score | Figures, after: Score | Figures, limits: AcceptanceLimits) -> list[str]:
    """Return the reasons why a rule set may not replace the one before; an empty list: it is accepted."""
    objections = []
    if after.missed > before.missed + limits.more_missed:
        objections.append(f"misses {after.missed} of {after.failures} failures, {before.missed} now")
    false, false_now = after.false_a_machine_month or 0.0, before.false_a_machine_month or 0.0
    if false > false_now * (1 + limits.more_false) + 1e-9:
        objections.append(f"{false:.3g} false alarms per machine-month, {false_now:.3g} now")
    if before.lead_median_s and after.lead_median_s is not None:
        least = before.lead_median_s * (1 - limits.lead_loss)
        if after.lead_median_s < least:
            objections.append(
                f"median lead time {after.lead_median_s / 3600:.3g} h, {before.lead_median_s / 3600:.3g} h now"
            )
    if limits.more_alarms is not None and after.alarms > before.alarms * (1 + limits.more_alarms):
        objections.append(f"{after.alarms} alarms, {before.alarms} now")
    return objections
