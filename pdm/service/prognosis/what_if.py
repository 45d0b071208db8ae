"""Remaining life of a machine under another load or speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.what_if import LEVEL, tell_effect
from pdm.service.platform.access import Caller
from pdm.service.platform.visibility import visible_machine
from pdm.store.analysis import assessments_read
from pdm.store.machines import operating_history

ACQUISITIONS = 50
"""Number of last acquisitions whose means are the present conditions of a machine."""


@dataclass(frozen=True)
class WhatIf:
    """Remaining life [s] under another load or speed: the present prognosis, times a factor from past lives."""

    machine: str
    measured_at: datetime
    rul_s: float
    rul_lower_s: float | None
    rul_upper_s: float | None
    factor: float
    factor_lower: float
    factor_upper: float
    factor_level: float
    exponents: Mapping[str, float]
    lives: int
    present_load: float | None
    present_speed_hz: float | None
    source: str
    model_id: int | None


def prognose_under(
    pool: ConnectionPool[Any], caller: Caller, machine: str, *, load: float | None, speed: float | None
) -> WhatIf:
    """Return a machine's remaining life under another load [1] or speed [Hz], estimated from the lives of its fleet.

    Raises
    ------
    NotFoundError
        The machine does not exist or is not visible to the caller.
    InvalidInputError
        Neither a load nor a speed is given.
    RefusalError
        The machine has no prognosis, or past lives show no significant effect.
    """
    asked = {name: value for name, value in (("load", load), ("speed", speed)) if value is not None}
    if not asked:
        raise InvalidInputError("load or speed is required", field="load")
    with visible_machine(pool, caller, machine) as (conn, row):
        prognosis = assessments_read.fetch_prognosis(conn, row.id, None)
        now = operating_history.fetch_present(conn, row.id, ACQUISITIONS)
        lives = operating_history.fetch_lives(conn, row.fleet)
    if prognosis is None or prognosis.rul_s is None:
        raise RefusalError(f"there is no prognosis of machine {machine!r} at present", field="machine")
    effect = tell_effect(lives, now, asked)
    lower, upper = prognosis.rul_lower_s, prognosis.rul_upper_s
    return WhatIf(
        machine=machine,
        measured_at=prognosis.measured_at,
        rul_s=prognosis.rul_s * effect.factor,
        rul_lower_s=None if lower is None else lower * effect.lower,
        rul_upper_s=None if upper is None else upper * effect.upper,
        factor=effect.factor,
        factor_lower=effect.lower,
        factor_upper=effect.upper,
        factor_level=LEVEL,
        exponents=dict(effect.exponents),
        lives=effect.lives,
        present_load=now.get("load"),
        present_speed_hz=now.get("speed"),
        source=prognosis.source,
        model_id=prognosis.model_id,
    )
