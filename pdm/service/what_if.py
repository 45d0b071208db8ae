"""What a machine's remaining life would be under another load or speed."""

from __future__ import annotations

from typing import Any

from psycopg_pool import ConnectionPool

from pdm.errors import InvalidInputError, RefusalError
from pdm.prognosis.what_if import LEVEL, tell_effect
from pdm.service.access import Caller
from pdm.service.query import visible_machine
from pdm.store import conditions, verdicts

ACQUISITIONS = 50
"""A machine's last ones, whose means are its present conditions."""

Row = dict[str, Any]


def prognose_under(
    pool: ConnectionPool[Any], caller: Caller, machine: str, *, load: float | None, speed: float | None
) -> Row:
    """Return a machine's remaining life under another load [1] or speed [Hz], by what its fleet's lives show.

    Raises
    ------
    NotFoundError
        There is no such machine that the caller may see.
    InvalidInputError
        Neither a load nor a speed is asked about.
    RefusalError
        Nothing is said of the machine, or past lives cannot tell.
    """
    asked = {name: value for name, value in (("load", load), ("speed", speed)) if value is not None}
    if not asked:
        raise InvalidInputError("load or speed is required", field="load")
    with visible_machine(pool, caller, machine) as (conn, row):
        said = verdicts.fetch_prognosis(conn, row["id"], None)
        now = conditions.fetch_present(conn, row["id"], ACQUISITIONS)
        lives = conditions.fetch_lives(conn, row["fleet"])
    if said is None or said["rul_s"] is None:
        raise RefusalError(f"there is no prognosis of machine {machine!r} at present", field="machine")
    effect = tell_effect(lives, now, asked)
    upper = said["rul_upper_s"]
    return {
        "machine": machine,
        "measured_at": said["measured_at"],
        "rul_s": said["rul_s"] * effect.factor,
        "rul_lower_s": None if said["rul_lower_s"] is None else said["rul_lower_s"] * effect.lower,
        "rul_upper_s": None if upper is None else upper * effect.upper,
        "factor": effect.factor,
        "factor_lower": effect.lower,
        "factor_upper": effect.upper,
        "factor_level": LEVEL,
        "exponents": dict(effect.exponents),
        "lives": effect.lives,
        "present_load": now.get("load"),
        "present_speed_hz": now.get("speed"),
        "source": said["source"],
        "model_id": said["model_id"],
    }
