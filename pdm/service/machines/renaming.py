"""The use cases of renaming sites, lines, fleets, machines, components and points: key and name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.evaluation.causes import RESERVED_CAUSES
from pdm.errors import ConflictError, InvalidInputError, NotFoundError
from pdm.machines.former_keys import FormerKeys
from pdm.machines.model import AMBIENT, check_key
from pdm.machines.names import read_name
from pdm.service.machines.retirement import Action
from pdm.service.platform.access import Caller
from pdm.store.alerts.renaming import rename_in_alerts
from pdm.store.database.connection import database_required
from pdm.store.machines import access, renaming
from pdm.store.machines.access import scoped
from pdm.store.machines.registration import StoredMachine, fetch_machine, lock_registration
from pdm.store.machines.renaming import Kind, NamedObject, Renaming
from pdm.store.machines.tags import check_key_is_no_tag
from pdm.words.similar import suggest

Pool = ConnectionPool[Any]


@dataclass(frozen=True)
class NewName:
    """What an object is called from now on; None stays as it is."""

    key: str | None = None
    name: str | None = None


def rename_site(pool: Pool, site: str, new: NewName, action: Action) -> NamedObject:
    """Rename a site; `site` is its key or one that it had. Returns it as it is now.

    Raises
    ------
    NotFoundError
        The site is not visible to the caller.
    InvalidInputError
        The new key or name is not possible, or neither is given.
    ConflictError
        The new key is that of another site, or was.
    """
    with database_required(), pool.connection() as conn, conn.transaction():
        lock_registration(conn)
        return _rename(conn, Kind.SITE, find_site(conn, site, action.site_ids), new, action)


def rename_line(pool: Pool, site: str, line: str, new: NewName, action: Action) -> NamedObject:
    """Rename a line of a site, as `rename_site`."""
    with database_required(), pool.connection() as conn, conn.transaction():
        lock_registration(conn)
        return _rename(conn, Kind.LINE, find_line(conn, site, line, action.site_ids), new, action)


def rename_fleet(pool: Pool, fleet: str, new: NewName, action: Action) -> NamedObject:
    """Rename a fleet, with its machines, models and trainings; requires a key of every site. As `rename_site`."""
    with database_required(), pool.connection() as conn, conn.transaction():
        lock_registration(conn)
        known = find_fleet(conn, fleet)
        if new.key is not None and new.key != known.key:
            _check_fleet(conn, known, new.key)
        return _rename(conn, Kind.FLEET, known, new, action)


def rename_machine(pool: Pool, machine: str, new: NewName, action: Action) -> NamedObject:
    """Rename a machine; `machine` is its key, one that it had, or its tag. As `rename_site`."""
    with database_required(), pool.connection() as conn, conn.transaction():
        lock_registration(conn)
        stored = fetch_machine(conn, machine, action.site_ids)
        known = _found(renaming.find_object(conn, Kind.MACHINE, stored.machine.key))
        if new.key is not None:
            check_key_is_no_tag(conn, new.key, of=known.key)
        return _rename(conn, Kind.MACHINE, known, new, action)


def rename_component(pool: Pool, machine: str, component: str, new: NewName, action: Action) -> NamedObject:
    """Rename a component of a machine; what was learned of it continues. As `rename_site`."""
    with database_required(), pool.connection() as conn, conn.transaction():
        lock_registration(conn)
        stored = fetch_machine(conn, machine, action.site_ids)
        known = _find_part(conn, stored, Kind.COMPONENT, component, list(stored.component_ids))
        if new.key in RESERVED_CAUSES:
            raise InvalidInputError(
                f"key {new.key!r} is used by the service for its own alerts ({', '.join(sorted(RESERVED_CAUSES))}): "
                f"give another key",
                field="key",
            )
        return _rename_part(conn, Kind.COMPONENT, stored, known, new, action)


def rename_point(pool: Pool, machine: str, point: str, new: NewName, action: Action) -> NamedObject:
    """Rename a measurement point of a machine; what was learned at it continues. As `rename_site`."""
    with database_required(), pool.connection() as conn, conn.transaction():
        lock_registration(conn)
        stored = fetch_machine(conn, machine, action.site_ids)
        known = _find_part(conn, stored, Kind.POINT, point, [*stored.point_ids, *stored.retired_points])
        if new.key is not None:
            _check_meaning(stored, known.key, new.key)
        return _rename_part(conn, Kind.POINT, stored, known, new, action)


def list_renamings(
    pool: Pool, caller: Caller, *, before: int, limit: int, kind: str | None, machine: str | None
) -> list[Renaming]:
    """Return the renamings that the caller may see, the newest first, of a kind or of a machine and its parts."""
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        return renaming.page_renamings(conn, before=before, limit=limit, kind=kind, machine=machine)


def find_fleet(conn: Connection[Any], fleet: str) -> NamedObject:
    """Return a fleet by its key or one that it had.

    Raises
    ------
    NotFoundError
        No machine and no model belongs to such a fleet.
    """
    renaming.register_fleet_row(conn, fleet)
    known = renaming.find_object(conn, Kind.FLEET, fleet)
    if known is None:
        raise NotFoundError(f"unknown fleet {fleet!r}", field="fleet")
    return known


def find_line(conn: Connection[Any], site: str, line: str, site_ids: Sequence[int] | None) -> NamedObject:
    """Return a line of a site by its key or one that it had; raises NotFoundError if the caller sees none."""
    place = find_site(conn, site, site_ids)
    known = renaming.find_object(conn, Kind.LINE, line, site_id=place.id)
    if known is None:
        raise NotFoundError(f"site {place.key!r} has no line {line!r}", field="line")
    return known


def find_site(conn: Connection[Any], site: str, site_ids: Sequence[int] | None) -> NamedObject:
    """Return a site by its key or one that it had; raises NotFoundError if the caller sees none."""
    known = renaming.find_object(conn, Kind.SITE, site, site_ids=site_ids)
    if known is None:
        raise NotFoundError(f"unknown site {site!r}", field="site")
    return known


def _find_part(
    conn: Connection[Any], stored: StoredMachine, kind: Kind, key: str, known_keys: Sequence[str]
) -> NamedObject:
    known = renaming.find_object(conn, kind, key, machine_id=stored.id)
    if known is None:
        raise NotFoundError(
            f"machine {stored.machine.key!r} has no {kind.value} {key!r}; {suggest(key, known_keys)}", field=kind.value
        )
    return known


def _rename_part(
    conn: Connection[Any], kind: Kind, stored: StoredMachine, known: NamedObject, new: NewName, action: Action
) -> NamedObject:
    """Rename a component or a point, and what its alerts name."""
    after = _rename(conn, kind, known, new, action, of=stored.machine.key)
    if after.key != known.key:
        moved = {known.key: after.key}
        rename_in_alerts(
            conn, stored.id, FormerKeys(points=moved) if kind is Kind.POINT else FormerKeys(components=moved)
        )
    return after


def _rename(
    conn: Connection[Any], kind: Kind, known: NamedObject, new: NewName, action: Action, of: str | None = None
) -> NamedObject:
    if new.key is None and new.name is None:
        raise InvalidInputError("give a new key, a new name, or both", field="key")
    key = known.key if new.key is None else check_key(new.key, "key")
    name = known.name if new.name is None else read_name(new.name)
    if (key, name) == (known.key, known.name):
        return known
    if key != known.key:
        _check_free(conn, kind, known, key)
    renaming.store_renaming(conn, kind, known, key, name, reason=action.reason, actor=action.actor)
    detail = {"former_key": known.key, "key": key, "name": name, "reason": action.reason}
    access.insert_audit(conn, action.actor, f"{kind.value}.rename", of or key, **detail)
    return _found(renaming.find_object(conn, kind, key, site_id=_scope(kind, known), machine_id=_of(kind, known)))


def _check_free(conn: Connection[Any], kind: Kind, known: NamedObject, key: str) -> None:
    """Reject a key that another object has or had: a former key remains valid for its object."""
    other = renaming.find_object(conn, kind, key, site_id=_scope(kind, known), machine_id=_of(kind, known))
    if other is None or other.id == known.id:
        return
    if other.key == key:
        raise ConflictError(f"key {key!r} is that of another {kind.value}; give another key", field="key")
    raise ConflictError(
        f"key {key!r} was that of {kind.value} {other.key!r}, for which it remains valid; give another key",
        field="key",
    )


def _scope(kind: Kind, known: NamedObject) -> int | None:
    return known.site_id if kind is Kind.LINE else None


def _of(kind: Kind, known: NamedObject) -> int | None:
    return known.machine_id if kind in (Kind.COMPONENT, Kind.POINT) else None


def _check_fleet(conn: Connection[Any], known: NamedObject, key: str) -> None:
    check_key(key, "key")
    training = renaming.find_running_training(conn, known.key)
    if training is not None:
        raise ConflictError(
            f"fleet {known.key!r} is being trained (job {training}); rename it when the job is done", field="key"
        )
    if renaming.find_object(conn, Kind.FLEET, key) is None and renaming.is_key_of_fleet(conn, key):
        raise ConflictError(
            f"key {key!r} is used by machines, models, trainings or rules of a class; give another key", field="key"
        )


def _check_meaning(stored: StoredMachine, point: str, key: str) -> None:
    """Reject a key that would change what a temperature on no component means: the ambient one explains the others."""
    points = {each.key: each for each in (*stored.machine.points, *(p for p, _ in stored.retired_points.values()))}
    known = points[point]
    if known.quantity != "temperature" or known.component is not None:
        return
    if point.startswith(AMBIENT) and not key.startswith(AMBIENT):
        raise ConflictError(
            f"point {point!r} measures the ambient temperature, because its key begins with {AMBIENT!r}; so must the "
            f"new key",
            field="key",
        )
    if key.startswith(AMBIENT) and not point.startswith(AMBIENT):
        raise ConflictError(
            f"a key that begins with {AMBIENT!r} would make point {point!r} the ambient temperature; give another key",
            field="key",
        )


def _found(known: NamedObject | None) -> NamedObject:
    assert known is not None
    return known
