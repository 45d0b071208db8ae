"""The analysis queue: claims are disjoint, crashes are counted, nothing that comes meanwhile is lost."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.store.acquisitions import receipt_views
from pdm.store.analysis import queue
from pdm.store.analysis.queue import MachineState
from pdm.store.machines import machine_views
from tests.integration.plant import NOW, acquisition, add, ask, machine, send, series

Pool = ConnectionPool[Any]
KEYS = ("a", "b", "c", "d", "e", "f")


@pytest.fixture
def waiting(pool: Pool) -> dict[str, int]:
    """Ids of six machines by key, each with eight acquisitions that wait."""
    add(pool, *(machine(key) for key in KEYS))
    send(pool, *(item for key in KEYS for item in series(key)))
    return dict(ask(pool, "SELECT key, id FROM machine"))


def _take(conn: Connection[Any], machines: int, per_machine: int) -> dict[int, list[datetime]]:
    """Claim and complete as a worker does: the attempt first, the work with its state in one transaction."""
    with conn.transaction():
        attempts = queue.pick(conn, machines)
        queue.count_attempts(conn, list(attempts))
    taken: dict[int, list[datetime]] = {}
    with conn.transaction():
        for claim in queue.claim(conn, list(attempts), per_machine):
            taken[claim.machine_id] = [item.measured_at for item in claim.waiting]
            queue.complete(conn, [(claim.machine_id, item) for item in claim.waiting])
            if claim.waiting:
                reached = claim.waiting[-1].measured_at
                queue.save_states(conn, [replace(claim.before, state=b"s", last_measured_at=reached)])
        queue.forget_attempts(conn, list(attempts))
    return taken


def test_a_claim_holds_the_earliest_acquisitions_in_order_of_time(waiting: dict[str, int], dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        claims = queue.claim(conn, [waiting["a"], waiting["b"]], 5)
    assert [claim.machine_id for claim in claims] == sorted((waiting["a"], waiting["b"]))
    expected = [item.measured_at for item in series("a")]
    for claim in claims:
        assert [item.measured_at for item in claim.waiting] == expected[:5]
        assert not claim.is_drained
        assert claim.before == MachineState(claim.machine_id, None, None, None, 0)


def test_a_claim_that_takes_all_says_so(waiting: dict[str, int], dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        (claim,) = queue.claim(conn, [waiting["a"]], 8)
    assert claim.is_drained
    assert len(claim.waiting) == 8


def test_two_workers_never_hold_the_same_machine(waiting: dict[str, int], dsn: str) -> None:
    with psycopg.connect(dsn) as first, psycopg.connect(dsn) as second:
        claimed = {claim.machine_id for claim in queue.claim(first, [waiting["a"], waiting["b"]], 4)}
        rest = {claim.machine_id for claim in queue.claim(second, sorted(waiting.values()), 4)}
        assert claimed == {waiting["a"], waiting["b"]}
        assert rest == set(waiting.values()) - claimed


def test_many_workers_together_take_every_acquisition_once(waiting: dict[str, int], dsn: str) -> None:
    done: list[tuple[int, datetime]] = []

    def work() -> None:
        with psycopg.connect(dsn, autocommit=True) as conn:
            while machine_views.count_waiting(conn).pending:
                for machine_id, times in _take(conn, 2, 3).items():
                    done.extend((machine_id, at) for at in times)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(done) == len(KEYS) * 8
    assert max(Counter(done).values()) == 1
    for machine_id in waiting.values():
        times = [at for other, at in done if other == machine_id]
        assert times == sorted(times)


def test_machines_take_turns(waiting: dict[str, int], dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        first = _take(conn, 3, 2)
        second = _take(conn, 3, 2)
    assert not first.keys() & second.keys()


def test_a_worker_that_dies_leaves_its_attempt_and_no_other_trace(waiting: dict[str, int], dsn: str) -> None:
    for expected in (0, 1, 2):
        with psycopg.connect(dsn, autocommit=True) as conn:
            with conn.transaction():
                attempts = queue.pick(conn, 16)
                queue.count_attempts(conn, list(attempts))
            assert set(attempts.values()) == {expected}
            conn.execute("BEGIN")
            (claim, *_) = queue.claim(conn, list(attempts), 4)
            queue.complete(conn, [(claim.machine_id, item) for item in claim.waiting])
            queue.forget_attempts(conn, list(attempts))
            conn.pgconn.finish()  # no COMMIT: as if the process was killed
    with psycopg.connect(dsn, autocommit=True) as conn:
        assert machine_views.count_waiting(conn).pending == len(KEYS) * 8
        _take(conn, 16, 8)
        assert machine_views.count_waiting(conn).pending == 0
        assert conn.execute("SELECT count(*) FROM analysis_attempt").fetchone() == (0,)


def test_a_channel_that_comes_during_the_analysis_is_not_lost(waiting: dict[str, int], pool: Pool, dsn: str) -> None:
    whole = acquisition("a", NOW, seed=99)
    send(pool, replace(whole, waveforms=whole.waveforms[:1]))
    with psycopg.connect(dsn) as conn:
        (claim,) = queue.claim(conn, [waiting["a"]], 16)
        send(pool, whole)
        queue.complete(conn, [(claim.machine_id, item) for item in claim.waiting])
    assert ask(pool, f"SELECT measured_at FROM pending WHERE machine_id = {waiting['a']}") == [(NOW,)]


def test_what_is_set_aside_is_out_of_the_way_and_comes_back(waiting: dict[str, int], pool: Pool, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        (claim,) = queue.claim(conn, [waiting["a"]], 8)
        queue.complete(conn, [(claim.machine_id, claim.waiting[2])])
        queue.set_aside(conn, claim.machine_id, claim.waiting[2].measured_at, "division by zero")
        (after,) = queue.claim(conn, [waiting["a"]], 8)
        assert len(after.waiting) == 7
        assert ask(pool, "SELECT measured_at, reason FROM set_aside") == [
            (claim.waiting[2].measured_at, "division by zero")
        ]
        assert receipt_views.replay_set_aside(conn, "b", None) == 0
        assert receipt_views.replay_set_aside(conn, "a", None) == 1
        (again,) = queue.claim(conn, [waiting["a"]], 8)
        assert [item.measured_at for item in again.waiting] == [item.measured_at for item in claim.waiting]
        assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]


def test_a_machine_with_late_data_is_picked_although_nothing_waits(waiting: dict[str, int], dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        while machine_views.count_waiting(conn).pending:
            _take(conn, 16, 8)
        conn.execute("UPDATE analysis_state SET dirty_from = %s WHERE machine_id = %s", (NOW, waiting["c"]))
        assert machine_views.count_waiting(conn).pending == 1
        assert set(queue.pick(conn, 16)) == {waiting["c"]}
        (claim,) = queue.claim(conn, [waiting["c"]], 8)
        assert (claim.before.state, claim.before.dirty_from, claim.waiting) == (b"s", NOW, ())
