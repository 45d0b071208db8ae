"""How `database_080f245.tar.xz` was made: a small plant, run by revision 080f245, its tables copied.

It was run once, on a checkout of that revision with this file and `old_plant.py` beside it, and is kept so that what
the archive holds can be read and, for a later revision, made again under another name:

    PDM_TEST_DSN=... python -m tests.migration.make_old_database tests/migration/database_080f245.tar.xz

The archive has one member a table (`COPY ... TO STDOUT`, text), the sequences, and the repeatable files of the
revision; the numbered migrations are those of the repository, which never change. Stored samples are left out.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from pdm.alerts.lifecycle.holds import HoldKind
from pdm.alerts.states import Verb
from pdm.health.assessment import RULE_VERSION
from pdm.health.baseline.indicators import INDICATORS
from pdm.ingest.records import Decoded
from pdm.machines.work_events import WorkEvent, WorkEventKind
from pdm.service.alerting.operator_actions import HoldRequest, act_on_alert, hold_alert
from pdm.service.analysis.worker import Worker
from pdm.service.delivery.subscriptions import SubscriptionRequest, subscribe
from pdm.service.ingestion.record import record
from pdm.service.machines.registration import register_fleet
from pdm.service.machines.work_events import record_work_event
from pdm.service.platform.access import Caller, Role, create_key
from pdm.service.prognosis.training import train_fleet
from pdm.service.rules.rule_sets import check_text, deploy, propose
from pdm.settings import Settings
from pdm.store.database.connection import open_pool
from pdm.store.database.migrate import migrate, read_migrations
from tests.migration.old_plant import (
    LEARNING_RECORDED,
    RECORDED,
    RULES,
    START,
    STEP,
    acquisition,
    machines,
)

LEFT_OUT = ("schema_migration", "waveform", "waveform_frame", "training_part")
PAST_LIVES = 4
NOW = START + RECORDED * STEP
KIM = Caller(1, "kim", Role.ADMIN, None)
Pool = ConnectionPool[Any]


def main(target: Path) -> None:
    server = os.environ["PDM_TEST_DSN"]
    name = f"old_database_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template1").format(sql.Identifier(name)))
    dsn = make_conninfo(server, dbname=name)
    try:
        migrate(dsn)
        settings = replace(Settings(), dsn=dsn)
        pool = open_pool(settings)
        try:
            live(pool, settings)
        finally:
            pool.close()
        with psycopg.connect(dsn, autocommit=True) as conn:
            pack(conn, target)
    finally:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def live(pool: Pool, settings: Settings) -> None:
    """Let the plant live until the time of the upgrade."""
    plant = machines()
    create_key(pool, name="gateway", role="ingest", sites=None, actor="test")
    register_fleet(pool, plant, actor="kim", site_ids=None)
    subscribe(
        pool,
        KIM,
        SubscriptionRequest("control room", "webhook", "https://hooks.example.com/pdm", "advisory", None),
        now=NOW,
    )
    stored = propose(pool, check_text(RULES), scope="all", target="", author="kim", reason="this plant's own limits")
    deploy(pool, stored["id"], author="kim")
    worker = Worker(pool, settings)
    # the pump's first life ended before the records that matter
    occurred = START - timedelta(hours=1)
    event = WorkEvent("pump-02", WorkEventKind.REPLACEMENT, occurred, "brg", "worn", "preventive")
    record_work_event(pool, event, actor="kim", site_ids=None, now=NOW)
    for first in range(0, RECORDED, 10):
        sent = [
            acquisition(machine.key, number)
            for number in range(first, first + 10)
            for machine in plant
            if machine.key != "fan-03" or number < LEARNING_RECORDED
        ]
        decoded = [Decoded(i, a, a.machine, a.measured_at.isoformat()) for i, a in enumerate(sent)]
        record(pool, decoded, actor="gateway", site_ids=None, now=NOW)
        while worker.round():
            pass
    with pool.connection() as conn:
        alerts = dict(conn.execute("SELECT m.key, a.id FROM alert a JOIN machine m ON m.id = a.machine_id").fetchall())
    act_on_alert(pool, KIM, alerts["motor-01"], Verb.ACKNOWLEDGE, comment="seen", seen_version=None, now=NOW)
    wish = HoldRequest(HoldKind.SHELVED, "the part is ordered", datetime(2126, 1, 1, tzinfo=UTC))
    hold_alert(pool, KIM, alerts["pump-02"], wish, seen_version=None, now=NOW)
    _train(pool)


def _train(pool: Pool) -> None:
    """Write past lives of other machines of a fleet of their own that failed, and train its champion."""
    bearing = machines()[-1]
    past = [replace(bearing, key=f"past-{number}", fleet="past") for number in range(PAST_LIVES)]
    register_fleet(pool, past, actor="kim", site_ids=None)
    with pool.connection() as conn:
        for number, machine in enumerate(past):
            _past_life(conn, machine.key, number)
    train_fleet(pool, "past", seed=3, actor="kim")


def _past_life(conn: Connection[Any], key: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(60, 80))
    rise = 25.0 * np.exp((np.arange(count) - count) / random.uniform(12, 30))
    values = rise[:, None] * np.linspace(0.2, 1.0, len(INDICATORS)) + random.normal(0, 1, (count, 1))
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO assessment (machine_id, measured_at, revision, learning_progress, operating_state, indicators,"
            " evidence, rule_version) VALUES ((SELECT id FROM machine WHERE key = %s), %s, 0, 1, 'full', %s, '{}', %s)",
            [
                (key, START - (count - number) * STEP, list(map(float, values[number].round(3))), RULE_VERSION)
                for number in range(count)
            ],
        )
    conn.execute(
        "INSERT INTO work_event (machine_id, kind, occurred_at, actor) "
        "VALUES ((SELECT id FROM machine WHERE key = %s), 'failure', %s, 'kim')",
        (key, START),
    )


def pack(conn: Connection[Any], target: Path) -> None:
    """Copy every table and sequence into an archive."""
    tables = [
        row[0]
        for row in conn.execute(
            "SELECT relname FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"
        )
        if row[0] not in LEFT_OUT
    ]
    sequences = dict(
        conn.execute(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
        ).fetchall()
    )
    members = {f"tables/{table}": _copied(conn, table) for table in tables}
    members["sequences.json"] = json.dumps(sequences, indent=1).encode()
    for migration in read_migrations(files("migrations")):
        if migration.is_repeatable:
            members[migration.name] = migration.sql.encode()
    with tarfile.open(target, "w:xz", preset=9) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
            print(f"{len(content):9d} {name}")
    print(f"{target.stat().st_size} bytes in all")


def _copied(conn: Connection[Any], table: str) -> bytes:
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in _columns(conn, table))
    wanted = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(columns, sql.Identifier(table))
    with conn.cursor() as cursor, cursor.copy(wanted) as copy:
        rows = b"".join(bytes(block) for block in copy)
    return ("\t".join(_columns(conn, table)) + "\n").encode() + rows


def _columns(conn: Connection[Any], table: str) -> list[str]:
    rows = conn.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
        "AND attgenerated = '' ORDER BY attnum",
        (table,),
    )
    return [row[0] for row in rows]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
