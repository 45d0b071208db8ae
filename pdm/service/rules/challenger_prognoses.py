"""Prognoses of another model for a machine, computed from stored indicators."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from pdm.alerts.kinds.history import MachineHistory
from pdm.health.baseline.component_columns import restarts_machine
from pdm.prognosis.model.life_state import advance, begin_life
from pdm.prognosis.predict import LifeStep, prognose_batch
from pdm.prognosis.prognosis import Prognosis
from pdm.service.analysis.machine_pipeline import Champion
from pdm.store.analysis.backtest_history import fetch_indicators
from pdm.store.machines.registration import StoredMachine


def with_prognoses_of(
    conn: Connection[Any], stored: StoredMachine, history: MachineHistory, challenger: Champion, since: datetime
) -> MachineHistory:
    """Return the history of a machine with the prognoses of a model, computed by the live code.

    Lives are evaluated from the start of the period: for the first life, the model has fewer observations than it
    would have had live. Ends of single components do not begin a new life here.
    """
    indicators = fetch_indicators(conn, stored.id, since, history.conclusions.times)
    return _replaced(history, _prognoses(history, indicators, challenger))


def _prognoses(history: MachineHistory, indicators: NDArray[np.float32], challenger: Champion) -> list[Prognosis]:
    life, ended = begin_life(), 0
    life_ends = [end.occurred_at for end in history.life_ends if restarts_machine(history.machine, end.component)]
    steps = []
    for index in range(len(history)):
        assessment = replace(history.reading(index, ()).assessment, indicators=indicators[index])
        ends = bisect_right(life_ends, assessment.measured_at)
        if ends != ended:
            life, ended = begin_life(), ends
        life, columns = advance(life, assessment.measured_at.timestamp(), indicators[index], assessment.health)
        steps.append(LifeStep.of(life, columns, assessment))
    return prognose_batch(challenger.model, challenger.model_id, history.machine.fleet, steps)


def _replaced(history: MachineHistory, prognoses: Sequence[Prognosis]) -> MachineHistory:
    def column(name: str) -> NDArray[np.float64]:
        values = [getattr(each, name) for each in prognoses]
        return np.array([np.nan if value is None else value for value in values], np.float64)

    rows = replace(
        history.conclusions,
        sources=[each.source for each in prognoses],
        rul=column("rul"),
        rul_lower=column("rul_lower"),
        rul_upper=column("rul_upper"),
        level=column("level"),
        doubts=[each.doubts for each in prognoses],
    )
    return replace(history, conclusions=rows)
