"""The analysis queue: workers claim machines, and with each its earliest waiting acquisitions.

A claim needs no lease: the machine's row of `analysis_state` is locked until the batch commits, and a worker that dies
loses the lock with its connection. Only the number of attempts is committed before the work (`count_attempts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.store.database.leases import BackOff
from pdm.store.database.queries import query
from pdm.store.database.rows import fetch_all, fetch_first

RETRY = BackOff(timedelta(seconds=1), timedelta(hours=1))  # of a machine on hold


@dataclass(frozen=True)
class AnalysisHold:
    """Why the analysis of a machine waits, since when, after how many attempts, and when it is tried again."""

    reason: str
    since: datetime
    attempts: int
    retry_at: datetime


@dataclass(frozen=True)
class QueuedAcquisition:
    """An acquisition that waits; `enqueued_at` shows whether data were added to it since."""

    measured_at: datetime
    enqueued_at: datetime


@dataclass(frozen=True)
class MachineState:
    """What the analysis remembers of a machine, and from when on it has to be analysed again.

    `is_recalculated`: its features are to be computed again first.
    """

    machine_id: int
    state: bytes | None
    last_measured_at: datetime | None
    dirty_from: datetime | None
    revision: int
    is_recalculated: bool = False


@dataclass(frozen=True)
class Claim:
    """A machine locked by this transaction: its state before, and what waits, in order of time.

    `is_drained` is whether nothing waits beyond `waiting`.
    """

    before: MachineState
    waiting: tuple[QueuedAcquisition, ...]
    is_drained: bool

    @property
    def machine_id(self) -> int:
        """Return the machine's id."""
        return self.before.machine_id


def pick(conn: Connection[Any], machines: int) -> dict[int, int]:
    """Choose machines that wait; returns by machine id how many attempts at them have ended in nothing."""
    return dict(conn.execute(query("pick_waiting_machines"), {"machines": machines}).fetchall())


def count_attempts(conn: Connection[Any], machine_ids: Sequence[int]) -> None:
    """Count one more attempt at each machine.

    The caller commits before it starts the work, so that a worker that dies leaves the count behind.
    """
    conn.execute(query("count_attempts"), {"machine_ids": sorted(machine_ids)})


def uncount_attempts(conn: Connection[Any], machine_ids: Sequence[int]) -> None:
    """Count one attempt less at each machine: the process that made it lives."""
    if machine_ids:
        conn.execute(query("uncount_attempts"), {"machine_ids": sorted(machine_ids)})


def hold(conn: Connection[Any], machine_id: int, reason: str) -> None:
    """Put a machine on hold: it is tried again later, and each failure doubles the wait."""
    conn.execute(query("hold_machine"), {"machine_id": machine_id, "reason": reason, "waits": RETRY.waits()})


def fetch_hold(conn: Connection[Any], machine_id: int) -> AnalysisHold | None:
    """Return why a machine is on hold; None where it is not."""
    return fetch_first(conn, AnalysisHold, "fetch_hold", machine_id=machine_id)


def release(conn: Connection[Any], machine_ids: Sequence[int]) -> None:
    """End the hold of machines whose analysis works."""
    conn.execute(query("release_machines"), {"machine_ids": list(machine_ids)})


def set_attempts(conn: Connection[Any], machine_ids: Sequence[int], attempts: int) -> None:
    """Let machines count as tried so often."""
    conn.execute(query("set_attempts"), {"machine_ids": list(machine_ids), "attempts": attempts})


def claim(conn: Connection[Any], machine_ids: Sequence[int], per_machine: int) -> list[Claim]:
    """Lock machines for this transaction with at most `per_machine` acquisitions each; skips those that are locked."""
    states = fetch_all(conn, MachineState, "lock_machines", machine_ids=list(machine_ids))
    waiting: dict[int, list[QueuedAcquisition]] = {state.machine_id: [] for state in states}
    wanted = {"machine_ids": list(waiting), "per_machine": per_machine + 1}
    for machine_id, measured_at, enqueued_at in conn.execute(query("fetch_pending"), wanted):
        waiting[machine_id].append(QueuedAcquisition(measured_at, enqueued_at))
    return [
        Claim(
            state,
            tuple(waiting[state.machine_id][:per_machine]),
            is_drained=len(waiting[state.machine_id]) <= per_machine,
        )
        for state in states
    ]


def find_unclaimed(conn: Connection[Any], claims: Sequence[Claim]) -> set[int]:
    """Return the machines for which acquisitions arrived behind their claim, now that it is asked."""
    wanted = {
        "machine_ids": [claim.machine_id for claim in claims],
        "claimed": [claim.waiting[-1].measured_at for claim in claims],
    }
    return {machine_id for (machine_id,) in conn.execute(query("find_unclaimed"), wanted)}


def save_states(conn: Connection[Any], states: Sequence[MachineState]) -> None:
    """Write what the machines' recursion remembers."""
    conn.execute(
        query("save_states"),
        {
            "machine_ids": [s.machine_id for s in states],
            "states": [s.state for s in states],
            "last_measured_at": [s.last_measured_at for s in states],
            "dirty_from": [s.dirty_from for s in states],
            "revisions": [s.revision for s in states],
        },
    )


def complete(conn: Connection[Any], done: Sequence[tuple[int, QueuedAcquisition]]) -> None:
    """Remove analysed acquisitions, given with their machine ids, from the queue and from the failed ones."""
    conn.execute(
        query("remove_pending"),
        {
            "machine_ids": [machine_id for machine_id, _ in done],
            "measured_at": [item.measured_at for _, item in done],
            "enqueued_at": [item.enqueued_at for _, item in done],
        },
    )


def forget_attempts(conn: Connection[Any], machine_ids: Sequence[int]) -> None:
    """Drop the attempt counts of machines whose batch commits with this."""
    conn.execute(query("forget_attempts"), {"machine_ids": list(machine_ids)})


def set_aside(conn: Connection[Any], machine_id: int, measured_at: datetime, reason: str) -> None:
    """Keep one acquisition, which waits no longer, out of the analysis, with the reason."""
    conn.execute(query("set_aside"), {"machine_id": machine_id, "measured_at": measured_at, "reason": reason})
