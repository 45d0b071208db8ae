"""Views of machines for the API: registration and newest results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first

REACH = 200  # number of assessments without a verdict after which earlier values are no longer used


@dataclass(frozen=True)
class ListedMachine:
    """A machine with its line and site."""

    id: int
    machine: str
    site: str
    line: str
    name: str
    site_name: str
    line_name: str
    tag: str | None
    fleet: str
    fleet_name: str
    timeline: str


@dataclass(frozen=True)
class RegisteredMachine(ListedMachine):
    """A registered machine; units are in the names."""

    rated_speed_rpm: float | None
    rated_power_kw: float | None
    supply_frequency_hz: float | None
    pole_pairs: int | None
    rotor_slots: int | None
    severity_limits: Mapping[str, Any] | None
    planning_horizon_h: float
    baseline_acquisitions: int
    created_at: datetime
    updated_at: datetime
    retired_at: datetime | None
    retired_reason: str | None
    retired_with: str | None
    former_keys: Sequence[str]


@dataclass(frozen=True)
class ListedComponent:
    """A component of a machine."""

    component: str
    name: str
    kind: str
    bearing: Mapping[str, Any] | None
    teeth: int | None
    ratio: float
    vanes: int | None
    blades: int | None
    belt: Mapping[str, Any] | None
    former_keys: Sequence[str]


@dataclass(frozen=True)
class FoundPoint:
    """A measurement point: quantity, unit, and sampling rate [Hz] of waveforms."""

    id: int
    point: str
    quantity: str
    unit: str
    sampling_rate_hz: float | None


@dataclass(frozen=True)
class ListedPoint(FoundPoint):
    """A measurement point with its component."""

    name: str
    direction: str | None
    component: str | None
    pulses_per_turn: int | None
    range: Mapping[str, float | None] | None
    not_a_measurement: Sequence[float]
    rate_limit_per_s: float | None
    former_keys: Sequence[str]


@dataclass(frozen=True)
class OpenAlert:
    """The worst open alert of a machine."""

    id: UUID
    severity: str
    state: str


@dataclass(frozen=True)
class CurrentVerdict:
    """Newest assessment, prognosis and worst open alert of a machine; None before the first.

    An acquisition without a verdict on health changes none: then the last verdict is used, from `judged_at`.
    """

    measured_at: datetime | None
    judged_at: datetime | None
    health: float | None
    learning_progress: float | None
    operating_state: str | None
    zone: str | None
    symptom: str | None
    component: str | None
    component_name: str | None
    confidence: float | None
    rul_s: float | None
    rul_lower_s: float | None
    rul_upper_s: float | None
    rul_source: str | None
    alert: OpenAlert | None


@dataclass(frozen=True)
class LastKnown:
    """The last known values of a running machine; times [s]."""

    machine_id: int
    planning_horizon: float
    measured_at: datetime | None
    health: float | None
    zone: str | None
    symptom: str | None
    component: str | None
    component_name: str | None
    rul_lower: float | None


@dataclass(frozen=True)
class AnalysisBacklog:
    """Number of acquisitions in the analysis queue, and of failed ones."""

    pending: int
    set_aside: int


def page_machines(
    conn: Connection[Any],
    *,
    after: str,
    limit: int,
    site: str | None = None,
    line: str | None = None,
    retired: bool = False,
) -> list[ListedMachine]:
    """Return visible machines by key, after the key `after`: those in use, or those retired."""
    wanted = {"after": after, "limit": limit, "site": site, "line": line, "retired": retired}
    return fetch_all(conn, ListedMachine, "page_machines", **wanted)


def find_machine(conn: Connection[Any], machine: str) -> RegisteredMachine | None:
    """Return a visible registered machine with its id."""
    return fetch_first(conn, RegisteredMachine, "find_machine", machine=machine)


def list_components(conn: Connection[Any], machine_id: int) -> list[ListedComponent]:
    """Return the components of a machine."""
    return fetch_all(conn, ListedComponent, "list_components", machine_id=machine_id)


def list_points(conn: Connection[Any], machine_id: int) -> list[ListedPoint]:
    """Return the measurement points of a machine, with their ids."""
    return fetch_all(conn, ListedPoint, "list_points", machine_id=machine_id)


def find_point(conn: Connection[Any], machine: str, point: str) -> FoundPoint | None:
    """Return a visible measurement point with its id."""
    return fetch_first(conn, FoundPoint, "find_point", machine=machine, point=point)


def list_point_keys(conn: Connection[Any], machine: str) -> list[str]:
    """Return the keys of the points of a visible machine, in the order of registration."""
    return [row[0] for row in conn.execute(query("list_point_keys"), {"machine": machine})]


def fetch_current_verdicts(conn: Connection[Any], machine_ids: Sequence[int]) -> dict[int, CurrentVerdict]:
    """Return each machine's newest assessment, prognosis and worst open alert."""
    return dict(fetch_all(conn, _verdict, "fetch_current_verdicts", machine_ids=list(machine_ids), reach=REACH))


def fetch_standings(conn: Connection[Any], machine_ids: Sequence[int], unjudged: Sequence[str]) -> dict[int, LastKnown]:
    """Return the last values of each machine in an operating state other than `unjudged`."""
    wanted = {"machine_ids": list(machine_ids), "unjudged": list(unjudged), "reach": REACH}
    return {each.machine_id: each for each in fetch_all(conn, LastKnown, "fetch_standings", **wanted)}


def count_waiting(conn: Connection[Any]) -> AnalysisBacklog:
    """Return the number of acquisitions in the analysis queue, and of failed ones."""
    return fetch_all(conn, AnalysisBacklog, "count_waiting")[0]


def count_for_metrics(conn: Connection[Any]) -> tuple[dict[str, float], dict[str, int]]:
    """Return the gauges read from the database, by name, and the open alerts by severity."""
    with conn.cursor(row_factory=dict_row) as cursor:
        gauges = cursor.execute(query("count_for_metrics")).fetchone()
    assert gauges is not None
    return gauges, dict(conn.execute(query("count_open_alerts")).fetchall())


def is_migrated(conn: Connection[Any]) -> bool:
    """Whether the database has the relations of pdm."""
    row = conn.execute(query("find_schema")).fetchone()
    return row is not None and row[0] is not None


def _verdict(
    *, machine_id: int, alert_id: UUID | None, alert_severity: str, alert_state: str, **known: Any
) -> tuple[int, CurrentVerdict]:
    alert = None if alert_id is None else OpenAlert(alert_id, alert_severity, alert_state)
    return machine_id, CurrentVerdict(**known, alert=alert)
