"""Feature versions on TimescaleDB's Community edition: new columns behind the columnstore, hourly summaries."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

import psycopg
import pytest

from pdm.store.analysis.backfill import refresh_hourly
from pdm.store.database.migrate import apply, read_migrations
from tests.migration.community.server import community_server, is_installed

pytestmark = pytest.mark.skipif(not is_installed(), reason="the Community test server is not installed: `make setup`")

_HOUR = datetime(2026, 9, 1, 10, tzinfo=UTC)
_INSERT = (
    "INSERT INTO feature_vibration_v1 (point_id, measured_at, feature_version, rms) "
    "VALUES (1, '2026-09-01 10:00Z'::timestamptz + {minute} * INTERVAL '1 minute', {version}, {rms}) "
    "ON CONFLICT (point_id, measured_at, feature_version) DO NOTHING"
)
_HOURLY = "SELECT bucket, acquisitions, rms_mean FROM newest_feature_vibration_hourly ORDER BY bucket"


def test_rows_of_a_new_version_come_to_old_chunks_and_count_once() -> None:
    migrations = read_migrations(files("migrations"))
    with community_server() as dsn, psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("SET timezone = 'UTC'")
        apply(conn, [migration for migration in migrations if migration.name < "0005"])
        for minute in range(4):
            conn.execute(_INSERT.format(minute=minute, version=1, rms=1).encode())
        chunks = conn.execute("SELECT compress_chunk(c) FROM show_chunks('feature_vibration_v1') c").fetchall()
        assert len(chunks) == 1
        refresh_hourly(conn, "vibration", _HOUR, _HOUR)
        apply(conn, migrations)
        assert conn.execute(_HOURLY).fetchall() == [(_HOUR, 4, 1.0)]
        for minute in (0, 1, 30):
            for _ in range(2):
                conn.execute(_INSERT.format(minute=minute, version=2, rms=6).encode())
        refresh_hourly(conn, "vibration", _HOUR, _HOUR)
        by_version = "SELECT feature_version, acquisitions FROM feature_vibration_hourly ORDER BY 1"
        assert conn.execute(by_version).fetchall() == [(1, 4), (2, 3)]
        assert conn.execute(_HOURLY).fetchall() == [(_HOUR, 5, (6 * 3 + 1 * 2) / 5)]
        assert conn.execute("SELECT count(*), count(fm4) FROM feature_vibration_v1").fetchone() == (7, 0)
