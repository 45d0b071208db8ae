"""What waiting costs: the chance that a machine fails by then, times what a failure costs more than planned work."""

from __future__ import annotations

from dataclasses import dataclass

from pdm.alerts.case.advice import Known
from pdm.machines.costs import Costs


@dataclass(frozen=True)
class Wait:
    """What waiting for a time [s] is expected to cost: the chance of a failure by then [1] times its extra cost.

    Both are None where the prognosis does not reach that far.
    """

    seconds: float
    chance: float | None
    cost: float | None


@dataclass(frozen=True)
class WaitingCost:
    """Expected cost of waiting instead of planned work now, in one currency.

    `is_at_most`: the prognosis gives a lower bound of the remaining life only, so that chances are upper bounds.
    """

    currency: str
    planned: float
    unplanned: float
    waits: tuple[Wait, ...]
    is_at_most: bool


def cost_of_waiting(costs: Costs | None, known: Known) -> WaitingCost | None:
    """Return what waiting a day, a week and the planning horizon is expected to cost; None without costs or prognosis.

    The chance of a failure runs straight between the quantiles that the prognosis gives; nothing is made up beyond
    what it said.
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
    """Return the chance [1] that the remaining life ends within a time [s], by the quantiles of the prognosis.

    Beyond the upper bound it is at least that of the bound, which is returned; beyond a lower bound that stands
    alone nothing is known, and None is.

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
