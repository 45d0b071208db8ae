"""Whether rules may replace those in force: their backtest against limits that somebody has declared."""

from __future__ import annotations

from dataclasses import dataclass

from pdm.alerts.backtest.scoring import Score
from pdm.errors import ConflictError


class GateError(ConflictError):
    """The rules do worse on the past than is allowed; nothing was put in force."""

    code = "gate"


@dataclass(frozen=True)
class AcceptanceLimits:
    """How much worse than the rules in force a set may do on the past.

    `more_missed` failures; `more_false` a share of false alarms a machine-month beyond those now; `lead_loss`
    a share of the median lead time; `more_alarms` a share of alarms, None: as many as come.
    """

    more_missed: int = 0
    more_false: float = 0.0
    lead_loss: float = 0.1
    more_alarms: float | None = None


@dataclass(frozen=True)
class Figures:
    """What of a score the limits speak of."""

    failures: int
    missed: int
    alarms: int
    false: int
    lead_median_s: float | None
    false_a_machine_month: float | None


def find_objections(before: Score | Figures, after: Score | Figures, limits: AcceptanceLimits) -> list[str]:
    """Return why a set may not replace the one before; nothing speaks against it where the list is empty."""
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
