"""The worker on a real database: every stage in one transaction, late data, poison, several workers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from pdm.machines.model import Timeline
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, Outcome
from pdm.service.analysis.analysis_state import AnalysisState
from pdm.service.analysis.champion_cache import Champions
from pdm.service.analysis.pipeline import analyse
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.analysis.worker import ATTEMPTS_BEFORE_SET_ASIDE, WORKERS_DIED, Worker
from pdm.service.ingestion.record import record
from pdm.service.machines.work_events import record_work_event
from pdm.service.rules.rule_sets import check_text, deploy, propose
from pdm.settings import Settings
from pdm.store.analysis import queue
from pdm.store.machines.registration import fetch_machines, register
from tests.integration.plant import NOW, decoded, machine, series

Pool = ConnectionPool[Any]
STEP = timedelta(minutes=10)


@pytest.fixture
def worker(pool: Pool, settings: Settings) -> Worker:
    with pool.connection() as conn:
        register(conn, machine())
    return Worker(pool, settings)


def _store(pool: Pool, acquisitions: Sequence[Acquisition]) -> None:
    receipt = record(pool, decoded(acquisitions), actor="test", site_ids=None, now=NOW)
    assert receipt.count(Outcome.STORED) == len(acquisitions)


def _run_dry(worker: Worker) -> int:
    handled = 0
    while count := worker.round():
        handled += count
    return handled


def _rows(pool: Pool, statement: str) -> list[Any]:
    with pool.connection() as conn:
        return conn.execute(statement).fetchall()


def test_every_acquisition_gets_features_an_assessment_and_a_prognosis(pool: Pool, worker: Worker) -> None:
    _store(pool, series(count=100))
    assert _run_dry(worker) == 100
    assert _rows(pool, "SELECT count(*) FROM feature_vibration_v1") == [(200,)]
    assert _rows(pool, "SELECT count(*), min(learning_progress) > 0 FROM assessment") == [(100, True)]
    assert _rows(pool, "SELECT count(*) FROM prognosis") == [(100,)]
    assert _rows(pool, "SELECT count(*) FROM pending") == [(0,)]
    assert _rows(pool, "SELECT count(*) FROM analysis_attempt") == [(0,)]


def test_absent_features_are_null_with_a_reason(pool: Pool, worker: Worker) -> None:
    _store(pool, series(count=1))
    _run_dry(worker)
    rows = _rows(pool, "SELECT velocity_rms, reasons FROM feature_vibration_v1")
    assert [row[0] for row in rows] == [None, None]
    assert all(row[1] != 0 for row in rows)


def test_late_acquisitions_lead_to_the_state_of_the_orderly_stream(
    pool: Pool, worker: Worker, settings: Settings
) -> None:
    stream = series(count=90)
    _store(pool, stream)
    _run_dry(worker)
    orderly = _rows(pool, "SELECT state FROM analysis_state")
    other = series("press-08", count=90)
    with pool.connection() as conn:
        register(conn, machine("press-08"))
    late = [20, 21, 55]
    _store(pool, [a for i, a in enumerate(other) if i not in late])
    _run_dry(worker)
    _store(pool, [other[i] for i in late])
    _run_dry(worker)
    found = _rows(
        pool,
        "SELECT s.state, s.revision FROM analysis_state s JOIN machine m ON m.id = s.machine_id "
        "WHERE m.key = 'press-08'",
    )
    assert found[0][0] == orderly[0][0]
    assert found[0][1] == 1
    newest = (
        "SELECT DISTINCT ON (a.measured_at) a.measured_at, a.health, a.indicators::text FROM assessment a "
        "JOIN machine m ON m.id = a.machine_id WHERE m.key = '{}' ORDER BY a.measured_at, a.revision DESC"
    )
    assert _rows(pool, newest.format("press-08")) == _rows(pool, newest.format("press-07"))


def test_an_acquisition_beyond_the_reorder_horizon_is_featured_but_not_assessed(pool: Pool, worker: Worker) -> None:
    _store(pool, series(count=40))
    _run_dry(worker)
    old = series(count=1, step=timedelta(days=30))
    _store(pool, old)
    _run_dry(worker)
    assert _rows(pool, "SELECT count(*) FROM assessment") == [(40,)]
    assert _rows(pool, "SELECT count(*) FROM feature_vibration_v1") == [(82,)]
    assert "reorder horizon" in _rows(pool, "SELECT reason FROM set_aside")[0][0]


def test_a_failure_learned_of_late_is_followed_again(pool: Pool, worker: Worker) -> None:
    stream = series(count=80)
    _store(pool, stream)
    _run_dry(worker)
    event = WorkEvent("press-07", WorkEventKind.FAILURE, stream[60].measured_at + STEP / 2)
    record_work_event(pool, event, actor="test", site_ids=None, now=NOW)
    _run_dry(worker)
    newest = _rows(
        pool, "SELECT DISTINCT ON (measured_at) health, revision FROM assessment ORDER BY measured_at, revision DESC"
    )
    assert [row[1] for row in newest] == [0] * 61 + [1] * 19
    assert newest[60][0] is not None
    assert newest[61][0] is None
    assert _rows(pool, "SELECT dirty_from FROM analysis_state") == [(None,)]


def test_a_failure_after_the_last_acquisition_closes_the_alert_and_is_done_with(pool: Pool, worker: Worker) -> None:
    stream = series(count=60)
    worse = [replace(a, waveforms=tuple(replace(w, samples=w.samples * 20) for w in a.waveforms)) for a in stream[40:]]
    _store(pool, [*stream[:40], *worse])
    _run_dry(worker)
    assert _rows(pool, "SELECT state FROM alert") == [("unacknowledged",)]
    event = WorkEvent("press-07", WorkEventKind.FAILURE, stream[-1].measured_at + STEP / 2)
    record_work_event(pool, event, actor="test", site_ids=None, now=NOW)
    _run_dry(worker)
    assert _rows(pool, "SELECT state, cleared_at FROM alert") == [("normal", event.occurred_at)]
    assert _rows(pool, "SELECT dirty_from, last_measured_at FROM analysis_state") == [(None, stream[-1].measured_at)]
    assert worker.round() == 0


def test_work_events_sent_ahead_of_their_history_wait_for_it(pool: Pool, worker: Worker) -> None:
    stream = series(count=120, step=timedelta(hours=6))
    event = WorkEvent("press-07", WorkEventKind.REPLACEMENT, stream[80].measured_at + STEP)
    record_work_event(pool, event, actor="test", site_ids=None, now=NOW)
    for start in range(0, 120, 20):
        _store(pool, stream[start : start + 20])
        _run_dry(worker)
    assert _rows(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    learning = [row[0] for row in _rows(pool, "SELECT learning_progress FROM assessment ORDER BY measured_at")]
    assert len(learning) == 120
    assert learning[80] == 1.0
    assert learning[81] < 0.1


def test_poison_is_set_aside_alone(pool: Pool, worker: Worker) -> None:
    _store(pool, series(count=50))
    with pool.connection() as conn:
        conn.execute(
            r"UPDATE waveform SET payload = '\xdead' WHERE measured_at = "
            "(SELECT measured_at FROM waveform ORDER BY measured_at OFFSET 40 LIMIT 1)"
        )
    _run_dry(worker)
    assert _rows(pool, "SELECT count(*) FROM set_aside") == [(1,)]
    assert _rows(pool, "SELECT count(*) FROM assessment") == [(49,)]


def _die_over(pool: Pool, machine_id: int, times: int) -> None:
    """Begin an attempt at a machine so often, and die before anything else is committed."""
    for _ in range(times):
        with pool.connection() as conn, conn.transaction():
            queue.count_attempts(conn, [machine_id])


def test_a_life_does_not_end_before_acquisitions_that_arrived_with_its_end(pool: Pool, worker: Worker) -> None:
    text = """
rules:
  - {key: oil-warm, kind: threshold, signal: {quantity: temperature}, above: 50 degC, deadband: 2 degC,
     severity: warning, on_delay: {required: 2, of: 3, for: 7 days}}
"""
    stored = propose(pool, check_text(text), scope="all", target="", author="ann", reason="a timer that runs")
    deploy(pool, stored.id, author="ann")
    past = series(count=10)
    _store(pool, past[:5])
    with pool.connection() as conn:
        found = fetch_machines(conn, ["press-07"])["press-07"]
        claims = queue.claim(conn, [found.id], 64)
        assert claims[0].is_drained
        _store(pool, past[5:])
        failure = WorkEvent("press-07", WorkEventKind.FAILURE, NOW)
        record_work_event(pool, failure, actor="test", site_ids=None, now=NOW)
        machines = {found.id: found}
        after = analyse(conn, claims, machines, Champions(), RuleBook(), timedelta(days=7), timedelta(days=1))[found.id]
    assert after.state is not None
    assert set(AnalysisState.from_bytes(after.state).cases.timers) == {"oil-warm"}
    _run_dry(worker)
    (state,) = _rows(pool, "SELECT state FROM analysis_state")
    assert not AnalysisState.from_bytes(state[0]).cases.timers


def test_a_crash_loop_ends_with_the_acquisition_set_aside(pool: Pool, worker: Worker) -> None:
    _store(pool, series(count=5))
    ((machine_id,),) = _rows(pool, "SELECT id FROM machine")
    _die_over(pool, machine_id, ATTEMPTS_BEFORE_SET_ASIDE)
    _run_dry(worker)
    assert _rows(pool, "SELECT reason FROM set_aside") == [(WORKERS_DIED,)]
    assert _rows(pool, "SELECT reason FROM analysis_hold") == [(WORKERS_DIED,)], "the host may kill: data are not spent"
    with pool.connection() as conn:
        conn.execute("UPDATE analysis_hold SET retry_at = now()")
    _run_dry(worker)
    assert _rows(pool, "SELECT count(*) FROM analysis_hold") == [(0,)]
    assert _rows(pool, "SELECT count(*) FROM assessment") == [(4,)]
    assert _rows(pool, "SELECT count(*) FROM analysis_attempt") == [(0,)]


def test_a_suspect_machine_is_worked_alone_and_the_others_are_not_suspected_with_it(pool: Pool, worker: Worker) -> None:
    with pool.connection() as conn:
        register(conn, machine("press-08"))
    _store(pool, series(count=5))
    _store(pool, series("press-08", count=5))
    ((machine_id,),) = _rows(pool, "SELECT id FROM machine WHERE key = 'press-07'")
    _die_over(pool, machine_id, 6)
    rounds = []
    while count := worker.round():
        rounds.append(count)
        assert set(_rows(pool, "SELECT machine_id FROM analysis_attempt")) <= {(machine_id,)}
    assert sorted(rounds) == [1, 2, 2, 5], "alone, and in batches that double with each success"
    assert _rows(pool, "SELECT count(*) FROM assessment") == [(10,)]
    assert _rows(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    assert _rows(pool, "SELECT count(*) FROM analysis_attempt") == [(0,)]


def test_a_channel_that_arrives_during_analysis_is_not_lost(pool: Pool, worker: Worker) -> None:
    whole = series(count=1)[0]
    first = Acquisition(whole.machine, whole.measured_at, whole.waveforms[:1], (), whole.context)
    second = Acquisition(whole.machine, whole.measured_at, whole.waveforms[1:], whole.scalars, whole.context)
    _store(pool, [first])
    with pool.connection() as conn, conn.transaction():
        (machine_id,) = queue.pick(conn, 16)
    with pool.connection() as conn:
        claimed = queue.claim(conn, [machine_id], 10)
        _store(pool, [second])
        queue.complete(conn, [(machine_id, item) for item in claimed[0].waiting])
    assert _rows(pool, "SELECT count(*) FROM pending") == [(1,)]
    _run_dry(worker)
    assert _rows(pool, "SELECT count(*) FROM feature_vibration_v1") == [(2,)]


def test_several_workers_share_the_machines_and_double_nothing(pool: Pool, settings: Settings) -> None:
    names = [f"press-{number}" for number in range(8)]
    with pool.connection() as conn:
        for name in names:
            register(conn, machine(name, timeline=Timeline.REPLAY))
    for name in names:
        _store(pool, series(name, count=40))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            own = Worker(pool, settings)
            while _rows(pool, "SELECT count(*) FROM pending")[0][0]:
                own.round()
        except (psycopg.Error, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _rows(pool, "SELECT count(*), count(DISTINCT (machine_id, measured_at)) FROM assessment") == [(320, 320)]
    states = _rows(pool, "SELECT DISTINCT state FROM analysis_state")
    assert len(states) == 1
