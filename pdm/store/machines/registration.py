"""Registration of machines with their components and measurement points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from psycopg import Connection
from psycopg.rows import RowFactory, namedtuple_row
from psycopg.types.json import Jsonb

from pdm.errors import ConflictError, NotFoundError
from pdm.machines.bearing_multipliers import BearingMultipliers
from pdm.machines.corrections import NO_CORRECTIONS, Corrections
from pdm.machines.costs import Costs
from pdm.machines.former_keys import FormerKeys
from pdm.machines.model import (
    Bearing,
    BearingGeometry,
    Component,
    ComponentKind,
    Machine,
    MeasurementPoint,
    SeverityLimits,
    Timeline,
)
from pdm.machines.point_limits import PointLimits
from pdm.machines.pulse_trains import BeltDrive
from pdm.store.database.queries import query
from pdm.store.machines.corrections import fetch_corrections
from pdm.store.machines.tags import check_tag, find_key, hint_at, set_tag

_HOW = {"timeline": " here: POST /v1/machines/{machine}/timeline changes it, with a reason"}
Change = Literal["created", "changed", "unchanged"]
_Named = TypeVar("_Named", Component, MeasurementPoint)


@dataclass(frozen=True)
class StoredMachine:
    """A machine with the ids of itself, its points and its components.

    `machine` has no retired points; those are `retired_points`, with the time. `former_rates` are the sampling rates
    [Hz] of replaced sensors by point, each with the time until which it was valid, in order. `corrections` are those of
    measurements that are in force. `retired_with` is what took the machine out of use with itself: 'site', 'line' or
    'fleet'.
    """

    id: int
    machine: Machine
    point_ids: Mapping[str, int]
    component_ids: Mapping[str, int]
    retired_at: datetime | None = None
    retired_points: Mapping[str, tuple[MeasurementPoint, datetime]] = field(default_factory=dict)
    former_rates: Mapping[str, Sequence[tuple[datetime, float | None]]] = field(default_factory=dict)
    corrections: Corrections = NO_CORRECTIONS
    retired_with: str | None = None

    @property
    def former_keys(self) -> FormerKeys:
        """The present keys of points, also of retired ones, and of components by their former ones."""
        retired = [point for point, _ in self.retired_points.values()]
        return FormerKeys.of(self.machine.components, [*self.machine.points, *retired])

    def point_at(self, key: str, measured_at: datetime) -> MeasurementPoint | None:
        """Return a point with the sensor that it had at a time; None if the machine has no such point in use."""
        point = next((each for each in self.machine.points if each.key == key), None)
        rates = [rate for until, rate in self.former_rates.get(key, ()) if measured_at < until]
        return replace(point, sampling_rate=rates[0]) if point is not None and rates else point

    def corrected_rate(self, key: str, measured_at: datetime) -> float | None:
        """Return the rate [Hz] to which that of a point is corrected at a time; None if it is not."""
        point_id = self.point_ids.get(key) if self.corrections.of else None
        return None if point_id is None else self.corrections.reading(point_id, measured_at).sampling_rate


def fetch_machines(
    conn: Connection[Any], keys: Sequence[str], site_ids: Sequence[int] | None = None
) -> dict[str, StoredMachine]:
    """Return machines by key; unknown ones, and those outside `site_ids`, are omitted."""
    by_name: RowFactory[Any] = namedtuple_row  # columns are read by name
    with conn.cursor(row_factory=by_name) as cursor:
        wanted = {"keys": list(keys), "site_ids": None if site_ids is None else list(site_ids)}
        machines = cursor.execute(query("fetch_machine_rows"), wanted).fetchall()
        ids = {"machine_ids": [row.id for row in machines]}
        components: dict[int, list[Any]] = defaultdict(list)
        points: dict[int, list[Any]] = defaultdict(list)
        sensors: dict[int, list[Any]] = defaultdict(list)
        former: dict[tuple[str, int], list[str]] = defaultdict(list)
        for row in cursor.execute(query("fetch_component_rows"), ids):
            components[row.machine_id].append(row)
        for row in cursor.execute(query("fetch_point_rows"), ids):
            points[row.machine_id].append(row)
        for row in cursor.execute(query("fetch_sensor_rows"), ids):
            sensors[row.machine_id].append(row)
        for row in cursor.execute(query("fetch_former_keys_of_machines"), ids):
            former[row.kind, row.object_id].append(row.former_key)
        corrections = fetch_corrections(conn, ids["machine_ids"])
    return {
        row.key: replace(
            _stored(row, components[row.id], points[row.id], sensors[row.id], former),
            corrections=corrections.get(row.id, NO_CORRECTIONS),
        )
        for row in machines
    }


def fetch_machine(conn: Connection[Any], key: str, site_ids: Sequence[int] | None = None) -> StoredMachine:
    """Return one machine by its key or its tag.

    Raises
    ------
    NotFoundError
        No machine with this key or tag exists within `site_ids`.
    ConflictError
        The tag is that of machines of several sites.
    """
    found = fetch_machines(conn, [key], site_ids) or fetch_machines(conn, [find_key(conn, key, site_ids)], site_ids)
    if not found:
        raise NotFoundError(f"unknown machine {key!r}; {hint_at(conn, key, site_ids)}", field="machine")
    return next(iter(found.values()))


def fetch_site_keys(conn: Connection[Any], site_ids: Sequence[int]) -> set[str]:
    """Return the keys of sites."""
    return {row[0] for row in conn.execute(query("fetch_site_keys"), {"site_ids": list(site_ids)})}


def lock_registration(conn: Connection[Any]) -> None:
    """Wait until no other transaction registers or renames anything, and keep it so until the transaction ends."""
    conn.execute(query("lock_registration"))


def register(conn: Connection[Any], machine: Machine) -> Change:
    """Store a machine, or update the stored one.

    Stored components and points that are not in the description are kept, and retired points that are in it stay
    retired. The meaning of stored samples does not change: quantity, unit and sampling rate of a point, site and
    timeline of a machine.

    Raises
    ------
    ConflictError
        The machine or a point exists with another meaning, or its tag is used.
    """
    lock_registration(conn)
    check_tag(conn, machine)
    stored = fetch_machines(conn, [machine.key]).get(machine.key)
    if stored is not None:
        merged = _merge(stored, machine)
        if merged == stored.machine:
            return "unchanged"
        machine = merged
    _write(conn, machine)
    return "created" if stored is None else "changed"


def _merge(known: StoredMachine, sent: Machine) -> Machine:
    stored = known.machine
    for name in ("site", "timeline"):
        if getattr(stored, name) != getattr(sent, name):
            raise ConflictError(
                f"machine {sent.key!r} is registered with {name} {getattr(stored, name)!s}; "
                f"it cannot be changed to {getattr(sent, name)!s}{_HOW.get(name, '').format(machine=sent.key)}",
                field=name,
            )
    points = {point.key: point for point in stored.points}
    retired = {key: point for key, (point, _) in known.retired_points.items()}
    for point in sent.points:
        _check_meaning(sent.key, (points | retired).get(point.key, point), point)
    components = {component.key: component for component in stored.components}
    parts = {c.key: _named_like(components.get(c.key, c), c) for c in sent.components}
    sent_points = {p.key: _named_like(points.get(p.key, p), p) for p in sent.points if p.key not in retired}
    return replace(
        sent,
        name=sent.name or stored.name,
        components=tuple((components | parts).values()),
        points=tuple((points | sent_points).values()),
        site_name=sent.site_name or stored.site_name,
        line_name=sent.line_name or (stored.line_name if sent.line == stored.line else ""),
        tag=sent.tag or stored.tag,
    )


def _named_like(stored: _Named, sent: _Named) -> _Named:
    """Return a sent component or point with the former keys of the stored one, and its name unless one is sent."""
    return replace(sent, name=sent.name or stored.name, former_keys=stored.former_keys)


def _check_meaning(machine: str, stored: MeasurementPoint, sent: MeasurementPoint) -> None:
    for name, label in (("quantity", "quantity"), ("unit", "unit"), ("sampling_rate", "sampling_rate_hz")):
        if getattr(stored, name) != getattr(sent, name):
            raise ConflictError(
                f"point {sent.key!r} of machine {machine!r} is registered with {label} {getattr(stored, name)}; "
                f"it cannot be changed to {getattr(sent, name)}: to replace the sensor, "
                f"POST /v1/machines/{machine}/points/{sent.key}/replace; if it was registered wrong, "
                f"POST /v1/machines/{machine}/points/{sent.key}/correct",
                field=label,
            )


def _write(conn: Connection[Any], machine: Machine) -> None:
    site_id = _returned_id(conn, "upsert_site", {"key": machine.site, "name": machine.site_name})
    line_id = _returned_id(conn, "upsert_line", {"site_id": site_id, "key": machine.line, "name": machine.line_name})
    machine_id = _returned_id(conn, "upsert_machine", _machine_row(machine, site_id, line_id))
    if machine.tag:
        set_tag(conn, machine_id, site_id, machine.tag)
    component_ids = {
        component.key: _returned_id(conn, "upsert_component", _component_row(component, machine_id))
        for component in machine.components
    }
    for point in machine.points:
        _returned_id(conn, "upsert_point", point_row(point, machine_id, component_ids))
    conn.execute(query("begin_analysis"), {"machine_id": machine_id})


def _returned_id(conn: Connection[Any], name: str, parameters: Mapping[str, Any]) -> int:
    row = conn.execute(query(name), parameters).fetchone()
    assert row is not None
    return int(row[0])


def _machine_row(machine: Machine, site_id: int, line_id: int) -> dict[str, Any]:
    limits = machine.severity_limits
    return {
        "site_id": site_id,
        "line_id": line_id,
        "key": machine.key,
        "name": machine.name,
        "fleet": machine.fleet,
        "rated_speed": machine.rated_speed,
        "rated_power": machine.rated_power,
        "supply_frequency": machine.supply_frequency,
        "pole_pairs": machine.pole_pairs,
        "rotor_slots": machine.rotor_slots,
        "severity_limits": Jsonb(asdict(limits)) if limits is not None else None,
        "planning_horizon": machine.planning_horizon,
        "baseline_acquisitions": machine.baseline_acquisitions,
        "timeline": machine.timeline.value,
        "costs": Jsonb(asdict(machine.costs)) if machine.costs is not None else None,
    }


def _component_row(component: Component, machine_id: int) -> dict[str, Any]:
    bearing = component.bearing
    return {
        "machine_id": machine_id,
        "key": component.key,
        "name": component.name,
        "kind": component.kind.value,
        "bearing": Jsonb(asdict(bearing)) if isinstance(bearing, BearingGeometry) else None,
        "multipliers": Jsonb(asdict(bearing)) if isinstance(bearing, BearingMultipliers) else None,
        "teeth": component.teeth,
        "ratio": component.ratio,
        "part": component.part,
        "vanes": component.vanes,
        "blades": component.blades,
        "belt": Jsonb(asdict(component.belt)) if component.belt is not None else None,
    }


def point_row(point: MeasurementPoint, machine_id: int, component_ids: Mapping[str, int]) -> dict[str, Any]:
    """Return the values of the row of a point."""
    values = vars(point) | {"machine_id": machine_id, "component_id": component_ids.get(point.component or "")}
    return values | limits_row(values.pop("limits"))


def limits_row(limits: PointLimits) -> dict[str, Any]:
    """Return the values of what a point can measure in its row."""
    return {
        "lowest": limits.lowest,
        "highest": limits.highest,
        "not_a_measurement": list(limits.not_a_measurement) or None,
        "rate_limit": limits.rate,
    }


def _bearing(row: Any) -> Bearing | None:
    if row.bearing:
        return BearingGeometry(**row.bearing)
    return BearingMultipliers(**row.multipliers) if row.multipliers else None


def _stored(
    row: Any,
    components: Sequence[Any],
    points: Sequence[Any],
    sensors: Sequence[Any],
    former: Mapping[tuple[str, int], Sequence[str]],
) -> StoredMachine:
    used = [point for point in points if point.retired_at is None]
    machine = Machine(
        key=row.key,
        line=row.line,
        site=row.site,
        name=row.name,
        fleet=row.fleet,
        rated_speed=row.rated_speed,
        rated_power=row.rated_power,
        supply_frequency=row.supply_frequency,
        pole_pairs=row.pole_pairs,
        rotor_slots=row.rotor_slots,
        severity_limits=SeverityLimits(**row.severity_limits) if row.severity_limits else None,
        planning_horizon=row.planning_horizon,
        baseline_acquisitions=row.baseline_acquisitions,
        timeline=Timeline(row.timeline),
        costs=Costs(**row.costs) if row.costs else None,
        components=tuple(
            Component(
                c.key,
                ComponentKind(c.kind),
                _bearing(c),
                c.teeth,
                c.ratio,
                c.part,
                c.vanes,
                c.blades,
                BeltDrive(**c.belt) if c.belt else None,
                c.name,
                _former("component", c, former),
            )
            for c in components
        ),
        points=tuple(_point(point, former) for point in used),
        site_name=row.site_name,
        line_name=row.line_name,
        tag=row.tag or "",
    )
    return StoredMachine(
        id=row.id,
        machine=machine,
        point_ids={point.key: point.id for point in used},
        component_ids={component.key: component.id for component in components},
        retired_at=row.retired_at,
        retired_points={p.key: (_point(p, former), p.retired_at) for p in points if p.retired_at is not None},
        former_rates=_former_rates(sensors),
        retired_with=row.retired_with,
    )


def _point(row: Any, former: Mapping[tuple[str, int], Sequence[str]]) -> MeasurementPoint:
    return MeasurementPoint(
        row.key,
        row.quantity,
        row.unit,
        row.sampling_rate,
        row.direction,
        row.component,
        row.pulses_per_turn,
        row.name,
        PointLimits(row.lowest, row.highest, tuple(row.not_a_measurement or ()), row.rate_limit),
        _former("point", row, former),
    )


def _former(kind: str, row: Any, former: Mapping[tuple[str, int], Sequence[str]]) -> tuple[str, ...]:
    """Return the keys that a component or a point had, without the present one."""
    return tuple(key for key in dict.fromkeys(former.get((kind, row.id), ())) if key != row.key)


def _former_rates(sensors: Sequence[Any]) -> dict[str, list[tuple[datetime, float | None]]]:
    found: dict[str, list[tuple[datetime, float | None]]] = {}
    for row in sensors:
        found.setdefault(row.key, []).append((row.replaced_at, row.sampling_rate))
    return found
