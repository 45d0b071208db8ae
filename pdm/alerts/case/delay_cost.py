"""Expected cost of delay: probability of failure by then, times the extra cost of a failure over planned work."""

from __future__ import annotations

from dataclasses import dataclass

from pdm.alerts.case.advice import Known
from pdm.machines.costs import Costs


@dataclass(frozen=True)
class Wait:
    """Expected cost of a delay [s]: the probability of failure by then [1] times the extra cost of a failure.

    Both are None beyond the range of the prognosis.
    """

    seconds: float
    chance: float | None
    cost: float | None


@dataclass(frozen=True)
class WaitingCost:
    """Expected cost of delaying planned work, in one currency.

    `is_at_most`: the prognosis gives a lower bound of the remaining life only, so the probabilities are upper bounds.
    """

    currency: str
    planned: float
    unplanned: float
    waits: tuple[Wait, ...]
    is_at_most: bool


def cost_of_waiting(costs: Costs | None, known: Known) -> WaitingCost | None:
    """Return the expected cost of a delay of a day, a week and the planning horizon; None without costs or prognosis.

    The probability of failure is interpolated linearly between the quantiles of the prognosis and not extrapolated.
    """
    if costs is None or not known.can_decide or known.rul_lower is None or known.level is None:
        return None
    extra = costs.unplanned - costs.planned
    spans = sorted({86400.0, 7 * 86400.0, known.planning_horizon})
    chances = [chance_of_failure(known, span) for span in spans]
    waits = [
        Wait(span, chance, None if chance is None else chance * extra)
        for span, chance in zip(spans, chances, strict=True)
    ]
    return WaitingCost(costs.currency, costs.planned, costs.unplanned, tuple(waits), known.rul_upper is None)


def chance_of_failure(known: Known, within: float) -> float | None:
    """Return the probability [1] that the remaining life ends within a time [s], by the quantiles of the prognosis.

    Beyond the upper bound the result is the probability at the bound, a lower limit. Beyond a lower bound without an
    upper bound the probability is unknown and the result is None.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> known = Known("warning", datetime(2026, 11, 1, tzinfo=UTC), 1.0, rul=20, rul_lower=10, rul_upper=40, level=0.8)
    >>> [round(chance_of_failure(known, within), 3) for within in (0, 5, 10, 15, 20, 30, 40, 99)]
    [0.0, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.9]
    """
    level = known.level or 0.0
    quantiles = [(known.rul_lower, (1 - level) / 2)]
    if known.rul_upper is not None:
        quantiles += [(known.rul, 0.5), (known.rul_upper, (1 + level) / 2)]
    before = 0.0, 0.0
    for seconds, share in quantiles:
        if seconds is None:
            continue
        if within < seconds:
            return before[1] + (share - before[1]) * (within - before[0]) / (seconds - before[0])
        before = seconds, share
    return before[1] if known.rul_upper is not None or within <= before[0] else None
