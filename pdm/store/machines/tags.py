"""Machines by key or tag: the plant's own designation, unique in a site."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from pdm.errors import ConflictError
from pdm.machines.model import Machine
from pdm.machines.names import normal_form
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all

_MOST_NAMES = 5000  # compared with an unknown name


@dataclass(frozen=True)
class TaggedMachine:
    """A machine with its tag, if it has one, its site, and former keys by which it was named."""

    machine: str
    tag: str | None
    site: str
    former: Sequence[str]


def find_keys(conn: Connection[Any], names: Sequence[str], site_ids: Sequence[int] | None = None) -> dict[str, str]:
    """Return the key of each machine that is named by its key, one that it had, or its tag; unknown names are omitted.

    A key takes precedence over a former key, and that over a tag.

    Raises
    ------
    ConflictError
        A tag is that of machines of several sites.
    """
    wanted = {name: normal_form(name) for name in names}
    sites = None if site_ids is None else list(site_ids)
    rows = fetch_all(conn, TaggedMachine, "find_named_machines", names=list(wanted.values()), site_ids=sites)
    keys = {row.machine for row in rows}
    found = {}
    for name, normal in wanted.items():
        tagged = [row for row in rows if row.tag == normal]
        renamed = [row.machine for row in rows if normal in row.former]
        if normal in keys:
            found[name] = normal
        elif renamed:
            found[name] = renamed[0]
        elif len(tagged) > 1:
            which = ", ".join(f"{row.machine} (site {row.site})" for row in tagged)
            raise ConflictError(f"tag {name!r} is that of several machines: {which}; use the key", field="machine")
        elif tagged:
            found[name] = tagged[0].machine
    return found


def hint_at(conn: Connection[Any], name: str, site_ids: Sequence[int] | None = None) -> str:
    """Return what to write instead of an unknown machine: similar keys and tags of the given sites."""
    sites = None if site_ids is None else list(site_ids)
    rows = conn.execute(query("list_machine_names"), {"site_ids": sites, "limit": _MOST_NAMES})
    by_folded = {row[0].casefold(): row[0] for row in rows}
    near = [by_folded[each] for each in difflib.get_close_matches(name[:100].casefold(), by_folded, 3)]
    return f"did you mean {' or '.join(map(repr, near))}?" if near else "register it first"


def list_keys(conn: Connection[Any], names: Sequence[str], site_ids: Sequence[int] | None = None) -> list[str]:
    """Return the keys of machines, as `find_keys`; an unknown name is returned as it is."""
    found = find_keys(conn, names, site_ids)
    return [found.get(name, name) for name in names]


def find_key(conn: Connection[Any], name: str, site_ids: Sequence[int] | None = None) -> str:
    """Return the key of one machine, as `list_keys`."""
    return list_keys(conn, [name], site_ids)[0]


def check_tag(conn: Connection[Any], machine: Machine) -> None:
    """Check that the tag of a machine is no key and no other tag of its site, and its key no tag.

    Raises
    ------
    ConflictError
        The tag or the key is already used; the message names the machine.
    """
    names = [machine.key, *([machine.tag] if machine.tag else [])]
    for row in fetch_all(conn, TaggedMachine, "find_named_machines", names=names, site_ids=None):
        if row.machine == machine.key:
            continue
        if machine.key in row.former:
            raise ConflictError(
                f"key {machine.key!r} was that of machine {row.machine!r}, for which it remains valid; use another key",
                field="key",
            )
        if row.tag == machine.key:
            raise ConflictError(
                f"key {machine.key!r} is the tag of machine {row.machine!r} of site {row.site!r}; use another key",
                field="key",
            )
        if machine.tag and machine.tag in row.former:
            raise ConflictError(
                f"tag {machine.tag!r} was the key of machine {row.machine!r}, for which it remains valid; "
                f"use another tag",
                field="tag",
            )
        if machine.tag and (row.machine == machine.tag or (row.tag == machine.tag and row.site == machine.site)):
            raise ConflictError(
                f"tag {machine.tag!r} is already the {'key' if row.machine == machine.tag else 'tag'} of machine "
                f"{row.machine!r} of site {row.site!r}; tags must be unique in a site, and no keys",
                field="tag",
            )


def check_key_is_no_tag(conn: Connection[Any], key: str, *, of: str) -> None:
    """Check that a new key of a machine is not the tag of another one.

    Raises
    ------
    ConflictError
        The message names the machine with this tag.
    """
    for row in fetch_all(conn, TaggedMachine, "find_named_machines", names=[key], site_ids=None):
        if row.tag == key and row.machine != of:
            raise ConflictError(
                f"key {key!r} is the tag of machine {row.machine!r} of site {row.site!r}; use another key", field="key"
            )


def set_tag(conn: Connection[Any], machine_id: int, site_id: int, tag: str) -> None:
    """Store the tag of a machine, in place of its former one."""
    conn.execute(query("upsert_machine_tag"), {"machine_id": machine_id, "site_id": site_id, "tag": tag})
