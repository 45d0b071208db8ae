"""The health of a line or a site, computed per request from the present state of its machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg_pool import ConnectionPool

from pdm.errors import NotFoundError
from pdm.health.roll_up import RollUp, UnitCondition, roll_up
from pdm.service.platform.access import Caller
from pdm.store.machines import machine_views
from pdm.store.machines.access import scoped
from pdm.store.machines.machine_views import LastKnown, ListedMachine
from pdm.store.machines.renaming import Kind, find_object

Pool = ConnectionPool[Any]

UNJUDGED = ("off", "transient")  # equals pdm.health.detection.transients.UNJUDGED, which would import the analysis
_EVERY_MACHINE = 100_000


@dataclass(frozen=True)
class Summary:
    """The worst values of some machines; each may be of another machine. None: unknown for all."""

    health: float | None
    severity: float | None
    zone: str | None
    urgency: str
    rul_lower_s: float | None
    machines: int
    known: int


@dataclass(frozen=True)
class MachineContribution:
    """A machine and what it adds to the roll-up."""

    machine: str
    name: str
    line: str
    line_name: str
    measured_at: datetime | None
    health: float | None
    severity: float | None
    zone: str | None
    symptom: str | None
    component: str | None
    component_name: str | None
    rul_lower_s: float | None
    urgency: str


@dataclass(frozen=True)
class LineSummary(Summary):
    """The roll-up of one line of a site."""

    line: str
    line_name: str


@dataclass(frozen=True)
class LineHealth(LineSummary):
    """The roll-up of a line with its decisive machines, the worst first."""

    site: str
    site_name: str
    contributors: Sequence[MachineContribution]


@dataclass(frozen=True)
class SiteHealth(Summary):
    """The roll-up of a site with its decisive machines, and of each of its lines."""

    site: str
    site_name: str
    contributors: Sequence[MachineContribution]
    lines: Sequence[LineSummary]


_Known = Sequence[tuple[ListedMachine, LastKnown]]  # machines, and what was last known of each


def read_line_health(pool: Pool, caller: Caller, site: str, line: str) -> LineHealth:
    """Return the roll-up of a line.

    Raises
    ------
    NotFoundError
        The line has no machine that is visible to the caller.
    """
    known = _fetch_known(pool, caller, site, line)
    if not known:
        raise NotFoundError(_why_nothing(pool, caller, site, line) or f"site {site!r} has no line {line!r}")
    found = _rolled_up(known)
    names = known[0][0]
    return LineHealth(
        **_figures(found),
        line=line,
        line_name=names.line_name,
        site=site,
        site_name=names.site_name,
        contributors=_contributors(found, known),
    )


def read_site_health(pool: Pool, caller: Caller, site: str) -> SiteHealth:
    """Return the roll-up of a site and of each of its lines.

    Raises
    ------
    NotFoundError
        The site has no machine that is visible to the caller.
    """
    known = _fetch_known(pool, caller, site, None)
    if not known:
        raise NotFoundError(_why_nothing(pool, caller, site, None) or f"unknown site {site!r}")
    names = {machine.line: machine.line_name for machine, _ in known}
    lines = [
        LineSummary(
            **_figures(_rolled_up([each for each in known if each[0].line == line])), line=line, line_name=names[line]
        )
        for line in sorted(names)
    ]
    found = _rolled_up(known)
    return SiteHealth(
        **_figures(found),
        site=site,
        site_name=known[0][0].site_name,
        contributors=_contributors(found, known),
        lines=lines,
    )


def _fetch_known(pool: Pool, caller: Caller, site: str, line: str | None) -> _Known:
    with pool.connection() as conn:
        with scoped(conn, caller.site_ids):
            machines = machine_views.page_machines(conn, after="", limit=_EVERY_MACHINE, site=site, line=line)
        last = machine_views.fetch_standings(conn, [machine.id for machine in machines], UNJUDGED)
    return [(machine, last[machine.id]) for machine in machines]


def _why_nothing(pool: Pool, caller: Caller, site: str, line: str | None) -> str | None:
    """Return that a site or a line is out of use, None where it is not."""
    with pool.connection() as conn:
        place = find_object(conn, Kind.SITE, site, site_ids=caller.site_ids)
        if place is None:
            return None
        part = None if line is None else find_object(conn, Kind.LINE, line, site_id=place.id)
    path = f"/v1/sites/{site}"
    for found, what, where in (
        (part, f"line {line!r} of site {site!r}", f"{path}/lines/{line}"), (place, f"site {site!r}", path),
    ):  # fmt: skip
        if found is not None and found.retired_at is not None:
            return f"{what} is retired since {found.retired_at.isoformat()}; POST {where}/restore brings it back"
    return None


def _rolled_up(known: _Known) -> RollUp:
    return roll_up(
        [
            UnitCondition(machine.machine, last.health, last.zone, last.rul_lower, last.planning_horizon)
            for machine, last in known
        ]
    )


def _contributors(found: RollUp, known: _Known) -> list[MachineContribution]:
    machines = {machine.machine: machine for machine, _ in known}
    last = {machine.machine: last for machine, last in known}
    return [
        MachineContribution(
            machine=each.key,
            name=machines[each.key].name,
            line=machines[each.key].line,
            line_name=machines[each.key].line_name,
            measured_at=last[each.key].measured_at,
            health=each.health,
            severity=each.severity,
            zone=each.zone,
            symptom=last[each.key].symptom,
            component=last[each.key].component,
            component_name=last[each.key].component_name,
            rul_lower_s=each.rul_lower,
            urgency=each.urgency.value,
        )
        for each in found.contributors
    ]


def _figures(found: RollUp) -> dict[str, Any]:
    """Return the fields of a summary."""
    return {
        "health": found.health,
        "severity": found.severity,
        "zone": found.zone,
        "urgency": found.urgency.value,
        "rul_lower_s": found.rul_lower,
        "machines": found.machines,
        "known": found.known,
    }
