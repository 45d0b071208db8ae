"""The health of a line and of a site, rolled up from what is known of its machines when it is asked for."""

from __future__ import annotations

from typing import Any

from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError
from pdm.health.roll_up import RollUp, Standing, roll_up
from pdm.service.access import Caller
from pdm.store import fleet
from pdm.store.access import scoped

Row = dict[str, Any]
Pool = ConnectionPool[Any]

UNJUDGED = ("off", "transient")  # pdm.health.steadiness.UNJUDGED, which brings the analysis with it
_EVERY_MACHINE = 100_000


def read_line_health(pool: Pool, caller: Caller, site: str, line: str) -> Row:
    """Return the roll-up of a line.

    Raises
    ------
    NotFoundError
        There is no machine on such a line that the caller may see.
    """
    known = _standings(pool, caller, site, line)
    if not known:
        raise NotFoundError(f"site {site!r} has no line {line!r}")
    return {"site": site, "line": line, **_told(known)}


def read_site_health(pool: Pool, caller: Caller, site: str) -> Row:
    """Return the roll-up of a site, and that of each of its lines.

    Raises
    ------
    NotFoundError
        There is no machine at such a site that the caller may see.
    """
    known = _standings(pool, caller, site, None)
    if not known:
        raise NotFoundError(f"unknown site {site!r}")
    lines = sorted({row["line"] for row, _ in known})
    parts = [
        {"line": line, **_summary(roll_up([standing for row, standing in known if row["line"] == line]))}
        for line in lines
    ]
    return {"site": site, **_told(known), "lines": parts}


def _standings(pool: Pool, caller: Caller, site: str, line: str | None) -> list[tuple[Row, Standing]]:
    with pool.connection() as conn:
        with scoped(conn, caller.site_ids):
            machines = fleet.page_machines(conn, after="", limit=_EVERY_MACHINE, site=site, line=line)
        last = fleet.fetch_standings(conn, [machine["id"] for machine in machines], UNJUDGED)
    known = []
    for machine in machines:
        row = machine | last[machine["id"]]
        standing = Standing(row["machine"], row["health"], row["zone"], row["rul_lower"], row["planning_horizon"])
        known.append((row, standing))
    return known


def _told(known: list[tuple[Row, Standing]]) -> Row:
    found = roll_up([standing for _, standing in known])
    rows = {row["machine"]: row for row, _ in known}
    contributors = [
        {
            **{name: rows[each.key][name] for name in ("machine", "line", "measured_at", "symptom", "component")},
            "health": each.health,
            "severity": each.severity,
            "zone": each.zone,
            "rul_lower_s": each.rul_lower,
            "urgency": each.urgency.value,
        }
        for each in found.contributors
    ]
    return {**_summary(found), "contributors": contributors}


def _summary(found: RollUp) -> Row:
    return {
        "health": found.health,
        "severity": found.severity,
        "zone": found.zone,
        "urgency": found.urgency.value,
        "rul_lower_s": found.rul_lower,
        "machines": found.machines,
        "known": found.known,
    }
