"""Explanation of the present prognosis of a machine; this module imports the analysis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from psycopg import Connection

from pdm.errors import ModelError, RefusalError
from pdm.health.assessment import RULE_VERSION
from pdm.health.baseline.indicators import INDICATORS
from pdm.prognosis.explanation import Explanation, PastLife, explain, find_alike, weigh_columns
from pdm.prognosis.model.fleet_model import FleetModel
from pdm.prognosis.model.input_version import READS
from pdm.prognosis.model.life_state import Columns, life_columns
from pdm.prognosis.model.lives import FleetLife
from pdm.prognosis.predict import OTHER_INDICATORS, UNREADABLE
from pdm.store.models import models

WEEK_S = 7 * 86400.0
LISTED = 8
ROWS_A_LIFE = 400
"""Number of evaluated times of a past life, evenly spaced."""

Row = dict[str, Any]

_BY_NAME = {indicator.name: indicator for indicator in INDICATORS}


def explain_machine(conn: Connection[Any], machine: str, fleet: str) -> Row:
    """Return the explanation of the fleet model's prognosis for the newest assessed acquisition of a machine.

    Raises
    ------
    RefusalError
        The fleet has no serving model, the model cannot be read or uses other indicators, or the present life has
        no assessments.
    """
    try:
        champion = models.fetch_champion(conn, fleet)
    except ModelError as error:
        raise RefusalError(f"the fleet's model cannot be explained: {UNREADABLE}", field="machine") from error
    if champion is None:
        raise RefusalError(
            f"no model for fleet {fleet!r}: only predictions of a model can be explained", field="machine"
        )
    model_id, model = champion
    if model.reads != READS:
        raise RefusalError(f"the fleet's model cannot be explained: {OTHER_INDICATORS}", field="machine")
    lives = models.fetch_lives(conn, fleet, RULE_VERSION)
    own = next((life for life in reversed(lives) if life.machine == machine), None)
    is_running = own is not None and own.ended_by == "censored"
    known = np.flatnonzero(np.isfinite(own.values).any(axis=1)) if own is not None else np.empty(0, np.intp)
    if own is None or not is_running or not len(known):
        raise RefusalError(f"no predictions yet for the present life of {machine!r}", field="machine")
    columns = _columns(model, own)
    now = int(known[-1])
    why = explain(model, _at(columns, now))
    earlier = known[own.life_time[known] <= own.life_time[now] - WEEK_S]
    past = [_past(model, life) for life in lives if life.is_failed and life.key in model.folds]
    alike = find_alike(columns[0][now], past, weigh_columns(model, _at(columns, now)))
    return {
        "machine": machine,
        "measured_at": _time(own.life_time[now]),
        "model_id": model_id,
        "rul_s": why.predicted,
        "base_s": why.base,
        "limited_s": why.limited,
        "contributors": [
            _contributor(part.name, part.amount, part.column, own, now) for part in why.contributors[:LISTED]
        ],
        "others_s": sum(part.amount for part in why.contributors[LISTED:]),
        "change": _change(model, why, columns, own, int(earlier[-1])) if len(earlier) else None,
        "alike": [
            {"machine": e.machine, "age_s": e.age, "remaining_s": e.remaining, "distance": e.distance} for e in alike
        ],
    }


def _columns(model: FleetModel, life: FleetLife) -> list[Columns]:
    return [life_columns(life.life_time, each.channels.of(life.settings, life.values)) for each in model.ensembles]


def _at(columns: Sequence[Columns], record: int) -> list[Columns]:
    return [each[record : record + 1] for each in columns]


def _past(model: FleetModel, life: FleetLife) -> PastLife:
    chosen = np.unique(np.linspace(0, len(life.life_time) - 1, ROWS_A_LIFE).round().astype(np.intp))
    at = life.life_time[chosen]
    return PastLife(life.machine, _columns(model, life)[0][chosen], at - life.life_time[0], life.ended_at - at)


def _contributor(name: str, amount: float, column: str, life: FleetLife, record: int) -> Row:
    indicator = _BY_NAME.get(name)
    value = None
    if indicator is not None:
        found = float(life.values[record, list(_BY_NAME).index(name)])
        value = found if np.isfinite(found) else None
    return {
        "name": name,
        "amount_s": amount,
        "column": column,
        "value": value,
        "unit": indicator.unit if indicator else None,
        "meaning": indicator.meaning if indicator else None,
        "symptom": indicator.symptom if indicator else None,
    }


def _change(model: FleetModel, now: Explanation, columns: Sequence[Columns], life: FleetLife, before: int) -> Row:
    then = explain(model, _at(columns, before))
    amounts = {part.name: part.amount for part in then.contributors}
    moved = [(part.name, part.amount - amounts.get(part.name, 0.0)) for part in now.contributors]
    moved.sort(key=lambda each: (-abs(each[1]), each[0]))
    return {
        "since": _time(life.life_time[before]),
        "rul_then_s": then.predicted,
        "rul_change_s": now.predicted - then.predicted,
        "moved": [{"name": name, "amount_s": amount} for name, amount in moved[:LISTED]],
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
