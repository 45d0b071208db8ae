"""A database that revision 080f245 wrote goes on: baselines, lives, timers, cases, rules, the champion."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg_pool import ConnectionPool

from pdm.health.baseline import feature_layout, tracked_features
from pdm.ingest.records import Decoded
from pdm.machines.model import Component, ComponentKind
from pdm.machines.work_events import Correction, EventStatus, WorkEvent, WorkEventKind
from pdm.measurements import Acquisition, Outcome
from pdm.service.analysis.analysis_state import AnalysisState
from pdm.service.analysis.worker import Worker
from pdm.service.ingestion.record import record
from pdm.service.machines.work_event_corrections import correct_work_event
from pdm.service.machines.work_events import record_work_event
from pdm.settings import Settings
from pdm.store.database.connection import open_pool
from pdm.store.database.migrate import migrate
from pdm.store.database.queries import query
from pdm.store.machines import corrections, registration
from pdm.store.machines.registration import register
from pdm.store.models.registry import fetch_champion_ids
from tests.migration.old_database import ARCHIVE, load
from tests.migration.old_plant import LEARNING_RECORDED, RECORDED, START, STEP, acquisition, machines

Pool = ConnectionPool[Any]
GOES_ON = ("press-07", "motor-01", "pump-02")
LATER = (  # what a record's machine is read by and the older schema does not have, and what stands in for it
    (r"s\.name AS site_name, l\.name AS line_name, t\.tag", "'' AS site_name, '' AS line_name, NULL AS tag"),
    (r"LEFT JOIN machine_tag t ON t\.machine_id = m\.id", ""),
    (r"\bmultipliers\b", "NULL AS multipliers"),
    (r"\bvanes, blades, belt\b", "NULL AS vanes, NULL AS blades, NULL AS belt"),
    (r"(?<=AS belt), name\b", ", '' AS name"),
    (r"p\.pulses_per_turn, p\.name", "p.pulses_per_turn, '' AS name"),
    (
        r"p\.lowest, p\.highest, p\.not_a_measurement, p\.rate_limit",
        "NULL AS lowest, NULL AS highest, NULL AS not_a_measurement, NULL AS rate_limit",
    ),
    (r"\b[mp]\.retired_at\b", "NULL AS retired_at"),
    (r"\bm\.retired_with\b", "NULL AS retired_with"),
    (r"\bFROM renaming\b", "FROM (SELECT *, id AS object_id, '' AS kind, '' AS former_key FROM point WHERE false) r"),
    (r"\breplaced_sensor r\b", "(SELECT *, id AS point_id, now() AS replaced_at FROM point WHERE false) r"),
    (
        r"\bmeasurement_correction c\b",
        "(SELECT *, id AS point_id, id AS swapped_with, '' AS field, NULL::jsonb AS value, NULL::jsonb AS registered, "
        "now() AS begins_at, now() AS ends_at FROM point WHERE false) c",
    ),
    (r"\bvoided_correction v\b", "(SELECT id AS correction_id FROM point WHERE false) v"),
)


@pytest.fixture
def old(empty_dsn: str) -> str:
    """DSN of the database as revision 080f245 left it."""
    load(empty_dsn)
    return empty_dsn


@pytest.fixture
def upgraded(old: str) -> Iterator[Pool]:
    migrate(old)
    pool = open_pool(replace(Settings(), dsn=old))
    yield pool
    pool.close()


def query_of_older(name: str) -> str:
    """Return a named query as a process of the older revision sends it: it reads what its schema has."""
    text: str = query(name)
    for later, older in LATER if name.startswith("fetch_") else ():
        text = re.sub(later, older, text)
    return text


def ask(pool: Pool, question: str, **values: Any) -> list[tuple[Any, ...]]:
    with pool.connection() as conn:
        return conn.execute(question.encode(), values).fetchall()


def memories(pool: Pool) -> dict[str, AnalysisState]:
    rows = ask(
        pool, "SELECT m.key, state FROM analysis_state JOIN machine m ON m.id = machine_id WHERE state IS NOT NULL"
    )
    return {key: AnalysisState.from_bytes(state) for key, state in rows}


def send(pool: Pool, sent: Sequence[Acquisition], now: datetime | None = None) -> None:
    decoded = [Decoded(i, a, a.machine, a.measured_at.isoformat()) for i, a in enumerate(sent)]
    receipt = record(
        pool, decoded, actor="gateway", site_ids=None, now=now or sent[-1].measured_at + timedelta(hours=1)
    )
    assert {result.outcome for result in receipt.results} == {Outcome.STORED}


def work(pool: Pool) -> None:
    worker = Worker(pool, replace(Settings(), dsn=pool.conninfo))
    while worker.round():
        pass


def go_on(pool: Pool, count: int = 10) -> None:
    send(pool, [acquisition(key, number) for number in range(RECORDED, RECORDED + count) for key in GOES_ON])
    work(pool)


def reasons_since(pool: Pool, key: str, number: int) -> list[list[str]]:
    rows = ask(
        pool,
        "SELECT evidence -> 'reasons' FROM assessment a JOIN machine m ON m.id = a.machine_id "
        "WHERE m.key = %(key)s AND measured_at >= %(at)s ORDER BY measured_at",
        key=key,
        at=START + number * STEP,
    )
    return [reasons for (reasons,) in rows]


def test_every_baseline_goes_on_and_nothing_is_learned_again(upgraded: Pool) -> None:
    before = memories(upgraded)
    go_on(upgraded)
    after = memories(upgraded)
    for key in GOES_ON:
        reasons_found = {reason for reasons in reasons_since(upgraded, key, RECORDED) for reason in reasons}
        assert not [r for r in reasons_found if r.startswith(("learning", "points-changed", "new-state"))], key
        assert after[key].health.acquisitions == RECORDED + 10
        (was,), (now,) = before[key].health.states, after[key].health.states
        assert (now.name, now.learned, now.seen) == (was.name, True, was.seen)
        np.testing.assert_array_equal(now.location, was.location)
        np.testing.assert_array_equal(now.scale, was.scale)
        assert after[key].life.records == RECORDED + 10
        assert after[key].life.begun_at == before[key].life.begun_at
    healths = ask(upgraded, "SELECT count(*) FROM assessment WHERE measured_at >= %(at)s AND health IS NULL",
                  at=START + RECORDED * STEP)  # fmt: skip
    assert healths == [(0,)]
    assert ask(upgraded, "SELECT count(*) FROM set_aside") == [(0,)]


def test_a_release_that_tunes_a_feature_recognises_the_old_baselines(
    upgraded: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *rest = tracked_features.VIBRATION
    monkeypatch.setattr(feature_layout, "VIBRATION", (replace(first, floor=0.11, weight=0.9), *rest))
    feature_layout.layout_of.cache_clear()
    try:
        go_on(upgraded, 1)
    finally:
        feature_layout.layout_of.cache_clear()
    assert not [r for r in reasons_since(upgraded, "press-07", RECORDED)[0] if r.startswith(("learning", "points"))]


def test_a_machine_that_was_learning_learns_on_from_where_it_was(upgraded: Pool) -> None:
    needed = next(m.baseline_acquisitions for m in machines() if m.key == "fan-03")
    send(upgraded, [acquisition("fan-03", number) for number in range(LEARNING_RECORDED, needed)])
    work(upgraded)
    rows = ask(
        upgraded,
        "SELECT learning_progress FROM assessment a JOIN machine m ON m.id = a.machine_id WHERE m.key = 'fan-03' "
        "ORDER BY measured_at",
    )
    assert [round(progress * needed) for (progress,) in rows] == list(range(1, needed + 1))


def test_open_alerts_keep_what_people_did_and_a_timer_that_was_half_way_raises_with_the_next_record(
    upgraded: Pool,
) -> None:
    question = "SELECT m.key, a.id, a.state, a.severity, a.withheld, a.rule_key, a.acknowledged_by, a.opened_at "
    question += "FROM alert a JOIN machine m ON m.id = a.machine_id ORDER BY m.key"
    before = {row[0]: row[1:] for row in ask(upgraded, question)}
    assert {key: (row[1], row[2], row[3]) for key, row in before.items()} == {
        "motor-01": ("acknowledged", "critical", None),
        "press-07": ("unacknowledged", "critical", None),
        "pump-02": ("unacknowledged", "critical", "shelved"),
    }
    assert memories(upgraded)["motor-01"].cases.timers["winding-hot"].cause == ""
    go_on(upgraded, 1)
    assert {row[0]: row[1:] for row in ask(upgraded, question)} == before
    assert memories(upgraded)["motor-01"].cases.timers["winding-hot"].cause == "motor"


def test_what_a_rule_with_memory_has_seen_is_not_forgotten(upgraded: Pool) -> None:
    before = memories(upgraded)["pump-02"].cases.memories
    go_on(upgraded, 1)
    after = memories(upgraded)["pump-02"].cases.memories
    assert set(after) == {"flow-ahead", "pressure-rate"}
    for key, remembered in after.items():
        track, former = remembered.values, before[key].values
        assert len(track) >= 31
        assert track[:3] in (former[:3], former[3:6])


def test_late_data_are_replayed_from_a_checkpoint_of_the_older_revision(upgraded: Pool) -> None:
    late = replace(acquisition("press-07", RECORDED - 3), measured_at=START + (RECORDED - 3) * STEP + STEP / 2)
    send(upgraded, [late], now=START + (RECORDED + 1) * STEP)
    work(upgraded)
    assert memories(upgraded)["press-07"].health.acquisitions == RECORDED + 1
    reasons_found = {reason for reasons in reasons_since(upgraded, "press-07", RECORDED - 4) for reason in reasons}
    assert not [r for r in reasons_found if r.startswith(("learning", "points-changed"))]
    assert ask(upgraded, "SELECT count(*) FROM set_aside") == [(0,)]


def test_rules_receivers_receipts_and_the_champion_are_as_they_were(upgraded: Pool) -> None:
    assert ask(upgraded, "SELECT scope, version, status FROM rule_set") == [("all", 1, "in-force")]
    assert ask(upgraded, "SELECT name, kind FROM subscription") == [("control room", "webhook")]
    assert ask(upgraded, "SELECT count(*) FROM receipt") == [(6,)]
    assert ask(upgraded, "SELECT count(*) > 0 FROM outbox") == [(True,)]
    with upgraded.connection() as conn:
        assert list(fetch_champion_ids(conn, ["past"])) == ["past"]


def test_records_that_come_while_the_database_is_migrated_are_all_stored_and_analysed(
    old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "query", query_of_older)
    monkeypatch.setattr(corrections, "query", query_of_older)
    pool = open_pool(replace(Settings(), dsn=old))
    migrated = threading.Event()
    sent: dict[str, list[datetime]] = {}

    def feed(key: str) -> None:
        sent[key] = []
        for number in range(RECORDED, RECORDED + 200):
            is_last = migrated.is_set()
            one = acquisition(key, number)
            send(pool, [one])
            sent[key].append(one.measured_at)
            if is_last:
                return

    with pool, ThreadPoolExecutor() as threads:
        fed = [threads.submit(feed, key) for key in GOES_ON]
        while min(len(sent.get(key, ())) for key in GOES_ON) < 2 and not any(one.done() for one in fed):
            time.sleep(0.005)
        assert migrate(old)
        migrated.set()
        for one in fed:
            one.result()
        monkeypatch.undo()
        work(pool)
        for key in GOES_ON:
            assessed = ask(
                pool,
                "SELECT measured_at FROM assessment a JOIN machine m ON m.id = a.machine_id "
                "WHERE m.key = %(key)s AND measured_at >= %(at)s ORDER BY measured_at",
                key=key,
                at=START + RECORDED * STEP,
            )
            assert [at for (at,) in assessed] == sent[key]
            reasons_found = {reason for reasons in reasons_since(pool, key, RECORDED) for reason in reasons}
            assert not [r for r in reasons_found if r.startswith(("learning", "points-changed"))]
        assert ask(pool, "SELECT count(*) FROM pending") == ask(pool, "SELECT count(*) FROM set_aside") == [(0,)]


def test_the_archive_is_small_and_of_the_older_schema(old: str) -> None:
    assert ARCHIVE.stat().st_size <= 1_000_000
    with psycopg.connect(old) as conn:
        assert conn.execute("SELECT max(name) FROM schema_migration WHERE name LIKE '0%'").fetchone() == (
            "0017_season.sql",
        )


def test_a_component_that_is_replaced_after_the_upgrade_leaves_what_was_learned_of_the_others(upgraded: Pool) -> None:
    question = "SELECT a.id, a.state, a.severity FROM alert a ORDER BY a.id"
    before, alerts = memories(upgraded)["press-07"], ask(upgraded, question)
    press = next(each for each in machines() if each.key == "press-07")
    with upgraded.connection() as conn:
        register(conn, replace(press, components=(*press.components, Component("motor", ComponentKind.MOTOR))))
    replaced = WorkEvent("press-07", WorkEventKind.REPLACEMENT, START + RECORDED * STEP - STEP / 2, "motor")
    event, _ = record_work_event(upgraded, replaced, actor="kim", site_ids=None, now=START + RECORDED * STEP)
    go_on(upgraded, 3)
    after = memories(upgraded)["press-07"]
    np.testing.assert_array_equal(after.health.states[0].location, before.health.states[0].location)
    assert (after.life.records, after.life.begun_at) == (RECORDED + 3, before.life.begun_at)
    assert ask(upgraded, question) == alerts
    void = Correction(EventStatus.VOIDED, "it was not replaced")
    now = START + (RECORDED + 4) * STEP
    assert correct_work_event(upgraded, "press-07", event, void, actor="kim", site_ids=None, now=now)
    work(upgraded)
    assert ask(upgraded, question) == alerts
