"""The cold pass shrinks the disk and changes nothing that was measured, whatever happens while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from psycopg import Connection

from pdm.machines.model import Machine, MeasurementPoint
from pdm.measurements import Waveform
from pdm.service.maintenance import cold_storage as cold_service
from pdm.service.maintenance.cold_storage import cold_pass
from pdm.settings import Settings
from pdm.store.acquisitions import acquisitions_read, cold_storage
from pdm.store.acquisitions.acquisitions_write import Channel, fetch_stored_hashes, insert_channels
from pdm.store.acquisitions.retention import drop_old
from pdm.store.acquisitions.waveform_codec import decode
from pdm.store.analysis import analysis_inputs
from pdm.store.cluster.embedded import EmbeddedCluster
from pdm.store.machines.registration import fetch_machine, register
from tests.database import SERVER, migrated_template, own_name

pytestmark = pytest.mark.xdist_group("alone")

RATE = 25600.0
FIRST = datetime(2026, 3, 5, 1, tzinfo=UTC)  # the beginning of a chunk, and an hour
STEP = timedelta(minutes=10)
LATER = datetime(2100, 1, 1, tzinfo=UTC)  # everything lies behind the horizon, chunks made today too
KEYS = ("h", "v", "f")  # two points of counts and one of floats


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """DSN of a server of this file: what other tests do on a shared one delays the release of space by VACUUM."""
    with EmbeddedCluster(own_name("cold"), settings=SERVER) as cluster:
        yield cluster.dsn


@pytest.fixture(scope="module")
def template(server: str) -> Iterator[str]:
    with migrated_template(server) as name:
        yield name


@pytest.fixture
def eager(settings: Settings) -> Settings:
    """Settings of a pass that does not rest."""
    return replace(settings, cold_pass_share=1.0, min_free_disk_bytes=0)


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as opened:
        points = tuple(MeasurementPoint(key, "acceleration", "g", RATE) for key in KEYS)
        register(opened, Machine("m", "line", "site", points=points))
        yield opened


def _samples(index: int, key: str, count: int = 2560) -> NDArray[Any]:
    rng = np.random.default_rng([index, KEYS.index(key)])
    ring = np.convolve(rng.normal(0, 300, count + 7), np.hanning(8), "valid")
    counts = np.round(ring).astype(np.int16)
    return counts * np.float32(0.001) if key == "f" else counts


def _waveform(index: int, key: str) -> Waveform:
    return Waveform(key, _samples(index, key), RATE, "g", None if key == "f" else 0.001)


def _store(conn: Connection[Any], indices: range, first: datetime = FIRST) -> None:
    points = fetch_machine(conn, "m").point_ids
    wanted = []
    for index in indices:
        for key in KEYS:
            waveform = _waveform(index, key)
            wanted.append(Channel(points[key], first + index * STEP, waveform, waveform.content_hash()))
    with conn.transaction():
        assert len(insert_channels(conn, wanted)) == len(wanted)


def _assert_all_there(conn: Connection[Any], indices: range, first: datetime = FIRST) -> None:
    machine = fetch_machine(conn, "m")
    found = analysis_inputs.fetch_waveforms(conn, [(machine.id, first + index * STEP) for index in indices])
    assert len(found) == len(indices) * len(KEYS)
    by_place = {(one.point_id, one.measured_at): one for one in found}
    for index in indices:
        for key in KEYS:
            one = by_place[machine.point_ids[key], first + index * STEP]
            assert one.samples.tobytes() == _samples(index, key).tobytes()
            assert (one.scale, one.sampling_rate) == (None if key == "f" else 0.001, RATE)


def _ask(conn: Connection[Any], statement: str) -> Any:
    row = conn.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def _size(conn: Connection[Any]) -> int:
    return int(_ask(conn, "SELECT hypertable_size('waveform') + hypertable_size('waveform_frame')"))


def _hot(conn: Connection[Any]) -> int:
    return int(_ask(conn, "SELECT count(*) FROM waveform WHERE payload IS NOT NULL"))


def test_a_pass_shrinks_the_disk_and_every_sample_comes_back(conn: Connection[Any], eager: Settings) -> None:
    _store(conn, range(200))
    before = _size(conn)
    report = cold_pass(eager, LATER)
    assert (len(report.done), report.left) == (1, ())
    assert _hot(conn) == 0
    after = _size(conn)
    assert after < 0.65 * before  # a third of the samples are floats that the hot codec cannot shrink
    assert report.saved_bytes == before - after
    chunk = "SELECT reloptions FROM pg_class WHERE oid = (SELECT chunk FROM cold_chunk)::regclass"
    assert _ask(conn, chunk) is None  # autovacuum was kept out for the time of the pass only
    _assert_all_there(conn, range(200))
    machine = fetch_machine(conn, "m")
    row = acquisitions_read.fetch_waveform(conn, machine.point_ids["h"], FIRST + 150 * STEP)
    assert row is not None
    samples = decode(row.codec, row.payload, np.dtype(np.int16), row.sample_count)
    np.testing.assert_array_equal(samples, _samples(150, "h"))
    keys = [(point, FIRST + 7 * STEP) for point in machine.point_ids.values()]
    assert sorted(fetch_stored_hashes(conn, keys).values()) == sorted(_waveform(7, key).content_hash() for key in KEYS)


def test_a_second_pass_finds_nothing_to_do(conn: Connection[Any], eager: Settings) -> None:
    _store(conn, range(10))
    cold_pass(eager, LATER)
    assert cold_pass(eager, LATER) == cold_service.ColdReport()


def test_what_the_horizon_still_holds_stays_hot(conn: Connection[Any], eager: Settings) -> None:
    _store(conn, range(3))
    last_of_chunk = FIRST + timedelta(days=7)
    horizon = timedelta(seconds=eager.reorder_horizon_s)
    conn.execute("UPDATE _timescaledb_catalog.chunk SET creation_time = %s", (FIRST,))
    assert cold_pass(eager, FIRST + horizon).done == ()
    conn.execute("UPDATE _timescaledb_catalog.chunk SET creation_time = %s", (last_of_chunk + timedelta(days=1),))
    assert cold_pass(eager, last_of_chunk + horizon).done == ()  # made just now, by an import
    conn.execute("UPDATE _timescaledb_catalog.chunk SET creation_time = %s", (FIRST,))
    assert len(cold_pass(eager, last_of_chunk + horizon).done) == 1


def test_a_record_sent_again_after_the_pass_is_a_duplicate(conn: Connection[Any], eager: Settings) -> None:
    _store(conn, range(5))
    cold_pass(eager, LATER)
    point = fetch_machine(conn, "m").point_ids["h"]
    again = _waveform(2, "h")
    assert insert_channels(conn, [Channel(point, FIRST + 2 * STEP, again, again.content_hash())]) == set()
    _assert_all_there(conn, range(5))


def test_late_data_find_room_in_a_cold_chunk_and_turn_cold_when_they_are_many(
    conn: Connection[Any], eager: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _store(conn, range(100))
    cold_pass(eager, LATER)
    _store(conn, range(100, 120))
    assert _hot(conn) == 20 * len(KEYS)
    _assert_all_there(conn, range(120))
    assert cold_pass(eager, LATER).done == ()
    monkeypatch.setattr(cold_storage, "_REGROWN_BYTES", 1)
    assert len(cold_pass(eager, LATER).done) == 1
    assert _hot(conn) == 0
    _assert_all_there(conn, range(120))


def test_a_damaged_waveform_stays_as_it_is_and_the_others_turn_cold(conn: Connection[Any], eager: Settings) -> None:
    _store(conn, range(6))
    conn.execute(r"UPDATE waveform SET payload = '\xdeadbeef' WHERE measured_at = %s", (FIRST + 2 * STEP,))
    conn.execute(
        "UPDATE waveform SET payload = o.payload FROM waveform o WHERE o.point_id = waveform.point_id "
        "AND o.measured_at = %s AND waveform.measured_at = %s",
        (FIRST, FIRST + 4 * STEP),
    )
    assert len(cold_pass(eager, LATER).done) == 1
    left = conn.execute("SELECT DISTINCT measured_at FROM waveform WHERE payload IS NOT NULL ORDER BY 1").fetchall()
    assert left == [(FIRST + 2 * STEP,), (FIRST + 4 * STEP,)]
    for index in (0, 1, 3, 5):
        _assert_all_there(conn, range(index, index + 1))


def test_retention_drops_cold_waveforms_with_their_frames(conn: Connection[Any], eager: Settings) -> None:
    _store(conn, range(3))
    _store(conn, range(3), FIRST + timedelta(days=7))
    cold_pass(eager, LATER)
    oldest = "(SELECT min(id) FROM _timescaledb_catalog.chunk WHERE hypertable_id = (SELECT id FROM {} {}))"
    named = "_timescaledb_catalog.hypertable WHERE table_name =", "'waveform'"
    aged = "UPDATE _timescaledb_catalog.chunk SET creation_time = now() - INTERVAL '400 days' WHERE id = "
    conn.execute((aged + oldest.format(*named)).encode())
    with conn.transaction():
        assert drop_old(conn, eager) == {"waveform": 1, "waveform_frame": 1}
    assert _ask(conn, "SELECT count(*) FROM waveform_frame") == len(KEYS)
    _assert_all_there(conn, range(3), FIRST + timedelta(days=7))
    cold_pass(eager, LATER)
    assert _ask(conn, "SELECT count(*) FROM cold_chunk") == 1


_PASS = """
import sys
from dataclasses import replace
from datetime import UTC, datetime

from pdm.service.maintenance.cold_storage import cold_pass
from pdm.settings import Settings
from pdm.store.acquisitions import cold_storage

cold_storage.FRAME_BYTES = 16384
settings = replace(Settings(), dsn=sys.argv[1], cold_pass_share=0.5, min_free_disk_bytes=0)
print("ready", flush=True)
cold_pass(settings, datetime(2100, 1, 1, tzinfo=UTC))
"""


@contextmanager
def _passing(dsn: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", _PASS, dsn], stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_pass_killed_again_and_again_loses_and_repeats_nothing(
    conn: Connection[Any], dsn: str, eager: Settings
) -> None:
    _store(conn, range(400))
    before = _size(conn)
    rng = np.random.default_rng(0)
    for until in (1100, 900, 700, 450, 200, 0):  # the last one while the chunk is rewritten
        with _passing(dsn):
            while _hot(conn) > until:
                time.sleep(0.001)
            time.sleep(rng.uniform(0.0, 0.01))
        _await_lock(dsn)
        assert _hot(conn) > 0 or until < 700  # it was killed amid the work
        _assert_all_there(conn, range(0, 400, 40))
    _await_lock(dsn)
    report = cold_pass(eager, LATER)
    assert (len(report.done), report.left) == (1, ())
    assert _hot(conn) == 0
    assert _ask(conn, "SELECT count(*) FROM waveform") == 1200
    assert _size(conn) < 0.65 * before
    framed = "SELECT sum(frame_length) FROM waveform", "SELECT sum(octet_length(payload)) FROM waveform_frame"
    assert _ask(conn, framed[0]) == _ask(conn, framed[1])  # no payload is in two frames
    _assert_all_there(conn, range(400))


def _await_lock(dsn: str) -> None:
    """Wait until the server has noticed that the killed process is gone."""
    for _ in range(100):
        with psycopg.connect(dsn, autocommit=True) as other:
            if cold_storage.lock_pass(other):
                return
        time.sleep(0.1)
    raise AssertionError("the lock of a dead process stays")


def test_late_data_and_readers_go_on_while_a_pass_runs(conn: Connection[Any], dsn: str, eager: Settings) -> None:
    _store(conn, range(0, 400, 2))
    reports: list[cold_service.ColdReport] = []
    passing = threading.Thread(target=lambda: reports.append(cold_pass(eager, LATER)))
    waits: list[float] = []
    with psycopg.connect(dsn, autocommit=True) as reader:
        passing.start()
        for index in range(1, 400, 2):
            began = time.monotonic()
            _store(conn, range(index, index + 1))
            waits.append(time.monotonic() - began)
            _assert_all_there(reader, range(index - 1, index + 1))
            if not passing.is_alive() and index > 100:
                break
        passing.join()
    stored = len(waits)
    assert max(waits) < 2.0
    assert reports[0].left == ()
    _assert_all_there(conn, range(2 * stored))
    assert _ask(conn, "SELECT count(*) FROM waveform") == (200 + stored) * len(KEYS)


def test_an_old_transaction_keeps_a_chunk_for_the_next_pass(
    conn: Connection[Any], dsn: str, eager: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _store(conn, range(50))
    before = _size(conn)
    monkeypatch.setattr(cold_service, "_SNAPSHOT_WAIT_S", 0.5)
    with psycopg.connect(dsn) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        _assert_all_there(reader, range(50))
        [(_, why)] = cold_pass(eager, LATER).left
        assert "transactions that started before" in why
        _assert_all_there(reader, range(50))
    assert _hot(conn) == 0
    assert len(cold_pass(eager, LATER).done) == 1
    assert _size(conn) < 0.65 * before


def test_a_chunk_in_constant_use_is_skipped_rather_than_blocked(
    conn: Connection[Any], dsn: str, eager: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _store(conn, range(5))
    monkeypatch.setattr(cold_service, "_LOCK_ATTEMPTS", 2)
    monkeypatch.setattr(cold_service, "LOCK_TIMEOUT_MS", 100)
    monkeypatch.setattr(cold_storage, "count_older_snapshots", lambda *_: 0)
    with psycopg.connect(dsn) as reader:
        reader.execute("SELECT count(*) FROM waveform")
        [(_, why)] = cold_pass(eager, LATER).left
        assert why == "it is in continuous use"


def test_a_chunk_dropped_while_a_pass_works_on_it_ends_that_chunk_only(
    conn: Connection[Any], eager: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _store(conn, range(5))
    _store(conn, range(5), FIRST + timedelta(days=7))
    move = cold_storage.move

    def drop_first(passing: Connection[Any], waveforms: Any) -> int:
        if waveforms[0].measured_at < FIRST + timedelta(days=7):
            conn.execute("SELECT drop_chunks('waveform', older_than => %s::timestamptz)", (FIRST + timedelta(days=7),))
        return move(passing, waveforms)

    monkeypatch.setattr(cold_storage, "move", drop_first)
    report = cold_pass(eager, LATER)
    assert (len(report.done), len(report.left)) == (1, 1)
    _assert_all_there(conn, range(5), FIRST + timedelta(days=7))
    assert _ask(conn, "SELECT count(*) FROM waveform_frame") == len(KEYS)
    assert len(cold_pass(eager, LATER).left) == 0


def test_one_pass_runs_at_a_time(conn: Connection[Any], dsn: str, eager: Settings) -> None:
    _store(conn, range(3))
    with psycopg.connect(dsn, autocommit=True) as other:
        assert cold_storage.lock_pass(other)
        assert cold_pass(eager, LATER) == cold_service.ColdReport()
    _await_lock(dsn)
    assert len(cold_pass(eager, LATER).done) == 1


def test_a_pass_that_would_fill_the_disk_is_not_begun(conn: Connection[Any], eager: Settings) -> None:
    _store(conn, range(3))
    [(_, why)] = cold_pass(replace(eager, min_free_disk_bytes=2**60), LATER).left
    assert "not enough free space" in why
    assert _hot(conn) == 3 * len(KEYS)


def test_a_stopping_service_leaves_the_rest_to_the_next_pass(conn: Connection[Any], eager: Settings) -> None:
    _store(conn, range(3))
    stop = threading.Event()
    stop.set()
    assert cold_pass(eager, LATER, stop) == cold_service.ColdReport()
    assert len(cold_pass(eager, LATER).done) == 1
