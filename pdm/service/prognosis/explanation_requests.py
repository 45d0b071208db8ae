"""Explanations of the predicted remaining life of a machine, computed in a child process on request."""

from __future__ import annotations

from typing import Any

from psycopg_pool import ConnectionPool

from pdm.service.platform.access import Caller
from pdm.service.platform.subprocess_call import Row, SubprocessCall
from pdm.service.platform.visibility import visible_machine
from pdm.store.machines import machine_views
from pdm.store.machines.access import scoped

EXPLANATION = SubprocessCall(
    "pdm.service.prognosis.explanation_process",
    "explanation",
    30.0,
    "the fleet has too many run-to-failure histories to compare with",
)


def explain_prognosis(pool: ConnectionPool[Any], dsn: str, caller: Caller, machine: str) -> Row:
    """Return the explanation of the fleet's model for a machine that the caller may see.

    Raises
    ------
    NotFoundError
        The machine does not exist, or the caller may not see it.
    RefusalError
        There is nothing to explain.
    UnavailableError
        Another explanation is being computed.
    """
    with visible_machine(pool, caller, machine) as (_, row):
        fleet_key = row.fleet
    found = EXPLANATION.run({"dsn": dsn, "machine": machine, "fleet": fleet_key})
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        for alike in found["alike"]:
            if machine_views.find_machine(conn, alike["machine"]) is None:
                alike["machine"] = None  # of a site that the caller may not know
    return found
