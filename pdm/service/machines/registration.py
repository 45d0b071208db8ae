"""The use case of registering machines, one or a whole fleet, with a dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, Rollback
from psycopg_pool import ConnectionPool

from pdm.alerts.evaluation.causes import RESERVED_CAUSES
from pdm.errors import ConflictError, InvalidInputError, NotFoundError
from pdm.machines.model import Machine
from pdm.machines.undiagnosed import Undiagnosed, list_undiagnosed
from pdm.store.database.connection import database_required
from pdm.store.machines import access
from pdm.store.machines.places import fetch_retired_places
from pdm.store.machines.registration import (
    Change,
    StoredMachine,
    fetch_machines,
    fetch_site_keys,
    lock_registration,
    register,
)
from pdm.store.machines.renaming import PresentKeys


@dataclass(frozen=True)
class Registration:
    """The result of registering one machine, or the expected result in a dry run.

    `warnings` are what will not be diagnosed; `stays_retired` are the points of the description that are retired, and
    the machine itself if it is; `renamed` are former keys in the description, with the present ones.
    """

    machine: str
    outcome: Change
    warnings: Sequence[Undiagnosed]
    stays_retired: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


def register_fleet(
    pool: ConnectionPool[Any],
    machines: Sequence[Machine],
    *,
    actor: str,
    site_ids: Sequence[int] | None,
    dry_run: bool = False,
) -> list[Registration]:
    """Register machines in one transaction: all of them, or none if one is rejected.

    Parameters
    ----------
    site_ids : sequence of int or None
        Sites that the caller may change; None is every site and allows new sites.
    dry_run : bool
        Return the results without storing anything.

    Raises
    ------
    InvalidInputError
        A machine is given twice.
    ConflictError
        A machine or point exists with another meaning, or the key is in use.
    NotFoundError
        A site is not visible to the caller.
    UnavailableError
        The database is unavailable.
    """
    with database_required(), pool.connection() as conn, conn.transaction() as transaction:
        lock_registration(conn)
        present = PresentKeys.fetch(conn)
        resolved = [present.apply(machine) for machine in machines]
        machines = [machine for machine, _ in resolved]
        keys = [machine.key for machine in machines]
        if len(set(keys)) != len(keys):
            twice = sorted({key for key in keys if keys.count(key) > 1})
            raise InvalidInputError(f"given more than once: {', '.join(twice)}", field="machines")
        if site_ids is not None:
            _check_sites(conn, machines, site_ids)
        _check_components(conn, machines)
        _check_places(conn, machines)
        outcomes = {machine.key: register(conn, machine) for machine in machines}
        stored = fetch_machines(conn, keys)
        done = [
            Registration(
                machine.key,
                outcomes[machine.key],
                list_undiagnosed(stored[machine.key].machine),
                _find_retired(stored[machine.key], machine),
                renamed,
            )
            for machine, renamed in resolved
        ]
        if dry_run:
            raise Rollback(transaction)
        for item in done:
            if item.outcome != "unchanged":
                access.insert_audit(conn, actor, "machine.register", item.machine, outcome=item.outcome)
    return done


def _find_retired(stored: StoredMachine, machine: Machine) -> tuple[str, ...]:
    retired = tuple(point.key for point in machine.points if point.key in stored.retired_points)
    return retired if stored.retired_at is None else (machine.key, *retired)


def _check_components(conn: Connection[Any], machines: Sequence[Machine]) -> None:
    """Reject new components whose key is a cause of the service; existing ones remain valid."""
    wanted = {machine.key: RESERVED_CAUSES & {each.key for each in machine.components} for machine in machines}
    stored = fetch_machines(conn, [machine for machine, keys in wanted.items() if keys])
    for machine, keys in wanted.items():
        known = {each.key for each in stored[machine].machine.components} if machine in stored else set()
        if keys - known:
            raise InvalidInputError(
                f"component {min(keys - known)!r} of machine {machine!r} has a key that the service uses for its own "
                f"alerts ({', '.join(sorted(RESERVED_CAUSES))}): give it another key",
                field="components",
            )


def _check_places(conn: Connection[Any], machines: Sequence[Machine]) -> None:
    """Reject machines that would come to a site, a line or a fleet out of use; those that are there already stay."""
    retired = fetch_retired_places(conn)
    if not retired:
        return
    stored = fetch_machines(conn, [machine.key for machine in machines])
    for machine in machines:
        before = stored.get(machine.key)
        for place in retired:
            if place.holds(machine) and not (before is not None and place.holds(before.machine)):
                raise ConflictError(
                    f"machine {machine.key!r}: {place.kind} {place.key!r} is retired since "
                    f"{place.retired_at.isoformat()}; restore it first, or give another {place.kind}",
                    field=place.kind,
                )


def _check_sites(conn: Connection[Any], machines: Sequence[Machine], site_ids: Sequence[int]) -> None:
    own = fetch_site_keys(conn, site_ids)
    for machine in machines:
        if machine.site not in own:
            raise NotFoundError(f"unknown site {machine.site!r}", field="site")
    keys = [machine.key for machine in machines]
    taken = fetch_machines(conn, keys).keys() - fetch_machines(conn, keys, site_ids).keys()
    if taken:
        raise ConflictError(
            f"the key {min(taken)!r} is already used; keys must be unique across all sites", field="key"
        )
