"""What must never end a worker, starve a machine or cost data: late poison, damaged states, damaged models, outages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, Outcome
from pdm.prognosis.model.input_version import READS
from pdm.service.analysis.analysis_state import AnalysisState
from pdm.service.analysis.worker import ATTEMPTS_BEFORE_SET_ASIDE, MACHINES_A_ROUND, Worker
from pdm.service.ingestion.record import record
from pdm.service.machines.work_events import record_work_event
from pdm.settings import Settings
from pdm.store.analysis import queue
from pdm.store.machines.registration import register
from pdm.store.models import registry
from tests.integration.plant import NOW, ask, decoded, machine, series

Pool = ConnectionPool[Any]
STEP = timedelta(minutes=10)
SICK, WELL = "press-07", "press-08"


@pytest.fixture
def worker(pool: Pool, settings: Settings) -> Worker:
    with pool.connection() as conn:
        register(conn, machine(SICK))
        register(conn, machine(WELL))
    return Worker(pool, settings)


def _store(pool: Pool, acquisitions: Sequence[Acquisition]) -> None:
    receipt = record(pool, decoded(acquisitions), actor="test", site_ids=None, now=NOW)
    assert receipt.count(Outcome.STORED) == len(acquisitions)


def _run_dry(worker: Worker) -> None:
    for _ in range(200):
        if not worker.round():
            return
    raise AssertionError("the worker never comes to an end")


def _do(pool: Pool, statement: str, *values: Any) -> None:
    with pool.connection() as conn:
        conn.execute(statement, values or None)


def _refuse(pool: Pool, table: str, condition: str) -> None:
    """Let a table refuse some rows of the sick machine, as a record does that the analysis cannot digest."""
    ((sick,),) = ask(pool, f"SELECT id FROM machine WHERE key = '{SICK}'")
    _do(
        pool,
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'cannot be digested'; END $$",
    )
    _do(
        pool,
        f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW "
        f"WHEN (NEW.machine_id = {sick} AND {condition}) EXECUTE FUNCTION refuse()",
    )


def _of(key: str) -> str:
    return f"machine_id = (SELECT id FROM machine WHERE key = '{key}')"


def _assessed(pool: Pool, key: str) -> int:
    return int(ask(pool, f"SELECT count(DISTINCT measured_at) FROM assessment WHERE {_of(key)}")[0][0])


def test_a_late_record_that_cannot_be_digested_is_set_aside_and_the_machines_go_on(pool: Pool, worker: Worker) -> None:
    stream, late = series(SICK, 40), 20
    _store(pool, [a for i, a in enumerate(stream[:30]) if i not in (10, late)])
    _run_dry(worker)
    _refuse(pool, "assessment", f"NEW.measured_at = '{stream[late].measured_at.isoformat()}'")
    _store(pool, [stream[10], stream[late]])
    _store(pool, series(WELL, 40))
    _run_dry(worker)
    ((at, reason),) = ask(pool, "SELECT measured_at, reason FROM set_aside")
    assert at == stream[late].measured_at
    assert "cannot be digested" in reason
    _store(pool, stream[30:])
    _run_dry(worker)
    assert (_assessed(pool, SICK), _assessed(pool, WELL)) == (39, 40)
    assert ask(pool, "SELECT count(*) FROM analysis_state WHERE dirty_from IS NOT NULL") == [(0,)]
    assert ask(pool, "SELECT count(*) FROM analysis_attempt") == [(0,)]


def test_a_replay_that_sets_a_record_aside_leaves_the_state_of_a_machine_that_never_had_it(
    pool: Pool, worker: Worker
) -> None:
    late = 20
    for key in (SICK, WELL):
        stream = series(key, 40)
        _store(pool, [a for i, a in enumerate(stream) if i not in (10, late)])
    _run_dry(worker)
    _refuse(pool, "assessment", f"NEW.measured_at = '{stream[late].measured_at.isoformat()}'")
    _store(pool, [series(SICK, 40)[10], series(SICK, 40)[late]])
    _store(pool, [series(WELL, 40)[10]])
    _run_dry(worker)
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(1,)]
    (sick,), (well,) = (ask(pool, f"SELECT state FROM analysis_state WHERE {_of(key)}")[0] for key in (SICK, WELL))
    assert sick == well


def test_a_replay_that_never_works_holds_its_machine_alone_and_is_tried_again(pool: Pool, worker: Worker) -> None:
    stream = series(SICK, 40)
    _store(pool, stream)
    _store(pool, series(WELL, 20))
    _run_dry(worker)
    _refuse(pool, "assessment", "NEW.revision > 0")
    record_work_event(
        pool,
        WorkEvent(SICK, WorkEventKind.FAILURE, stream[5].measured_at + STEP / 2),
        actor="test",
        site_ids=None,
        now=NOW,
    )
    _store(pool, _later(WELL, 20))
    _run_dry(worker)
    assert _assessed(pool, WELL) == 40
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    ((key, reason),) = ask(pool, "SELECT m.key, h.reason FROM analysis_hold h JOIN machine m ON m.id = h.machine_id")
    assert key == SICK
    assert "cannot be digested" in reason
    _do(pool, "DROP TRIGGER refuse ON assessment")
    _do(pool, "UPDATE analysis_hold SET retry_at = now()")
    _run_dry(worker)
    assert ask(pool, "SELECT count(*) FROM analysis_hold") == [(0,)]
    assert ask(pool, "SELECT count(*) FROM analysis_state WHERE dirty_from IS NOT NULL") == [(0,)]


def _later(key: str, count: int) -> list[Acquisition]:
    return [replace(a, measured_at=a.measured_at + STEP / 2) for a in series(key, count)]


def test_a_machine_whose_replay_kills_workers_is_not_chosen_alone_first_for_ever(
    pool: Pool, worker: Worker, settings: Settings
) -> None:
    stream = series(SICK, 40)
    _store(pool, stream)
    _run_dry(worker)
    _store(pool, series(WELL, 10))
    _run_dry(worker)
    event = WorkEvent(SICK, WorkEventKind.FAILURE, stream[5].measured_at + STEP / 2)
    record_work_event(pool, event, actor="test", site_ids=None, now=NOW)
    ((sick,),) = ask(pool, f"SELECT id FROM machine WHERE key = '{SICK}'")
    for _ in range(ATTEMPTS_BEFORE_SET_ASIDE + 1):
        with pool.connection() as conn, conn.transaction():
            queue.count_attempts(conn, [sick])
    _store(pool, _later(WELL, 10))
    with pytest.raises(_Death):
        _DyingWorker(pool, settings).round()
    _DyingWorker(pool, settings).round()
    assert _assessed(pool, WELL) == 20
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]


class _Death(BaseException):
    """The process ends here; nothing that is not committed remains."""


class _DyingWorker(Worker):
    def _settle(self, conn: Any, claims: Any, *more: Any) -> int:
        ((sick,),) = conn.execute("SELECT id FROM machine WHERE key = %s", (SICK,)).fetchall()
        if any(claim.machine_id == sick for claim in claims):
            raise _Death
        return super()._settle(conn, claims, *more)


@pytest.mark.parametrize("damage", [r"'\xdead'::bytea", "overlay(state PLACING 'PDM9'::bytea FROM 1)"])
@pytest.mark.parametrize("table", ["analysis_state", "analysis_checkpoint"])
def test_a_state_or_checkpoint_that_cannot_be_read_is_made_again_from_the_features(
    pool: Pool, worker: Worker, table: str, damage: str
) -> None:
    for key in (SICK, WELL):
        stream = series(key, 60)
        _store(pool, [a for i, a in enumerate(stream[:50]) if i != 40])
    _run_dry(worker)
    _do(pool, f"UPDATE {table} SET state = {damage} WHERE {_of(SICK)}")
    for key in (SICK, WELL):
        _store(pool, [series(key, 60)[40], *series(key, 60)[50:]])
    _run_dry(worker)
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    assert (_assessed(pool, SICK), _assessed(pool, WELL)) == (60, 60)
    states = ask(pool, "SELECT state, dirty_from FROM analysis_state")
    assert states[0] == states[1]
    assert states[0][1] is None


def test_a_state_that_can_be_read_but_fits_nothing_is_made_again_and_costs_no_data(pool: Pool, worker: Worker) -> None:
    for key in (SICK, WELL):
        _store(pool, series(key, 60)[:50])
    _run_dry(worker)
    with pool.connection() as conn:
        ((content,),) = conn.execute(f"SELECT state FROM analysis_state WHERE {_of(SICK)}")
        memory = AnalysisState.from_bytes(content)
        spoiled = replace(memory, life=replace(memory.life, last_at=memory.life.last_at + 1e9)).to_bytes()
        conn.execute(f"UPDATE analysis_state SET state = %s WHERE {_of(SICK)}", (spoiled,))
    for key in (SICK, WELL):
        _store(pool, series(key, 60)[50:])
    _run_dry(worker)
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    assert (_assessed(pool, SICK), _assessed(pool, WELL)) == (60, 60)
    states = ask(pool, "SELECT state FROM analysis_state")
    assert states[0] == states[1]


@pytest.mark.parametrize("body", [b"\x00 damaged", b'{"format": 99}'])
def test_a_champion_that_cannot_be_read_costs_its_figures_and_nothing_else(
    pool: Pool, worker: Worker, body: bytes
) -> None:
    with pool.connection() as conn:
        card = registry.Card(READS, {}, {})
        digest = hashlib.sha256(body).digest()
        model_id, _ = registry.insert_body(
            conn, "default", body, digest, card, kind="imported", actor="test", reason=""
        )
        registry.promote(conn, "default", model_id, actor="test", reason="")
    stream = series(SICK, 60)
    _store(pool, [a for i, a in enumerate(stream) if i != 50])
    _run_dry(worker)
    _store(pool, [stream[50]])
    _run_dry(worker)
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    assert _assessed(pool, SICK) == 60
    newest = ask(pool, "SELECT source, reason FROM prognosis ORDER BY measured_at DESC, revision DESC LIMIT 1")
    assert newest == [("none", "model-cannot-be-read")]
    ((found, reason),) = ask(pool, "SELECT model_id, reason FROM unreadable_model")
    assert found == model_id
    assert reason


def test_a_database_that_lacks_something_costs_no_data(pool: Pool, worker: Worker) -> None:
    _store(pool, series(SICK, 10))
    _do(pool, "ALTER TABLE prognosis RENAME COLUMN reason TO other")
    _run_dry(worker)
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    assert ask(pool, "SELECT count(*) FROM pending") == [(10,)]
    _do(pool, "ALTER TABLE prognosis RENAME COLUMN other TO reason")
    _do(pool, "UPDATE analysis_hold SET retry_at = now()")
    _run_dry(worker)
    assert _assessed(pool, SICK) == 10


def test_outages_in_the_middle_of_a_batch_are_no_attempts(pool: Pool, worker: Worker) -> None:
    _store(pool, series(SICK, 3))
    _do(
        pool,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$",
    )
    _do(
        pool,
        "CREATE TRIGGER full_disk BEFORE INSERT ON assessment FOR EACH STATEMENT EXECUTE FUNCTION full_disk()",
    )
    for _ in range(ATTEMPTS_BEFORE_SET_ASIDE + 1):
        with pytest.raises(Exception, match="no space left"):
            worker.round()
    _do(pool, "DROP TRIGGER full_disk ON assessment")
    _run_dry(worker)
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]
    assert _assessed(pool, SICK) == 3


@pytest.mark.parametrize("code", ["out_of_memory", "idle_in_transaction_session_timeout"])
def test_a_batch_that_the_database_ends_for_its_size_is_halved_and_starves_nobody(
    pool: Pool, worker: Worker, code: str
) -> None:
    _store(pool, series(SICK, 8))
    _store(pool, series(WELL, 4))
    ((sick,),) = ask(pool, f"SELECT id FROM machine WHERE key = '{SICK}'")
    _do(
        pool,
        "CREATE FUNCTION limited() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "DECLARE rows integer := coalesce(nullif(current_setting('test.rows', true), ''), '0')::integer + 1; BEGIN "
        "PERFORM set_config('test.rows', rows::text, true); "
        f"IF rows > 2 THEN RAISE EXCEPTION 'too much' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$",
    )
    _do(
        pool,
        f"CREATE TRIGGER limited BEFORE INSERT ON assessment FOR EACH ROW WHEN (NEW.machine_id = {sick}) "
        "EXECUTE FUNCTION limited()",
    )
    for _ in range(4 * ATTEMPTS_BEFORE_SET_ASIDE):
        _do(pool, "UPDATE analysis_hold SET retry_at = now()")
        with suppress(psycopg.Error):
            worker.round()
    assert (_assessed(pool, SICK), _assessed(pool, WELL)) == (8, 4)
    assert ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]


def test_one_machine_on_hold_leaves_the_place_in_a_round_to_others(pool: Pool, worker: Worker) -> None:
    assert MACHINES_A_ROUND > 1
    _store(pool, series(SICK, 5))
    ((sick,),) = ask(pool, f"SELECT id FROM machine WHERE key = '{SICK}'")
    with pool.connection() as conn:
        queue.hold(conn, sick, "tried in vain")
        queue.hold(conn, sick, "tried in vain")
        assert queue.pick(conn, MACHINES_A_ROUND) == {}
    ((attempts, wait),) = ask(pool, "SELECT attempts, retry_at - now() FROM analysis_hold")
    assert attempts == 2
    assert timedelta(seconds=1) < wait <= timedelta(seconds=2)
