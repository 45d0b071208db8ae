"""Remaining life by age alone, from fleet statistics, for a machine without degradation.

All lives are used, censored ones too. The statistics are computed once, when a model is trained, at ages close enough
for interpolation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter

import numpy as np

from pdm.errors import RefusalError
from pdm.prognosis.model.lives import FleetLife
from pdm.prognosis.statistics.weibull import fit_weibull, predict_by_age

AGES = 25  # rows of the table; values between them are interpolated
FARTHEST = 1.5  # of the oldest observed age: the table ends there and is used for older machines

_AGE = itemgetter(0)  # first column

Table = tuple[tuple[float, float, float, float, float], ...]


def learn_by_age(lives: Sequence[FleetLife]) -> Table:
    """Return rows of age, lower end, middle and upper end of remaining life [unit of life time], and level.

    Empty if the lives do not fit a Weibull distribution.
    """
    age = np.array([life.ended_at - life.life_time[0] for life in lives])
    is_failure = np.array([life.is_failed for life in lives])
    try:
        fleet = fit_weibull(age[age > 0], is_failure[age > 0])
    except RefusalError:
        return ()
    rows = []
    for at in np.linspace(0.0, FARTHEST * fleet.oldest, AGES).tolist():
        predicted = predict_by_age(fleet, at)
        rows.append((at, predicted.lower, predicted.middle, predicted.upper, predicted.level))
    return tuple(rows)


def tell_by_age(table: Table, age: float) -> dict[str, float] | None:
    """Return remaining life at an age: `lower`, `middle`, `upper` and `level`; None for an empty table."""
    if not table:
        return None
    after = min(max(bisect_right(table, age, key=_AGE), 1), len(table) - 1)
    (start, *before, level), (end, *beyond, _) = table[after - 1], table[after]
    share = min((age - start) / (end - start), 1.0)
    lower, middle, upper = (a + share * (b - a) for a, b in zip(before, beyond, strict=True))
    return {"lower": lower, "middle": middle, "upper": upper, "level": level}
