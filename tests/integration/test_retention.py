"""Retention drops what has been kept long enough, by the wall clock, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.machines.model import Timeline
from pdm.settings import Settings
from pdm.store.acquisitions.retention import drop_old
from tests.integration.plant import NOW, acquisition, add, ask, count, machine, send

Pool = ConnectionPool[Any]


def _age_chunks(conn: Connection[Any], days: int) -> None:
    conn.execute("UPDATE _timescaledb_catalog.chunk SET creation_time = now() - make_interval(days => %s)", (days,))


def test_waveforms_leave_after_their_window_and_what_describes_them_stays(pool: Pool, settings: Settings) -> None:
    add(pool)
    send(pool, acquisition())
    with pool.connection() as conn:
        _age_chunks(conn, settings.waveform_retention_days + 6)
        assert drop_old(conn, settings) == {}
        _age_chunks(conn, settings.waveform_retention_days + 8)
        assert drop_old(conn, settings) == {"waveform": 1}
        assert (count(conn, "waveform"), count(conn, "acquisition"), count(conn, "scalar")) == (0, 1, 1)


def test_everything_measured_leaves_after_the_long_window(pool: Pool, settings: Settings) -> None:
    add(pool)
    send(pool, acquisition(), acquisition(measured_at=NOW + timedelta(days=1)))
    ask(pool, "UPDATE receipt SET received_at = now() - INTERVAL '2000 days' RETURNING 1")
    with pool.connection() as conn:
        _age_chunks(conn, settings.feature_retention_days + 40)
        assert drop_old(conn, settings) == {"waveform": 1, "acquisition": 1, "scalar": 1, "receipt": 1}
        assert count(conn, "quarantine") == 1


def test_a_recording_of_years_ago_stays_as_long_as_one_of_today(pool: Pool, settings: Settings) -> None:
    add(pool, machine(timeline=Timeline.REPLAY))
    send(pool, acquisition(measured_at=NOW - timedelta(days=4000)))
    with pool.connection() as conn:
        assert drop_old(conn, replace(settings, waveform_retention_days=1)) == {}
        assert count(conn, "waveform") == 2


def test_the_current_views_show_the_newest_revision_of_the_newest_acquisition(pool: Pool, dsn: str) -> None:
    add(pool, machine("a"), machine("b"))
    with psycopg.connect(dsn) as conn:
        for hours, revision, health in ((3, 0, 0.9), (1, 0, 0.8), (1, 1, 0.7), (2, 2, 0.6)):
            conn.execute(
                "INSERT INTO assessment (machine_id, measured_at, revision, health, learning_progress, operating_state,"
                " zone, indicators, evidence, rule_version)"
                " SELECT id, %s, %s, %s, 1, 'run', 'B', '{}', '{}', '1' FROM machine WHERE key = 'a'",
                (NOW - timedelta(hours=hours), revision, health),
            )
            conn.execute(
                "INSERT INTO prognosis (machine_id, measured_at, revision, source, rul, evidence)"
                " SELECT id, %s, %s, 'trend', %s, '{}' FROM machine WHERE key = 'a'",
                (NOW - timedelta(hours=hours), revision, health),
            )
        current = conn.execute("SELECT machine, measured_at, revision, health FROM current_assessment").fetchall()
        assert [(row[0], row[1], row[2], round(row[3], 2)) for row in current] == [
            ("a", NOW - timedelta(hours=1), 1, 0.7)
        ]
        assert conn.execute("SELECT machine, rul FROM current_prognosis").fetchall() == [("a", 0.7)]
        hourly = conn.execute(
            "SELECT bucket, acquisitions, zone_worst FROM assessment_hourly ORDER BY bucket"
        ).fetchall()
        assert hourly == [
            (NOW - timedelta(hours=3), 1, "B"),
            (NOW - timedelta(hours=2), 1, "B"),
            (NOW - timedelta(hours=1), 2, "B"),
        ]
