"""Renamed objects of a plant: former keys, which remain valid, and the history of renamings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection

from pdm.errors import InvalidInputError
from pdm.machines.model import Machine
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first


class Kind(StrEnum):
    """What can be renamed."""

    SITE = "site"
    LINE = "line"
    FLEET = "fleet"
    MACHINE = "machine"
    COMPONENT = "component"
    POINT = "point"


@dataclass(frozen=True)
class NamedObject:
    """An object with its present key and name; `site_id` is None for a fleet."""

    id: int
    key: str
    name: str
    site_id: int | None
    machine_id: int | None
    retired_at: datetime | None
    retired_reason: str | None


@dataclass(frozen=True)
class Renaming:
    """One renaming: what an object was called and is called from then on, who renamed it and why."""

    id: int
    kind: str
    site: str | None
    machine: str | None
    former_key: str
    key: str
    former_name: str
    name: str
    reason: str
    actor: str
    recorded_at: datetime


@dataclass(frozen=True)
class PresentKeys:
    """The present key by former key: of lines within their site, of components and points within their machine."""

    by_kind: Mapping[tuple[str, str | None], Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def fetch(cls, conn: Connection[Any]) -> PresentKeys:
        """Return the former keys of all objects."""
        found: dict[tuple[str, str | None], dict[str, str]] = {}
        for kind, scope, former, key in conn.execute(query("fetch_former_keys")):
            if former != key:
                found.setdefault((kind, scope), {})[former] = key
        return cls(found)

    def get(self, kind: Kind, key: str, scope: str | None = None) -> str:
        """Return the present key of an object; a key that is no former one is returned as it is."""
        return self.by_kind.get((kind.value, scope), {}).get(key, key)

    def apply(self, machine: Machine) -> tuple[Machine, dict[str, str]]:
        """Return a description of a machine with present keys, and the former keys in it with the present ones."""
        if not self.by_kind:
            return machine, {}
        renamed: dict[str, str] = {}

        def present(kind: Kind, key: str, scope: str | None = None) -> str:
            found = self.get(kind, key, scope)
            if found != key:
                renamed[key] = found
            return found

        site, key = present(Kind.SITE, machine.site), present(Kind.MACHINE, machine.key)
        parts = tuple(replace(c, key=present(Kind.COMPONENT, c.key, key)) for c in machine.components)
        points = tuple(
            replace(
                p,
                key=present(Kind.POINT, p.key, key),
                component=None if p.component is None else present(Kind.COMPONENT, p.component, key),
            )
            for p in machine.points
        )
        line, fleet = present(Kind.LINE, machine.line, site), present(Kind.FLEET, machine.fleet)
        if not renamed:
            return machine, {}
        try:
            now = replace(machine, key=key, site=site, line=line, fleet=fleet, components=parts, points=points)
        except InvalidInputError as error:
            former = ", ".join(f"{each!r} is now {key!r}" for each, key in renamed.items())
            raise InvalidInputError(f"{error.message} ({former})", field=error.field) from None
        return now, renamed


def find_object(
    conn: Connection[Any],
    kind: Kind,
    key: str,
    *,
    site_id: int | None = None,
    machine_id: int | None = None,
    site_ids: Sequence[int] | None = None,
) -> NamedObject | None:
    """Return an object by its key or one that it had, of a site or a machine if given; None if there is none."""
    sites = None if site_ids is None else list(site_ids)
    wanted = {"kind": kind.value, "key": key, "site_id": site_id, "machine_id": machine_id, "site_ids": sites}
    return fetch_first(conn, NamedObject, "find_named_object", **wanted)


def find_present_keys(
    conn: Connection[Any], kind: Kind, keys: Sequence[str], site_ids: Sequence[int] | None = None
) -> dict[str, str]:
    """Return the present keys of sites or fleets that had one of these keys, without those that have it now."""
    sites = None if site_ids is None else list(site_ids)
    rows = conn.execute(query("find_present_keys"), {"kind": kind.value, "keys": list(keys), "site_ids": sites})
    return {former: key for former, key in rows if former != key}


def present_fleet(conn: Connection[Any], fleet: str) -> str:
    """Return the present key of a fleet by one that it had; an unknown key is returned as it is."""
    return find_present_keys(conn, Kind.FLEET, [fleet]).get(fleet, fleet)


def find_present_point(conn: Connection[Any], machine: str, point: str) -> str:
    """Return the present key of a point of a machine; an unknown key is returned as it is."""
    row = conn.execute(query("find_present_point"), {"machine": machine, "point": point}).fetchone()
    return point if row is None else str(row[0])


def find_present_line(conn: Connection[Any], site: str, line: str) -> str:
    """Return the present key of a line of a site; an unknown key is returned as it is."""
    row = conn.execute(query("find_present_line"), {"site": site, "line": line}).fetchone()
    return line if row is None else str(row[0])


def page_renamings(
    conn: Connection[Any], *, before: int, limit: int, kind: str | None, machine: str | None
) -> list[Renaming]:
    """Return visible renamings, the newest first, of a kind or of a machine and its parts."""
    return fetch_all(conn, Renaming, "page_renamings", before=before, limit=limit, kind=kind, machine=machine)


def store_renaming(
    conn: Connection[Any], kind: Kind, known: NamedObject, key: str, name: str, *, reason: str, actor: str
) -> None:
    """Give an object a key and a name, append that to its history, and let what refers to it by key follow."""
    values = {
        "kind": kind.value,
        "object_id": known.id,
        "site_id": known.site_id,
        "machine_id": known.machine_id,
        "former_key": known.key,
        "key": key,
        "former_name": known.name,
        "name": name,
        "reason": reason,
        "actor": actor,
    }
    _lock_analysis(conn, values)
    conn.execute(query(_RENAME[kind]), values)
    conn.execute(query("insert_renaming"), values)
    if key != known.key:
        for follower, scope in _FOLLOWERS.get(kind, ()):
            conn.execute(query(follower), {"former_key": known.key, "key": key, "scope": scope})


_RENAME: Mapping[Kind, str] = {
    Kind.SITE: "rename_site",
    Kind.LINE: "rename_line",
    Kind.FLEET: "rename_fleet",
    Kind.MACHINE: "rename_machine",
    Kind.COMPONENT: "rename_component",
    Kind.POINT: "rename_point",
}
_RULES = "rename_target_of_rules"
_FOLLOWERS: Mapping[Kind, Sequence[tuple[str, str | None]]] = {
    Kind.SITE: ((_RULES, "site"),),
    Kind.MACHINE: ((_RULES, "machine"),),
    Kind.FLEET: (
        (_RULES, "class"),
        ("rename_fleet_of_machines", None),
        ("rename_fleet_of_models", None),
        ("rename_fleet_of_jobs", None),
        ("rename_fleet_of_parts", None),
        ("rename_fleet_of_coverage", None),
    ),
}


def _lock_analysis(conn: Connection[Any], values: Mapping[str, Any]) -> None:
    """Wait until no machine of an object is being analysed, and keep it so until the transaction ends."""
    conn.execute(query("lock_renamed_analyses"), values)


def register_fleet_row(conn: Connection[Any], key: str) -> None:
    """Store a row for a fleet that machines or models name."""
    conn.execute(query("register_fleet_row"), {"key": key})


def is_key_of_fleet(conn: Connection[Any], key: str) -> bool:
    """Return whether machines, models, trainings or rules use the key of a fleet."""
    row = conn.execute(query("is_key_of_fleet"), {"key": key}).fetchone()
    return row is not None and bool(row[0])


def find_running_training(conn: Connection[Any], fleet: str) -> int | None:
    """Return the id of the training of a fleet that runs."""
    row = conn.execute(query("find_running_training"), {"key": fleet}).fetchone()
    return None if row is None else int(row[0])
