"""The ingest use case on a real database: once each, conflicts told, nothing half stored."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg_pool import ConnectionPool

from pdm.errors import UnavailableError
from pdm.machines.model import Timeline
from pdm.measurements import Acquisition, OperatingContext, Outcome, Problem, Receipt, Scalar, Waveform
from pdm.service.analysis.worker import Worker
from pdm.service.ingestion.record import record
from pdm.settings import Settings
from pdm.store.acquisitions.retention import drop_old
from pdm.store.acquisitions.waveform_codec import decode
from pdm.store.database.connection import open_pool
from tests.integration.plant import (
    NOW,
    RATE,
    acquisition,
    add,
    ask,
    codes,
    decoded,
    machine,
    outcomes,
    send,
    series,
    waveform,
)

Pool = ConnectionPool[Any]


def test_a_record_is_stored_as_sent_and_waits_for_analysis(pool: Pool) -> None:
    add(pool)
    sent = acquisition()
    receipt = send(pool, sent)
    assert outcomes(receipt) == ["stored"]
    assert codes(receipt) == [[]]
    rows = ask(pool, "SELECT codec, payload, sample_count, sampling_rate, scale FROM waveform ORDER BY point_id")
    for row, expected in zip(rows, sent.waveforms, strict=True):
        np.testing.assert_array_equal(decode(row[0], row[1], np.dtype(np.float32), row[2]), expected.samples)
        assert row[3:] == (RATE, None)
    assert ask(pool, "SELECT speed, load, state, missing FROM acquisition") == [(29.5, 0.8, "drawing", [])]
    assert ask(pool, "SELECT value FROM scalar") == [(61.5,)]
    assert ask(pool, "SELECT measured_at FROM pending") == [(sent.measured_at,)]
    assert ask(pool, "SELECT actor, stored, results->0->>'outcome' FROM receipt") == [("gateway", 1, "stored")]


def test_counts_stay_counts_with_their_scale(pool: Pool) -> None:
    add(pool)
    counts = Waveform("de-h", np.array([-32768, 0, 32767], np.int16), RATE, "g", 0.001)
    send(pool, Acquisition("press-07", NOW, (counts,)))
    codec, payload, count, scale = ask(pool, "SELECT codec, payload, sample_count, scale FROM waveform")[0]
    np.testing.assert_array_equal(decode(codec, payload, np.dtype(np.int16), count), counts.samples)
    assert scale == 0.001


def test_the_same_record_again_is_a_duplicate_and_waits_once(pool: Pool) -> None:
    add(pool)
    send(pool, acquisition())
    ask(pool, "DELETE FROM pending RETURNING 1")
    receipt = send(pool, acquisition())
    assert outcomes(receipt) == ["duplicate"]
    assert ask(pool, "SELECT count(*) FROM waveform") == [(2,)]
    assert ask(pool, "SELECT count(*) FROM pending") == [(0,)]


def test_other_content_under_a_stored_key_is_a_conflict_with_both_hashes(pool: Pool) -> None:
    add(pool)
    first, second = acquisition(seed=1), acquisition(seed=2)
    send(pool, first)
    receipt = send(pool, second)
    assert outcomes(receipt) == ["conflict"]
    problem = receipt.results[0].problems[0]
    assert problem.stored_hash == first.waveforms[0].content_hash().hex()
    assert problem.sent_hash == second.waveforms[0].content_hash().hex()
    assert ask(pool, "SELECT content_hash FROM waveform ORDER BY point_id")[0][0].hex() == problem.stored_hash


def test_repeats_inside_one_request_count_too(pool: Pool) -> None:
    add(pool)
    receipt = send(pool, acquisition(seed=1), acquisition(seed=1), acquisition(seed=2))
    assert outcomes(receipt) == ["stored", "duplicate", "conflict"]
    stored = acquisition(seed=1).waveforms[0].content_hash().hex()
    assert receipt.results[2].problems[0].stored_hash == stored


def test_a_repeat_in_a_request_is_compared_with_the_stored_record_not_with_its_neighbour(pool: Pool) -> None:
    add(pool)
    send(pool, acquisition(seed=1))
    receipt = send(pool, acquisition(seed=2), acquisition(seed=1))
    assert outcomes(receipt) == ["conflict", "duplicate"]


def test_the_good_part_of_a_batch_is_kept_and_the_rest_is_named(pool: Pool) -> None:
    add(pool)
    good = acquisition()
    unknown = replace(acquisition(), machine="press-99")
    wrong_unit = replace(
        acquisition(measured_at=NOW - timedelta(minutes=1)),
        waveforms=(replace(waveform("de-h"), unit="m/s2"), waveform("de-v")),
    )
    nothing_left = replace(
        acquisition(measured_at=NOW - timedelta(minutes=2), oil=None),
        waveforms=(replace(waveform("de-h"), sampling_rate=RATE * 1.02), waveform("de-x")),
    )
    receipt = send(pool, unknown, good, wrong_unit, nothing_left)
    assert outcomes(receipt) == ["rejected", "stored", "stored", "rejected"]
    assert codes(receipt) == [["unknown-machine"], [], ["unit", "missing-channel"], ["sampling-rate", "unknown-point"]]
    assert [problem.field for problem in receipt.results[3].problems] == ["de-h.sampling_rate_hz", "de-x"]
    assert ask(pool, "SELECT stored, rejected FROM receipt") == [(2, 2)]
    assert receipt.count(Outcome.STORED) == 2


@pytest.mark.parametrize(
    ("channel", "code"),
    [
        (replace(waveform(), samples=np.empty(0, np.float32)), "empty-samples"),
        (replace(waveform(), samples=np.array([1, np.nan], np.float32)), "not-finite"),
        (replace(waveform(), samples=np.array([1, np.inf], np.float32)), "not-finite"),
        (waveform("oil"), "unit"),
        (replace(waveform("oil"), unit="degC"), "wrong-kind"),
        (Scalar("de-h", 1.0, "g"), "wrong-kind"),
        (Scalar("oil", float("nan"), "degC"), "not-finite"),
    ],
)
def test_a_channel_that_does_not_fit_its_point_is_refused(pool: Pool, channel: Waveform | Scalar, code: str) -> None:
    add(pool)
    is_waveform = isinstance(channel, Waveform)
    sent = Acquisition("press-07", NOW, (channel,) if is_waveform else (), () if is_waveform else (channel,))  # type: ignore[arg-type]
    receipt = send(pool, sent)
    assert outcomes(receipt) == ["rejected"]
    assert codes(receipt) == [[code]]
    assert ask(pool, "SELECT count(*) FROM acquisition") == [(0,)]


def test_a_channel_given_twice_is_kept_once_and_named(pool: Pool) -> None:
    add(pool)
    sent = replace(acquisition(), waveforms=(waveform("de-h", 1), waveform("de-h", 2), waveform("de-v", 3)))
    receipt = send(pool, sent)
    assert outcomes(receipt) == ["stored"]
    assert codes(receipt) == [["duplicate-channel"]]


def test_problems_of_the_decoder_stay_with_the_record(pool: Pool) -> None:
    add(pool)
    item = replace(
        decoded([replace(acquisition(), waveforms=(waveform("de-v"),))])[0], problems=(Problem("x", "y", "z"),)
    )
    receipt = record(pool, [item], actor="gateway", site_ids=None, now=NOW)
    assert codes(receipt) == [["x", "missing-channel"]]
    refused = replace(item, acquisition=None)
    assert outcomes(record(pool, [refused], actor="gateway", site_ids=None, now=NOW)) == ["rejected"]


def test_a_channel_that_follows_completes_its_acquisition_and_has_it_analysed_again(pool: Pool) -> None:
    add(pool)
    whole = acquisition()
    first = replace(whole, waveforms=whole.waveforms[:1], scalars=(), context=OperatingContext())
    receipt = send(pool, first)
    assert [p.field for p in receipt.results[0].problems] == ["de-v"]
    assert ask(pool, "SELECT missing FROM acquisition") == [(["de-v"],)]
    before = ask(pool, "SELECT enqueued_at FROM pending")
    receipt = send(pool, whole)
    assert outcomes(receipt) == ["stored"]
    assert codes(receipt) == [[]]
    assert ask(pool, "SELECT speed, missing FROM acquisition") == [(29.5, [])]
    assert ask(pool, "SELECT enqueued_at FROM pending") > before


def test_another_context_for_a_stored_acquisition_is_reported_and_the_stored_one_stays(pool: Pool) -> None:
    add(pool)
    whole = acquisition()
    send(pool, replace(whole, waveforms=whole.waveforms[:1]))
    receipt = send(pool, replace(whole, context=OperatingContext(speed=10.0)))
    assert codes(receipt) == [["context-differs"]]
    assert ask(pool, "SELECT speed FROM acquisition") == [(29.5,)]


def test_channels_of_one_acquisition_may_come_as_several_records_of_a_request(pool: Pool) -> None:
    add(pool)
    whole = acquisition()
    parts = [replace(whole, waveforms=(one,), scalars=()) for one in whole.waveforms]
    receipt = send(pool, *parts)
    assert outcomes(receipt) == ["stored", "stored"]
    assert codes(receipt) == [[], []]
    assert ask(pool, "SELECT missing FROM acquisition") == [([],)]


def test_a_machine_of_another_site_is_unknown(pool: Pool) -> None:
    add(pool, machine(), machine("lathe-01", site="ulsan"))
    site_ids = [row[0] for row in ask(pool, "SELECT id FROM site WHERE key = 'busan'")]
    receipt = send(pool, acquisition(), acquisition("lathe-01"), acquisition("no-such"), site_ids=site_ids)
    assert outcomes(receipt) == ["stored", "rejected", "rejected"]
    _own, foreign, unknown = (result.problems for result in receipt.results)
    assert [p.detail.replace("lathe-01", "no-such") for p in foreign] == [p.detail for p in unknown]


@pytest.mark.parametrize(
    ("ahead", "timeline", "says"),
    [
        (timedelta(hours=26), Timeline.LIVE, "26.0 h ahead"),
        (timedelta(days=365 * 300), Timeline.LIVE, "nanoseconds"),
        (timedelta(days=365 * 300), Timeline.REPLAY, "ahead of the server's clock"),
        (-timedelta(days=365 * 56), Timeline.LIVE, "before 2000"),
        (-timedelta(days=365 * 56), Timeline.REPLAY, "smaller unit"),
        (-timedelta(days=365 * 23), Timeline.LIVE, "allowed 20 years; send history to a machine"),
        (-timedelta(weeks=1024, hours=1), Timeline.LIVE, "2026-11-01T11:00:00"),
        (-timedelta(weeks=1024, days=40), Timeline.LIVE, "GPS receiver"),
    ],
)
def test_a_wild_time_is_quarantined_before_it_makes_a_chunk(
    pool: Pool, ahead: timedelta, timeline: Timeline, says: str
) -> None:
    add(pool, machine(timeline=timeline))
    sent = acquisition(measured_at=NOW + ahead)
    for _ in range(2):
        receipt = send(pool, sent)
        assert outcomes(receipt) == ["quarantined"]
        assert says in receipt.results[0].problems[0].detail
    assert ask(pool, "SELECT count(*) FROM timescaledb_information.chunks") == [(0,)]
    assert ask(pool, "SELECT count(*) FROM pending") == [(0,)]
    ((kept, reason),) = ask(pool, "SELECT measured_at, reason FROM quarantine")
    assert kept == sent.measured_at.isoformat()
    assert says in reason


@pytest.mark.parametrize("year", [1971, 1985, 2003])
def test_history_of_any_age_is_stored_analysed_and_kept_on_a_replayed_machine(
    pool: Pool, settings: Settings, year: int
) -> None:
    add(pool, machine(timeline=Timeline.REPLAY))
    begin = datetime(year, 1, 1, tzinfo=UTC)
    sent = [acquisition(measured_at=begin + timedelta(days=40 * place), seed=place) for place in range(4)]
    assert outcomes(send(pool, *sent)) == ["stored"] * 4
    worker = Worker(pool, settings)
    while worker.round():
        pass
    with pool.connection() as conn:
        assert drop_old(conn, settings) == {}
    assert ask(pool, "SELECT min(measured_at), count(*) FROM assessment") == [(begin, 4)]
    assert ask(pool, "SELECT min(measured_at), count(*) FROM waveform") == [(begin, 8)]
    assert outcomes(send(pool, *sent)) == ["duplicate"] * 4


def test_a_time_within_the_tolerance_and_a_replayed_future_are_stored(pool: Pool) -> None:
    add(pool, machine(), machine("twin-01", timeline=Timeline.REPLAY))
    receipt = send(
        pool,
        acquisition(measured_at=NOW + timedelta(minutes=4)),
        acquisition("twin-01", measured_at=NOW + timedelta(days=400)),
    )
    assert outcomes(receipt) == ["stored", "stored"]


def test_two_writers_of_the_same_batch_store_it_once_and_never_fail(pool: Pool) -> None:
    add(pool, machine("a"), machine("b"))
    batch = [*series("a", 16), *series("b", 16)]
    receipts: list[Receipt] = []

    def write(order: int) -> None:
        receipts.append(send(pool, *batch[::order]))

    for _ in range(3):
        threads = [threading.Thread(target=write, args=(order,)) for order in (1, -1, 1, -1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        batch = [replace(item, measured_at=item.measured_at + timedelta(days=1)) for item in batch]
        batch = [replace(item, measured_at=item.measured_at - timedelta(days=2)) for item in batch]
    assert len(receipts) == 12
    stored = [result for receipt in receipts for result in receipt.results if result.outcome is Outcome.STORED]
    assert len(stored) == 3 * 32
    assert all(r.outcome in (Outcome.STORED, Outcome.DUPLICATE) for receipt in receipts for r in receipt.results)
    assert ask(pool, "SELECT count(*) FROM waveform") == [(3 * 64,)]
    assert ask(pool, "SELECT sum(stored), sum(duplicate) FROM receipt") == [(96, 288)]


def test_an_unreachable_database_is_reported_and_not_guessed() -> None:
    away = open_pool(Settings(dsn="host=/nonexistent dbname=pdm user=pdm"))
    try:
        with pytest.raises(UnavailableError, match="database"):
            send(away, acquisition())
    finally:
        away.close()


def test_a_request_that_fails_midway_leaves_nothing(pool: Pool) -> None:
    add(pool)
    with pool.connection() as conn:
        conn.execute("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
        conn.execute("CREATE TRIGGER fail BEFORE INSERT ON receipt FOR EACH ROW EXECUTE FUNCTION fail()")
    with pytest.raises(psycopg.errors.RaiseException):
        send(pool, acquisition(), acquisition(measured_at=NOW + timedelta(days=400)))
    for relation in ("waveform", "scalar", "acquisition", "pending", "quarantine", "receipt"):
        assert ask(pool, f"SELECT count(*) FROM {relation}") == [(0,)]


def test_a_receipt_means_that_other_connections_see_the_record(pool: Pool, dsn: str) -> None:
    add(pool)
    with psycopg.connect(dsn, autocommit=True) as other:
        for item in series(count=4):
            receipt = send(pool, item)
            row = other.execute("SELECT count(*) FROM receipt WHERE receipt_id = %s", (receipt.receipt_id,)).fetchone()
            assert row == (1,)
            row = other.execute("SELECT count(*) FROM waveform WHERE measured_at = %s", (item.measured_at,)).fetchone()
            assert row == (2,)
