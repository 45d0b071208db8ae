"""Sites, lines and fleets out of use, and the machines that go out of use with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from pdm.machines.model import Machine
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all
from pdm.store.machines.renaming import Kind

_RETIRE = {Kind.SITE: "retire_site", Kind.LINE: "retire_line", Kind.FLEET: "retire_fleet"}


@dataclass(frozen=True)
class RetiredPlace:
    """A site, a line of a site, or a fleet out of use, since when."""

    kind: str
    key: str
    site: str | None
    retired_at: datetime

    def holds(self, machine: Machine) -> bool:
        """Whether a machine belongs to it."""
        if self.kind == Kind.FLEET:
            return machine.fleet == self.key
        if self.kind == Kind.LINE:
            return (machine.site, machine.line) == (self.site, self.key)
        return machine.site == self.key


def retire_place(conn: Connection[Any], kind: Kind, place_id: int, reason: str, now: datetime) -> dict[int, str]:
    """Take a place out of use with its machines in use; returns their keys by id."""
    values = {"kind": kind.value, "id": place_id, "reason": reason, "now": now}
    conn.execute(query(_RETIRE[kind]), values)
    return dict(conn.execute(query("retire_machines_of_place"), values).fetchall())


def restore_place(conn: Connection[Any], kind: Kind, place_id: int) -> dict[int, str]:
    """Bring a place back with the machines that went out of use with it; returns their keys by id.

    A machine of which another place is out of use remains out of use with that.
    """
    values = {"kind": kind.value, "id": place_id, "reason": None, "now": None}
    conn.execute(query(_RETIRE[kind]), values)
    conn.execute(query("hand_over_retired_machines"), values)
    return dict(conn.execute(query("restore_machines_of_place"), values).fetchall())


def fetch_retired_places(conn: Connection[Any]) -> list[RetiredPlace]:
    """Return the sites, lines and fleets out of use."""
    return fetch_all(conn, RetiredPlace, "fetch_retired_places")
