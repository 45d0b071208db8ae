"""The use cases of taking machines and points out of use and back, of replacing a sensor and changing the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.evaluation.causes import GAP_CAUSE, cause_of_sensor
from pdm.alerts.states import TIMELINE_CHANGED
from pdm.errors import ConflictError, InvalidInputError, NotFoundError, TimestampError
from pdm.ingest.point_form import LIMIT_FIELDS, limits_of_sensor
from pdm.machines.model import MeasurementPoint, Timeline
from pdm.service.ingestion.validation import DEFAULT_FUTURE_TOLERANCE, doubt_time
from pdm.store.alerts import alerts
from pdm.store.database.connection import database_required
from pdm.store.machines import access, retirement
from pdm.store.machines.registration import StoredMachine, fetch_machine
from pdm.store.machines.work_events import conclude_again
from pdm.words.similar import suggest

Pool = ConnectionPool[Any]


@dataclass(frozen=True)
class Action:
    """Who acts, on which sites, when and why, and how far ahead of `now` a time may be."""

    actor: str
    site_ids: Sequence[int] | None
    now: datetime
    reason: str
    future_tolerance: timedelta = DEFAULT_FUTURE_TOLERANCE


def retire_machine(pool: Pool, machine: str, action: Action) -> bool:
    """Take a machine out of use; returns whether it was in use.

    Its open alerts end, it leaves the health of line and site and the list of machines, and sends of it are rejected.
    Its history and its lives for training remain.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored = fetch_machine(conn, machine, action.site_ids)
        is_new = retirement.retire_machine(conn, stored.id, action.reason, action.now)
        if is_new:
            if alerts.retire(conn, stored.id, None, action.now, actor=action.actor, comment=action.reason):
                alerts.notify(conn)
            access.insert_audit(conn, action.actor, "machine.retire", machine, reason=action.reason)
    return is_new


def restore_machine(pool: Pool, machine: str, action: Action) -> bool:
    """Bring a retired machine back; returns whether it was retired. Alerts whose condition is still active open again.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored = fetch_machine(conn, machine, action.site_ids)
        is_new = retirement.restore_machine(conn, stored.id)
        if is_new:
            retirement.conclude_newest_again(conn, stored.id)
            access.insert_audit(conn, action.actor, "machine.restore", machine, reason=action.reason)
    return is_new


def retire_point(pool: Pool, machine: str, point: str, action: Action) -> bool:
    """Take a measurement point out of use; returns whether it was in use.

    It is not missing, not silent and not counted any more, and the alert of its sensor ends. Its history remains.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or has no such point.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored = fetch_machine(conn, machine, action.site_ids)
        _require_point(stored, point)
        is_new = retirement.retire_point(conn, stored.id, point, action.reason, action.now)
        if is_new:
            cause = cause_of_sensor(point)
            if alerts.retire(conn, stored.id, cause, action.now, actor=action.actor, comment=action.reason):
                alerts.notify(conn)
            access.insert_audit(conn, action.actor, "point.retire", machine, point=point, reason=action.reason)
    return is_new


def restore_point(pool: Pool, machine: str, point: str, action: Action) -> bool:
    """Bring a retired measurement point back; returns whether it was retired.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or has no such point.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored = fetch_machine(conn, machine, action.site_ids)
        _require_point(stored, point)
        is_new = retirement.restore_point(conn, stored.id, point)
        if is_new:
            access.insert_audit(conn, action.actor, "point.restore", machine, point=point, reason=action.reason)
    return is_new


def replace_point(
    pool: Pool,
    machine: str,
    point: str,
    at: datetime,
    key: str | None,
    changes: Mapping[str, Any],
    action: Action,
    target: str | None = None,
) -> str:
    """Replace the sensor of a point from a time on, or move it; returns the key of the point that it measures at.

    Under the same key, history and baseline of the point continue: its features are learned again on the degradation
    known so far. Under another key or at another machine, the old point is retired and the new one is as the old one
    with `changes`; at another machine it belongs to no component unless they name one.

    Parameters
    ----------
    at : datetime
        From when on the new sensor measures, on the machine's timeline.
    key : str or None
        Of the new point; None is the same key.
    changes : mapping
        Fields of the point that differ, by the names of `MeasurementPoint`; what it can measure by those of a document
        (`LIMIT_FIELDS`).
    target : str or None
        The machine to which the sensor moves; None is the same machine.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller, or has no such point or component.
    InvalidInputError
        The new sensor is not possible, or it would change the unit of the stored samples.
    TimestampError
        The time is implausible.
    ConflictError
        The point is retired, the new key is in use, or a sensor was replaced at this time or later.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored = fetch_machine(conn, machine, action.site_ids)
        doubt = doubt_time(at, stored.machine.timeline, action.now, action.future_tolerance)
        if doubt is not None:
            raise TimestampError(f"at {doubt}", field="at")
        place = stored if target in (None, machine) else _fetch_target(conn, str(target), action)
        if place is not stored:
            changes = {"component": None, **changes}
        if changes.get("component") is not None:
            changes = {**changes, "component": place.former_keys.component(changes["component"])}
        new = replace(_with_changes(_in_use(stored, point), key or point, changes), former_keys=())
        _check_component(place, new)
        if new.key == point and place is stored:
            _check_same_point(stored, new, at)
            retirement.replace_sensor(conn, stored.point_ids[point], new, at, action.reason, action.actor)
            conclude_again(conn, stored.id, at)
        else:
            _check_new_key(place, new.key)
            retirement.insert_point(conn, place, new)
            retirement.retire_point(conn, stored.id, point, action.reason, action.now)
        cause = cause_of_sensor(point)
        if alerts.retire(conn, stored.id, cause, action.now, actor=action.actor, comment=action.reason):
            alerts.notify(conn)
        detail = {"point": point, "by": new.key, "at": at.isoformat(), "reason": action.reason}
        if place is not stored:
            detail["moved_to"] = place.machine.key
        access.insert_audit(conn, action.actor, "point.replace", machine, **detail)
    return new.key


def change_timeline(pool: Pool, machine: str, timeline: Timeline, action: Action) -> bool:
    """Change the clock of a machine's data; returns whether it changed.

    Raises
    ------
    NotFoundError
        The machine is not visible to the caller.
    ConflictError
        The machine has data of the future, which are not possible on the wall clock.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        stored = fetch_machine(conn, machine, action.site_ids)
        if stored.machine.timeline is timeline:
            return False
        newest = retirement.fetch_newest_time(conn, stored.id)
        if timeline is Timeline.LIVE and newest is not None:
            doubt = doubt_time(newest, timeline, action.now, action.future_tolerance)
            if doubt is not None:
                raise ConflictError(
                    f"machine {machine!r} cannot have timeline live: its newest acquisition at {doubt}",
                    field="timeline",
                )
        retirement.change_timeline(conn, stored.id, timeline)
        ended = {"actor": action.actor, "comment": action.reason, "reason": TIMELINE_CHANGED}
        if alerts.retire(conn, stored.id, GAP_CAUSE, action.now, **ended):
            alerts.notify(conn)
        access.insert_audit(
            conn, action.actor, "machine.timeline", machine, timeline=timeline.value, reason=action.reason
        )
    return True


def _fetch_target(conn: Connection[Any], machine: str, action: Action) -> StoredMachine:
    """Return the machine to which a sensor moves."""
    found = fetch_machine(conn, machine, action.site_ids)
    if found.retired_at is not None:
        raise ConflictError(
            f"machine {machine!r} is retired since {found.retired_at.isoformat()}; restore it first", field="machine"
        )
    return found


def _with_changes(old: MeasurementPoint, key: str, changes: Mapping[str, Any]) -> MeasurementPoint:
    given = {name: value for name, value in changes.items() if name in LIMIT_FIELDS}
    rest = {name: value for name, value in changes.items() if name not in LIMIT_FIELDS}
    return replace(old, key=key, limits=limits_of_sensor(old, rest.get("unit", old.unit), given), **rest)


def _check_new_key(stored: StoredMachine, key: str) -> None:
    former = stored.former_keys.points.get(key)
    if former is not None:
        raise ConflictError(
            f"{key!r} was the key of point {former!r} of machine {stored.machine.key!r}, for which it "
            f"remains valid; give another key",
            field="key",
        )
    if key in stored.point_ids or key in stored.retired_points:
        raise ConflictError(
            f"machine {stored.machine.key!r} has a point {key!r} already; give another key", field="key"
        )


def _require_point(stored: StoredMachine, point: str) -> None:
    if point not in stored.point_ids and point not in stored.retired_points:
        hint = suggest(point, (*stored.point_ids, *stored.retired_points))
        raise NotFoundError(f"machine {stored.machine.key!r} has no point {point!r}; {hint}", field="point")


def _in_use(stored: StoredMachine, point: str) -> MeasurementPoint:
    _require_point(stored, point)
    if point in stored.retired_points:
        since = stored.retired_points[point][1].isoformat()
        raise ConflictError(
            f"point {point!r} of machine {stored.machine.key!r} is retired since {since}; restore it first",
            field="point",
        )
    return next(each for each in stored.machine.points if each.key == point)


def _check_component(stored: StoredMachine, new: MeasurementPoint) -> None:
    if new.component is not None and new.component not in stored.component_ids:
        hint = suggest(new.component, stored.component_ids)
        raise NotFoundError(
            f"machine {stored.machine.key!r} has no component {new.component!r}; {hint}", field="component"
        )


def _check_same_point(stored: StoredMachine, new: MeasurementPoint, at: datetime) -> None:
    old = next(each for each in stored.machine.points if each.key == new.key)
    for name in ("unit", "direction", "component", "pulses_per_turn"):
        if getattr(old, name) != getattr(new, name):
            raise InvalidInputError(
                f"{name} of point {new.key!r} is {getattr(old, name)}; under the same key only the sampling rate "
                f"and what it can measure may differ: give the new point another key",
                field=name,
            )
    if old.is_waveform != new.is_waveform:
        raise InvalidInputError(
            f"point {new.key!r} cannot change between waveforms and scalars under the same key; give another key",
            field="sampling_rate_hz",
        )
    latest = max((until for until, _ in stored.former_rates.get(new.key, ())), default=None)
    if latest is not None and at <= latest:
        raise ConflictError(
            f"the sensor of point {new.key!r} was replaced at {latest.isoformat()}; give a later time", field="at"
        )
